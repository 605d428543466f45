"""The attention owner: events and snapshots in, one state a session out, each change announced.

It follows the journal and publishes to it, so it must never make the journal wait: it reads at its own cursor, and what
it announces waits in a bounded list of its own until the inbox has room.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import NoReturn, Protocol

import msgspec
import trio

from ctm_trio.core.bell import Bell
from ctm_trio.core.channels import StateReceiver, StateSender
from ctm_trio.core.clock import Clock
from ctm_trio.errors.base import CtmError
from ctm_trio.journal.fold import fold_events
from ctm_trio.journal.recall import Recalled
from ctm_trio.journal.tail import EventTail
from ctm_trio.journal.view import EventView
from ctm_trio.messages.attention import AttentionSnapshot
from ctm_trio.messages.clients import ClientsSnapshot
from ctm_trio.messages.config import ConfigSnapshot
from ctm_trio.messages.journal import JournalMessage, Publish
from ctm_trio.messages.quota import QuotaSnapshot
from ctm_trio.messages.sessions import SessionsSnapshot
from ctm_trio.messages.status import StatusSnapshot
from ctm_trio.messages.tailers import TailersSnapshot
from ctm_trio.model.activity import LiveStatus
from ctm_trio.model.event import HOOK_TYPE, Event
from ctm_trio.owners.attention.book import AttentionBook

log = logging.getLogger("ctm.attention")

TICK_S = 30.0
"""Everything is looked at anyway this often. Source: PROTOCOL.md, Attention."""

SOONEST_S = 0.02
"""The clock never rings faster than this."""

SETTLE_S = 2.0
"""It begins when the logs are read to their end, or after so long: what happened while the daemon was down
is not announced; only the resulting state is. If reading takes longer, lines count by the batch until then, not one by
one."""

LIVE_S = 1.0
"""How often the clients' own word is read, only while a session waits for an approval: no hook tells of the answer."""

GATHER_S = 0.1
"""After events were folded, those that follow are gathered for so long: a state is announced so much later at most."""

TURN_EVENTS = 200
"""Events between two checkpoints of the loop: about two milliseconds."""


EVENTS = EventView(types=frozenset({"tool_call", HOOK_TYPE}), internal=True)


class Recall(Protocol):
    """`journal.recall.recall` on the database; run in a thread."""

    def __call__(self, sessions: frozenset[str], calls: int) -> Recalled:
        """Recall the last `calls` calls of each session."""


ReadLive = Callable[[], Mapping[str, LiveStatus]]
"""What running clients say of themselves, by Claude session id; run in a thread."""

LastCheckpoint = Callable[[str], Awaitable[float | None]]
"""Work directory → time of its newest checkpoint in unix seconds, None if it has none. Never raises; takes its time."""


class AttentionEnds(msgspec.Struct, frozen=True):
    """What the owner reads and whom it asks. `clock`: unix seconds; `steady`: of a clock that never jumps."""

    events: EventTail
    settings: StateReceiver[ConfigSnapshot]
    sessions: StateReceiver[SessionsSnapshot]
    quota: StateReceiver[QuotaSnapshot]
    tailers: StateReceiver[TailersSnapshot]
    recall: Recall
    last_checkpoint: LastCheckpoint
    live: ReadLive
    status: StateReceiver[StatusSnapshot]
    clients: StateReceiver[ClientsSnapshot]
    clock: Clock = time.time
    steady: Callable[[], float] = trio.current_time


async def run_attention(
    ends: AttentionEnds,
    state: StateSender[AttentionSnapshot],
    journal_send: trio.MemorySendChannel[JournalMessage],
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> NoReturn:
    """Own every session's attention until cancelled; closes `journal_send`.

    Announces `attention_cleared` and `attention_raised`; what was raised before a restart goes on with its `since`.
    It begins once the logs are read to their end, so it is ready at once. Source: PROTOCOL.md, Attention.
    """
    async with journal_send:
        owner = _AttentionOwner(ends, state, journal_send)
        task_status.started()
        with trio.move_on_after(SETTLE_S):
            await owner.caught_up()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(owner.caught_up)
            await nursery.start(owner.follow_events)
            owner.settle()
            nursery.start_soon(owner.send_pending)
            nursery.start_soon(owner.ask_checkpoints)
            nursery.start_soon(owner.follow_answers)
            nursery.start_soon(owner.follow_sessions)
            nursery.start_soon(owner.follow_quota)
            nursery.start_soon(owner.follow_settings)
            nursery.start_soon(owner.follow_statuses)
            nursery.start_soon(owner.follow_clock)
    raise AssertionError("unreachable")


class _AttentionOwner:
    """The task's loops. Every change of the book is synchronous; sending comes after."""

    def __init__(
        self,
        ends: AttentionEnds,
        state: StateSender[AttentionSnapshot],
        journal: trio.MemorySendChannel[JournalMessage],
    ) -> None:
        self.ends = ends
        self.state = state
        self.journal = journal
        thresholds = ends.settings.latest.settings.attention
        self.book = AttentionBook(ends.clock, thresholds, ends.sessions.latest, ends.steady)
        self.settled = False
        self.sending = False
        self.known_until = self.taken = 0
        self.sender_bell, self.asker_bell, self.clock_bell = Bell(), Bell(), Bell()
        self.clock_at = math.inf
        """What the clock waits for, by the steady one."""

    async def caught_up(self) -> None:
        """Wait until the logs have been read to their end for the first time."""
        await self.ends.tailers.when(lambda tailers: tailers.caught_up)
        self.book.heard.live = True

    async def follow_events(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> NoReturn:
        """Fold the journal's events. When some are lost, start again from the event log."""
        await fold_events(
            self.ends.events, EVENTS, self.remember, self.take, gather_s=GATHER_S, task_status=task_status
        )

    async def remember(self) -> None:
        """Take over what the event log knows of the recorded sessions, and at the start what was announced last."""
        book = self.book
        book.use_sessions(self.ends.sessions.latest)
        names = frozenset(book.sessions.records)
        try:
            calls = book.thresholds.error_rate_window
            known = await trio.to_thread.run_sync(self.ends.recall, names, calls, abandon_on_cancel=True)
            book.heard.hear(await trio.to_thread.run_sync(self.ends.live, abandon_on_cancel=True))
        except CtmError as error:
            log.warning("attention goes on without the past: %s", error.message)
            return
        self.known_until = known.last_id
        for name in names:
            book.heard.recall(name, known.events.get(name, ()), self.taken)
        self.taken = known.last_id
        if self.settled:
            self.look_at(names)
        else:
            book.states = {name: (state,) for name, state in known.raised.items()}
            self.state.publish(book.snapshot())

    async def take(self, events: tuple[Event, ...]) -> None:
        """Fold events; each may change the state of its session and of no other."""
        for start in range(0, len(events), TURN_EVENTS):
            wall = self.ends.clock()
            touched: dict[str, None] = {}
            for event in events[start : start + TURN_EVENTS]:
                if event.id > self.known_until and event.session:
                    if self.book.heard.wants_word(event):
                        self.book.heard.hear(await trio.to_thread.run_sync(self.ends.live, abandon_on_cancel=True))
                    self.book.heard.fold(event, wall)
                    if self.book.heard.live:
                        if not self.book.is_calm(event):
                            self.book.look_at((event.session,))
                    else:
                        touched[event.session] = None
            self.book.look_at(touched)
            self._announce()
            if start:
                await trio.lowlevel.checkpoint()
        if events:
            self.taken = max(self.taken, events[-1].id)

    async def follow_sessions(self) -> NoReturn:
        """Look at the sessions that came, went, changed, died or were renamed."""
        changes = self.ends.sessions.changes()
        while True:
            self.look_at(self.book.use_sessions(await changes.next()))

    async def follow_quota(self) -> NoReturn:
        """Look at the sessions whose figures changed."""
        changes = self.ends.quota.changes()
        while True:
            self.look_at(self.book.use_quota(await changes.next()))

    async def follow_statuses(self) -> NoReturn:
        """Look at the sessions whose status changed: what the client says itself is more than its hooks can tell."""
        changes = self.ends.status.changes()
        while True:
            statuses = (await changes.next()).sessions
            self.look_at(self.book.use_statuses(statuses, self._by_client()))

    def _by_client(self) -> frozenset[str]:
        """The sessions whose client says itself what it does."""
        return frozenset(name for name, client in self.ends.clients.latest.clients.items() if client.status)

    async def follow_settings(self) -> NoReturn:
        """New thresholds: look at everything."""
        changes = self.ends.settings.changes()
        while True:
            thresholds = (await changes.next()).settings.attention
            if thresholds != self.book.thresholds:
                self.book.thresholds = thresholds
                self.look_at(self.book.sessions.records)

    async def follow_clock(self) -> NoReturn:
        """Look at a session when time alone may have changed it, and at all of them every `TICK_S`."""
        book, steady = self.book, self.ends.steady
        tick = trio.current_time() + TICK_S
        while True:
            now = steady()
            book.soonest = self.clock_at = min(book.due.values(), default=math.inf)
            await trio.sleep(SOONEST_S)
            with trio.move_on_after(max(0.0, min(self.clock_at - now - SOONEST_S, tick - trio.current_time()))):
                await self.clock_bell.wait()
            if trio.current_time() >= tick:
                tick = trio.current_time() + TICK_S
                self.look_at(book.sessions.records)
            else:
                now = steady()
                self.look_at([name for name, due in book.due.items() if due <= now])

    async def follow_answers(self) -> NoReturn:
        """While a session waits for an approval, look whether its client still does."""
        heard = self.book.heard
        while True:
            while not heard.asking():
                await heard.asked.wait()
            await trio.sleep(LIVE_S)
            live = await trio.to_thread.run_sync(self.ends.live, abandon_on_cancel=True)
            self.look_at(heard.use_live(live))

    async def ask_checkpoints(self) -> NoReturn:
        """Ask for the checkpoints of the sessions that are overdue, one after the other."""
        book = self.book
        while True:
            await self.asker_bell.wait()
            while book.yolo.overdue:
                name = next(iter(book.yolo.overdue))
                del book.yolo.overdue[name]
                record, yolo = book.sessions.records.get(name), book.yolo.get(name)
                if record is not None and yolo is not None:
                    book.yolo.note_checkpoint(name, await self.ends.last_checkpoint(record.workdir))
                    self.look_at((name,))

    def settle(self) -> None:
        """The past is known: look at everything, and announce what it has come to."""
        self.settled = True
        self.book.use_sessions(self.ends.sessions.latest)
        self.book.use_quota(self.ends.quota.latest)
        self.book.use_statuses(self.ends.status.latest.sessions, self._by_client())
        self.look_at({**self.book.sessions.records, **self.book.states})

    def look_at(self, names: Iterable[str]) -> None:
        """Apply the rules to these sessions, publish, announce."""
        self.book.look_at(names)
        self._announce()

    def _announce(self) -> None:
        """Publish the states, then hand what is pending to the journal, if it has room now."""
        book = self.book
        if book.dirty:
            book.dirty = False
            self.state.publish(book.snapshot())
        if book.yolo.overdue:
            self.asker_bell.ring()
        if book.soonest < self.clock_at:
            self.clock_bell.ring()
        if not book.pending or self.sending:
            return
        try:
            self.journal.send_nowait(Publish(tuple(book.pending)))
        except trio.WouldBlock:
            self.sender_bell.ring()
        else:
            book.pending.clear()

    async def send_pending(self) -> NoReturn:
        """Wait for room in the journal's inbox, when there was none."""
        book = self.book
        while True:
            await self.sender_bell.wait()
            self.sending = True
            while book.pending:
                drafts = tuple(book.pending)
                await self.journal.send(Publish(drafts))
                for _ in drafts:
                    book.pending.popleft()
            self.sending = False
            deferred, book.deferred = book.deferred, set()
            self.look_at(deferred)
