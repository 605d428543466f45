"""How many events each log has: not written with each line, and exact at the next start all the same."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ctm_trio.journal.sources import COUNT_COMMITS
from ctm_trio.journal.stamping import draft_source, move_sources, stamp_draft, stamp_lines
from ctm_trio.journal.store import EventStore, Stamped
from ctm_trio.model.log_line import LOGS, LineBatch, Row
from ctm_trio.model.times import format_time

UUIDS = ("u1", "u2", "u3")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Of a database."""
    return tmp_path / "ctm-trio.db"


def lines(store: EventStore, uuid: str, *calls: float) -> Stamped:
    """Calls in a log at these times (unix seconds)."""
    rows = [Row(format_time(ts), b'"tool":"Bash"}', "Bash", False, "", "", "", 0, 0) for ts in calls]
    return stamp_lines(store, LineBatch(store.new_segment(uuid, LOGS), rows))[0]


def told(store: EventStore) -> dict[str, tuple[str, int, str]]:
    """What a store says of each log: session, events, last call."""
    return {source.uuid: (source.session, source.events, source.last_call_at) for source in store.sources.values()}


def at_the_next_start(path: Path) -> dict[str, tuple[str, int, str]]:
    """The same, as a program finds it that starts now, as if this one had been killed."""
    with closing(EventStore(path)) as store:
        return told(store)


def in_the_rows(path: Path) -> dict[str, int]:
    """The counts as they are written."""
    with closing(sqlite3.connect(path)) as db:
        return dict(db.execute("SELECT uuid, events FROM sources"))


def test_a_line_writes_no_count(path: Path) -> None:
    """Until so many commits have been made, or one that may take its time; a start knows better than the rows."""
    with closing(EventStore(path)) as store:
        for n in range(COUNT_COMMITS + 1):
            store.insert([lines(store, "u1", n)], quickly=True)
            assert in_the_rows(path) == {"u1": 1}
        assert at_the_next_start(path) == {"u1": ("", COUNT_COMMITS + 1, format_time(COUNT_COMMITS))}
        store.insert([lines(store, "u1", 1e9)], quickly=True)
        assert in_the_rows(path) == {"u1": COUNT_COMMITS + 2}
        store.insert([lines(store, "u2", 1e9)], quickly=True)
        store.insert([lines(store, "u3", 1e9)])
        assert in_the_rows(path) == {"u1": COUNT_COMMITS + 2, "u2": 1, "u3": 1}


def test_a_database_that_was_counted_with_each_commit(path: Path) -> None:
    """One of an earlier version says nothing of how far it counts: its rows are exact."""
    with closing(EventStore(path)) as store:
        store.insert([lines(store, "u1", 1.0, 2.0)])
    with closing(sqlite3.connect(path)) as db:
        db.execute("DELETE FROM meta WHERE key = 'counted'")
        db.commit()
    assert at_the_next_start(path) == {"u1": ("", 2, format_time(2.0))}


def test_events_of_a_log_that_is_not_known(path: Path) -> None:
    """They count for nobody, and keep no start from going on."""
    with closing(EventStore(path)) as store:
        store.insert([lines(store, "u1", 1.0)])
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE events SET source = 77")
        db.execute("UPDATE meta SET value = '0' WHERE key = 'counted'")
        db.commit()
    assert at_the_next_start(path)["u1"][1] == 1


@pytest.mark.parametrize("seed", range(20))
def test_counts_are_exact_whenever_it_is_killed(path: Path, seed: int) -> None:
    """Lines, other events, new sessions, commits on the loop, in the thread and in vain, in any order."""
    rng = random.Random(seed)
    with closing(EventStore(path)) as store:
        pending: list[Stamped] = []
        for n in range(rng.randrange(1, 200)):
            uuid = rng.choice(UUIDS)
            what = rng.random()
            if what < 0.7:
                pending.append(lines(store, uuid, *[n] * rng.randrange(3)))
            elif what < 0.85:
                source = draft_source(store, uuid, "")
                assert source is not None
                pending.append(stamp_draft(store, source, "on_yolo", "", b"{}", "")[0])
            else:
                moved, _ = move_sources(store, uuid, rng.choice(("alpha", "beta")))
                pending += [Stamped([], [], {}, {source.id: source}) for source in moved]
            if rng.random() < 0.8:
                store.insert(pending, quickly=rng.random() < 0.9)
                pending = []
        store.insert(pending, quickly=True)
        assert at_the_next_start(path) == told(store)
