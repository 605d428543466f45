"""The search and cost owners over files that cannot be written, or that are damaged: they wait, or begin anew."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from ctm_trio.archive.search_index import SearchIndex
from ctm_trio.archive.search_read import connect_search, search
from ctm_trio.core.channels import open_state_channel
from ctm_trio.core.tail_channel import open_tail_channel
from ctm_trio.core.tail_window import Bounds
from ctm_trio.errors.base import CtmError
from ctm_trio.messages.cost import CostTotals
from ctm_trio.messages.tailers import TailersSnapshot
from ctm_trio.model.event import Event
from ctm_trio.model.pricing import PriceTable
from ctm_trio.model.quota import CostPoint
from ctm_trio.model.search import SearchQuery
from ctm_trio.owners import cost
from ctm_trio.owners import search as indexer
from ctm_trio.system.cost_store import CostStore
from ctm_trio.system.store_errors import StoreDamaged, StoreUnavailable
from tests.fakes.library import Library, bash

POINT = CostPoint("alpha", "u1", "2026-01-01T00:00:00Z", "m", 1, 2, 3, 4)
OLD = "2025-12-01T00:00:00Z"

PAGE, TABLE_LEAF = 4096, 0x0D
"""Of SQLite's file format."""


async def until(true: Callable[[], bool]) -> None:
    """Wait for a condition, ten seconds at most."""
    with trio.fail_after(30):
        while True:
            if true():
                return
            await trio.sleep(0.02)


@pytest.mark.parametrize("trouble", ["no directory", "unavailable", "damaged"])
async def test_search_goes_on(
    tmp_path: Path, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    """Whatever is wrong with its file, the indexer starts, and has every call once the trouble is over."""
    monkeypatch.setattr(indexer, "RETRY_S", 0.02)
    library = Library(tmp_path)
    library.write([bash(f"needle-{n}") for n in range(5)])
    path = tmp_path / "later" / "search.db"
    over = trouble == "no directory"
    if not over:
        path.parent.mkdir()
    step = SearchIndex.step

    def failing(self: SearchIndex, *more: Any) -> bool:
        nonlocal over
        if over:
            return step(self, *more)
        over = True
        raise StoreDamaged("torn") if trouble == "damaged" else StoreUnavailable("disk full")

    monkeypatch.setattr(SearchIndex, "step", failing)
    _, events = open_tail_channel(Bounds[Event](1, 1, lambda _: 1))
    _, tailers = open_state_channel(TailersSnapshot(caught_up=True))
    with trio.fail_after(30):
        await nursery.start(indexer.run_search, path, library.paths.database, library.paths.logs, events, tailers)
    path.parent.mkdir(exist_ok=True)
    await until(lambda: path.exists() and _found(path, library) == 5)
    assert bool(list(path.parent.glob("*.corrupt.*"))) == (trouble == "damaged")
    nursery.cancel_scope.cancel()
    library.close()


async def test_a_search_index_that_is_damaged_when_it_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A damaged page that only our own reading meets is no reason to wait: the index is made anew, and has every call.

    One that is damaged again at once waits, and is named.
    """
    monkeypatch.setattr(indexer, "RETRY_S", 0.02)
    library = Library(tmp_path)
    library.write([bash(f"needle-{n}") for n in range(5)])
    paths = library.paths
    index = SearchIndex(paths.search_index, paths.database, paths.logs)
    index.step()
    (root,) = index.db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'tools'").fetchone()
    index.close()
    sound = paths.search_index.read_bytes()
    torn = sound[: (root - 1) * PAGE] + b"\xff" * PAGE + sound[root * PAGE :]
    said: list[str] = []

    def is_made_anew() -> bool:
        return _found(paths.search_index, library) == 5

    for over in (is_made_anew, lambda: "damaged again" in said[-1]):
        paths.search_index.write_bytes(torn)
        _, events = open_tail_channel(Bounds[Event](1, 1, lambda _: 1))
        _, tailers = open_state_channel(TailersSnapshot(caught_up=True))
        async with trio.open_nursery() as run:
            await run.start(
                partial(
                    indexer.run_search, paths.search_index, paths.database, paths.logs, events, tailers, said.append
                )
            )
            await until(over)
            run.cancel_scope.cancel()
    assert len([found for found in paths.root.glob("*.corrupt.*") if found.name.endswith("Z")]) == 1
    library.close()


def _found(path: Path, library: Library) -> int:
    """How many of the calls a search finds; 0 while the index is being made."""
    try:
        with closing(connect_search(path, library.paths.database)) as db:
            return len(search(SearchQuery("needle"), db).matches)
    except (sqlite3.OperationalError, CtmError):
        return 0


async def test_cost_waits(tmp_path: Path, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a place to write, the cost owner still starts, and keeps the points that waited."""
    monkeypatch.setattr(cost, "RETRY_S", 0.02)
    send, receive = trio.open_memory_channel[CostPoint](4)
    prices, _ = open_state_channel(PriceTable("", {}))
    path = tmp_path / "later" / "cost.db"
    kept: list[int] = []
    add = CostStore.add
    monkeypatch.setattr(CostStore, "add", lambda self, points: kept.append(add(self, points)))
    with trio.fail_after(30):
        await nursery.start(cost.run_cost, receive, path, tmp_path / "later" / "prices.json", prices)
    await send.send(POINT)
    path.parent.mkdir()
    await until(lambda: kept == [1])
    send.close()


async def test_damaged_costs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nursery: trio.Nursery) -> None:
    """A damaged database is set aside and a new one begun, once; what is damaged again at once waits, and is named."""
    monkeypatch.setattr(cost, "RETRY_S", 0.02)
    send, receive = trio.open_memory_channel[CostPoint](4)
    prices, _ = open_state_channel(PriceTable("", {}))
    path = tmp_path / "cost.db"
    said: list[str] = []
    kept: list[int] = []
    tries = 0
    add = CostStore.add

    def torn(self: CostStore, points: list[CostPoint]) -> int:
        nonlocal tries
        tries += 1
        if tries < 6:
            raise StoreDamaged("torn")
        kept.append(add(self, points))
        return kept[-1]

    monkeypatch.setattr(CostStore, "add", torn)
    start = partial(cost.run_cost, receive, path, tmp_path / "prices.json", prices, None, said.append)
    await nursery.start(start)
    await send.send(POINT)
    await until(lambda: kept == [1] and said[-1] == "")  # it is said after the point is kept
    assert len([path for path in tmp_path.glob("cost.db.corrupt.*") if path.name.endswith("Z")]) == 1
    assert "damaged again within a minute" in " ".join(said)
    send.close()


@pytest.mark.parametrize(
    ("what", "holds"), [("what is told at the start", b"old-uuid"), ("what is thinned", b"old-model")]
)
async def test_costs_are_damaged_where_they_are_read(
    tmp_path: Path, nursery: trio.Nursery, what: str, holds: bytes
) -> None:
    """Damage that a new point does not touch is found all the same, and what comes next is kept in a new file."""
    send, receive = trio.open_memory_channel[CostPoint](4)
    prices, _ = open_state_channel(PriceTable("", {}))
    totals, told = open_state_channel(CostTotals())
    path = tmp_path / "cost.db"
    store = CostStore(path, PriceTable("", {}))
    for more in (0, 1):  # two points each, of which one is thinned out
        store.add(CostPoint("alpha", f"old-uuid-{n}", OLD, "old-model", 1, 2, 3, 4 + more) for n in range(500))
    store.close()
    tear(path, holds)
    await nursery.start(cost.run_cost, receive, path, tmp_path / "prices.json", prices, totals)
    await until(lambda: len(list(tmp_path.glob("cost.db.corrupt.*"))) > 0)
    await send.send(POINT)
    await until(lambda: told.latest.micros == {POINT.uuid: 4})
    send.close()


async def test_costs_that_could_not_be_told_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nursery: trio.Nursery
) -> None:
    """They are told as soon as they can be read, though no new point comes; meanwhile it is said what is wrong."""
    monkeypatch.setattr(cost, "RETRY_S", 0.02)
    send, receive = trio.open_memory_channel[CostPoint](4)
    prices, _ = open_state_channel(PriceTable("", {}))
    totals, told = open_state_channel(CostTotals())
    path = tmp_path / "cost.db"
    store = CostStore(path, PriceTable("", {}))
    store.add([POINT])
    store.close()
    said: list[str] = []
    real = CostStore.totals
    tries = 0

    def locked(self: CostStore) -> dict[str, int]:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise StoreUnavailable("database is locked")
        return real(self)

    monkeypatch.setattr(CostStore, "totals", locked)
    await nursery.start(cost.run_cost, receive, path, tmp_path / "prices.json", prices, totals, said.append)
    await until(lambda: told.latest.micros == {POINT.uuid: 4})
    await until(lambda: said == ["", "database is locked", ""])
    send.close()


def tear(path: Path, holds: bytes) -> None:
    """Overwrite a leaf of a table in a database, not the first, that holds these bytes."""
    data = bytearray(path.read_bytes())
    pages = [at for at in range(0, len(data), PAGE) if data[at] == TABLE_LEAF and holds in data[at : at + PAGE]]
    at = pages[len(pages) // 2]
    data[at : at + PAGE] = b"\xff" * PAGE
    path.write_bytes(data)
