"""The cost owner: points of the cost curve in, a database of its own. Source: PROTOCOL.md, Quota and cost."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import trio

from ctm_trio.core.channels import StateSender
from ctm_trio.messages.cost import CostTotals
from ctm_trio.model.pricing import PriceTable
from ctm_trio.model.quota import CostPoint
from ctm_trio.system.cost_store import CostStore, load_prices
from ctm_trio.system.file_watch import Trouble, watch_side_file
from ctm_trio.system.store_errors import StoreDamaged, StoreRefused, StoreUnavailable

T = TypeVar("T")

log = logging.getLogger("ctm.cost")

BATCH = 256
"""Points kept in one transaction."""

THIN_EVERY_S = 3600.0

RETRY_S = 2.0
"""While the database cannot be written: how soon it is tried again. Meanwhile no further points are taken."""


async def run_cost(
    points: trio.MemoryReceiveChannel[CostPoint],
    path: Path,
    prices_path: Path,
    prices: StateSender[PriceTable],
    totals: StateSender[CostTotals] | None = None,
    report: Callable[[str], object] = len,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Own the costs until cancelled, or until nobody sends any more; closes `points`. Ready once reads work.

    Args:
        path: of the database. prices_path: the user's price table, read at the start.
        prices: the table that is in use.
        totals: what each Claude session has cost by its client's word, as it is kept.
        report: told what is wrong with the database, "" when nothing is any more.
    """
    limiter = trio.CapacityLimiter(1)
    trouble = Trouble(report)
    table, problem = await trio.to_thread.run_sync(load_prices, prices_path, limiter=limiter, abandon_on_cancel=True)
    if problem:
        log.warning("prices: %s", problem)
    prices.publish(table)
    store = await _open(path, table, limiter, trouble)
    try:
        task_status.started()
        while store is None:
            await trio.sleep(RETRY_S)
            store = await _open(path, table, limiter, trouble)
        async with trio.open_nursery() as nursery:
            watch = partial(watch_side_file, store, limiter, partial(trouble.note, "file"))
            nursery.start_soon(watch, name="ctm: watch of the costs' file")
            with points:
                await _follow(points, store, totals, limiter, trouble)
            nursery.cancel_scope.cancel()
    finally:
        with trio.CancelScope(shield=True):  # a disk that hangs is the business of `daemon.hard_stop`
            if store is not None:
                await trio.to_thread.run_sync(store.close, limiter=limiter)


async def _follow(
    points: trio.MemoryReceiveChannel[CostPoint],
    store: CostStore,
    totals: StateSender[CostTotals] | None,
    limiter: trio.CapacityLimiter,
    trouble: Trouble,
) -> None:
    """Keep what comes and tell the totals, until nobody sends any more."""
    thin_at = trio.current_time()
    told = False
    while True:
        if not told:
            told = await _tell(store, totals, limiter, trouble)
        batch: list[CostPoint] = []
        with trio.move_on_at(thin_at if told else min(thin_at, trio.current_time() + RETRY_S)):
            try:
                batch.append(await points.receive())
            except trio.EndOfChannel:
                return
        while batch and len(batch) < BATCH:
            try:
                batch.append(points.receive_nowait())
            except (trio.WouldBlock, trio.EndOfChannel):
                break
        if batch:
            await _keep(store, batch, limiter, trouble)
            told = False
        if trio.current_time() >= thin_at:
            await _thin(store, limiter)
            thin_at = trio.current_time() + THIN_EVERY_S


async def _open(path: Path, table: PriceTable, limiter: trio.CapacityLimiter, trouble: Trouble) -> CostStore | None:
    """The store, or None while it cannot be opened (disk full, locked, made by a newer program)."""
    try:
        store = await trio.to_thread.run_sync(CostStore, path, table, limiter=limiter)
    except (StoreUnavailable, OSError) as error:
        if trouble.note("open", str(error)):
            log.warning("costs wait: %s", error)
        return None
    trouble.note("open", "")
    return store


async def _keep(store: CostStore, batch: list[CostPoint], limiter: trio.CapacityLimiter, trouble: Trouble) -> None:
    """Keep a batch, however long the database is away; the senders wait meanwhile."""
    while True:
        try:
            await trio.to_thread.run_sync(_mended, store, partial(store.add, batch), limiter=limiter)
        except StoreRefused as error:
            if len(batch) == 1:
                log.error("a point of %s is left out of the costs: %s", batch[0].session, error.message)
                return
            for point in batch:
                await _keep(store, [point], limiter, trouble)
            return
        except (StoreUnavailable, StoreDamaged) as error:
            if trouble.note("write", error.message):
                log.warning("costs wait: %s", error.message)
            await trio.sleep(RETRY_S)
        else:
            trouble.note("write", "")
            return


async def _tell(
    store: CostStore, totals: StateSender[CostTotals] | None, limiter: trio.CapacityLimiter, trouble: Trouble
) -> bool:
    """Publish what every Claude session has cost. False if it cannot be read just now; then all stays as it was."""
    if totals is None:
        return True
    try:
        totals.publish(CostTotals(await trio.to_thread.run_sync(_mended, store, store.totals, limiter=limiter)))
    except (StoreUnavailable, StoreDamaged) as error:
        if trouble.note("read", error.message):
            log.warning("costs are told later: %s", error.message)
        return False
    trouble.note("read", "")
    return True


async def _thin(store: CostStore, limiter: trio.CapacityLimiter) -> None:
    try:
        await trio.to_thread.run_sync(_mended, store, partial(store.thin, time.time()), limiter=limiter)
    except (StoreUnavailable, StoreDamaged) as error:
        log.warning("old points are thinned later: %s", error.message)


def _mended(store: CostStore, work: Callable[[], T]) -> T:
    """Do the work; if the file turns out to be damaged, once more on a new one. Runs in the store's thread.

    Raises:
        StoreUnavailable: it cannot be done now. StoreDamaged: the new file is damaged as well.
    """
    try:
        return work()
    except StoreDamaged as error:
        store.begin_anew(error)
        return work()
