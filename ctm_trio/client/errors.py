"""What can go wrong for good between a client and its daemon."""

from __future__ import annotations


class ClientError(Exception):
    """Base of them; its text is for people."""


class BadInput(ClientError, ValueError):
    """An address or a token that cannot be one. Nothing was sent."""


class NoDaemon(ClientError):
    """Nothing answers at the address."""


class Stranger(ClientError):
    """A program of another user of this machine listens where the daemon should."""


class Refused(ClientError):
    """The daemon answered, and said no.

    Args:
        status: of HTTP.
        code: the daemon's `error`, e.g. "invalid_token".
        message: its text.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message or code)
        self.status, self.code = status, code
