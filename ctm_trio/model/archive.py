"""What the archive answers: plain values, which the web turns into JSON."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LogFile:
    """A log on disk: its Claude session id, size in bytes, and time of the last change (RFC 3339)."""

    uuid: str
    bytes: int
    mtime: str
