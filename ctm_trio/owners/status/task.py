"""The status owner: hooks, clients, panes and requests in; one status a session out, each change announced once.

It reads the event log at its own cursor and never makes the journal wait. Source: PROTOCOL.md, Status.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterable
from functools import partial
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
from ctm_trio.messages.clients import ClientsSnapshot
from ctm_trio.messages.journal import JournalMessage, Publish
from ctm_trio.messages.quota import QuotaSnapshot
from ctm_trio.messages.requests import RequestsSnapshot
from ctm_trio.messages.sessions import SessionsSnapshot
from ctm_trio.messages.status import Explain, StatusSnapshot
from ctm_trio.messages.tailers import TailersSnapshot
from ctm_trio.model.activity import Remembered
from ctm_trio.model.event import HOOK_TYPE, Event
from ctm_trio.model.status import recalled_status
from ctm_trio.owners.status.book import StatusBook

log = logging.getLogger("ctm.status")

INBOX = 16
"""Questions that wait; whoever asks more waits."""

SETTLE_S = 2.0
"""It begins when the logs are read to their end, or after so long; what happened before is not announced one by one."""

GATHER_S = 0.02
"""After events were folded, those that follow are gathered for so long."""

FIRST_LOOK_S = 2.0
"""How long it is waited at the start for tmux to say what lives; what is found out until then is not a change."""

SOONEST_S = 0.02
"""The clock never rings faster than this."""

RECALL_CALLS = 1
"""Tool calls of each log that are read back; the last one tells whether its turn went on."""

TURN_EVENTS = 200
"""Events between two checkpoints of the loop."""

EVENTS = EventView(types=frozenset({"tool_call", HOOK_TYPE}), internal=True)


class Recall(Protocol):
    """`journal.recall.recall` on the database; run in a thread."""

    def __call__(self, sessions: frozenset[str], calls: int) -> Recalled:
        """Recall the last `calls` calls of each session."""


RecallLog = Callable[[str, int], list[Remembered]]
"""`journal.recall.recall_log` on the database: the last events of one log; run in a thread."""


class StatusEnds(msgspec.Struct, frozen=True):
    """What the owner reads.

    `launched`: process id → unix seconds when it began, 0.0 if unknown. `clock`: unix seconds; `steady`: of a clock
    that never jumps.
    """

    events: EventTail
    sessions: StateReceiver[SessionsSnapshot]
    clients: StateReceiver[ClientsSnapshot]
    requests: StateReceiver[RequestsSnapshot]
    quota: StateReceiver[QuotaSnapshot]
    tailers: StateReceiver[TailersSnapshot]
    recall: Recall
    recall_log: RecallLog
    launched: Callable[[int], float]
    clock: Clock = time.time
    steady: Callable[[], float] = trio.current_time


async def run_status(
    ends: StatusEnds,
    inbox: trio.MemoryReceiveChannel[Explain],
    state: StateSender[StatusSnapshot],
    journal: trio.MemorySendChannel[JournalMessage],
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> NoReturn:
    """Own every session's status until cancelled; closes `inbox` and `journal`.

    A status that was announced before a restart and still holds keeps its `since` and is not announced again. It
    begins once the logs are read to their end, so it is ready at once.

    Args:
        ends: see there. inbox: questions why.
        state: every status. journal: gets `status_changed`.
    """
    async with inbox, journal:
        owner = _StatusOwner(ends, state, journal)
        task_status.started()
        with trio.move_on_after(SETTLE_S):
            await owner.caught_up()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(owner.caught_up)
            await nursery.start(owner.follow_events)
            owner.begin()
            for task in (
                owner.follow_sessions, owner.follow_clients, owner.follow_requests, owner.follow_quota,
                owner.follow_clock, owner.end_quiet, owner.recall_new, owner.send_pending, partial(owner.answer, inbox),
            ):  # fmt: skip
                nursery.start_soon(task)
    raise AssertionError("unreachable")


class _StatusOwner:
    """The task's loops. Every change of the book is synchronous; sending comes after."""

    def __init__(
        self, ends: StatusEnds, state: StateSender[StatusSnapshot], journal: trio.MemorySendChannel[JournalMessage]
    ) -> None:
        self.ends = ends
        self.state = state
        self.journal = journal
        self.book = StatusBook(ends.clock, ends.steady, ends.launched)
        self.known_until = 0
        self.begun = False
        self.tmux_seen = trio.Event()
        self.new: dict[str, None] = {}
        """Sessions whose past is not read back yet."""
        self.sender_bell, self.clock_bell, self.recall_bell = Bell(), Bell(), Bell()
        self.clock_at = math.inf

    async def caught_up(self) -> None:
        """Wait until the logs have been read to their end for the first time."""
        await self.ends.tailers.when(lambda tailers: tailers.caught_up)
        self.book.live = True

    async def follow_events(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> NoReturn:
        """Fold the journal's events. When some are lost, go on with what the event log knows."""
        await fold_events(
            self.ends.events, EVENTS, self.remember, self.take, gather_s=GATHER_S, task_status=task_status
        )

    async def remember(self) -> None:
        """Take over what the event log knows of the sessions."""
        book = self.book
        book.use_sessions(self.ends.sessions.latest)
        names = frozenset(book.names())
        try:
            known = await trio.to_thread.run_sync(self.ends.recall, names, RECALL_CALLS, abandon_on_cancel=True)
        except CtmError as error:
            log.warning("status goes on without the past: %s", error.message)
            return
        self.known_until = known.last_id
        for name in names:
            last = known.statuses.get(name)
            book.recall(name, known.events.get(name, ()), None if last is None else recalled_status(last))
        if self.begun:
            self.look_at(names)

    def begin(self) -> None:
        """The past is known: look at everything."""
        self.begun = True
        self.book.use_sessions(self.ends.sessions.latest)
        self.book.use_clients(self.ends.clients.latest)
        self.book.use_requests(self.ends.requests.latest)
        self.book.use_quota(self.ends.quota.latest)
        self.book.dirty = True
        self.look_at(self.book.names())
        if self.ends.sessions.latest.tmux_known:
            self.tmux_seen.set()

    async def take(self, events: tuple[Event, ...]) -> None:
        """Fold events; each may change the status of its session and of no other."""
        for start in range(0, len(events), TURN_EVENTS):
            touched = {
                self.book.fold(event): None
                for event in events[start : start + TURN_EVENTS]
                if event.id > self.known_until and event.uuid
            }
            self.look_at(touched)
            if start:
                await trio.lowlevel.checkpoint()

    async def follow_sessions(self) -> NoReturn:
        """Look at the sessions that came, went or changed, and at the panes."""
        changes = self.ends.sessions.changes(from_now=True)
        while True:
            known = set(self.book.names())
            changed = self.book.use_sessions(await changes.next())
            changed += self.book.use_clients(self.ends.clients.latest)
            changed += self.book.use_requests(self.ends.requests.latest)
            self.new |= dict.fromkeys(name for name in self.book.names() if name not in known)
            if self.new:
                self.recall_bell.ring()
            self.look_at(changed)
            if self.ends.sessions.latest.tmux_known:
                self.tmux_seen.set()

    async def end_quiet(self) -> None:
        """Announce every change once tmux has said for the first time what lives."""
        with trio.move_on_after(FIRST_LOOK_S):
            await self.tmux_seen.wait()
        self.book.end_quiet()
        self._announce()

    async def recall_new(self) -> NoReturn:
        """Read back what is known of sessions that have just come: one started by hand was heard of before."""
        while True:
            await self.recall_bell.wait()
            while self.new:
                name = next(iter(self.new))
                del self.new[name]
                record = self.ends.sessions.latest.records.get(name)
                if record is None or not record.uuid:
                    continue
                try:
                    events = await trio.to_thread.run_sync(
                        self.ends.recall_log, record.uuid, RECALL_CALLS, abandon_on_cancel=True
                    )
                except CtmError as error:
                    log.warning("status of %s goes on without the past: %s", name, error.message)
                    continue
                self.book.recall(name, events, None)
                self.look_at((name,))

    async def follow_clients(self) -> NoReturn:
        """Look at the sessions whose client has changed."""
        changes = self.ends.clients.changes(from_now=True)
        while True:
            changed = self.book.use_clients(await changes.next())
            self.look_at([*changed, *self.book.use_requests(self.ends.requests.latest)])

    async def follow_requests(self) -> NoReturn:
        """Look at the sessions whose open requests have changed."""
        changes = self.ends.requests.changes(from_now=True)
        while True:
            self.look_at(self.book.use_requests(await changes.next()))

    async def follow_quota(self) -> NoReturn:
        """Look at the sessions that stand at a limit."""
        changes = self.ends.quota.changes(from_now=True)
        while True:
            self.look_at(self.book.use_quota(await changes.next()))

    async def follow_clock(self) -> NoReturn:
        """Look at a session when time alone may have changed it."""
        book = self.book
        while True:
            self.clock_at = min(book.due.values(), default=math.inf)
            await trio.sleep(SOONEST_S)
            with trio.move_on_after(max(0.0, self.clock_at - self.ends.clock())) as waited:
                await self.clock_bell.wait()
            now = self.ends.clock()
            if waited.cancelled_caught:  # the time has passed, also if the clock was set back meanwhile
                now = max(now, self.clock_at)
            self.look_at([name for name, due in book.due.items() if due <= now])

    async def answer(self, inbox: trio.MemoryReceiveChannel[Explain]) -> NoReturn:
        """Say why."""
        while True:
            question = await inbox.receive()
            with question.reply as reply:
                try:
                    reply.ok(self.book.explain(question.name))
                except CtmError as error:
                    reply.fail(error)
            self._announce()

    def look_at(self, names: Iterable[str]) -> None:
        """Decide, publish, announce."""
        if self.begun:
            self.book.look_at(names)
            self._announce()

    def _announce(self) -> None:
        if self.book.dirty:
            self.book.dirty = False
            self.state.publish(self.book.snapshot())
        if min(self.book.due.values(), default=math.inf) < self.clock_at:
            self.clock_bell.ring()
        if self.book.pending:
            self.sender_bell.ring()

    async def send_pending(self) -> NoReturn:
        """Hand what is to be announced to the journal, in order."""
        pending = self.book.pending
        while True:
            await self.sender_bell.wait()
            while pending:
                drafts = tuple(pending)
                await self.journal.send(Publish(drafts))
                for _ in drafts:
                    pending.popleft()
