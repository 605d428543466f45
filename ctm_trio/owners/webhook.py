"""The webhook owner: announcements of attention from the event log into the outbox, and from there to the endpoint.

It reads the journal from the place that the outbox remembers. So an alert that was announced is sent, whenever the
daemon was stopped in between, and one that was stored is not stored again.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NoReturn, TypeVar

import msgspec
import trio

from ctm_trio.core.bell import Bell
from ctm_trio.core.channels import StateReceiver, StateSender, fulfil
from ctm_trio.core.clock import Clock
from ctm_trio.errors.base import CtmError
from ctm_trio.errors.settings import NoWebhook
from ctm_trio.journal.tail import EventTail
from ctm_trio.journal.view import After, Batch, EventView, Live
from ctm_trio.messages.config import ConfigSnapshot
from ctm_trio.messages.sessions import SessionsSnapshot
from ctm_trio.messages.webhook import ListDeliveries, TestWebhook, WebhookMessage, WebhookSnapshot
from ctm_trio.model.config import Settings
from ctm_trio.model.event import Event, format_event_id
from ctm_trio.model.session import Session, successors
from ctm_trio.model.times import format_time
from ctm_trio.model.webhook import Alert, Answer, Cooldown, Post, make_post
from ctm_trio.system.courier import Courier
from ctm_trio.system.file_watch import Trouble, watch_side_file
from ctm_trio.system.outbox import Outbox, Waiting

log = logging.getLogger("ctm.webhook")

T = TypeVar("T")

AT_ONCE = 8
"""Tries at the same time. Source: PROTOCOL.md, Webhooks."""

INBOX = 4
"""Orders of the web that wait; a request gives up after its own time."""

TESTS_AT_ONCE = 2
"""Test alerts at the same time; another one waits."""

TESTS_WAITING = 8
"""Test alerts that wait for that; one more is told so at once."""

TEST_S = 9.5
"""One test alert, so that its answer is there within 10 s."""

STORE_RETRY_S = 1.0
"""How often it is tried again while the outbox cannot be written: until then the journal's cursor stays."""

MAX_HAD = 2000
"""Claude session ids whose records are remembered."""

TYPES = frozenset({"attention_raised", "attention_cleared"})


@dataclass(frozen=True, slots=True)
class WebhookEnds:
    """What the owner reads. `path`: of the outbox; `port`: of the dashboard, for links."""

    events: EventTail
    settings: StateReceiver[ConfigSnapshot]
    sessions: StateReceiver[SessionsSnapshot]
    path: Path
    port: int
    clock: Clock = time.time
    report: Callable[[str], object] = len
    """Told what is wrong with the outbox, "" when nothing is any more."""


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
        owner = _WebhookOwner(ends, state, outbox, one)
        try:
            await owner.begin()
            async with trio.open_nursery() as nursery:
                watch = partial(watch_side_file, outbox, one, partial(owner.trouble.note, "file"))
                nursery.start_soon(watch, name="ctm: watch of the outbox's file")
                await nursery.start(owner.follow_journal)
                nursery.start_soon(owner.follow_settings)
                nursery.start_soon(owner.follow_sessions)
                nursery.start_soon(owner.dispatch)
                task_status.started()
                await owner.serve(inbox)
        finally:
            with trio.CancelScope(shield=True):  # a disk that hangs is the business of `daemon.hard_stop`
                await trio.to_thread.run_sync(outbox.close, limiter=one)
    raise AssertionError("unreachable")


class _WebhookOwner:
    def __init__(
        self, ends: WebhookEnds, state: StateSender[WebhookSnapshot], outbox: Outbox, one: trio.CapacityLimiter
    ) -> None:
        self.ends = ends
        self.state = state
        self.outbox = outbox
        self.one = one
        self.counts = state.latest
        self.trouble = Trouble(ends.report)
        self.bell = Bell()
        self.busy: set[str] = set()
        self.courier = Courier(AT_ONCE + TESTS_AT_ONCE, clock=ends.clock)
        self.problem = ""
        self.cooldown = Cooldown()
        self.due: dict[int, float] = {}
        """When the waiting alerts may be tried, by the clock that never jumps."""
        self.had: dict[str, Session] = {}

    @property
    def settings(self) -> Settings:
        return self.ends.settings.latest.settings

    async def begin(self) -> None:
        """Take over what an earlier run left: how many wait, and what is still kept back."""
        now = trio.current_time()
        for session, alert, event, age in await self._stored(lambda: self.outbox.recent(self.ends.clock())):
            self.cooldown.note(session, alert, event, now - age)
        await self.count()

    # ------------------------------------------------------------ into the outbox

    async def follow_journal(
        self,
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> NoReturn:
        """Store what is announced, from where the outbox stands."""
        while True:
            cursor = await self._stored(self.outbox.cursor)
            start = Live() if cursor is None else After(cursor, deep=True, ours=True)
            async with self.ends.events.follow(EventView(types=TYPES), start, eager=True) as following:
                if following.replay.lost:
                    log.warning("some alerts are too old to be sent")
                await self._take(following.replay, first=cursor is None)
                task_status.started()
                task_status = trio.TASK_STATUS_IGNORED
                async for batch in following.live:
                    if batch.lost:
                        break  # the outbox could not be written for long; the event log still has them
                    await self._take(batch)
                else:
                    await trio.sleep_forever()  # the event log is closed: we are about to be cancelled

    async def _take(self, batch: Batch, *, first: bool = False) -> None:
        if batch.events or first:
            await self.store(batch.events, batch.events[-1].id if batch.events else batch.cursor)

    async def store(self, events: Sequence[Event], cursor: int) -> None:
        """Store the alerts of these announcements, without those that came within the cooldown of the same one.

        How far apart announcements are is taken from their ids only within one batch: what the wall clock says of them
        and of now may differ by anything after it was set.
        """
        settings, now, newest = self.settings, trio.current_time(), events[-1].id if events else 0
        alerts: list[tuple[int, Alert]] = []
        suppressed = 0
        for event in events:
            if not settings.webhook_url or event.type not in settings.webhook_events:
                continue
            alert = self._alert(event)
            if alert is None:
                continue
            at = now - (newest - event.id) / 1e9
            if self.cooldown.accept(alert.session, alert.alert, alert.event, at):
                alerts.append((event.id, alert))
            else:
                suppressed += 1
        await self._stored(lambda: self.outbox.store(alerts, cursor, self.ends.clock()))
        if alerts or suppressed:
            await self.count(suppressed=suppressed)
            self.bell.ring()

    def _alert(self, event: Event) -> Alert | None:
        try:
            payload = msgspec.json.decode(event.payload, type=_Announcement)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            log.warning("an announcement cannot be read and is not sent: %s", error)
            return None
        record = self.ends.sessions.latest.records.get(event.session)
        if record is not None and event.uuid and record.uuid != event.uuid:
            record = self.had.get(event.uuid)  # /clear, or another session has the name now
        return Alert(
            id=format_event_id(event.id),
            event=event.type,
            alert=payload.state,
            session=event.session,
            ts=event.ts,
            session_uuid=record.uuid if record else event.uuid,
            workdir=record.workdir if record else "",
            mode=record.mode if record else "",
            details=payload.details,
            ui_url=f"http://127.0.0.1:{self.ends.port}/s/{event.session}",
        )

    async def _stored(self, work: Callable[[], T]) -> T:
        """Do it in the outbox's thread; wait while the disk refuses."""
        while True:
            try:
                done = await trio.to_thread.run_sync(work, limiter=self.one)
            except CtmError as error:
                if self.trouble.note("outbox", error.message):
                    log.warning("the outbox cannot be written: %s", error.message)
                await trio.sleep(STORE_RETRY_S)
            else:
                self.trouble.note("outbox", "")
                return done

    async def follow_sessions(self) -> NoReturn:
        """Remember whose a Claude session id was: an alert may be stored after its session is gone."""
        version, records = -1, self.ends.sessions.latest.records
        while True:
            version = await self.ends.sessions.wait_newer(version)
            before, records = records, self.ends.sessions.latest.records
            for name in before.keys() - successors(before, records).values():
                self.cooldown.forget(name)
            self.had |= {record.uuid: record for record in records.values() if record.uuid}
            while len(self.had) > max(MAX_HAD, len(records)):
                del self.had[next(iter(self.had))]

    # ------------------------------------------------------------ out of it

    async def follow_settings(self) -> NoReturn:
        """A new address, or a new authorization: try everything that waits at once."""
        version, seen = self.ends.settings.version, _target(self.settings)
        while True:
            version = await self.ends.settings.wait_newer(version)
            if _target(self.settings) != seen:
                seen = _target(self.settings)
                await self._stored(self.outbox.retry_now)
                self.due.clear()
                self.problem = ""  # the next try will tell
                await self.count()
                self.bell.ring()

    async def dispatch(self) -> NoReturn:
        """Try each session's oldest alert when it is due, at most `AT_ONCE` at the same time."""
        async with trio.open_nursery() as nursery:
            while True:
                heads = await self._stored(lambda: self.outbox.heads(self.ends.clock()))
                now, soonest = trio.current_time(), math.inf
                self.due = {head.id: self.due.get(head.id, now + head.wait) for head in heads}
                for head in heads:
                    if head.session in self.busy or not self.settings.webhook_url:
                        continue
                    if self.due[head.id] > now:
                        soonest = min(soonest, self.due[head.id])
                    elif len(self.busy) < AT_ONCE:
                        self.busy.add(head.session)
                        nursery.start_soon(self.deliver, head)
                with trio.move_on_at(soonest):
                    await self.bell.wait()
        raise AssertionError("unreachable")

    async def deliver(self, head: Waiting) -> None:
        """One try."""
        answer = await self.attempt(head.alert)
        answered = trio.current_time()
        status, pause = await self._stored(partial(self.outbox.record, head, answer, self.ends.clock()))
        self.due[head.id] = answered + pause
        if not answer.ok:
            log.warning("webhook for %s (%s): %s", head.session, head.alert.alert, answer.error)
        await self.count(delivered=status == "delivered", failed=status == "failed")
        self.busy.discard(head.session)
        self.bell.ring()

    async def attempt(self, alert: Alert, limit_s: float | None = None) -> Answer:
        """Post an alert once, as the settings are now. Never raises: what goes wrong is in the answer."""
        settings = self.settings

        def make() -> Post:
            return make_post(
                alert, settings.webhook_format, settings.webhook_url, settings.webhook_auth, settings.webhook_secret,
                self.ends.clock(),
            )  # fmt: skip

        answer = await self.courier.post(settings.webhook_url, make, limit_s)
        if settings.webhook_url:
            self.problem = answer.error if answer.ours else ""
        return answer

    # ------------------------------------------------------------ the web's orders

    async def serve(self, inbox: trio.MemoryReceiveChannel[WebhookMessage]) -> NoReturn:
        """Answer orders. A test runs beside the others, and ends with this task."""
        async with trio.open_nursery() as nursery:
            room = trio.CapacityLimiter(TESTS_AT_ONCE)
            async for order in inbox:
                if isinstance(order, ListDeliveries):
                    found = await self._stored(self.outbox.newest)
                    order.reply.ok(tuple(found))
                elif room.statistics().tasks_waiting >= TESTS_WAITING:
                    order.reply.ok(Answer(None, "Other tests are under way; try again in a few seconds."))
                else:
                    nursery.start_soon(self._test, order, room)
        raise AssertionError("unreachable")

    async def _test(self, order: TestWebhook, room: trio.CapacityLimiter) -> None:
        async with room:
            await fulfil(order.reply, self._send_test)
            await self.count()

    async def _send_test(self) -> Answer:
        if not self.settings.webhook_url:
            raise NoWebhook("No webhook is set; enter its address first.")
        now = self.ends.clock()
        alert = Alert(
            id=format_event_id(int(now * 1e9)), event="test", alert="test", session="ctm", ts=format_time(now),
            details="This is a test alert from ctm.", ui_url=f"http://127.0.0.1:{self.ends.port}/",
        )  # fmt: skip
        return await self.attempt(alert, TEST_S)

    # ------------------------------------------------------------ counters

    async def count(self, *, delivered: int = 0, failed: int = 0, suppressed: int = 0) -> None:
        """Add to the counters and publish them, with how many wait now."""
        waiting = await self._stored(self.outbox.waiting)
        old = self.counts
        self.counts = WebhookSnapshot(
            old.delivered + delivered, old.failed + failed, old.suppressed + suppressed, waiting,
            self.problem if self.settings.webhook_url else "",
        )  # fmt: skip
        self.state.publish(self.counts)


class _Announcement(msgspec.Struct):
    state: str
    details: str = ""


def _target(settings: Settings) -> tuple[str, ...]:
    return settings.webhook_url, settings.webhook_auth, settings.webhook_secret, settings.webhook_format
