"""What time a line has: its own where that can be true, since one that is wrong would stay for all lines behind it."""

from __future__ import annotations

import os
from typing import Self

import msgspec

from ctm_trio.transcripts.schema import MAX_MS

AHEAD_MS = 86_400_000
"""A line's time that lies more than this after the file's change is not believed: clocks differ less."""


class Changed(msgspec.Struct, frozen=True):
    """When a file was changed, unix ms: its content as the file says, and at the latest when it came to be here."""

    content: int
    latest: int

    @classmethod
    def of(cls, status: os.stat_result) -> Self:
        """Of an open file. A copy with its old time is not older than its lines: so its inode's change counts too."""
        content = status.st_mtime_ns // 1_000_000
        return cls(content, max(content, status.st_ctime_ns // 1_000_000))

    def time_of(self, at: float | None, before: int) -> int:
        """The time of a line in ms, from 1 to `MAX_MS`.

        Args:
            at: unix seconds, as it says; None if it says nothing. before: ms of the line before, 0 if there is none.
        """
        ms = round(at * 1000) if at is not None else 0
        if not 0 < ms <= self.latest + AHEAD_MS:
            ms = before or self.content
        return min(max(ms, before, 1), MAX_MS)
