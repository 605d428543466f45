"""The event log in SQLite: one writer connection, used by the journal alone.

The journal uses it in its worker thread; what is quick it does on the loop, while that thread does nothing. `insert`
commits what was stamped (`journal.stamping`), events and log positions in one transaction. Between the two the journal
may hold stamped events back in memory while the disk is full or the database is locked.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from ctm_trio.errors.base import CtmError
from ctm_trio.journal.file import checkpoint, open_database
from ctm_trio.journal.schema import EVENT_COLUMNS, HOOK_COLUMNS
from ctm_trio.journal.seen import Seen
from ctm_trio.journal.seen_all import SeenAll
from ctm_trio.journal.select import newest_id
from ctm_trio.journal.sources import Source, SourceTable
from ctm_trio.model.event import MAX_ID
from ctm_trio.model.log_line import Segment
from ctm_trio.model.times import format_time
from ctm_trio.system.bulk_insert import insert_rows, inserts
from ctm_trio.system.file_watch import Watched
from ctm_trio.system.open_file import suspect_if_damaged
from ctm_trio.system.store_errors import StoreDamaged, StoreUnavailable, StoreUsedUp, translated, written
from ctm_trio.system.transaction import transaction

log = logging.getLogger("ctm.store")

BUSY_S = 0.25
"""How long a commit waits for another process's lock before the journal goes on in memory."""

CLOCK_TOP = MAX_ID - (1 << 53)
"""The clock sets no id above this (the end of the year 2261): a wrong clock alone never uses the numbers up."""

SPARE_IDS = 1 << 32
"""A database with fewer ids left is begun anew at its opening, rather than in the middle of work."""

AHEAD_NS = 86_400 * 10**9
"""A newest id that is so far ahead of the clock is worth a word in the log."""

_given: dict[Path, int] = {}
"""The highest id that this process gave out, by path: also of a file that was set aside, for clients know it."""


class Stamped(msgspec.Struct):
    """A batch that has its ids and is not in the database yet."""

    events: list[tuple[object, ...]]
    hooks: list[tuple[object, ...]]
    segments: dict[int, Segment]
    sources: dict[int, Source]


MAX_AGENTS = 100_000
"""Sub-agents that are remembered; of one that was seen before them the database is asked again. More than the events
that may wait to be committed, of which it knows nothing yet."""


class EventStore(Watched):
    """The writer's side. Not thread-safe: one thread at a time, which the journal sees to.

    Args:
        path: of `ctm-trio.db`; created with mode 0600.

    Raises:
        StoreDamaged, StoreUnavailable: see `open_database`.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, _open_writer)
        self.sources: dict[str, Source] = {}
        """By uuid."""
        self.source_table = SourceTable()
        self.segments: dict[int, Segment] = {}
        self.of_log: dict[tuple[str, str], dict[int, Segment]] = {}
        """The same by (uuid, kind)."""
        self.agents: dict[tuple[int, str], None] = {}
        """Sub-agents that were seen lately, by (source, id), oldest first; the database knows the others."""
        self.seen, self.seen_all = Seen(self.db, path), SeenAll(path)
        self.last_calls: dict[int, int] = {}
        """See `journal.last_calls`."""
        self._patient = True
        try:
            with translated():
                self._load()
        except CtmError:
            super().close()
            raise

    def _load(self) -> None:
        self.sources = self.source_table.load(self.db)
        for row in self.db.execute(
            "SELECT id, uuid, kind, name, device, inode, position, check_bytes, sealed, head FROM segments"
        ):
            self.keep_segments({row[0]: _segment(row)})
        self.last_id = max(newest_id(self.db), _given.get(self.path, 0))
        self.next_source = max((s.id for s in self.sources.values()), default=0) + 1
        self.next_segment = max(self.segments, default=0) + 1
        if max(self.last_id, self.next_source, self.next_segment) > MAX_ID - SPARE_IDS:
            raise StoreUsedUp("The event log has run out of ids.")
        if self.last_id > time.time_ns() + AHEAD_NS:
            text = "The newest event has an id that lies in the future (%s); new ids continue from it."
            log.warning(text, format_time(self.last_id / 1e9))

    def keep_segments(self, segments: dict[int, Segment]) -> None:
        """Remember what is committed."""
        self.segments.update(segments)
        for id_, segment in segments.items():
            self.of_log.setdefault((segment.uuid, segment.kind), {})[id_] = segment

    def next_id(self) -> int:
        """A new event id: the clock, but always above every id before it, also if the clock was set back.

        A clock that is centuries ahead counts as `CLOCK_TOP`, from where ids go up by one for longer than any use.

        Raises:
            StoreUsedUp: there is no higher number.
        """
        now, last = time.time_ns(), self.last_id
        if now > CLOCK_TOP:
            now = CLOCK_TOP
        if now <= last:
            if last >= MAX_ID:
                raise StoreUsedUp("The event log has run out of ids.")
            now = last + 1
        self.last_id = now
        return now

    def catch_up(self) -> None:
        """Have ids go on above everything that is in the database, whoever put it there.

        Raises:
            StoreUnavailable, StoreDamaged: it cannot be read.
        """
        with translated():
            self.last_id = max(self.last_id, newest_id(self.db))

    def source(self, uuid: str, session: str) -> Source:
        """The source of a log, made if there is none yet. `session` is only used for a new one."""
        found = self.sources.get(uuid)
        if found is None:
            found = self.sources[uuid] = Source(self.next_source, uuid, session)
            self.next_source += 1
        return found

    def positions(self, uuid: str | None, kind: str, pending: Iterable[Stamped]) -> tuple[Segment, ...]:
        """The newest state of a log's segments (None: of all logs), those in `pending` batches included."""
        found = dict(self.segments if uuid is None else self.of_log.get((uuid, kind), {}))
        for stamped in pending:
            found.update(stamped.segments)
        return tuple(s for s in found.values() if s.kind == kind and uuid in (None, s.uuid))

    def new_segment(self, uuid: str, kind: str) -> Segment:
        """A segment that no file was read for yet. It reaches the database with its first batch."""
        segment = Segment(self.next_segment, uuid, kind)
        self.next_segment += 1
        return segment

    def first_seen(self, source: int, agent_id: str) -> bool:
        """True once for each sub-agent of a log, over restarts too."""
        key = (source, agent_id)
        if key in self.agents:
            return False
        self.agents[key] = None
        if len(self.agents) > MAX_AGENTS:
            del self.agents[next(iter(self.agents))]
        try:
            return (
                self.db.execute(
                    # the last condition lets SQLite use the partial index
                    "SELECT 1 FROM events WHERE source = ? AND agent_id = ? AND agent_id <> '' LIMIT 1",
                    key,
                ).fetchone()
                is None
            )
        except sqlite3.Error as error:
            suspect_if_damaged(self.path, error)
            return True  # rather announced twice than never

    def insert(self, batches: Sequence[Stamped], *, quickly: bool = False) -> None:
        """Commit stamped batches in one transaction.

        Args:
            quickly: counts may wait for a later commit, see `sources`.

        Raises:
            StoreUnavailable: nothing was committed; try again later.
            StoreRefused: nothing was committed, because of some rows; `rescue.insert_singly` takes the others.
            StoreDamaged: the file is damaged.
        """
        if self.detached:
            raise StoreUnavailable(self.detached)
        db, table = self.db, self.source_table
        events = [row for b in batches for row in b.events]
        hooks = [row for b in batches for row in b.hooks]
        sources = {k: v for b in batches for k, v in b.sources.items()}
        segments = {k: v for b in batches for k, v in b.segments.items()}
        count = not quickly or table.is_due()
        with written(), transaction(db):
            if events:
                insert_rows(db, PUT_EVENTS, events)
            if hooks:
                insert_rows(db, PUT_HOOKS, hooks)
            for statement, values in table.changes(sources, count=count, last_id=self.last_id):
                db.execute(statement, values)
            db.executemany(PUT_SEGMENT, [segment_row(segment) for segment in segments.values()])
        table.committed(sources, count=count)
        self.keep_segments(segments)

    def remember_ids(self) -> None:
        """Have the next store at this path, in this process, go on above these ids, if there is room above them."""
        if self.last_id <= MAX_ID - SPARE_IDS:
            _given[self.path] = self.last_id

    def put_back(self) -> None:
        """See `Watched.put_back`."""
        super().put_back()
        self.seen.use(self.db)
        self._patient = True

    def wait_for_locks(self, patient: bool) -> None:
        """Whether a commit waits `BUSY_S` for another process's lock (in a thread), or not at all (on the loop).

        Raises:
            StoreUnavailable: nothing can be written now.
        """
        if self.detached:
            raise StoreUnavailable(self.detached)
        if patient != self._patient:
            with translated():
                self.db.execute(f"PRAGMA busy_timeout = {int(BUSY_S * 1000) if patient else 0}")
            self._patient = patient

    def fold(self) -> None:
        """Fold the write-ahead log into the database on a connection of its own, beside the commits. Never raises."""
        checkpoint(self.path)

    def fold_rest(self) -> None:
        """Fold what came meanwhile too and empty the write-ahead log, between two commits. Never raises."""
        # Locked or full: it is tried again, and the log is valid meanwhile.
        with suppress(sqlite3.Error, StoreUnavailable, StoreDamaged):
            self.wait_for_locks(True)
            self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def wal_bytes(self) -> int:
        """Size of the write-ahead log in bytes."""
        try:
            return os.stat(f"{self.path}-wal").st_size
        except OSError:
            return 0

    def close(self) -> None:
        """Close the connection, folding the write-ahead log into the database if nobody else holds it."""
        try:
            self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error:
            pass  # the log is valid as it is; the next start goes on with it
        self.remember_ids()
        super().close()


def _open_writer(path: Path) -> sqlite3.Connection:
    db = open_database(path)
    db.execute(f"PRAGMA busy_timeout = {int(BUSY_S * 1000)}")
    return db


PUT_SEGMENT = "INSERT OR REPLACE INTO segments VALUES (?,?,?,?,?,?,?,?,?,?)"


def segment_row(segment: Segment) -> tuple[object, ...]:
    """The row of a segment. Some file systems have inodes of 64 bits, SQLite's numbers have a sign."""
    id_, uuid, kind, name, device, inode, *more = msgspec.structs.astuple(segment)
    return id_, uuid, kind, name, _signed(device), _signed(inode), *more


def _signed(number: int) -> int:
    return number - (1 << 64) if number > MAX_ID else number


def unsigned(number: int) -> int:
    """A device or inode as the system says it, from how it is stored."""
    return number & (1 << 64) - 1


def _segment(row: tuple[object, ...]) -> Segment:
    segment = msgspec.convert(dict(zip(Segment.__struct_fields__, row, strict=True)), Segment, strict=False)
    segment.device, segment.inode = unsigned(segment.device), unsigned(segment.inode)
    return segment


PUT_EVENTS, PUT_HOOKS = inserts("events", EVENT_COLUMNS), inserts("hooks", HOOK_COLUMNS)
