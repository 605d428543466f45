"""How an owner folds the event log: what is known first, then each event; when some are lost, all over again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NoReturn

import trio

from ctm_trio.journal.tail import EventTail
from ctm_trio.journal.view import EventView, Live
from ctm_trio.model.event import Event

FULL_BATCH = 200
"""After a batch of as many events nothing is gathered: more wait already."""


async def fold_events(
    events: EventTail,
    view: EventView,
    remember: Callable[[], Awaitable[None]],
    take: Callable[[tuple[Event, ...]], Awaitable[None]],
    *,
    gather_s: float = 0.0,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> NoReturn:
    """Follow the event log until cancelled.

    Args:
        remember: takes over what is in the event log already; events may come twice, there and in `take`.
        take: folds events, in their order.
        gather_s: how long to wait after some were folded, so that those that follow come together.
        task_status: `started()` once what is known was taken over.
    """
    while True:
        async with events.follow(view, Live(), eager=True) as following:
            await remember()
            task_status.started()
            task_status = trio.TASK_STATUS_IGNORED
            async for batch in following.live:
                if batch.lost:
                    break
                await take(batch.events)
                if gather_s and len(batch.events) < FULL_BATCH:
                    await trio.sleep(gather_s)
            else:
                await trio.sleep_forever()  # the event log is closed: we are about to be cancelled
