"""Which of two log lines was first, when the clock may have been set between them.

Lines of one file are in the order in which they stand there. Lines of two files (a session's calls and its other hook
events) are in the order in which the journal took them, but one may overtake the other: by a moment when both are read
as they come, by much more when one is read late, after the daemon was down. Only then do their own times decide.
"""

from __future__ import annotations

import msgspec

RACE_S = 5.0
"""Two files are read side by side: within so many seconds their lines may cross. A line that is read later than this
after it was written is late."""

MAX_OVERTAKING_S = 6 * 3600.0
"""Times further apart than this say nothing about the order (another clock, an old log put in place)."""


class Line(msgspec.Struct, frozen=True, gc=False):
    """Where a line comes from and when it was written.

    Attributes:
        ts: the log's time in unix seconds.
        file: which file it stands in.
        late: it was read long after it was written (see `RACE_S`).
        live: the files had been read to their ends before it came: what is late now is so because one of them was.
        set_back: an earlier line of its file has a later time: the clock was set back, so that its time says nothing
            about lines of other files.
    """

    ts: float
    file: str = ""
    late: bool = False
    live: bool = True
    set_back: bool = False


def overtaken(line: Line, other: Line) -> bool:
    """True if `line`, which came after `other`, happened before it."""
    if line.file == other.file or line.set_back:
        return False
    # A time in whole seconds (of an older producer) may be any moment of its second.
    ahead = other.ts - (line.ts + 0.999999 if line.ts == int(line.ts) else line.ts)
    if not 0 < ahead < MAX_OVERTAKING_S:
        return False
    return ahead <= RACE_S or (line.late and not (line.live and other.late))
