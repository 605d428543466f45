"""Replays that the ring of recent events cannot give: read from the database, on a connection of their own."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from ctm_trio.journal.file import event_reader
from ctm_trio.journal.select import select_events
from ctm_trio.model.event import COUNTED_TYPES, MAX_ID, RING_EVENTS, UNCOUNTED_TYPES, Event
from ctm_trio.model.replay import DEEP_EVENTS, Wanted
from ctm_trio.system.open_file import reading
from ctm_trio.system.store_errors import translated

UNCOUNTED_EVENTS = 500
"""So many events of `UNCOUNTED_TYPES` are given at most besides the others."""


def read_replay(source: Path | sqlite3.Connection, wanted: Wanted) -> tuple[list[Event], bool]:
    """A replay, oldest first, and whether its cursor is older than what is given. Blocking.

    Args:
        source: path of the database, or a connection to it.

    Raises:
        StoreUnavailable: the database cannot be read.
        DamageMet, StoreDamaged: it seems damaged; of a path the writer was told, of a connection its owner is.
    """
    if not isinstance(source, Path):
        return _read(source, wanted)
    with reading(source), closing(event_reader(source)) as db:
        return _read(db, wanted)


def _read(db: sqlite3.Connection, wanted: Wanted) -> tuple[list[Event], bool]:
    sessions, types, since, until = wanted.sessions, wanted.types, wanted.since, wanted.until
    if since is None or not wanted.deep:
        ring = read_ring(db, sessions=sessions, types=types, until=until)
        lost = since is not None and bool(ring) and since < ring[0].id
        return (ring if since is None or lost else [e for e in ring if e.id > since]), lost
    found = select_events(db, limit=DEEP_EVENTS + 1, sessions=sessions, types=types, after=since, until=until)
    return found[-DEEP_EVENTS:], len(found) > DEEP_EVENTS or not _cursor_held(db, since)


def read_ring(
    db: sqlite3.Connection,
    *,
    sessions: frozenset[str] | None = None,
    types: frozenset[str] | None = None,
    until: int = MAX_ID,
) -> list[Event]:
    """The newest events as a replay gives them, oldest first; see `newest`. Raises as `select_events`."""
    if types is not None:
        return select_events(db, limit=RING_EVENTS, sessions=sessions, types=types, until=until)
    counted = select_events(db, limit=RING_EVENTS, sessions=sessions, types=COUNTED_TYPES, until=until)
    after = counted[0].id if len(counted) == RING_EVENTS else 0
    rest = select_events(db, limit=UNCOUNTED_EVENTS, sessions=sessions, types=UNCOUNTED_TYPES, after=after, until=until)
    return sorted((*counted, *rest), key=lambda event: event.id)


def newest(events: list[Event], types: frozenset[str] | None) -> list[Event]:
    """Of events in order the newest `RING_EVENTS`; those of `UNCOUNTED_TYPES` among them come besides.

    Args:
        types: that a reader has named, which then all count; None if it has named none.
    """
    if types is not None:
        return events[-RING_EVENTS:]
    left = RING_EVENTS
    for at in range(len(events) - 1, -1, -1):
        left -= events[at].type not in UNCOUNTED_TYPES
        if left == 0:
            return events[at:]
    return events


def _cursor_held(db: sqlite3.Connection, since: int) -> bool:
    """True if something at or before the cursor is held, so that nothing after it can be missing."""
    with translated():
        oldest: int | None = db.execute("SELECT min(id) FROM events").fetchone()[0]
    return oldest is None or since >= oldest
