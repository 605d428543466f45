"""Costs: what is kept of the points, thinned without losing a cent, and which prices count."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from ctm_trio.model.cost import CostReport
from ctm_trio.model.cost_counter import Counter
from ctm_trio.model.pricing import Price, PriceTable, priced
from ctm_trio.model.quota import CostPoint
from ctm_trio.model.times import format_time
from ctm_trio.system.cost_store import COSTS, CostStore, load_prices, read_costs
from ctm_trio.system.side_database import connect_reader

TABLE = PriceTable("2026-01-01", {"opus": Price(5, 25, 0.5), "opus-4-1": Price(15, 75, 1.5)})
NOW = 1_800_000_000.0
HOUR = 3600.0


def point(
    ago: float, micros: int | None, *, uuid: str = "u1", session: str = "alpha", n: int = 0, model: str = ""
) -> CostPoint:
    """A point so many seconds ago."""
    return CostPoint(session, uuid, format_time(NOW - ago), model, 10 + n, 1, 2, micros)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[CostStore]:
    """An empty store."""
    made = CostStore(tmp_path / "cost.db", TABLE)
    yield made
    made.close()


def report(path: Path, since: float = 7 * 24 * HOUR, session: str = "", **names: str) -> CostReport:
    """What the web would answer for the last `since` seconds."""
    db = connect_reader(path / "cost.db", COSTS)
    try:
        return read_costs(db, "week", NOW - since, session, names, "2026-01-01")
    finally:
        db.close()


def test_cleared_session(store: CostStore, tmp_path: Path) -> None:
    """A session's cost is the sum over its Claude sessions, which each begin at zero; tokens are the newest's."""
    store.add([point(90, 100), point(80, 250), point(70, 7, uuid="u2", n=5), point(60, 90, uuid="u3", session="beta")])
    found = report(tmp_path)
    assert [(p.session, p.cost_usd_micros) for p in found.points] == [
        ("alpha", 100), ("alpha", 250), ("alpha", 257), ("beta", 90),
    ]  # fmt: skip
    assert (found.totals.cost_usd_micros, found.totals.input, found.source) == (347, 15 + 10, "client")
    assert report(tmp_path, session="beta").totals.cost_usd_micros == 90
    assert report(tmp_path, session="nobody").points == []
    assert report(tmp_path, since=75).points[0].cost_usd_micros == 257  # what was spent before the window counts
    assert (report(tmp_path, since=75).base, report(tmp_path).base) == (
        {"alpha": 250, "beta": 0},
        {"alpha": 0, "beta": 0},
    )
    assert {p.session for p in report(tmp_path, u1="gamma", u2="gamma").points} == {"gamma", "beta"}


def test_repeated_points(store: CostStore, tmp_path: Path) -> None:
    """What a restart reads again is kept once; a change of the cost alone is a point."""
    assert store.add([point(9, 100), point(9, 100), point(8, 101)]) == 2
    store.close()
    again = CostStore(tmp_path / "cost.db", TABLE)
    assert again.add([point(8, 101)]) == 0
    again.close()


def test_spent(store: CostStore, tmp_path: Path) -> None:
    """Days, models and sessions add up to what the sessions cost, also if the client takes a little back."""
    store.add([point(30 * HOUR, 100, model="a"), point(20, 250, model="b"), point(10, 240, model="b")])
    store.add([point(5, 60, uuid="u2", model="a")])
    found = report(tmp_path)
    assert found.spent.models == {"a": 160, "b": 150}
    assert found.spent.sessions == {"alpha": 310}
    assert sum(found.spent.days.values()) == found.totals.cost_usd_micros == 310
    assert len(found.spent.days) == 2


def test_a_counter_that_begins_anew(store: CostStore, tmp_path: Path) -> None:
    """What was counted before stays, in the points, the totals and each day; over a restart too, and read twice."""
    store.add([point(30 * HOUR, 5_000_000), point(29 * HOUR, 5_500_000)])
    before = report(tmp_path).spent.days
    assert store.add([point(20, 20_000), point(20, 20_000)]) == 1
    store.close()
    again = CostStore(tmp_path / "cost.db", TABLE)
    assert again.add([point(20, 20_000)]) == 0
    again.add([point(10, 300_000), point(9, 0, n=1), point(8, 100_000)])
    assert again.totals() == {"u1": 5_900_000}
    again.close()
    found = report(tmp_path)
    assert [p.cost_usd_micros for p in found.points] == [
        5_000_000, 5_500_000, 5_520_000, 5_800_000, 5_800_000, 5_900_000,
    ]  # fmt: skip
    assert found.totals.cost_usd_micros == 5_900_000
    assert before.items() <= found.spent.days.items(), "no day is reduced"
    assert sum(found.spent.days.values()) == 5_900_000


def test_a_counter_that_may_have_been_corrected(store: CostStore, tmp_path: Path) -> None:
    """A fall to more than a tenth is counted as begun anew; the curve shows the client's own figure."""
    store.add([point(30, 9_150_000), point(20, 1_250_000), point(10, 1_300_000)])
    found = report(tmp_path)
    assert [p.cost_usd_micros for p in found.points] == [9_150_000, 1_250_000, 1_300_000]
    assert found.totals.cost_usd_micros == sum(found.spent.days.values()) == 10_450_000
    assert store.totals() == {"u1": 10_450_000}


def test_a_clear_that_keeps_the_counter(store: CostStore, tmp_path: Path) -> None:
    """A new Claude session that begins at the old figure of its session has cost nothing yet; one of another has."""
    store.add([point(50, 1_000), point(40, 2_000), point(30, 2_000, uuid="u2"), point(20, 2_500, uuid="u2")])
    store.add([point(10, 2_000, uuid="u3", session="beta")])
    assert store.totals() == {"u1": 2_000, "u2": 500, "u3": 2_000}
    assert report(tmp_path).spent.sessions == {"alpha": 2_500, "beta": 2_000}
    store.add([point(5, 100, uuid="u2")])  # and it begins anew later
    assert store.totals()["u2"] == 600


def test_a_clear_that_does_not(store: CostStore) -> None:
    """A counter that was seen at zero first is a new one, whatever figure it passes."""
    store.add([point(50, 2_000), replace(point(40, 0, uuid="u2"), curve=False), point(30, 2_000, uuid="u2")])
    assert store.totals() == {"u1": 2_000, "u2": 2_000}


def test_forks_begin_with_their_parents_figure(store: CostStore) -> None:
    """A fork's first figure is its parent's, now or once, or goes on from it; of another session only that very one."""

    def fork(micros: int, uuid: str, session: str = "alpha") -> CostPoint:
        return replace(point(10, micros, uuid=uuid, session=session), forked=True)

    store.add([point(50, 1_000), point(40, 2_000), point(30, 9_000)])
    store.add([fork(9_000, "f1"), fork(2_000, "f2"), fork(2_300, "f3"), fork(1_000, "f4", "beta")])
    store.add([fork(1_500, "f5", "gamma"), fork(9_400, "f1")])
    totals = store.totals()
    assert [totals[uuid] for uuid in ("f1", "f2", "f3", "f4", "f5")] == [400, 0, 300, 0, 1_500]


def test_points_without_tokens(store: CostStore, tmp_path: Path) -> None:
    """A figure without tokens is counted, and makes no point of the curve."""
    cleared = replace(point(40, 300), input_tokens=0, output_tokens=0, cache_tokens=0, curve=False)
    store.add([point(50, 100), cleared])
    found = report(tmp_path)
    assert (len(found.points), found.spent.sessions) == (1, {"alpha": 300})
    store.add([point(30, 300)])
    assert report(tmp_path).totals.cost_usd_micros == 300


def test_priced_tokens_that_fall(store: CostStore, tmp_path: Path) -> None:
    """Without the client's word the latest tokens are the cost; a day is not reduced when they are fewer."""
    store.add([point(50, None, n=90), point(40, None), point(30, None, n=90)])
    found = report(tmp_path)
    costs = [p.cost_usd_micros for p in found.points]
    assert costs[0] == costs[2] > costs[1]
    assert sum(found.spent.days.values()) == costs[0]
    assert store.totals() == {}


@pytest.mark.parametrize("jump", [-20 * 60.0, 20 * 60.0, -2 * 24 * HOUR])
def test_points_while_the_clock_is_set(store: CostStore, tmp_path: Path, jump: float) -> None:
    """The last point is the one that came last, also when the clock was set before it."""
    store.add([point(3 * 24 * HOUR, 100), point(3 * 24 * HOUR - 10, 200), point(3 * 24 * HOUR - 20 - jump, 300)])
    assert report(tmp_path).totals.cost_usd_micros == 300
    store.thin(NOW)
    assert report(tmp_path).totals.cost_usd_micros == 300


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=40))
def test_a_cost_never_falls(figures: list[int]) -> None:
    """Whatever the counter says; and a counter that only rises is the cost itself."""
    counter = Counter()
    for figure in figures:
        before, counter = counter, counter.see(figure)
        assert counter.total >= before.total
        assert counter.total >= counter.shown
        assert counter.last == figure
        assert counter.see(figure) == counter
    rising = Counter()
    for figure in sorted(figures):
        rising = rising.see(figure)
    assert rising.total == rising.shown == max(figures)


@given(st.lists(st.lists(st.integers(1, 1000), min_size=1, max_size=8), min_size=1, max_size=6))
def test_the_cost_is_the_sum_of_all_counts(counts: list[list[int]]) -> None:
    """A counter that begins anew at zero again and again: the cost is the sum of where each count ended."""
    counter = Counter()
    for count in counts:
        for figure in (0, *accumulate(count)):
            counter = counter.see(figure)
    assert counter.total == counter.shown == sum(map(sum, counts))


def test_a_file_of_the_first_version(tmp_path: Path) -> None:
    """Costs that were kept before go on: nothing is counted again, and what is spent stays."""
    db = sqlite3.connect(tmp_path / "cost.db", isolation_level=None)
    db.executescript(
        "CREATE TABLE claude_sessions (id INTEGER PRIMARY KEY, uuid TEXT NOT NULL UNIQUE, session TEXT NOT NULL,"
        " input INTEGER NOT NULL, output INTEGER NOT NULL, cache INTEGER NOT NULL, micros INTEGER NOT NULL,"
        " source TEXT NOT NULL);"
        "CREATE TABLE points (id INTEGER PRIMARY KEY, claude INTEGER NOT NULL, at REAL NOT NULL, model TEXT NOT NULL,"
        " input INTEGER NOT NULL, output INTEGER NOT NULL, cache INTEGER NOT NULL, micros INTEGER NOT NULL,"
        " source TEXT NOT NULL);"
        "CREATE TABLE spent (day TEXT NOT NULL, claude INTEGER NOT NULL, model TEXT NOT NULL, source TEXT NOT NULL,"
        " micros INTEGER NOT NULL, PRIMARY KEY (day, claude, model, source)) WITHOUT ROWID;"
        "INSERT INTO claude_sessions VALUES (1, 'u1', 'alpha', 10, 1, 2, 700, 'client'),"
        " (2, 'u2', 'alpha', 1, 1, 1, 6, 'prices');"
        "INSERT INTO spent VALUES ('2027-01-15', 1, '', 'client', 700), ('2027-01-15', 2, '', 'prices', 6);"
        "PRAGMA user_version = 1"
    )
    db.close()
    store = CostStore(tmp_path / "cost.db", TABLE)
    assert store.add([point(10, 700)]) == 0
    store.add([point(10, 50), point(9, 80)])
    assert store.totals() == {"u1": 780}
    store.close()
    assert report(tmp_path).spent.sessions == {"alpha": 786}


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 30 * 24 * 3600), st.integers(0, 9)), min_size=1, max_size=60))
def test_thinning(times: list[tuple[int, int]]) -> None:
    """Thinning leaves totals and sums as they are, every point of the last day, and one an interval before that."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory)
        store = CostStore(path / "cost.db", TABLE)
        ordered = sorted(times, reverse=True)
        store.add([point(ago, i, uuid=f"u{u}", n=i) for i, (ago, u) in enumerate(ordered)])
        before = report(path, since=31 * 24 * HOUR)
        store.thin(NOW)
        store.thin(NOW)
        after = report(path, since=31 * 24 * HOUR)
        store.close()
    assert (after.totals, after.spent) == (before.totals, before.spent)
    day_ago = format_time(NOW - 24 * HOUR)
    assert [p for p in after.points if p.ts > day_ago] == [p for p in before.points if p.ts > day_ago]
    assert len(after.points) <= len(before.points)


def test_prices() -> None:
    """The longest name that fits counts, as whole words; a model that nobody named has the old prices."""
    tokens = (1_000_000, 200_000, 500_000)
    assert priced(TABLE, "claude-opus-5-5", tokens) == (10_250_000, "prices")
    assert priced(TABLE, "claude-opus-4-1-20250805", tokens) == (30_750_000, "prices")
    assert priced(TABLE, "claude-opus-4-10", tokens) == (10_250_000, "prices")
    assert priced(TABLE, "", tokens) == (6_150_000, "default")
    assert priced(TABLE, "magnum", tokens) == (6_150_000, "default")


def test_price_file(tmp_path: Path) -> None:
    """The table is made for the user to edit; an edit counts, what it leaves out stays, and a bad one is told."""
    path = tmp_path / "prices.json"
    table, problem = load_prices(path)
    assert (problem, path.stat().st_mode & 0o777) == ("", 0o600)
    assert load_prices(path) == (table, "")
    path.write_text('{"as_of": "2030-01-01", "models": {"opus": {"input": 1, "output": 2, "cache": 3}}}')
    edited, problem = load_prices(path)
    assert (edited.as_of, edited.price("claude-opus-5-5"), problem) == ("2030-01-01", Price(1, 2, 3), "")
    assert edited.price("claude-haiku-4-5") == table.price("claude-haiku-4-5") is not None
    for bad in ('{"as_of": 1}', "{", '{"as_of": "x", "models": {"a": {"input": -1, "output": 1, "cache": 1}}}'):
        path.write_text(bad)
        unused, problem = load_prices(path)
        assert unused == table
        assert "is not used" in problem


def from_transcripts(ago: float, micros: int, *, uuid: str = "u1", n: int = 0) -> CostPoint:
    """A point of all tokens of a conversation."""
    return replace(point(ago, None, uuid=uuid, n=n), transcript_micros=micros)


def test_transcripts_count_where_the_client_says_no_figure(store: CostStore, tmp_path: Path) -> None:
    """They count more than the tokens of the last answer, whichever come first; the client's own figure more still."""
    store.add([point(90, None, model="opus"), from_transcripts(80, 5000, n=1), point(70, None, model="opus", n=2)])
    found = report(tmp_path)
    assert [(one.source, one.cost_usd_micros) for one in found.points] == [("prices", 76), ("transcript", 5000)]
    assert (found.totals.cost_usd_micros, found.source) == (5000, "mixed")
    assert sum(found.spent.days.values()) == 5000, "what the last answer alone would cost is not added"
    store.add([from_transcripts(60, 5600, n=3), from_transcripts(50, 5600, n=3)])
    assert [one.cost_usd_micros for one in report(tmp_path).points][2:] == [5600]
    store.add([point(40, 6000)])
    found = report(tmp_path)
    assert (found.points[-1].source, found.totals.cost_usd_micros) == ("client", 6000)
    assert sum(found.spent.days.values()) == 6000
    store.add([from_transcripts(30, 9000, n=5)])
    assert report(tmp_path).totals.cost_usd_micros == 6000, "the client knows better"


def test_transcripts_of_several_conversations(store: CostStore, tmp_path: Path) -> None:
    """A session's cost is their sum; a conversation whose tokens became fewer is not paid back."""
    store.add([from_transcripts(90, 100), from_transcripts(80, 30, uuid="u2"), from_transcripts(70, 60, n=9)])
    found = report(tmp_path)
    assert (found.totals.cost_usd_micros, found.source) == (90, "transcript")
    assert sum(found.spent.sessions.values()) == 130
