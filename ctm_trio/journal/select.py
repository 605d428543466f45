"""Events from the event log, on whatever connection there is."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from ctm_trio.model.event import MAX_ID, Event
from ctm_trio.model.payload import compose, stored_bytes
from ctm_trio.system.store_errors import translated

SELECT_EVENT = (
    "SELECT e.id, e.type, s.session, e.payload, e.ts, s.uuid, e.tool, e.is_error, e.agent_id"
    " FROM events e JOIN sources s ON s.id = e.source "
)


def event_of(row: tuple[object, ...]) -> Event:
    """An event from a row of `SELECT_EVENT`."""
    id_, type_, session, payload, ts, uuid, tool, is_error, agent_id = row
    uuid = str(uuid)
    return Event(
        int(str(id_)), str(type_), str(session), compose(str(session), stored_bytes(payload)), str(ts),
        "" if uuid.startswith("session:") else uuid, str(tool), bool(is_error), str(agent_id),
    )  # fmt: skip


def select_events(
    db: sqlite3.Connection,
    *,
    limit: int,
    sessions: Iterable[str] | None = None,
    types: Iterable[str] | None = None,
    after: int = 0,
    until: int = MAX_ID,
) -> list[Event]:
    """The newest `limit` public events with `after` < id ≤ `until`, oldest first in the answer.

    Args:
        limit: number of events.
        sessions: only of these, None for all.
        types: only these, None for all.
        after, until: ids in nanoseconds.

    Raises:
        StoreUnavailable, StoreDamaged: it cannot be read.
    """
    with translated():
        return _select(db, limit, sessions, types, after, until)


def _select(
    db: sqlite3.Connection,
    limit: int,
    sessions: Iterable[str] | None,
    types: Iterable[str] | None,
    after: int,
    until: int,
) -> list[Event]:
    wanted = tuple(types or ())
    narrow = f" AND e.type IN ({','.join('?' * len(wanted))})" if types is not None else ""
    tail = f"e.id > ? AND e.id <= ?{narrow} ORDER BY e.id DESC LIMIT ?"
    bounds = (after, until, *wanted, limit)
    if sessions is None:
        rows = db.execute(f"{SELECT_EVENT} WHERE {tail}", bounds).fetchall()
    else:
        rows = []
        for source in sources_of(db, sessions):
            rows += db.execute(f"{SELECT_EVENT} WHERE e.source = ? AND {tail}", (source, *bounds)).fetchall()
        rows.sort(key=lambda row: row[0], reverse=True)
        del rows[limit:]
    rows.reverse()
    return [event_of(row) for row in rows]


def sources_of(db: sqlite3.Connection, sessions: Iterable[str]) -> list[int]:
    """Ids of the sources (logs) that belong to these sessions."""
    return [
        source
        for name in sessions
        for (source,) in db.execute("SELECT id FROM sources WHERE session = ?", (name,)).fetchall()
    ]


def newest_id(db: sqlite3.Connection) -> int:
    """The highest id that is in the database, of an event or a hook event; 0 if it has none."""
    query = "SELECT max((SELECT coalesce(max(id), 0) FROM events), (SELECT coalesce(max(id), 0) FROM hooks))"
    return int(db.execute(query).fetchone()[0])
