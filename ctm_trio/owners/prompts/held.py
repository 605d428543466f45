"""Held prompts: a task for each session that has some types them, in order, when the turn is over.

Source: PROTOCOL.md, Prompts and keys.
"""

from __future__ import annotations

from functools import partial
from typing import NoReturn

import trio

from ctm_trio.core.confine import confined
from ctm_trio.errors.base import CtmError
from ctm_trio.errors.typing import Exited, InputSessionNotFound, SessionReplaced, TmuxDead
from ctm_trio.model.prompt_record import FAILED, HELD, Prompt, home_of, surely_belongs
from ctm_trio.model.status import ASKING, DIALOG, STARTING, UNHEARD, WORKING_
from ctm_trio.owners.prompts.desk import PromptsDesk
from ctm_trio.owners.prompts.sending import WAITS, NotIdle, Sending, line_of

AGAIN_S = 2.0
"""A prompt that could not be typed is tried again when something has changed, or after so long."""

NEW_S = 0.5
"""The same for a session of which nothing was heard yet: its first screen comes without a word."""

GONE_S = 5.0
"""A session that has ended may just be started again; after so long its prompts fail."""

HELD_BY_DIALOG = "Held: Claude Code is showing a dialog; answer it first."


class HeldPrompts:
    """See above.

    Args:
        desk: shared with the rest of the owner. sending: types.
        nursery: of the tasks.
    """

    def __init__(self, desk: PromptsDesk, sending: Sending, nursery: trio.Nursery) -> None:
        self._desk = desk
        self._sending = sending
        self._nursery = nursery
        self._lines: set[str] = set()
        self._news = trio.Event()

    def begin(self, name: str) -> None:
        """See to a session's held prompts, if nobody does yet."""
        if name not in self._lines:
            self._lines.add(name)
            self._nursery.start_soon(
                confined, "prompts: held ones", partial(self._line, name), name=f"ctm: held prompts of {name}"
            )

    def begin_all(self) -> None:
        """See to all held prompts, and to what was held for sessions that have another name now."""
        for prompt in self._desk.open.values():
            if prompt.state == HELD:
                self.begin(prompt.session)

    async def follow_home(self) -> None:
        """See that held prompts have the name that their session has now; they fail if another one has taken theirs."""
        desk = self._desk
        for id_ in [prompt.id for prompt in desk.open.values() if prompt.state == HELD]:
            prompt = desk.open.get(id_)
            records = desk.ends.sessions.latest.records
            if prompt is None or prompt.state != HELD:
                continue
            home, there = home_of(prompt, records), records.get(prompt.session)
            if home is not None and home.name != prompt.session:
                await desk.move([(prompt.session, home.name)])
            elif there is not None and not surely_belongs(prompt, there) and id_ not in desk.typing:
                await self._fail(prompt, SessionReplaced())

    async def _fail(self, prompt: Prompt, error: CtmError) -> None:
        desk, now = self._desk, self._desk.open.get(prompt.id)
        if now is not None and now.state == HELD:
            await desk.kept.save(desk.change(prompt.id, state=FAILED, error=error.code, reason=error.message))

    def note(self) -> None:
        """Something has changed."""
        self._news.set()
        self._news = trio.Event()

    async def follow_statuses(self) -> NoReturn:
        """Look again when a status changes."""
        changes = self._desk.ends.status.changes()
        while True:
            await changes.next()
            self.note()

    async def follow_clients(self) -> NoReturn:
        """Look again when a client changes."""
        changes = self._desk.ends.clients.changes()
        while True:
            await changes.next()
            self.note()

    async def _line(self, name: str) -> None:
        desk = self._desk
        gone_since = 0.0
        try:
            while held := desk.held(name):
                news, prompt = self._news, held[0]
                error: CtmError | None = None
                if self._may_be_ready(name):
                    error = await self._try(prompt)
                    if error is None:
                        await desk.settled(prompt.id)
                        gone_since = 0.0
                        continue
                gone = isinstance(error, Exited | TmuxDead | InputSessionNotFound)
                now = trio.current_time()
                gone_since = (gone_since or now) if gone else 0.0
                if error is not None and (isinstance(error, SessionReplaced) or (gone and now >= gone_since + GONE_S)):
                    await self._fail(prompt, error)
                    continue
                self._say(prompt, error)
                with trio.move_on_after(NEW_S if self._is_new(name) else AGAIN_S):
                    await news.wait()
        finally:
            self._lines.discard(name)

    async def _try(self, prompt: Prompt) -> CtmError | None:
        """Type it; why not, None if it was typed, has failed, or is not held any more."""
        desk = self._desk
        async with desk.places.place(line_of(prompt.session)):
            now = desk.open.get(prompt.id)
            if now is None or now.state != HELD:
                return None
            try:
                await self._sending.check_home(now)
                _, place = await self._sending.place(now.session)
                await self._sending.type(now, place, held=True)
            except CtmError as error:
                after = desk.open.get(prompt.id)
                return error if after is not None and after.state == HELD else None
        return None

    def _say(self, prompt: Prompt, error: CtmError | None) -> None:
        """Why it waits."""
        status = self._desk.ends.status.latest.sessions.get(prompt.session)
        reason = WAITS
        if error is not None and not isinstance(error, NotIdle):
            reason = f"Held: {error.message}"
        elif error is None and status is not None and status.state in ASKING:
            reason = HELD_BY_DIALOG
        now = self._desk.open.get(prompt.id)
        if now is not None and now.state == HELD and now.reason != reason:
            self._desk.change(now.id, reason=reason)
            self._desk.tell(now.session, "" if reason == WAITS else reason)

    def _may_be_ready(self, name: str) -> bool:
        """False while it is surely not: then nothing is looked at."""
        desk = self._desk
        client, ended = desk.client(name)
        status = desk.ends.status.latest.sessions.get(name)
        state = "" if status is None else status.state
        if client is None:
            # Of one without a status file the screen says it, unless its hooks say that a turn is under way.
            return ended or state not in (*ASKING - {DIALOG}, WORKING_, UNHEARD)
        return client.status in ("idle", "shell") and state not in (*ASKING, WORKING_, UNHEARD)

    def _is_new(self, name: str) -> bool:
        status = self._desk.ends.status.latest.sessions.get(name)
        return status is None or status.state == STARTING
