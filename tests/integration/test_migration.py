"""Files of the first version, newer ones and foreign ones: what becomes of each.

Source: PROTOCOL.md, Databases and upgrades.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from ctm_trio.archive.search_index import INDEX, SearchIndex
from ctm_trio.journal.schema import EVENT_LOG, PRAGMAS
from ctm_trio.journal.select import select_events
from ctm_trio.journal.store import EventStore
from ctm_trio.model.log_line import Segment
from ctm_trio.model.pricing import PriceTable
from ctm_trio.system import migration
from ctm_trio.system.cost_store import COSTS, CostStore
from ctm_trio.system.migration import COPY, Schema, examine, open_current, statements
from ctm_trio.system.outbox import Outbox
from ctm_trio.system.outbox_schema import OUTBOX
from ctm_trio.system.side_database import open_side_database
from ctm_trio.system.store_errors import StoreDamaged, StoreForeign, StoreNewer, StoreUnavailable
from tests.fakes import first_version

COUNT = 100_000
NEXT = replace(
    EVENT_LOG,
    steps=(
        *EVENT_LOG.steps,
        "ALTER TABLE events ADD COLUMN colour TEXT NOT NULL DEFAULT ''; CREATE INDEX by_colour ON events (colour, id);",
        lambda db: db.execute("UPDATE events SET colour = 'red' WHERE id % 2000 = 0"),
    ),
)
"""What a later version may do: two more steps, one of SQL and one of code."""

KINDS: list[tuple[Schema, str]] = [
    (EVENT_LOG, first_version.EVENT_LOG),
    (INDEX, first_version.SEARCH),
    (COSTS, first_version.COSTS),
    (OUTBOX, first_version.OUTBOX),
]


@pytest.fixture(autouse=True)
def forget_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test is a process that has made no copy yet."""
    monkeypatch.setattr(migration, "_copies", set())


def ids_of(path: Path) -> list[int]:
    with closing(sqlite3.connect(path)) as db:
        return [id_ for (id_,) in db.execute("SELECT id FROM events ORDER BY id")]


def marks(path: Path) -> tuple[int, int]:
    with closing(sqlite3.connect(path)) as db:
        return (
            db.execute("PRAGMA application_id").fetchone()[0],
            db.execute("PRAGMA user_version").fetchone()[0],
        )


def everything(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


@pytest.mark.parametrize("fold", [True, False], ids=["folded", "half of it in the -wal"])
def test_a_hundred_thousand_events_keep_their_ids(tmp_path: Path, fold: bool) -> None:
    """A file of the first version becomes a current one in place; a copy, -wal included, stays until the next start."""
    path = tmp_path / "ctm-trio.db"
    ids = first_version.fill(path, COUNT, fold=fold)
    store = EventStore(path)
    assert (store.last_id, store.sources[first_version.UUID].events) == (ids[-1], COUNT)
    assert select_events(store.db, limit=1)[0].payload.endswith(b'"m%d"}' % ids[-1])
    store.close()
    assert ids_of(path) == ids
    assert marks(path) == (EVENT_LOG.application_id, EVENT_LOG.version)
    copy = tmp_path / ("ctm-trio.db" + COPY)
    assert copy.stat().st_mode & 0o777 == 0o600
    assert ids_of(copy) == ids
    assert marks(copy) == (0, 0)
    EventStore(path).close()
    assert copy.exists(), "a part that is started again is no start of the program"
    migration._copies.clear()
    EventStore(path).close()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["ctm-trio.db"]


def test_steps_lead_from_any_older_schema_to_the_newest(tmp_path: Path) -> None:
    """All but the last step on a file of the first version, and the last alone on one that has the others."""
    path = tmp_path / "ctm-trio.db"
    ids = first_version.fill(path, 1000)
    open_current(path, replace(NEXT, steps=NEXT.steps[:-1]), PRAGMAS).close()
    assert marks(path)[1] == NEXT.version - 1
    with closing(open_current(path, NEXT, PRAGMAS)) as db:
        assert db.execute("SELECT count(*) FROM events WHERE colour = 'red'").fetchone() == (500,)
    assert (ids_of(path), marks(path)[1]) == (ids, NEXT.version)
    with pytest.raises(StoreNewer):
        examine(path, EVENT_LOG)


def test_the_event_log_of_schema_one(tmp_path: Path) -> None:
    """Its events and segments stay as they are; how the files begin is not known. No older program writes to it."""
    path = tmp_path / "ctm-trio.db"
    ids = first_version.fill(path, 1000)
    old = replace(EVENT_LOG, tables=first_version.EVENT_LOG, steps=())
    with closing(open_current(path, old, PRAGMAS)) as db:
        db.execute("INSERT INTO segments VALUES (7, ?, 'logs', '', 1, 2, 3, x'0a', 0)", (first_version.UUID,))
    assert marks(path)[1] == 1
    store = EventStore(path)
    try:
        assert store.segments == {7: Segment(7, first_version.UUID, "logs", "", 1, 2, 3, b"\n", False, b"")}
        assert store.db.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone() == ("3",)
    finally:
        store.close()
    assert (ids_of(path), marks(path)[1]) == (ids, EVENT_LOG.version)
    with pytest.raises(StoreNewer):
        examine(path, old)


def test_a_new_file_is_like_an_upgraded_one(tmp_path: Path) -> None:
    """The steps from the first version lead to the columns that a new file has."""
    first_version.make(tmp_path / "old.db", first_version.EVENT_LOG)
    columns = []
    for name in ("old.db", "new.db"):
        with closing(open_current(tmp_path / name, EVENT_LOG, PRAGMAS)) as db:
            columns.append({t: db.execute(f"PRAGMA table_info({t})").fetchall() for t in EVENT_LOG.known_by})
    assert columns[0] == columns[1]


@pytest.mark.parametrize("where", range(len(NEXT.steps) + 1))
def test_killed_in_the_middle(tmp_path: Path, where: int) -> None:
    """Killed before, between and after the steps: the file is as it was, and the next start does all of it."""
    path = tmp_path / "ctm-trio.db"
    ids = first_version.fill(path, 2000, fold=False)
    code = (
        "import os, sys; from msgspec.structs import replace; from pathlib import Path\n"
        "from ctm_trio.system.migration import open_current\n"
        "from tests.integration.test_migration import NEXT, PRAGMAS\n"
        "steps = list(NEXT.steps); steps.insert(int(sys.argv[2]), lambda db: os.kill(os.getpid(), 9))\n"
        "open_current(Path(sys.argv[1]), replace(NEXT, steps=steps), PRAGMAS)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path), str(where)], cwd=Path(__file__).parents[2], check=False
    )
    assert done.returncode == -signal.SIGKILL
    assert examine(path, NEXT).version == 1
    open_current(path, NEXT, PRAGMAS).close()
    assert (ids_of(path), marks(path)[1]) == (ids, NEXT.version)
    migration._copies.clear()
    open_current(path, NEXT, PRAGMAS).close()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["ctm-trio.db"]


def full(step: str) -> Callable[[sqlite3.Connection], None]:
    """A step on a disk that is full: the database may not grow."""

    def run(db: sqlite3.Connection) -> None:
        (pages,) = db.execute("PRAGMA page_count").fetchone()
        db.execute(f"PRAGMA max_page_count = {pages}")
        db.execute(step)

    return run


def test_a_full_disk_in_a_step(tmp_path: Path) -> None:
    """It is said, the file is as it was, and no copy takes up room."""
    path = tmp_path / "ctm-trio.db"
    ids = first_version.fill(path, 2000)
    step = full("CREATE TABLE more AS SELECT * FROM events")
    with pytest.raises(StoreUnavailable, match=r"ctm-trio.db cannot be used: .*full"):
        open_current(path, replace(EVENT_LOG, steps=(*EVENT_LOG.steps, step)), PRAGMAS)
    assert (ids_of(path), marks(path)) == (ids, (0, 0))
    assert not (tmp_path / ("ctm-trio.db" + COPY)).exists()


def test_no_room_for_the_copy(tmp_path: Path) -> None:
    """Without a copy nothing is changed; the reason names the file."""
    path = tmp_path / "ctm-trio.db"
    first_version.fill(path, 2000)
    before = path.read_bytes()
    code = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from ctm_trio.journal.store import EventStore; from ctm_trio.system.store_errors import StoreUnavailable\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (65536, resource.RLIM_INFINITY))\n"
        "try:\n    EventStore(Path(sys.argv[1]))\nexcept StoreUnavailable as error:\n    print(error)\n"
    )
    argv = [sys.executable, "-c", code, str(path)]
    done = subprocess.run(argv, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True)
    assert f"{path} must be upgraded to schema" in done.stdout
    assert path.read_bytes() == before
    assert [name for name in everything(tmp_path) if "migration" in name] == []


@pytest.mark.parametrize(("schema", "sql"), KINDS, ids=[schema.what for schema, _ in KINDS])
@pytest.mark.parametrize("marked", [True, False])
@pytest.mark.parametrize("wal", [True, False])
def test_a_newer_file_is_left_alone(tmp_path: Path, schema: Schema, sql: str, marked: bool, wal: bool) -> None:
    """It is refused by name, and not a byte of it or of its -wal changes, marked as ours or not."""
    made = tmp_path / "making.db"
    if marked:
        open_current(made, schema, PRAGMAS).close()
    else:
        first_version.make(made, sql)
    path = tmp_path / "there" / "file.db"
    path.parent.mkdir()
    with closing(sqlite3.connect(made, isolation_level=None)) as db:
        db.execute("PRAGMA wal_autocheckpoint = 0")
        db.execute(f"PRAGMA user_version = {schema.version + 1000}")
        if not wal:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        for suffix in ("", "-wal") if wal else ("",):
            Path(f"{path}{suffix}").write_bytes(Path(f"{made}{suffix}").read_bytes())
    before = everything(path.parent)
    for attempt in (examine, lambda p, s: open_current(p, s, PRAGMAS), open_side_database):
        with pytest.raises(StoreNewer, match=r"file\.db was made by a newer version"):
            attempt(path, schema)
        assert everything(path.parent) == before


def test_a_newer_row_of_the_first_version_counts_too(tmp_path: Path) -> None:
    """The first version kept its schema's number in a row."""
    path = tmp_path / "ctm-trio.db"
    first_version.fill(path, 10)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("UPDATE meta SET value = '1001' WHERE key = 'schema'")
    with pytest.raises(StoreNewer):
        EventStore(path)


@pytest.mark.parametrize(("schema", "sql"), KINDS, ids=[schema.what for schema, _ in KINDS])
def test_each_kind_is_brought_up_to_date(tmp_path: Path, schema: Schema, sql: str) -> None:
    """The side databases of the first version are taken over as well, and no other kind is taken for them."""
    path = tmp_path / "file.db"
    first_version.make(path, sql)
    found = examine(path, schema)
    assert (found.version, found.marked) == (schema.first, False)
    for other, _ in KINDS:
        if other is not schema:
            with pytest.raises(StoreForeign):
                examine(path, other)
    open_side_database(path, schema).close()
    assert marks(path) == (schema.application_id, schema.version)
    assert list(tmp_path.glob("*.foreign.*")) == []
    for other, _ in KINDS:
        if other is not schema:
            with pytest.raises(StoreForeign):
                examine(path, other)


def test_what_the_first_version_stored_is_still_there(tmp_path: Path) -> None:
    """Costs and waiting alerts cannot be rebuilt: they are read as before."""
    costs, outbox = tmp_path / "cost.db", tmp_path / "outbox.db"
    first_version.make(costs, first_version.COSTS + "INSERT INTO spent VALUES ('2026-09-01', 1, 'm', 'client', 5);")
    body = '{"id":"5-0","event":"attention_raised","alert":"stuck","session":"alpha","ts":"2026-09-21T00:00:00Z"}'
    first_version.make(
        outbox,
        first_version.OUTBOX + "INSERT INTO meta VALUES ('cursor', '77');"
        f"INSERT INTO deliveries (id, event, alert, session, body, created, status) VALUES"
        f" (5, 'attention_raised', 'stuck', 'alpha', CAST('{body}' AS BLOB), 1.0, 'pending');",
    )
    CostStore(costs, PriceTable("", {})).close()
    with closing(sqlite3.connect(costs)) as db:
        assert db.execute("SELECT micros FROM spent").fetchall() == [(5,)]
    box = Outbox(outbox)
    assert (box.cursor(), box.waiting(), box.heads(0.0)[0].alert.alert) == (77, 1, "stuck")
    box.close()


FOREIGN = "CREATE TABLE recipes (name, words); INSERT INTO recipes VALUES ('soup', 'the-word-of-another-program');"


@pytest.mark.parametrize(
    "sql", [FOREIGN, "PRAGMA application_id = 77; CREATE TABLE meta (key, value);", "CREATE TABLE events (a);"]
)
def test_a_database_of_another_program(tmp_path: Path, sql: str) -> None:
    """The event log says so and leaves it; a side database sets it aside whole and begins its own."""
    path = tmp_path / "file.db"
    with closing(sqlite3.connect(path)) as db:
        db.executescript(sql)
    before = path.read_bytes()
    with pytest.raises((StoreForeign, StoreDamaged)):
        EventStore(path)
    assert everything(tmp_path) == {"file.db": before}
    open_side_database(path, COSTS).close()
    assert [p.read_bytes() for p in tmp_path.glob("file.db.*")] == [before]


def test_a_text_is_no_database(tmp_path: Path) -> None:
    """It is damage as far as we can tell; it stays as it is until it is set aside."""
    path = tmp_path / "file.db"
    path.write_text("a text that somebody wants to keep\n" * 300)
    with pytest.raises(StoreDamaged):
        EventStore(path)
    assert list(everything(tmp_path)) == ["file.db"]
    open_side_database(path, OUTBOX).close()
    (aside,) = tmp_path.glob("file.db.corrupt.*")
    assert aside.read_text().startswith("a text that somebody wants to keep")


@pytest.mark.parametrize("kind", ["directory", "fifo"])
def test_something_else_in_its_place(tmp_path: Path, kind: str) -> None:
    """A FIFO or a directory is refused by name and in time; nothing is opened that could block."""
    path = tmp_path / "file.db"
    if kind == "fifo":
        os.mkfifo(path)
    else:
        path.mkdir()
    with pytest.raises(StoreUnavailable, match="not a regular file"):
        EventStore(path)


def test_an_unfinished_file_of_the_first_version(tmp_path: Path) -> None:
    """The first version made its tables one by one; one with some of them alone is begun anew."""
    path = tmp_path / "file.db"
    first_version.make(path, first_version.OUTBOX.split(";")[0] + ";")
    open_side_database(path, OUTBOX).close()
    assert marks(path) == (OUTBOX.application_id, OUTBOX.version)


def test_an_index_that_is_too_old_is_made_anew(tmp_path: Path) -> None:
    """There is no way from the search index's schema 1, and none is needed: the event log has it all."""
    path, journal = tmp_path / "search.db", tmp_path / "ctm-trio.db"
    first_version.make(path, first_version.SEARCH.replace("user_version = 2", "user_version = 1"))
    EventStore(journal).close()
    SearchIndex(path, journal, tmp_path).close()
    assert marks(path) == (INDEX.application_id, 2)
    assert list(tmp_path.glob("search.db.corrupt.*"))


def test_statements_of_a_script() -> None:
    """A script is cut where SQLite says that a statement is complete, not at every semicolon."""
    script = "CREATE TABLE a (x DEFAULT ';');\nCREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM a; END;\n-- end;\n"
    assert [s.strip().split("\n")[0][:14] for s in statements(script)][:2] == ["CREATE TABLE a", "CREATE TRIGGER"]
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        for statement in statements(script):
            db.execute(statement)
