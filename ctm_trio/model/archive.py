"""What the archive answers: plain values, which the web turns into JSON."""

from __future__ import annotations

import msgspec


class LogFile(msgspec.Struct, frozen=True):
    """A log on disk: its Claude session id, size in bytes, and time of the last change (RFC 3339)."""

    uuid: str
    bytes: int
    mtime: str
