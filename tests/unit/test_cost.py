"""Costs: what is kept of the points, thinned without losing a cent, and which prices count."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctm_trio.model.cost import CostReport
from ctm_trio.model.pricing import Price, PriceTable, priced
from ctm_trio.model.quota import CostPoint
from ctm_trio.model.times import format_time
from ctm_trio.system.cost_store import CostStore, load_prices, read_costs
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
    db = connect_reader(path / "cost.db")
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
    """Days, models and sessions add up to what the sessions cost, also if the client takes something back."""
    store.add([point(30 * HOUR, 100, model="a"), point(20, 250, model="b"), point(10, 240, model="b")])
    store.add([point(5, 60, uuid="u2", model="a")])
    spent = report(tmp_path).spent
    assert spent.models == {"a": 160, "b": 140}
    assert spent.sessions == {"alpha": 300}
    assert sum(spent.days.values()) == 300
    assert len(spent.days) == 2


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
