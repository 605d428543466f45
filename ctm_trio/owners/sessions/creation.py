"""The order to create a session: it may have to find a name first, and so comes to the desk in a way of its own."""

from __future__ import annotations

import logging
import os
from functools import partial

import trio

from ctm_trio.core.channels import ask, fulfil
from ctm_trio.core.desk import Desk
from ctm_trio.errors.base import CtmError
from ctm_trio.errors.orders import Unavailable
from ctm_trio.messages.prompts import HoldPrompt, PromptsMessage
from ctm_trio.messages.sessions import CreateSession
from ctm_trio.model.session import Session, hook_fields
from ctm_trio.model.session_names import base_name, new_name
from ctm_trio.owners.sessions.announcements import Announcements
from ctm_trio.owners.sessions.followed import FollowedSessions
from ctm_trio.system.places import in_place
from ctm_trio.system.session_actions import NameRecorded, SessionActions
from ctm_trio.system.session_place import sessions_at
from ctm_trio.system.tmux import tmux_name

log = logging.getLogger("ctm.sessions")

HAND_OVER_S = 5.0
"""How long the prompts owner may take to write down a first prompt."""


class SessionCreation:
    """Carries out the orders to create a session.

    Args:
        desk: of all orders.
        followed: knows which names are taken.
        actions, announcements: do it, and tell of it.
        prompts: to the prompts owner, which holds the first prompt until the client is ready.
    """

    def __init__(
        self,
        desk: Desk,
        followed: FollowedSessions,
        actions: SessionActions,
        announcements: Announcements,
        prompts: trio.MemorySendChannel[PromptsMessage],
    ) -> None:
        self._desk = desk
        self._followed = followed
        self._actions = actions
        self._announcements = announcements
        self._prompts = prompts
        self._coming: set[str] = set()  # names of sessions that are being made, as tmux spells them

    async def carry_out(self, order: CreateSession) -> None:
        """Create a session, under its own name or one that is chosen here, and answer."""
        with order.reply as reply:
            try:
                with self._desk.here(), trio.fail_at(reply.deadline):  # counted, but at nobody's place
                    name = await self._name_for(order.workdir) if order.name is None else order.name
            except trio.TooSlowError:
                reply.fail(Unavailable("The directory does not answer, so no name was found; nothing was started."))
                return
            except CtmError as error:
                reply.fail(error)
                return
            self._coming.add(tmux_name(name))
            try:
                # Of two that go on with one conversation at the same time the second is refused before it has a client.
                goes_on = (f"conversation {order.resume}",) if order.resume and not order.fork else ()
                async with self._desk.place(tmux_name(name), *goes_on):
                    await fulfil(reply, partial(self._create, name, order))
            finally:
                self._coming.discard(tmux_name(name))

    async def _name_for(self, workdir: str) -> str:
        """A free name for a session in that directory: the directory's, or one like it.

        Raises:
            NameRecorded: the session that has the directory's name works there.
        """
        await self._followed.read()
        records = self._followed.records
        here = await in_place(sessions_at, records.values(), workdir)
        taken = {*map(tmux_name, records), *self._followed.live, *self._coming}
        found = new_name(base_name(os.path.basename(workdir)), here, taken, tmux_name)
        if isinstance(found, Session):
            raise NameRecorded(found)
        return found

    async def _create(self, name: str, order: CreateSession) -> Session:
        record, _ = await self._actions.create(name, order.workdir, order.mode, resume=order.resume, fork=order.fork)
        await self._announcements.done("session_new", hook_fields(record))
        if order.initial_prompt:
            await self._hold(name, order.initial_prompt)
        return record

    async def _hold(self, name: str, prompt: str) -> None:
        """Hand over the first prompt. The session is there by now, whatever becomes of that."""
        try:
            await ask(self._prompts, lambda reply: HoldPrompt(name, prompt, reply), timeout_s=HAND_OVER_S)
        except CtmError as error:
            log.error("sessions: the first prompt of %s is lost: %s", name, error.message)
