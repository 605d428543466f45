"""The webhook owner: announcements of attention from the event log into the outbox, and from there to the endpoint.

Each of the two ways has a file of its own, `intake.py` and `dispatch.py`; here are the task and what it
answers the web.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import NoReturn

import trio

from ctm_trio.core.channels import StateSender, fulfil
from ctm_trio.errors.settings import NoWebhook
from ctm_trio.messages.webhook import ListDeliveries, TestWebhook, WebhookMessage, WebhookSnapshot
from ctm_trio.model.event import format_event_id
from ctm_trio.model.times import format_time
from ctm_trio.model.webhook import Alert, Answer
from ctm_trio.owners.webhook.desk import WebhookDesk, WebhookEnds
from ctm_trio.owners.webhook.dispatch import TESTS_AT_ONCE, Dispatch
from ctm_trio.owners.webhook.intake import Intake
from ctm_trio.system.file_watch import watch_side_file
from ctm_trio.system.outbox import Outbox

INBOX = 4
"""Orders of the web that wait; a request gives up after its own time."""

TESTS_WAITING = 8
"""Test alerts that wait for that; one more is told so at once."""

TEST_S = 9.5
"""One test alert, so that its answer is there within 10 s."""


async def run_webhook(
    ends: WebhookEnds,
    inbox: trio.MemoryReceiveChannel[WebhookMessage],
    state: StateSender[WebhookSnapshot],
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> NoReturn:
    """Own the outbox until cancelled; closes `inbox`. A try that is cut off is made again later.

    Ready once the outbox is open and the journal was asked for what follows. Source: PROTOCOL.md, Webhooks.
    """
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it would log the address, which may hold a secret
    with inbox:
        one = trio.CapacityLimiter(1)
        outbox = await trio.to_thread.run_sync(Outbox, ends.path, limiter=one)
        desk = WebhookDesk(ends, state, outbox, one)
        intake, dispatch = Intake(desk), Dispatch(desk)
        try:
            await intake.begin()
            await desk.count()
            async with trio.open_nursery() as nursery:
                watch = partial(watch_side_file, outbox, one, partial(desk.trouble.note, "file"))
                nursery.start_soon(watch, name="ctm: watch of the outbox's file")
                await nursery.start(intake.follow_journal)
                nursery.start_soon(dispatch.follow_settings)
                nursery.start_soon(intake.follow_sessions)
                nursery.start_soon(dispatch.run)
                task_status.started()
                await Orders(desk, dispatch).serve(inbox)
        finally:
            with trio.CancelScope(shield=True):  # a disk that hangs is the business of `daemon.hard_stop`
                await trio.to_thread.run_sync(outbox.close, limiter=one)
    raise AssertionError("unreachable")


class Orders:
    """What the web asks for: the newest deliveries, and a test alert."""

    def __init__(self, desk: WebhookDesk, dispatch: Dispatch) -> None:
        self._desk, self._dispatch = desk, dispatch

    async def serve(self, inbox: trio.MemoryReceiveChannel[WebhookMessage]) -> NoReturn:
        """Answer orders. A test runs beside the others, and ends with this task."""
        async with trio.open_nursery() as nursery:
            room = trio.CapacityLimiter(TESTS_AT_ONCE)
            async for order in inbox:
                if isinstance(order, ListDeliveries):
                    found = await self._desk.stored(self._desk.outbox.newest)
                    order.reply.ok(tuple(found))
                elif room.statistics().tasks_waiting >= TESTS_WAITING:
                    order.reply.ok(Answer(None, "Other tests are under way; try again in a few seconds."))
                else:
                    nursery.start_soon(self._test, order, room)
        raise AssertionError("unreachable")

    async def _test(self, order: TestWebhook, room: trio.CapacityLimiter) -> None:
        async with room:
            await fulfil(order.reply, self._send_test)
            await self._desk.count()

    async def _send_test(self) -> Answer:
        if not self._desk.settings.webhook_url:
            raise NoWebhook("No webhook is set; enter its address first.")
        now = self._desk.ends.clock()
        alert = Alert(
            id=format_event_id(int(now * 1e9)), event="test", alert="test", session="ctm", ts=format_time(now),
            details="This is a test alert from ctm.", ui_url=f"http://127.0.0.1:{self._desk.ends.port}/",
        )  # fmt: skip
        return await self._dispatch.attempt(alert, TEST_S)
