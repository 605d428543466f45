"""The logs that the event log knows: whose each is, and how many events it has.

Whose a log is, is committed with the first event that says so. How many events it has is not: that would be two more
pages of the database for each line. Counts are written now and then, with the id up to which they count, and a start
counts what came after it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping

import msgspec

from ctm_trio.model.event import MAX_ID, RING_EVENTS

COUNT_COMMITS = 64
"""Commits of a few lines, after which the counts are written: a start after a kill counts no more than these."""

_LOAD = "SELECT id, uuid, session, events, last_call_at FROM sources"
_COUNTED = "SELECT value FROM meta WHERE key = 'counted'"
_COUNT = (
    # By id alone: through the index of sources it would be all events.
    "SELECT source, count(*), max(CASE type WHEN 'tool_call' THEN id END) FROM events NOT INDEXED"
    " WHERE id > ? GROUP BY source"
)
_PUT_SESSION = (
    "INSERT INTO sources (id, uuid, session) VALUES (?,?,?) ON CONFLICT (id) DO UPDATE SET session = excluded.session"
)
_PUT_COUNT = "UPDATE sources SET events = ?, last_call_at = ? WHERE id = ?"
_PUT_COUNTED = "INSERT OR REPLACE INTO meta VALUES ('counted', ?)"

Change = tuple[str, tuple[object, ...]]
"""A statement and its values."""


class Source(msgspec.Struct, gc=False):
    """A row of `sources`, held in memory."""

    id: int
    uuid: str
    session: str
    events: int = 0
    last_call_at: str = ""


class SourceTable:
    """What the database says of the sources, and what of them it does not say yet. The writer's."""

    def __init__(self) -> None:
        self._filed: dict[int, str] = {}
        """Source → its session, as committed."""
        self._uncounted: dict[int, Source] = {}
        """Sources with more events than their rows say."""
        self._commits = 0

    def load(self, db: sqlite3.Connection) -> dict[str, Source]:
        """All sources, by uuid, with their events counted to the last one.

        Raises:
            sqlite3.Error, msgspec.ValidationError: they cannot be read.
        """
        found = {}
        for row in db.execute(_LOAD):
            source = msgspec.convert(dict(zip(Source.__struct_fields__, row, strict=True)), Source)
            found[source.uuid] = source
            self._filed[source.id] = source.session
        counted = db.execute(_COUNTED).fetchone()
        if counted is None or not str(counted[0]).isdecimal() or int(counted[0]) > MAX_ID:
            self._commits = COUNT_COMMITS  # each commit has written its counts, and the next one says that it does
        else:
            by_id = {source.id: source for source in found.values()}
            for id_, count, call in db.execute(_COUNT, (int(counted[0]),)).fetchall():
                known = by_id.get(id_)
                if known is None:
                    continue  # events of a log that the file does not know
                known.events += count
                if call is not None:
                    (known.last_call_at,) = db.execute("SELECT ts FROM events WHERE id = ?", (call,)).fetchone()
                self._uncounted[id_] = known
        return found

    def is_due(self) -> bool:
        """True if the next commit should write the counts."""
        return self._commits >= COUNT_COMMITS

    def changes(self, touched: Mapping[int, Source], *, count: bool, last_id: int) -> list[Change]:
        """What a transaction has to write.

        Args:
            touched: the sources of what it commits, by id.
            count: the counts too. last_id: of the newest event that they count.
        """
        filed = self._filed
        found: list[Change] = [
            (_PUT_SESSION, (id_, source.uuid, source.session))
            for id_, source in touched.items()
            if filed.get(id_) != source.session
        ]
        if count:
            behind = {**self._uncounted, **touched}
            found += [(_PUT_COUNT, (source.events, source.last_call_at, id_)) for id_, source in behind.items()]
            found.append((_PUT_COUNTED, (str(last_id),)))
        return found

    def committed(self, touched: Mapping[int, Source], *, count: bool) -> None:
        """That is in the database now."""
        self._filed.update([(id_, source.session) for id_, source in touched.items()])
        if count:
            self._commits = 0
            self._uncounted.clear()
        else:
            self._commits += 1
            self._uncounted.update(touched)


def ring_sizes(sources: Iterable[Source]) -> dict[str, int]:
    """How many events each session's ring holds; "" for that of all."""
    counts: dict[str, int] = {"": 0}
    for source in sources:
        counts[""] += source.events
        if source.session:
            counts[source.session] = counts.get(source.session, 0) + source.events
    return {name: min(count, RING_EVENTS) for name, count in counts.items()}
