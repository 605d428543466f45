"""The prompts owner: texts for the clients in, each typed once or refused with the reason; keys too.

It hears what the clients say of their prompts from the event log, at its own cursor. Source: PROTOCOL.md, Prompts and
keys.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import NoReturn, TypeVar, assert_never

import trio

from ctm_trio.core.channels import Reply, StateSender, fulfil
from ctm_trio.core.confine import confined
from ctm_trio.errors.base import CtmError
from ctm_trio.errors.orders import Unavailable
from ctm_trio.errors.typing import PromptNotFound, PromptNotHeld
from ctm_trio.journal.announcer import Announcer
from ctm_trio.messages.journal import JournalMessage
from ctm_trio.messages.prompts import (
    HoldPrompt,
    Interrupt,
    ListPrompts,
    PromptsMessage,
    PromptsSnapshot,
    SendInput,
    SendKeys,
    SendPrompt,
    TakeBack,
)
from ctm_trio.model.prompt_record import FAILED, HELD, TAKEN_BACK, Prompt
from ctm_trio.model.session import Session, successors
from ctm_trio.owners.prompts.desk import PromptsDesk, PromptsEnds
from ctm_trio.owners.prompts.held import HeldPrompts
from ctm_trio.owners.prompts.keys import Keys
from ctm_trio.owners.prompts.receipts import Receipts
from ctm_trio.owners.prompts.sending import Sending, line_of
from ctm_trio.system.document_store import PROMPTS
from ctm_trio.system.kept_documents import Keeping, kept_documents

R = TypeVar("R")

KEEPING = Keeping(PROMPTS, Prompt, lambda prompt: prompt.at)
"""How they are kept on disk."""

INBOX = 64
"""Orders and questions that wait; whoever sends more waits."""

FULL = "Too many prompts and keys wait already; try again in a moment."


async def run_prompts(
    ends: PromptsEnds,
    inbox: trio.MemoryReceiveChannel[PromptsMessage],
    state: StateSender[PromptsSnapshot],
    journal: trio.MemorySendChannel[JournalMessage],
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> NoReturn:
    """Own the prompts until cancelled; closes `inbox`, `journal` and `ends.orders`.

    Args:
        ends: see there. inbox: orders and questions. state: what the doctor tells.
        journal: gets `prompt_sent`, `prompt_delivered` and `prompt_failed`.
    """
    async with inbox, journal, ends.orders:
        announcer = Announcer(journal)
        async with kept_documents(ends.store, KEEPING, ends.report) as kept:
            desk = PromptsDesk(ends, state, announcer, kept)
            await desk.load()
            async with trio.open_nursery() as nursery:
                owner = _PromptsOwner(desk, nursery)
                nursery.start_soon(kept.watch, name="ctm: watch of the prompts' file")
                nursery.start_soon(announcer.run, name="ctm: announcements of prompts")
                nursery.start_soon(owner.receipts.follow_events, name="ctm: receipts of prompts")
                nursery.start_soon(owner.receipts.follow_clock, name="ctm: prompts that nobody has seen")
                nursery.start_soon(owner.held.follow_statuses, name="ctm: statuses for held prompts")
                nursery.start_soon(owner.held.follow_clients, name="ctm: clients for held prompts")
                nursery.start_soon(owner.follow_sessions, name="ctm: sessions for prompts")
                task_status.started()
                await owner.work(inbox)
    raise AssertionError("unreachable")


class _PromptsOwner:
    def __init__(self, desk: PromptsDesk, nursery: trio.Nursery) -> None:
        self.desk = desk
        self.nursery = nursery
        self.sending = Sending(desk)
        self.held = HeldPrompts(desk, self.sending, nursery)
        self.receipts = Receipts(desk)
        self.keys = Keys(desk, self.sending)
        desk.line = self.held.begin

    async def follow_sessions(self) -> NoReturn:
        """Prompts follow their sessions to other names, also those that were given while nobody followed."""
        changes = self.desk.ends.sessions.changes()
        before = {
            p.session: Session(p.session, p.uuid, workdir=p.workdir, created_at=p.made or "")
            for p in self.desk.open.values()
            if p.state == HELD
        }
        while True:
            records = (await changes.next()).records
            if not records and before:
                continue  # not read yet
            moved = [(old, new) for new, old in successors(before, records).items() if new != old]
            if moved:
                await self.desk.move(moved)
            before = dict(records)
            await self.held.follow_home()
            self.held.begin_all()
            self.held.note()

    async def work(self, inbox: trio.MemoryReceiveChannel[PromptsMessage]) -> NoReturn:
        """Take orders; each is carried out in a task of its own, one at a time for each session."""
        while True:
            message = await inbox.receive()
            match message:
                case ListPrompts():
                    self._start(partial(fulfil, message.reply, partial(self._list, message.name)))
                case HoldPrompt():
                    self._start(partial(_whole, message.reply, partial(self.sending.hold_first, message)))
                case TakeBack():
                    self._start(partial(_whole, message.reply, partial(self._take_back, message)))
                case SendPrompt():
                    self._in_line(message.name, message.reply, partial(self.sending.send, message))
                case SendInput():
                    self._in_line(message.name, message.reply, partial(self.keys.input, message))
                case SendKeys():
                    self._in_line(message.name, message.reply, partial(self.keys.press, message))
                case Interrupt():
                    then = partial(self.keys.note_put_back, message.name)
                    self._in_line(message.name, message.reply, partial(self.keys.interrupt, message), then)
                case _:
                    assert_never(message)

    def _start(self, work: Callable[[], Awaitable[object]]) -> None:
        self.nursery.start_soon(confined, "prompts: an order", work, name="ctm: an order for prompts")

    def _in_line(
        self,
        name: str,
        reply: Reply[R],
        work: Callable[[], Awaitable[R]],
        then: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        """Carry it out when nobody else types into that session; `then`: what is left to do once it is answered."""
        if self.desk.places.full:
            reply.fail(Unavailable(FULL))
            return

        async def carry_out() -> None:
            async with self.desk.places.place(line_of(name)):
                await _whole(reply, work)
                if then is not None:
                    await then()

        self._start(carry_out)

    async def _list(self, name: str) -> tuple[Prompt, ...]:
        return tuple(await self.desk.newest(self.desk.record(name)))

    async def _take_back(self, order: TakeBack) -> None:
        """A held prompt is typed no more: it is as if it had not been sent."""
        self.desk.record(order.name)
        prompt = await self.desk.find(order.name, order.id)
        if prompt is None:
            raise PromptNotFound
        if prompt.state != HELD:
            raise PromptNotHeld
        await self.desk.kept.save(
            self.desk.change(order.id, state=FAILED, error=TAKEN_BACK, reason="It was taken back.")
        )
        self.desk.tell(order.name, "")


async def _whole(reply: Reply[R], work: Callable[[], Awaitable[R]]) -> None:
    """Carry out an order to its end, unless its asker has given up before: half a text would stay in the input box.

    Each of its steps has a time limit of its own.
    """
    with reply:
        if not reply.begin():
            return
        try:
            answer = await work()
        except CtmError as error:
            reply.fail(error)
        else:
            reply.ok(answer)
