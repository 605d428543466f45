"""Signing up and signing in. Source: PROTOCOL.md, Authentication."""

from __future__ import annotations

from ctm_trio.errors.base import CtmError


class AlreadyRegistered(CtmError):
    """There is a user, and there is only one."""

    code, status = "already_registered", 409

    def __init__(self) -> None:
        super().__init__("Someone has signed up already; sign in instead.")


class CodeNeeded(CtmError):
    """A client not known to be the daemon's own user needs the one-time code to sign up."""

    code, status = "code_needed", 403

    def __init__(self) -> None:
        super().__init__(
            "Signing up from here needs the one-time code; `ctm-trio auth code` shows it on the daemon's machine."
        )


class WrongCode(CtmError):
    """A wrong or expired sign-up code."""

    code, status = "wrong_code", 403

    def __init__(self) -> None:
        super().__init__("That is not the current sign-up code; `ctm-trio auth code` on the daemon's machine shows it.")


class NotRegistered(CtmError):
    """Nobody has signed up."""

    code, status = "not_registered", 404

    def __init__(self) -> None:
        super().__init__("Nobody has signed up yet; sign up first.")


class InvalidCredentials(CtmError):
    """Wrong name or wrong password; which of them is not told."""

    code, status = "invalid_credentials", 401

    def __init__(self) -> None:
        super().__init__("The name or the password is wrong.")
