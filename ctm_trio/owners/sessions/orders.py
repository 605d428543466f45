"""The orders to the sessions owner: which there are, what each works on, and what carries it out.

To add one: its message in `messages/sessions.py`, what it works on and its method here. What it does to tmux and to
`sessions.json` belongs in `system/session_actions.py`.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import NoReturn, assert_never

import trio

from ctm_trio.core.channels import fulfil
from ctm_trio.core.confine import confined
from ctm_trio.core.desk import Desk
from ctm_trio.errors.orders import Unavailable
from ctm_trio.errors.sessions import SessionNotFound, StillRuns
from ctm_trio.messages.prompts import PromptsMessage
from ctm_trio.messages.sessions import (
    AdoptUuid,
    CreateSession,
    ForgetSession,
    FoundUnmanaged,
    KillSession,
    Lifecycle,
    LookAtTmux,
    RenameSession,
    ResumeSession,
    SessionsMessage,
)
from ctm_trio.model.session import Session, hook_fields
from ctm_trio.model.times import format_time
from ctm_trio.owners.sessions.adoptions import Adoptions
from ctm_trio.owners.sessions.announcements import Announcements
from ctm_trio.owners.sessions.creation import SessionCreation
from ctm_trio.owners.sessions.followed import FollowedSessions
from ctm_trio.system.session_actions import SessionActions, recorded
from ctm_trio.system.session_restart import start_again
from ctm_trio.system.tmux import tmux_name

MAX_COMMANDS = 8
"""Orders worked on at once, each for another session; the next one waits."""

MAX_WAITING = 64
"""Orders at work or waiting for their turn; whoever sends one more is told to come back."""

EVENTS_OF_THE_CLI = ":events"
"""What they work on, so that they stay in order among themselves; no session has this name."""

Order = Lifecycle | KillSession | ResumeSession | ForgetSession | RenameSession
"""What comes to the desk with what it works on."""


class SessionOrders:
    """Takes orders, and carries each out in a task of its own.

    Args:
        nursery: of these tasks.
        followed: what is known of the sessions.
        actions: what is done to them.
        announcements: tells what was done.
        prompts: to the prompts owner, for the first prompts of new sessions.
        adoptions: takes the orders of the attribution owner.
    """

    def __init__(
        self,
        nursery: trio.Nursery,
        followed: FollowedSessions,
        actions: SessionActions,
        announcements: Announcements,
        prompts: trio.MemorySendChannel[PromptsMessage],
        adoptions: Adoptions,
    ) -> None:
        self._nursery = nursery
        self._followed = followed
        self._actions = actions
        self._announcements = announcements
        self._adoptions = adoptions
        self._desk = Desk(at_once=MAX_COMMANDS, waiting=MAX_WAITING)  # one order at a time a session
        self._creation = SessionCreation(self._desk, followed, actions, announcements, prompts)

    async def work(self, inbox: trio.MemoryReceiveChannel[SessionsMessage]) -> NoReturn:
        """Take orders: events of the CLI one after the other, the rest side by side, but one at a time a session.

        Nothing is waited for here, so that an order that hangs is in nobody's way but of those for its session.
        """
        while True:
            message = await inbox.receive()
            if isinstance(message, AdoptUuid):
                self._adoptions.add(message)
            elif isinstance(message, LookAtTmux):
                self._followed.ask_soon()
            elif isinstance(message, FoundUnmanaged):
                self._followed.tell_unmanaged(message.sessions)
            elif self._desk.full:
                message.reply.fail(Unavailable("Too many orders wait already; try again in a moment."))
            else:
                self._nursery.start_soon(confined, "sessions: an order", partial(self._carry_out, message))

    async def _carry_out(self, order: CreateSession | Order) -> None:
        """Wait until nobody else works on the same, do it, answer."""
        if isinstance(order, CreateSession):
            await self._creation.carry_out(order)  # what it works on is known only once it has a name
            return
        async with self._desk.place(*_works_on(order)):
            match order:
                case Lifecycle():
                    await fulfil(order.reply, partial(self._lifecycle, order))
                case KillSession():
                    await fulfil(order.reply, partial(self._managed, order.name, partial(self._kill, order.name)))
                case ResumeSession():
                    await fulfil(order.reply, partial(self._managed, order.name, partial(self._resume, order.name)))
                case ForgetSession():
                    await fulfil(
                        order.reply, partial(self._managed, order.name, partial(self._actions.forget, order.name))
                    )
                case RenameSession():
                    await fulfil(
                        order.reply, partial(self._managed, order.name, partial(self._rename, order.name, order.to))
                    )
                case _:
                    assert_never(order)

    async def _managed(self, name: str, work: Callable[[], Awaitable[Session]]) -> Session:
        """Do the work on a recorded session; of one that is listed without a record the error says why it cannot be."""
        try:
            return await work()
        except SessionNotFound:
            if self._followed.is_unmanaged(name):
                raise SessionNotFound(name, by_hand=True) from None
            raise

    async def _lifecycle(self, order: Lifecycle) -> None:
        """The CLI did something: look at once, then publish its fields as they are.

        Source: PROTOCOL.md, Lifecycle events from the command line.
        """
        fields = dict(order.fields)
        if order.event == "session_attached":
            fields["at"] = format_time(time.time())
        await self._followed.read()
        self._followed.ask_soon()
        await self._announcements.publish(order.event, fields)

    async def _kill(self, name: str) -> Session:
        record = await self._followed.record(name)
        await self._actions.kill(name)
        await self._announcements.done("session_killed", hook_fields(record))
        return record

    async def _resume(self, name: str) -> Session:
        record = recorded(await self._actions.records.read(), name)
        resumed = await start_again(self._actions, record, record.mode, end=False)
        if resumed is None:
            raise StillRuns
        await self._announcements.done("session_new", hook_fields(resumed))
        return resumed

    async def _rename(self, name: str, to: str) -> Session:
        record = await self._actions.rename(name, to)
        await self._announcements.done()
        return self._followed.records.get(to, record)


def _works_on(order: Order) -> tuple[str, ...]:
    """What an order works on: sessions, in tmux's spelling of names."""
    if isinstance(order, Lifecycle):
        return (EVENTS_OF_THE_CLI,)
    if isinstance(order, RenameSession):
        return tmux_name(order.name), tmux_name(order.to)
    return (tmux_name(order.name),)
