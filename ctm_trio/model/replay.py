"""What a reader of the event log has missed, as a question to the database."""

from __future__ import annotations

import msgspec

DEEP_EVENTS = 5000
"""A deep replay brings at most so many events back from the database; older ones are lost."""


class Wanted(msgspec.Struct, frozen=True):
    """A replay.

    Args:
        sessions, types: names to let through, None for all.
        since, until: ids in nanoseconds; strictly after the one (None: as far back as the ring goes), up to the other.
        deep: go back as far as `since` (at most `DEEP_EVENTS`), else only as far as the ring.
    """

    sessions: frozenset[str] | None
    types: frozenset[str] | None
    since: int | None
    until: int
    deep: bool
