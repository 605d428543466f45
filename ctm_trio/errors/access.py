"""Who may ask, and how often. Source: PROTOCOL.md, Authentication."""

from __future__ import annotations

from ctm_trio.errors.base import CtmError


class MissingToken(CtmError):
    """The request carries no bearer token."""

    code, status = "missing_token", 401

    def __init__(self) -> None:
        super().__init__("Sign in first: this address needs a session token.")


class InvalidToken(CtmError):
    """The token is unknown, revoked, or expired."""

    code, status = "invalid_token", 401

    def __init__(self) -> None:
        super().__init__("Your login has ended; sign in again.")


class ForbiddenOrigin(CtmError):
    """The Origin header is missing or not one of ours."""

    code, status = "forbidden_origin", 403

    def __init__(self) -> None:
        super().__init__("Requests from that origin are not allowed; add it to allowed_origins if it is yours.")


class ForbiddenPeer(CtmError):
    """What takes no token is for programs of the daemon's own user, on its machine."""

    code, status = "forbidden_peer", 403

    def __init__(self) -> None:
        super().__init__("Only programs of the daemon's own user may tell it what happens to sessions.")


class WrongHost(CtmError):
    """The Host header is not a name of this daemon."""

    code, status = "wrong_host", 421

    def __init__(self) -> None:
        super().__init__(
            "The daemon does not answer to this host name; if it is yours, add its origin to allowed_origins."
        )


class RateLimited(CtmError):
    """Too many attempts, or too many open streams.

    Args:
        retry_after_s: whole seconds, at least 1, for the Retry-After header.
    """

    code, status = "rate_limited", 429

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = max(1, retry_after_s)


class TooManyStreams(RateLimited):
    """One user has as many streams open as one user may."""

    code = "too_many_streams"

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} streams are open already; close one and try again.", retry_after_s=5)
