"""Every failure that a person may see, by name.

`system` and the owners raise these, `web.errors` maps each to a status and a code. An error carries what a client
needs (`fields`) and a message that says what to do.
"""

from __future__ import annotations

from collections.abc import Mapping


class CtmError(Exception):
    """Base of all of them.

    Args:
        message: for people; says what happened and what to do.
        fields: extra keys of the JSON answer, as the contract names them.
    """

    code = "internal"
    status = 500

    def __init__(self, message: str = "", *, fields: Mapping[str, object] | None = None) -> None:
        super().__init__(message or self.code)
        self.message = message or self.code.replace("_", " ")
        self.fields: Mapping[str, object] = fields or {}


class Unavailable(CtmError):
    """An owner did not answer in time, or is being restarted."""

    code, status = "unavailable", 503


class SessionNotFound(CtmError):
    """No session of that name. Source: contract A4."""

    code, status = "session not found", 404

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no session named {name!r}.", fields={"name": name})
