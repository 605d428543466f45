"""Event ids at the edges, and rows that the database refuses: no damage, no end of the daemon, nothing lost."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from ctm_trio.journal import store
from ctm_trio.journal.select import select_events
from ctm_trio.journal.stamping import stamp_lines
from ctm_trio.journal.store import EventStore, Stamped
from ctm_trio.messages.journal import Draft, Publish
from ctm_trio.model.event import MAX_ID
from ctm_trio.model.log_line import LOGS, LineBatch, Row, Segment
from ctm_trio.system.store_errors import (
    StoreDamaged,
    StoreRefused,
    StoreUnavailable,
    StoreUsedUp,
    set_aside,
    translate,
    translated,
    written,
)
from tests.fakes.library import Library, bash
from tests.faults.process import Daemon, eventually
from tests.faults.rig import Rig, line

UUID = "11111111-2222-4333-8444-555555555555"


def renumber(database: Path, newest: int) -> None:
    """Give the newest event another id."""
    with closing(sqlite3.connect(database, isolation_level=None)) as db:
        db.execute("UPDATE events SET id = ? WHERE id = (SELECT max(id) FROM events)", (newest,))


@pytest.mark.parametrize("left", [0, 5, 1 << 20])
def test_numbers_that_are_at_their_end(daemon: Daemon, left: int) -> None:
    """Ids near 2^63: the file is set aside by a telling name, the logs rebuild it, and everything goes on at once."""
    log = daemon.log()
    log.append(b"".join(line(UUID, f"a{i}") for i in range(5)))
    daemon.start()
    eventually(lambda: len(daemon.stored()) == 5, what="the ingest")
    assert daemon.stop()[0] == 0
    renumber(daemon.database, MAX_ID - left)
    daemon.start()
    with daemon.stream() as stream:
        log.append(b"".join(line(UUID, f"b{i}") for i in range(20)))
        stream.until(25)
    assert list(daemon.root.glob("ctm-trio.db.used-up.*"))
    assert daemon.stop()[0] == 0
    stored = daemon.stored()
    assert [marker for _, marker in stored] == [f"a{i}" for i in range(5)] + [f"b{i}" for i in range(20)]
    assert max(id_ for id_, _ in stored) < MAX_ID - (1 << 52)


def test_a_newest_id_of_the_far_future(daemon: Daemon) -> None:
    """The clock was once decades ahead: ids count on from there, strictly rising, in the same file, over restarts."""
    log = daemon.log()
    log.append(line(UUID, "a"))
    daemon.start()
    eventually(lambda: len(daemon.stored()) == 1, what="the ingest")
    assert daemon.stop()[0] == 0
    future = time.time_ns() + 80 * 365 * 86_400 * 10**9
    renumber(daemon.database, future)
    for life in range(2):
        daemon.start()
        with daemon.stream() as stream:
            log.append(line(UUID, f"b{life}"))
            stream.until(2 + life)
        assert daemon.stop()[0] == 0
    assert daemon.stored() == [(future, "a"), (future + 1, "b0"), (future + 2, "b1")]
    assert not list(daemon.root.glob("ctm-trio.db.*"))


def test_a_clock_beyond_the_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock past the year 2262 leaves room for more ids than can ever be used, and what it gives is in order."""
    monkeypatch.setattr("ctm_trio.journal.store.time.time_ns", lambda: MAX_ID + 10**15)
    made = EventStore(tmp_path / "ctm-trio.db")
    ids = [made.next_id() for _ in range(3)]
    assert ids == [store.CLOCK_TOP, store.CLOCK_TOP + 1, store.CLOCK_TOP + 2]
    made.last_id = MAX_ID - 1
    assert made.next_id() == MAX_ID
    with pytest.raises(StoreUsedUp):
        made.next_id()
    made.close()


async def test_lines_by_a_clock_beyond_the_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ids of lines keep to the same bound, and of sub-agents' first ones; at the end of the numbers it is said."""
    monkeypatch.setattr("ctm_trio.journal.store.time.time_ns", lambda: MAX_ID + 10**15)
    rig = Rig(tmp_path)
    log = rig.log()
    async with rig.running():
        log.append(line(UUID, "a") + line(UUID, "b", agent="x"))
        await rig.settle(2)
    assert [id_ for id_, _ in rig.seen] == [store.CLOCK_TOP, store.CLOCK_TOP + 2]
    made = EventStore(tmp_path / "other.db")
    made.last_id = MAX_ID - 1
    row = Row("", b"{}", "Bash", False, "", "", "", 0, 0)
    with pytest.raises(StoreUsedUp):
        stamp_lines(made, LineBatch(Segment(1, UUID, LOGS), [row]))
    made.close()


def test_ids_go_on_above_those_of_a_file_that_was_set_aside(tmp_path: Path) -> None:
    """The clock was ahead, then the file was damaged: what clients have seen is not given to other events."""
    path = tmp_path / "ctm-trio.db"
    made = EventStore(path)
    made.last_id = time.time_ns() + 10**18
    newest = made.next_id()
    made.close()
    set_aside(path)
    again = EventStore(path)
    assert again.next_id() > newest
    again.close()


async def test_a_number_that_is_taken(tmp_path: Path) -> None:
    """Somebody else wrote events with the next ids: ours get other ones before anybody sees them, and none is lost."""
    rig = Rig(tmp_path)
    log = rig.log()
    log.append(line(UUID, "0"))
    async with rig.running():
        await rig.settle(1)
    future = time.time_ns() + 10**18
    renumber(rig.database, future)
    again = Rig(tmp_path)
    async with again.running():
        await again.settle(1)
        with closing(sqlite3.connect(rig.database, isolation_level=None)) as db:
            db.execute(
                "INSERT INTO events SELECT id + 2, source, type, ts, payload, tool, is_error, '', '', '', 0, 0, 0"
                " FROM events"
            )
        log.append(b"".join(line(UUID, str(n)) for n in range(1, 6)))
        await again.settle(6)
        assert again.journal.latest.degraded == ""
    ids = [id_ for id_, _ in again.seen]
    assert again.markers == [str(n) for n in range(6)]
    assert ids == sorted(set(ids))
    with closing(sqlite3.connect(rig.database)) as db:
        stored = [id_ for (id_,) in db.execute("SELECT id FROM events ORDER BY id")]
    assert stored == sorted({*ids, future + 2})
    assert len(stored) == 7
    assert not list(tmp_path.glob("ctm-trio.db.*"))


async def test_a_row_that_can_never_be_stored(tmp_path: Path) -> None:
    """It is left out, and that is said; the rows of the same batch are stored, and the next ones too."""
    rig = Rig(tmp_path)
    log = rig.log()
    async with rig.running():
        drafts = [Draft("on_yolo", "", b"{}", ts) for ts in ("2026-01-01T00:00:00Z", "\ud800", "2026-01-01T00:00:00Z")]
        await rig.send.send(Publish(tuple(drafts)))
        await rig.send.send(Publish((Draft("session_new", "\ud800", b"{}"),)))
        await rig.until(lambda: "could not be stored" in rig.journal.latest.degraded)
        log.append(line(UUID, "after"))
        await rig.settle(1)
        assert rig.counters.read().backlog == 0
    with closing(sqlite3.connect(rig.database)) as db:
        found = [(type_,) for (type_,) in db.execute("SELECT type FROM events ORDER BY id")]
    assert found == [("on_yolo",), ("on_yolo",), ("tool_call",)]


def test_a_batch_that_is_there_already(tmp_path: Path) -> None:
    """A commit whose outcome was not known is tried again: what is there already counts as stored."""
    from ctm_trio.journal.rescue import insert_what_can_be

    library = Library(tmp_path)
    library.write([bash("one"), bash("two")])
    with closing(sqlite3.connect(library.paths.database)) as db:
        rows = db.execute("SELECT * FROM events ORDER BY id").fetchall()
    batch = Stamped([*rows, (library.store.next_id(), *rows[0][1:])], [], {}, {})
    with pytest.raises(StoreRefused):
        library.store.insert([batch])
    assert insert_what_can_be(library.store, [batch], 1, []) == (0, "")
    other = Stamped([(rows[0][0], *rows[1][1:])], [], {}, {})
    assert insert_what_can_be(library.store, [other], 1, [])[0] == 1
    with closing(sqlite3.connect(library.paths.database)) as db:
        assert db.execute("SELECT * FROM events ORDER BY id").fetchall() == batch.events
    library.close()


def test_inodes_of_64_bits(tmp_path: Path) -> None:
    """Some file systems number files beyond 2^63: positions are kept all the same."""
    made = EventStore(tmp_path / "ctm-trio.db")
    segment = made.new_segment(UUID, "log")
    segment.device, segment.inode, segment.position = (1 << 64) - 3, (1 << 63) + 5, 7
    made.insert([Stamped([], [], {segment.id: segment}, {})])
    made.close()
    again = EventStore(tmp_path / "ctm-trio.db")
    assert again.segments[segment.id] == segment
    again.close()


def failing(statement: str, *values: object) -> sqlite3.Error:
    """The error of a statement on a small database."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)")
        db.execute("INSERT INTO t VALUES (1, 'a')")
        with pytest.raises(sqlite3.Error) as caught:
            db.execute(statement, values)
        return caught.value


def test_what_counts_as_damage(tmp_path: Path) -> None:
    """Only what SQLite calls corrupt, or no database; a clash, an unknown column or a mistake of ours never does."""
    clash = translate(failing("INSERT INTO t VALUES (2, 'a')"))
    assert isinstance(clash, StoreRefused)
    assert isinstance(translate(failing("INSERT INTO t VALUES (2, ?)", {})), StoreRefused)
    for statement in ("SELECT colour FROM t", "SELECT * FROM u", "SELEC", "INSERT INTO t VALUES (1)"):
        problem = translate(failing(statement))
        assert isinstance(problem, StoreUnavailable)
        assert not isinstance(problem, StoreRefused)
    path = tmp_path / "x.db"
    path.write_text("nothing of the kind" * 100)
    with closing(sqlite3.connect(path)) as db, pytest.raises(StoreDamaged), translated():
        db.execute("SELECT * FROM sqlite_master")
    with pytest.raises(TypeError), translated():
        raise TypeError("of ours")
    with pytest.raises(ValueError, match="of ours"), translated():
        raise ValueError("of ours")
    with pytest.raises(StoreDamaged), translated():
        msgspec.convert("x", int)
    with pytest.raises(StoreRefused), written(), closing(sqlite3.connect(":memory:")) as db:
        db.execute("SELECT ?", (1 << 63,))


def test_text_that_is_not_utf8(tmp_path: Path) -> None:
    """Bits that changed in a stored text hide nothing else: it is shown with a mark."""
    library = Library(tmp_path)
    library.write([bash("one")])
    library.store.db.execute("UPDATE events SET ts = CAST(x'ff41' AS TEXT)")
    assert select_events(library.store.db, limit=5)[0].ts == "\ufffdA"
    library.close()
