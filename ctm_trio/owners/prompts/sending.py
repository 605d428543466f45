"""Typing prompts, one at a time for each session. Source: PROTOCOL.md, Prompts and keys.

That a prompt is typed is written down before its first key: a daemon that is killed in between never types it again.
"""

from __future__ import annotations

from typing import Any

import msgspec
import trio
from msgspec.structs import replace

from ctm_trio.errors.base import CtmError
from ctm_trio.errors.tmux import PaneNotReady, TmuxFailed
from ctm_trio.errors.typing import (
    DialogOpen,
    DraftInTheWay,
    Exited,
    InputSessionNotFound,
    KeyUsed,
    NotShown,
    NotTypeable,
    SessionReplaced,
    TmuxDead,
    TooManyPrompts,
)
from ctm_trio.messages.prompts import HoldPrompt, SendPrompt
from ctm_trio.messages.sessions import LookAtTmux
from ctm_trio.model.box_text import is_left
from ctm_trio.model.input_box import InputBox
from ctm_trio.model.prompt_record import DELIVERED, FAILED, HELD, IDLE, TYPED, Prompt, sent_prompt, surely_belongs
from ctm_trio.model.prompt_steps import Steps
from ctm_trio.model.session import Session
from ctm_trio.owners.prompts.desk import PromptsDesk
from ctm_trio.system.live_sessions import ClientFile
from ctm_trio.system.prompt_place import Place
from ctm_trio.system.prompt_typing import clear_leftover, type_prompt
from ctm_trio.system.sessions_file import SessionsFile
from ctm_trio.system.tmux import tmux_name

NOT_SEEN_S, CHUNK_S = 10.0, 0.02
"""How long after Enter the client may take to say that it has a prompt; and for each paste more."""

MAX_HELD = 100
"""Held prompts of one session."""

TELL_S = 1.0
"""How long the sessions owner may take to hear that a session has ended."""

WAITS = "Held until the turn is over."
COMMAND = "A command: Claude Code says of no command that it has it, but the input box is empty again."


class NotIdle(CtmError):
    """A turn is under way. For a held prompt, which waits on; nobody else sees it."""

    code, status = "not_idle", 409


class Sending(msgspec.Struct, frozen=True):
    """See above. `desk` is shared with the rest of the owner."""

    desk: PromptsDesk

    async def place(self, name: str) -> tuple[Session, Place]:
        """Where a session can be typed into.

        Raises:
            CtmError: as `Reach.place`.
        """
        record = self.desk.record(name)
        client, ended = self.desk.client(name)
        try:
            return record, await self.desk.reach.place(record, client, ended=ended)
        except TmuxDead:
            with trio.move_on_after(TELL_S):
                await self.desk.ends.orders.send(LookAtTmux())
            raise

    async def check_home(self, prompt: Prompt) -> None:
        """Look on disk whether a held prompt's session has its name still: the command line may have just changed that.

        Raises:
            InputSessionNotFound: no session has it. SessionReplaced: another one. BrokenSessions: nobody knows.
        """
        name = prompt.session
        record = self.desk.record(name)
        if record.managed:
            book, _ = await SessionsFile(self.desk.ends.records).read()
            if name not in book.records:
                raise InputSessionNotFound(f"There is no session named {name!r}.")
            record = book.records[name]
        if not surely_belongs(prompt, record):
            raise SessionReplaced

    async def send(self, order: SendPrompt) -> Prompt:
        """Type a prompt now, or hold it; a repeat of one that is known is that one.

        Raises:
            KeyUsed: the known one has another text. CtmError: why it is not typed; then nothing is kept of it, unless
                its text was typed.
        """
        desk = self.desk
        record = desk.record(order.name)
        known = await desk.by_key(record, order.key)
        if known is not None:
            if known.text != order.text:
                raise KeyUsed(sent_prompt(known))
            return known
        record, place = await self.place(order.name)
        prompt = desk.new(record, order.text, order.key, order.when)
        if order.when == IDLE:
            return await self.hold(prompt)
        return await self.type(prompt, place)

    async def hold(self, prompt: Prompt) -> Prompt:
        """Keep a prompt until the turn is over, or its client ready.

        Raises:
            TooManyPrompts: the session has too many. Unavailable: it cannot be written down.
        """
        desk = self.desk
        if len(desk.held(prompt.session)) >= MAX_HELD:
            raise TooManyPrompts(f"{MAX_HELD} prompts are held for this session already; take some back.")
        held = replace(prompt, reason=WAITS)
        await desk.must_save(held)
        desk.add(held)
        desk.line(held.session)
        return held

    async def hold_first(self, order: HoldPrompt) -> Prompt:
        """Keep the first prompt of a session that was just made."""
        return await self.hold(self.desk.new(self.desk.record(order.name), order.text, "", IDLE, initial=True))

    async def type(self, prompt: Prompt, place: Place, *, held: bool = False) -> Prompt:
        """Type a prompt; the caller has the session's place.

        Args:
            held: it is among the open ones; if it is not any more, it was taken back and is not typed.

        Raises:
            CtmError: why not. A new one is forgotten and a held one stays held if nothing was typed; else it failed.
        """
        desk, id_, begun = self.desk, prompt.id, list[Steps]()

        async def begin(file: ClientFile | None, steps: Steps) -> None:
            busy = file is not None and file.status == "busy"
            if (busy and prompt.when == IDLE) or (held and id_ not in desk.open):
                raise NotIdle
            changes: dict[str, Any] = {
                "state": TYPED, "typed_at": desk.ends.clock(), "reason": "", "wrapped": steps.wrapped, "busy": busy,
                "uuid": prompt.uuid if file is None else file.uuid,
            }  # fmt: skip
            await desk.must_save(replace(desk.open.get(id_, prompt), **changes))
            if held and id_ not in desk.open:
                raise NotIdle  # it was taken back in this very moment
            begun.append(steps)
            desk.leftover.pop(prompt.session, None)  # the box is empty
            if not held:
                desk.add(prompt)
            desk.change(id_, **changes)

        desk.typing.add(id_)
        try:
            if left := desk.removable(prompt.session, place.pane):
                await clear_leftover(desk.reach, place, left)
            done = await type_prompt(desk.reach, place, prompt.text, begin)
        except CtmError as error:
            named = self.named(prompt.session, error)
            if not begun:
                raise named from error
            return await self._not_sent(
                prompt, named, place, held=held, left=not isinstance(error, NotShown | PaneNotReady)
            )
        finally:
            desk.typing.discard(id_)
        desk.tell(prompt.session, "")
        now = desk.open.get(id_)
        if now is not None and place.client is not None and done.after != "empty":
            # A slow client still shows it: what is pressed next comes behind that Enter. Or a dialog took the Enter.
            desk.leave(now, None if done.after == "unknown" else place.pane, sure=done.after == "text")
        if now is not None:
            desk.sent(now)
        if now is None:
            return await self._found(prompt)  # its receipt has come
        if now.command and done.taken:
            now = desk.change(id_, state=DELIVERED, reason=COMMAND)
            await desk.kept.save(now)
        else:
            desk.expect_receipt(id_, NOT_SEEN_S + CHUNK_S * len(begun[0].chunks))
        return now

    async def _not_sent(self, prompt: Prompt, error: CtmError, place: Place, *, held: bool, left: bool) -> Prompt:
        """What becomes of a prompt the typing of which has begun and went wrong. One that was held is held on.

        Args:
            left: its text was typed, and the input box not seen empty since.
        """
        desk, id_ = self.desk, prompt.id
        now = desk.open.get(id_)
        if now is None:
            return await self._found(prompt)  # its receipt came all the same
        if isinstance(error, TmuxFailed):
            desk.sent(now)
            desk.leave(now, None, sure=False)
            desk.expect_receipt(id_, NOT_SEEN_S)  # Enter may have been pressed: its receipt tells
            return now
        desk.leave(now, place.pane, sure=left)
        if held and not isinstance(error, Exited | TmuxDead):
            await desk.kept.save(desk.change(id_, state=HELD, reason=f"Held: {error.message}"))  # Enter was not pressed
        else:
            await desk.kept.save(desk.change(id_, state=FAILED, error=error.code, reason=error.message))
        raise error

    async def _found(self, prompt: Prompt) -> Prompt:
        return await self.desk.find(prompt.session, prompt.id) or prompt

    def named(self, name: str, error: CtmError) -> CtmError:
        """The error as the sender is told: with the request that the dialog is."""
        if isinstance(error, PaneNotReady):
            return NotTypeable(error.message)
        if isinstance(error, DialogOpen) and (request := self.desk.request_of(name)):
            return DialogOpen(typed=error.typed, ready=error.ready, request_id=request)
        left = self.desk.leftover.get(name)
        if isinstance(error, DraftInTheWay) and left is not None and isinstance(error.box, InputBox):
            return DraftInTheWay(ours=is_left(error.box, left.prompt.text), box=error.box)
        return error


def line_of(name: str) -> str:
    """What orders for a session work on, for the desk's places."""
    return tmux_name(name)
