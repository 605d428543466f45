"""The files that the user may edit too. Source: PROTOCOL.md, Files and directories; Configuration."""

from __future__ import annotations

from ctm_trio.errors.base import CtmError


class FileLocked(CtmError):
    """Another program holds a file's lock for too long."""

    code, status = "unavailable", 503


class BrokenConfig(CtmError):
    """`config.json` does not parse; it is never overwritten. Source: PROTOCOL.md, Configuration."""

    code, status = "config_broken", 500


class BrokenSessions(CtmError):
    """`sessions.json` does not parse; it is never overwritten. Source: PROTOCOL.md, Files and directories."""

    code, status = "sessions_broken", 500
