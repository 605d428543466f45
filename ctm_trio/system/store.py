"""The event log in SQLite: one writer connection, used by the journal alone and always in a worker thread.

`stamp` gives drafts and lines their ids without touching the disk; `insert` commits what was stamped, events and log
positions in one transaction. Between the two stands the journal, which may hold stamped events back in memory while
the disk is full or the database is locked.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from ctm_trio.errors import CtmError
from ctm_trio.model.event import MAX_ID, Event
from ctm_trio.model.log_line import Segment
from ctm_trio.system.schema import EVENT_COLUMNS, HOOK_COLUMNS, PRAGMAS, SCHEMA_VERSION, TABLES
from ctm_trio.system.seen import Seen

BUSY_S = 0.25
"""How long a commit waits for another process's lock before the journal goes on in memory."""

ROWS_A_STATEMENT = (256, 32, 8, 1)
"""Rows are inserted by statements of these sizes. One big statement runs without the interpreter's lock, on the
other core; a thousand small ones would each wait for it again (5 ms each while the loop is parsing)."""


class StoreUnavailable(CtmError):
    """The database cannot be written now: locked, disk full, read-only. Nothing of the batch is in it."""

    code, status = "store_unavailable", 503


class StoreDamaged(CtmError):
    """The file is no sound SQLite database. It has to be set aside and rebuilt from the logs."""

    code, status = "store_damaged", 500


class Source(msgspec.Struct, gc=False):
    """A row of `sources`, held in memory."""

    id: int
    uuid: str
    session: str
    events: int = 0
    last_call_at: str = ""


class Stamped(msgspec.Struct):
    """A batch that has its ids and is not in the database yet."""

    events: list[tuple[object, ...]]
    hooks: list[tuple[object, ...]]
    segments: dict[int, Segment]
    sources: dict[int, Source]


def open_database(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """A connection with our settings. A new file is private before SQLite writes to it; so are its -wal and -shm.

    Raises:
        StoreDamaged: the file is no database, or of a version that this program does not know.
        StoreUnavailable: it cannot be opened now.
    """
    if not read_only:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        os.chmod(path, 0o600)
    mode = "?mode=ro" if read_only else ""
    try:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}{mode}", uri=True, timeout=5.0, isolation_level=None,
            check_same_thread=False, cached_statements=64,
        )  # fmt: skip
    except sqlite3.Error as error:
        raise translate(error) from error
    try:
        for pragma in PRAGMAS:
            if not read_only or "cache" in pragma or "temp" in pragma:
                connection.execute(pragma)
        if not read_only:
            connection.executescript(TABLES)
            known = connection.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone()
            if known is None:
                connection.execute("INSERT OR IGNORE INTO meta VALUES ('schema', ?)", (str(SCHEMA_VERSION),))
            elif known[0] != str(SCHEMA_VERSION):
                raise StoreDamaged(f"{path.name} has schema {known[0]}, this program needs {SCHEMA_VERSION}.")
    except sqlite3.Error as error:
        connection.close()
        raise translate(error) from error
    except StoreDamaged:
        connection.close()
        raise
    return connection


def translate(error: sqlite3.Error) -> CtmError:
    """Our name for an SQLite error: damaged, or (for now) unavailable."""
    name = getattr(error, "sqlite_errorname", "") or ""
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return StoreDamaged(f"The database is damaged: {error}")
    if isinstance(error, sqlite3.OperationalError):
        return StoreUnavailable(str(error))
    return StoreDamaged(f"The database does not fit this program: {error}")


@contextmanager
def translated() -> Iterator[None]:
    """Errors of SQLite in the block, and of what damage makes of a value, under our names."""
    try:
        yield
    except sqlite3.Error as error:
        raise translate(error) from error
    except (TypeError, ValueError, msgspec.MsgspecError) as error:
        raise StoreDamaged(f"The database is damaged: {error}") from error


MAX_AGENTS = 100_000
"""Sub-agents that are remembered; of one that was seen before them the database is asked again. More than the events
that may wait to be committed, of which it knows nothing yet."""


class EventStore:
    """The writer's side. Not thread-safe: one thread at a time, which the journal sees to.

    Args:
        path: of `ctm-trio.db`; created with mode 0600.

    Raises:
        StoreDamaged, StoreUnavailable: see `open_database`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.db = open_database(path)
        self.db.execute(f"PRAGMA busy_timeout = {int(BUSY_S * 1000)}")
        self.sources: dict[str, Source] = {}
        self.segments: dict[int, Segment] = {}
        self.of_log: dict[tuple[str, str], dict[int, Segment]] = {}
        """The same by (uuid, kind)."""
        self.agents: dict[tuple[int, str], None] = {}
        """Sub-agents that were seen lately, by (source, id), oldest first; the database knows the others."""
        self.seen = Seen(self.db)
        self.last_calls: dict[int, int] = {}
        """See `system.last_calls`."""
        try:
            with translated():
                self._load()
        except CtmError:
            self.db.close()
            raise

    def _load(self) -> None:
        for row in self.db.execute("SELECT id, uuid, session, events, last_call_at FROM sources"):
            self.sources[row[1]] = msgspec.convert(dict(zip(Source.__struct_fields__, row, strict=True)), Source)
        for row in self.db.execute(
            "SELECT id, uuid, kind, name, device, inode, position, check_bytes, sealed FROM segments"
        ):
            self.keep_segments({row[0]: _segment(row)})
        newest = self.db.execute(
            "SELECT max((SELECT coalesce(max(id), 0) FROM events), (SELECT coalesce(max(id), 0) FROM hooks))"
        ).fetchone()
        self.last_id: int = newest[0]
        self.next_source = max((s.id for s in self.sources.values()), default=0) + 1
        self.next_segment = max(self.segments, default=0) + 1

    def keep_segments(self, segments: dict[int, Segment]) -> None:
        """Remember what is committed."""
        self.segments.update(segments)
        for id_, segment in segments.items():
            self.of_log.setdefault((segment.uuid, segment.kind), {})[id_] = segment

    def next_id(self) -> int:
        """A new event id: the clock, but always above every id before it, also if the clock was set back."""
        self.last_id = max(time.time_ns(), self.last_id + 1)
        return self.last_id

    def source(self, uuid: str, session: str) -> Source:
        """The source of a log, made if there is none yet. `session` is only used for a new one."""
        found = self.sources.get(uuid)
        if found is None:
            found = self.sources[uuid] = Source(self.next_source, uuid, session)
            self.next_source += 1
        return found

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
        except sqlite3.Error:
            return True  # rather announced twice than never

    def insert(self, batches: Sequence[Stamped]) -> None:
        """Commit stamped batches in one transaction.

        Raises:
            StoreUnavailable: nothing was committed; try again later.
            StoreDamaged: the file is damaged.
        """
        db = self.db
        try:
            db.execute("BEGIN IMMEDIATE")
            try:
                _insert_rows(db, "events", EVENT_COLUMNS, [row for b in batches for row in b.events])
                _insert_rows(db, "hooks", HOOK_COLUMNS, [row for b in batches for row in b.hooks])
                sources = {k: v for b in batches for k, v in b.sources.items()}
                segments = {k: v for b in batches for k, v in b.segments.items()}
                db.executemany(
                    "INSERT INTO sources VALUES (?,?,?,?,?) ON CONFLICT (id) DO UPDATE SET session = excluded.session,"
                    " events = excluded.events, last_call_at = excluded.last_call_at",
                    [(s.id, s.uuid, s.session, s.events, s.last_call_at) for s in sources.values()],
                )
                db.executemany(
                    "INSERT OR REPLACE INTO segments VALUES (?,?,?,?,?,?,?,?,?)",
                    [msgspec.structs.astuple(s) for s in segments.values()],
                )
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise translate(error) from error
        self.keep_segments(segments)

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
        self.db.close()


def checkpoint(path: Path) -> None:
    """Fold the write-ahead log into the database on a connection of its own, so that no commit waits for the disk."""
    try:
        db = open_database(path)
        try:
            db.execute("PRAGMA wal_checkpoint(PASSIVE)")
        finally:
            db.close()
    except (sqlite3.Error, CtmError):
        pass  # locked or full: it is tried again, and the log is valid meanwhile


def set_aside(path: Path) -> Path:
    """Move a damaged database (and its -wal, -shm) out of the way; where it is now."""
    target = path.with_name(f"{path.name}.corrupt.{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}")
    n = 0
    while target.exists():
        n += 1
        target = target.with_name(f"{target.name}.{n}")
    os.replace(path, target)
    for suffix in ("-wal", "-shm"):
        try:
            os.replace(f"{path}{suffix}", f"{target}{suffix}")
        except FileNotFoundError:
            continue
    return target


def _segment(row: tuple[object, ...]) -> Segment:
    return msgspec.convert(dict(zip(Segment.__struct_fields__, row, strict=True)), Segment, strict=False)


def _insert_rows(db: sqlite3.Connection, table: str, columns: int, rows: list[tuple[object, ...]]) -> None:
    one = "(" + ",".join("?" * columns) + ")"
    done = 0
    for size in ROWS_A_STATEMENT:
        statement = f"INSERT INTO {table} VALUES " + ",".join([one] * size)
        while len(rows) - done >= size:
            db.execute(statement, [value for row in rows[done : done + size] for value in row])
            done += size


def compose(session: str, tail: bytes) -> bytes:
    """The payload of the wire: what is stored, with the session's name in front where it belongs."""
    if tail[:1] == b"{":
        return tail
    name = msgspec.json.encode(session)
    return b'{"session":%b,%b' % (name, tail) if tail != b"}" else b'{"session":%b}' % name


def strip_session(payload: bytes, session: str) -> bytes:
    """The stored form of a payload: without the leading session key if it has this session there."""
    head = b'{"session":%b' % msgspec.json.encode(session)
    if session and payload.startswith(head) and payload[len(head) : len(head) + 1] in (b",", b"}"):
        return payload[len(head) :].removeprefix(b",")
    return payload


SELECT_EVENT = (
    "SELECT e.id, e.type, s.session, e.payload, e.ts, s.uuid, e.tool, e.is_error, e.agent_id"
    " FROM events e JOIN sources s ON s.id = e.source "
)


def event_of(row: tuple[object, ...]) -> Event:
    """An event from a row of `SELECT_EVENT`."""
    id_, type_, session, payload, ts, uuid, tool, is_error, agent_id = row
    uuid = str(uuid)
    return Event(
        int(str(id_)), str(type_), str(session), compose(str(session), _bytes(payload)), str(ts),
        "" if uuid.startswith("session:") else uuid, str(tool), bool(is_error), str(agent_id),
    )  # fmt: skip


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


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


def total_ring(sources: Iterable[Source]) -> dict[str, int]:
    """How many events are stored of each session, by name."""
    counts: dict[str, int] = {}
    for source in sources:
        if source.session:
            counts[source.session] = counts.get(source.session, 0) + source.events
    return counts
