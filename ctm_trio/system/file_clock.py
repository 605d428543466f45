"""The clock that the kernel stamps files with, and whether a change that comes after a look shows in such a stamp.

It is not the clock of `time.time`: it moves in ticks of some milliseconds, and on a busy virtual machine it has been
seen to stand still for 50. Two changes within one tick may have the same stamp.
"""

from __future__ import annotations

import os
import time

TICK_S = 0.004
"""How long such a tick mostly is."""

_REALTIME_COARSE = 5
"""`CLOCK_REALTIME_COARSE` of `clock_gettime(2)` in Linux, from which the kernel takes its stamps."""

_CLOCK, _BEHIND_NS = (_REALTIME_COARSE, 0) if os.uname().sysname == "Linux" else (time.CLOCK_REALTIME, 50_000_000)

_SECOND_NS = 1_000_000_000


def file_clock_ns() -> int:
    """A time in nanoseconds: no file that changes from now on has an earlier stamp."""
    return time.clock_gettime_ns(_CLOCK) - _BEHIND_NS


def shows_changes(stamp_ns: int, looked_ns: int) -> bool:
    """True if nothing that changed between a look and now can have this stamp.

    Args:
        stamp_ns: the time of change of a file or directory, read after `looked_ns`. It may be in the future.
        looked_ns: of `file_clock_ns`, before its content was looked at.
    """
    # A file system that keeps only seconds rounds them down, by two of them at most.
    grain_ns = 0 if stamp_ns % _SECOND_NS else 2 * _SECOND_NS
    return not looked_ns - grain_ns <= stamp_ns <= time.clock_gettime_ns(time.CLOCK_REALTIME)
