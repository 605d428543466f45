"""The search indexer: follows the event log, in its own time.

Source: PROTOCOL.md, History, search, details.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NoReturn

import trio

from ctm_trio.archive.search_index import STEP_ROWS, SearchIndex
from ctm_trio.core.channels import StateReceiver
from ctm_trio.core.tail_channel import TailSource
from ctm_trio.messages.tailers import TailersSnapshot
from ctm_trio.model.event import Event
from ctm_trio.system.file_watch import Trouble, watch_file
from ctm_trio.system.side_database import begin_anew
from ctm_trio.system.store_errors import StoreDamaged, StoreUnavailable

log = logging.getLogger("ctm.search")

LOGS_S = 60.0
"""At the start the indexer leaves the machine to those who read the logs, but no longer than this."""

SETTLE_S = 1.0
"""After a new event the indexer waits so long for more: one transaction for all of them."""

PAUSE_S = 0.005
"""Between two steps while it catches up, so that the threads of live work get their turn."""

CALM_SHARE = 2.0
"""While events come in, the indexer pauses so many times as long as its last step took."""

LIVE_ROWS = 250
"""And takes smaller steps: a tenth of the usual."""

RETRY_S = 5.0
"""While the index cannot be written (disk full): how soon it is tried again."""


async def run_search(
    path: Path,
    journal_path: Path,
    logs: Path,
    events: TailSource[Event],
    tailers: StateReceiver[TailersSnapshot],
    report: Callable[[str], object] = len,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> NoReturn:
    """Own the search index until cancelled. It goes on where it stopped; each step is committed with its position.

    Args:
        path: of the index. journal_path: of the event log. logs: the directory of the logs.
        events: tells when there is something new. tailers: tells when the logs are read.
        report: told what is wrong with the index, "" when nothing is any more.
    """
    indexer = _Indexer(partial(SearchIndex, path, journal_path, logs), path, Trouble(report))
    try:
        await indexer.open()  # once before we are ready; if it fails, searches are refused until it works
        task_status.started()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(indexer.watch, name="ctm: watch of the search index's file")
            await _follow(indexer, events, tailers)
        raise AssertionError("unreachable")
    finally:
        with trio.CancelScope(shield=True):  # a disk that hangs is the business of `daemon.hard_stop`
            await indexer.close()


async def _follow(indexer: _Indexer, events: TailSource[Event], tailers: StateReceiver[TailersSnapshot]) -> NoReturn:
    live = True  # logs may be waiting to be read
    with trio.move_on_after(LOGS_S):
        await tailers.when(lambda found: found.caught_up)
    while True:
        seen, began = events.head(), trio.current_time()
        more = await indexer.step(LIVE_ROWS if live else STEP_ROWS)
        if more is None:
            await trio.sleep(RETRY_S)
            continue
        live = events.head() != seen
        if more:
            await trio.sleep(CALM_SHARE * (trio.current_time() - began) if live else PAUSE_S)
        else:
            await _moved(indexer, events, seen)
            await trio.sleep(SETTLE_S)


async def _moved(indexer: _Indexer, events: TailSource[Event], seen: int) -> None:
    """Wait until there is something new, or the index has to be made anew."""
    async with trio.open_nursery() as nursery:

        async def wait_for_end() -> None:
            await indexer.ended.wait()
            nursery.cancel_scope.cancel()

        nursery.start_soon(wait_for_end)
        await events.moved(seen)
        nursery.cancel_scope.cancel()


class _Indexer:
    """The index in its thread, whatever state its file is in."""

    def __init__(self, make: Callable[[], SearchIndex], path: Path, trouble: Trouble) -> None:
        self._make = make
        self._trouble = trouble
        self._path = path
        self._index: SearchIndex | None = None
        self.ended = trio.Event()
        """The index that was open is not any more."""
        self._watching = trio.CancelScope()
        self._limiter = trio.CapacityLimiter(1)
        self._file = trio.Lock()
        """Whoever opens the file, or sets it aside: it must not be moved from under an index that was just opened."""

    async def open(self) -> bool:
        """Open the index if it is not open. False if that cannot be done now; a damaged file is set aside first."""
        async with self._file:
            if self._index is None:
                try:
                    self._index = await trio.to_thread.run_sync(self._make, limiter=self._limiter)
                except StoreDamaged as error:
                    await self._set_aside(error)
                except (StoreUnavailable, OSError) as error:
                    self._wait(str(error))
                else:
                    self.ended = trio.Event()
                    self._trouble.note("index", "")
            return self._index is not None

    async def step(self, limit: int) -> bool | None:
        """One step: whether there is more to do at once, None if it could not be done now."""
        if not await self.open() or (index := self._index) is None:
            return None
        try:
            step = partial(index.step, limit, trio.from_thread.check_cancelled)
            more = await trio.to_thread.run_sync(step, limiter=self._limiter)
        except StoreUnavailable as error:
            self._wait(error.message)
        except StoreDamaged as error:
            await self._begin_anew(index, error)
        else:
            self._trouble.note("index", "")
            return more
        return None

    async def watch(self) -> NoReturn:
        """Watch the index's file, whenever it is open."""
        while True:
            index = self._index
            if index is None:
                await trio.sleep(RETRY_S)
                continue
            with trio.CancelScope() as self._watching:
                try:
                    await watch_file(index, self._limiter, partial(self._trouble.note, "file"))
                except StoreDamaged as error:
                    await self._begin_anew(index, error)

    async def _begin_anew(self, index: SearchIndex, error: StoreDamaged) -> None:
        """Make the index anew, unless that was done since: it holds nothing that the event log has not."""
        with trio.CancelScope(shield=True):  # closing ends the watch, which may be who found the damage
            async with self._file:
                if self._index is index:
                    await self.close()
                    await self._set_aside(error)

    async def _set_aside(self, error: StoreDamaged) -> None:
        """Set the damaged file aside. The caller has `_file`, and the index is closed."""
        try:
            with trio.CancelScope(shield=True):
                await trio.to_thread.run_sync(begin_anew, self._path, error, limiter=self._limiter)
        except StoreUnavailable as problem:
            self._wait(problem.message)
        else:
            self._trouble.note("file", "")

    def _wait(self, problem: str) -> None:
        if self._trouble.note("index", problem):
            log.warning("the search index waits: %s", problem)

    async def close(self) -> None:
        """Close the index if it is open."""
        index, self._index = self._index, None
        self.ended.set()
        self._watching.cancel()
        if index is not None:
            await trio.to_thread.run_sync(index.close, limiter=self._limiter)
