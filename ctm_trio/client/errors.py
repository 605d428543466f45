"""What can go wrong for good between a client and its daemon."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NO_SESSION = frozenset({"session not found", "session_not_found"})
"""How the daemon spells that it does not know a session. Source: PROTOCOL.md, Errors."""

NO_REQUEST = "request_not_found"


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
        fields: the other keys of its answer, e.g. `request`.
    """

    def __init__(self, status: int, code: str, message: str, fields: Mapping[str, Any] | None = None) -> None:
        super().__init__(message or code)
        self.status, self.code = status, code
        self.fields: Mapping[str, Any] = fields or {}


class StillUnderWay(ClientError):
    """An order was taken, and its end did not come within its time; it may still happen."""
