"""The search indexer: follows the event log, in its own time.

Source: PROTOCOL.md, History, search, details.
"""

from __future__ import annotations

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
from ctm_trio.system.file_watch import Trouble
from ctm_trio.system.kept_index import RETRY_S, KeptIndex

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
    make = partial(SearchIndex, path, journal_path, logs)
    indexer = KeptIndex(make, path, Trouble(report), "search index")
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


async def _follow(
    indexer: KeptIndex[SearchIndex], events: TailSource[Event], tailers: StateReceiver[TailersSnapshot]
) -> NoReturn:
    live = True  # logs may be waiting to be read
    with trio.move_on_after(LOGS_S):
        await tailers.when(lambda found: found.caught_up)
    while True:
        seen, began = events.head(), trio.current_time()
        more = await indexer.run(partial(_step, LIVE_ROWS if live else STEP_ROWS))
        if more is None:
            await trio.sleep(RETRY_S)
            continue
        live = events.head() != seen
        if more:
            await trio.sleep(CALM_SHARE * (trio.current_time() - began) if live else PAUSE_S)
        else:
            await _moved(indexer, events, seen)
            await trio.sleep(SETTLE_S)


def _step(rows: int, index: SearchIndex) -> bool:
    return index.step(rows, trio.from_thread.check_cancelled)


async def _moved(indexer: KeptIndex[SearchIndex], events: TailSource[Event], seen: int) -> None:
    """Wait until there is something new, or the index has to be made anew."""
    async with trio.open_nursery() as nursery:

        async def wait_for_end() -> None:
            await indexer.ended.wait()
            nursery.cancel_scope.cancel()

        nursery.start_soon(wait_for_end)
        await events.moved(seen)
        nursery.cancel_scope.cancel()
