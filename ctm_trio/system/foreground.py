"""Whether a process has the keyboard of its terminal. Blocks for some microseconds."""

from __future__ import annotations

from ctm_trio.system.process_tree import process_fields

STOPPED = frozenset({"T", "t"})

BEHIND = (
    "Its Claude Code is suspended, or something else has its terminal, so nothing is typed there"
    " (`fg` in that terminal brings it back)."
)


def in_front(pid: int) -> bool:
    """False for one that is stopped (Ctrl-Z), or in the background of its terminal: keys go to another program then."""
    fields = process_fields(pid)
    group, front = int(fields[2]), int(fields[5])
    return fields[0] not in STOPPED and (front <= 0 or front == group)
