"""Replays that the ring of recent events cannot give: read from the database, on a connection of their own."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from ctm_trio.journal.file import event_reader
from ctm_trio.journal.select import select_events
from ctm_trio.model.event import RING_EVENTS, Event
from ctm_trio.model.replay import DEEP_EVENTS, Wanted
from ctm_trio.system.open_file import reading
from ctm_trio.system.store_errors import translated


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
        ring = select_events(db, limit=RING_EVENTS, sessions=sessions, types=types, until=until)
        lost = since is not None and bool(ring) and since < ring[0].id
        return (ring if since is None or lost else [e for e in ring if e.id > since]), lost
    found = select_events(db, limit=DEEP_EVENTS + 1, sessions=sessions, types=types, after=since, until=until)
    return found[-DEEP_EVENTS:], len(found) > DEEP_EVENTS or not _cursor_held(db, since)


def _cursor_held(db: sqlite3.Connection, since: int) -> bool:
    """True if something at or before the cursor is held, so that nothing after it can be missing."""
    with translated():
        oldest: int | None = db.execute("SELECT min(id) FROM events").fetchone()[0]
    return oldest is None or since >= oldest
