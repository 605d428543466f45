"""What is done when the event log refuses a batch because of some of its rows.

The others are committed, nothing that anybody has seen is renumbered, and the file stays where it is.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Sequence

from ctm_trio.journal.store import PUT_SEGMENT, EventStore, Stamped, segment_row
from ctm_trio.model.event import Event
from ctm_trio.system.store_errors import StoreRefused, written
from ctm_trio.system.transaction import transaction

log = logging.getLogger("ctm.store")


def insert_what_can_be(
    store: EventStore, batches: Sequence[Stamped], announced: int, events: Sequence[Event]
) -> tuple[int, str]:
    """Commit batches, all of them or row by row; how many rows had to be left out, and why.

    A number that is taken (somebody else wrote into the database) is exchanged for a new one if nobody has seen it.

    Args:
        announced: so many of the batches, the first ones, have ids that subscribers know.
        events: of the others; they get the new ids too.

    Raises:
        StoreUnavailable, StoreDamaged: nothing was committed.
    """
    try:
        store.insert(batches)
        return 0, ""
    except StoreRefused as error:
        refusal = error.message
    _renumber(store, batches[announced:], events)
    try:
        store.insert(batches)
        return 0, ""
    except StoreRefused:
        left = insert_singly(store, batches)
        return left, refusal if left else ""


def _renumber(store: EventStore, batches: Sequence[Stamped], events: Sequence[Event]) -> None:
    store.catch_up()
    rows = [row for batch in batches for row in (*batch.events, *batch.hooks)]
    ids = {id_: store.next_id() for id_ in sorted({*(int(str(row[0])) for row in rows), *(e.id for e in events)})}
    for batch in batches:
        for part in (batch.events, batch.hooks):
            part[:] = [(ids[int(str(row[0]))], *row[1:]) for row in part]
    for event in events:
        event.id = ids[event.id]


def insert_singly(store: EventStore, batches: Sequence[Stamped]) -> int:
    """Commit batches row by row in one transaction; how many were left out. One that is there already is not.

    Raises:
        StoreUnavailable, StoreDamaged: nothing was committed.
    """
    db, left = store.db, 0
    segments = {k: v for b in batches for k, v in b.segments.items()}
    sources = {k: v for b in batches for k, v in b.sources.items()}
    with written(), transaction(db):
        for batch in batches:
            left += sum([not _put(db, "events", row) for row in batch.events])
            left += sum([not _put(db, "hooks", row) for row in batch.hooks])
        for statement, values in store.source_table.changes(sources, count=True, last_id=store.last_id):
            _try(db, statement, values)
        for segment in segments.values():
            _try(db, PUT_SEGMENT, segment_row(segment))
    store.source_table.committed(sources, count=True)
    store.keep_segments(segments)
    return left


def _put(db: sqlite3.Connection, table: str, row: tuple[object, ...]) -> bool:
    return (
        _try(db, f"INSERT INTO {table} VALUES ({','.join('?' * len(row))})", row)
        or db.execute(f"SELECT * FROM {table} WHERE id = ?", row[:1]).fetchone() == row
    )


def _try(db: sqlite3.Connection, statement: str, row: tuple[object, ...]) -> bool:
    """False if this row is refused; the transaction goes on."""
    try:
        with written():
            db.execute(statement, row)
    except StoreRefused as error:
        log.error("the event log skipped a row: %s", error.message)
        return False
    return True
