"""The search indexer: follows the event log, in its own time. Source: contract B6, design of the event log."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path
from typing import NoReturn

import trio

from ctm_trio.channels import StateReceiver
from ctm_trio.messages import JournalSnapshot
from ctm_trio.system.search_index import STEP_ROWS, SearchIndex
from ctm_trio.system.store import StoreUnavailable

log = logging.getLogger("ctm.search")

SETTLE_S = 0.25
"""After a new event the indexer waits so long for more: one transaction for all of them."""

PAUSE_S = 0.005
"""Between two steps while it catches up, so that the threads of live work get their turn."""

CALM_SHARE = 2.0
"""While events come in, the indexer pauses so many times as long as its last step took."""

LIVE_ROWS = 250
"""And takes smaller steps: a tenth of the usual."""

RETRY_S = 5.0
"""While the index cannot be written (disk full): how soon it is tried again."""

CLOSE_S = 3.0


async def run_search(
    path: Path,
    journal_path: Path,
    logs: Path,
    journal: StateReceiver[JournalSnapshot],
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> NoReturn:
    """Own the search index until cancelled. It goes on where it stopped; each step is committed with its position.

    Args:
        path: of the index. journal_path: of the event log. logs: the directory of the logs.
        journal: tells when there is something new.
    """
    limiter = trio.CapacityLimiter(1)
    index = await trio.to_thread.run_sync(SearchIndex, path, journal_path, logs, limiter=limiter)
    try:
        task_status.started()
        live = True  # logs may be waiting to be read
        while True:
            version, began = journal.version, trio.current_time()
            try:
                more = await trio.to_thread.run_sync(index.step, LIVE_ROWS if live else STEP_ROWS, limiter=limiter)
            except StoreUnavailable as error:
                log.warning("the search index waits: %s", error.message)
                await trio.sleep(RETRY_S)
                continue
            live = journal.version != version
            if more:
                await trio.sleep(CALM_SHARE * (trio.current_time() - began) if live else PAUSE_S)
            else:
                await journal.wait_newer(version)
                await trio.sleep(SETTLE_S)
    finally:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + CLOSE_S):
            await trio.to_thread.run_sync(partial(index.close), limiter=limiter)
