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


class FileLocked(CtmError):
    """Another program holds a file's lock for too long."""

    code, status = "unavailable", 503


class BrokenConfig(CtmError):
    """`config.json` does not parse; it is never overwritten. Source: contract A2."""

    code, status = "config_broken", 500


class BadPatch(CtmError):
    """A `PATCH /api/config` that is refused as a whole. Source: contract A4.

    Args:
        code: what the answer's `error` says, e.g. "unknown key: x".
    """

    status = 400

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(message or code)
        self.code = code


class BrokenSessions(CtmError):
    """`sessions.json` does not parse; it is never overwritten. Source: contract A2."""

    code, status = "sessions_broken", 500


class TmuxFailed(CtmError):
    """tmux cannot be run, did not answer in time, or refused."""

    code, status = "tmux_failed", 500
