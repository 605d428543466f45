"""Keys, interrupts, and what older clients of ours send to `/input`. Source: PROTOCOL.md, Prompts and keys.

Keys may well be meant for a dialog, and so go to any client's pane. A text goes where a prompt would. A preset is a row
of a dialog that is open, if one surely means it.
"""

from __future__ import annotations

from functools import partial

import msgspec
import trio

from ctm_trio.errors.asked import NotAnswerable, NotTaken
from ctm_trio.errors.base import CtmError
from ctm_trio.errors.files import BrokenSessions
from ctm_trio.errors.tmux import PaneNotReady, TmuxFailed, TmuxGone
from ctm_trio.errors.typing import DialogOpen, Exited, InputSessionNotFound, NotTypeable, NotYolo, TmuxDead
from ctm_trio.messages.prompts import Interrupt, SendInput, SendKeys
from ctm_trio.model.box_text import is_left
from ctm_trio.model.dialogs import Dialog, parse_dialog, row_meaning
from ctm_trio.model.input_box import InputBox
from ctm_trio.model.panes import Pane
from ctm_trio.model.prompt_steps import Steps
from ctm_trio.model.session import Session
from ctm_trio.owners.prompts.desk import PromptsDesk
from ctm_trio.owners.prompts.sending import Sending
from ctm_trio.system.dialog_keys import choose_row
from ctm_trio.system.live_sessions import ClientFile
from ctm_trio.system.prompt_place import Place
from ctm_trio.system.prompt_typing import type_prompt
from ctm_trio.system.sessions_file import SessionsFile

KEY_GAP_S, ESCAPE_GAP_S = 0.1, 0.3
"""Between two keys; behind Escape, with which the client would else take the next one together."""

ENDED_S, LOOK_S = 2.0, 0.05
"""How long it is waited for the end of a turn that was interrupted, and how often it is looked."""

PUT_BACK_S, SELDOM_S = 2.0, 0.4
"""How long it is watched whether the client puts an interrupted prompt back into its input box, and how often at last.
On a busy machine it does so most of a second after it has said that its turn is over."""

YES, NO = "yes", "no"
"""The presets that may mean a row of a dialog."""


class Keys(msgspec.Struct, frozen=True):
    """See above. `desk`: shared with the rest of the owner."""

    desk: PromptsDesk
    sending: Sending

    async def press(self, order: SendKeys) -> None:
        """Press keys, one behind the other.

        Raises:
            CtmError: as `Sending.place`; in the middle, if the client ends by them.
        """
        _, place = await self.sending.place(order.name)
        for number, key in enumerate(order.keys):
            if number:
                await trio.sleep(ESCAPE_GAP_S if order.keys[number - 1] == "Escape" else KEY_GAP_S)
            await self._press(order.name, place, key)

    async def interrupt(self, order: Interrupt) -> bool:
        """Press Escape once if a turn is under way or a dialog open; whether neither is any more.

        `note_put_back` comes after it.

        Raises:
            CtmError: as `Sending.place`.
        """
        _, place = await self.sending.place(order.name)
        if place.client is None:
            await self._press(order.name, place, "Escape")
            return False  # nothing tells
        if not await self._is_at_work(place):
            return True
        before = await self._box(place.pane)
        await self._press(order.name, place, "Escape")
        with trio.move_on_after(ENDED_S):
            while await self._is_at_work(place):  # noqa: ASYNC110  # nothing tells us
                await trio.sleep(LOOK_S)
            if before is not None and before.empty:
                self.desk.interrupted[order.name] = place.pane
            return True
        return False

    async def _box(self, pane: Pane) -> InputBox | None:
        try:
            return await self.desk.reach.box(pane)
        except CtmError:
            return None

    async def note_put_back(self, name: str) -> None:
        """A client that is interrupted before its model says anything puts the prompt back into its input box.

        If that is ours, and nothing else, it is no person's draft. Whoever wants to type next waits for this.
        """
        pane, pause = self.desk.interrupted.pop(name, None), LOOK_S
        record = self.desk.ends.sessions.latest.records.get(name)
        if pane is None or record is None:
            return
        with trio.move_on_after(PUT_BACK_S):
            while (box := await self._box(pane)) is None or box.empty:
                await trio.sleep(pause)
                pause = min(2 * pause, SELDOM_S)
            typed = [prompt for prompt in await self.desk.newest(record) if prompt.typed_at]
            last = max(typed, key=lambda prompt: prompt.typed_at, default=None)
            if last is not None and is_left(box, last.text):
                self.desk.leave(last, pane, sure=True)

    async def _is_at_work(self, place: Place) -> bool:
        assert place.client is not None
        try:
            return (await self.desk.reach.file(place.client)).status in ("busy", "waiting")
        except Exited:
            return False

    async def _press(self, name: str, place: Place, key: str) -> None:
        self.desk.doubt(name)
        try:
            await self.desk.ends.tmux.press(place.pane, key)
        except PaneNotReady as error:
            raise NotTypeable(error.message) from error
        except TmuxGone:
            raise Exited from None

    # -- /input

    async def input(self, order: SendInput) -> None:
        """What older clients send: a text, a preset or a key, for sessions in yolo mode only.

        Raises:
            NotYolo: see there. CtmError: as `Sending.send`.
        """
        record = await self._record(order.name)
        if record.mode != "yolo":
            raise NotYolo
        try:
            _, place = await self.sending.place(order.name)
        except Exited:
            if self._pane_is_dead(record):
                raise TmuxDead from None
            raise
        if order.key:
            await self._press(order.name, place, order.key)
            return
        try:
            if order.preset in (YES, NO) and (dialog := await self._dialog(place)) is not None:
                await self._choose(place, dialog, order.preset)
            else:
                await type_prompt(self.desk.reach, place, order.text, partial(self._begin, order.name), asks=order.asks)
        except TmuxGone:
            raise TmuxDead from None
        except CtmError as error:
            raise self.sending.named(order.name, error) from error

    async def _begin(self, name: str, file: ClientFile | None, steps: Steps) -> None:
        """Of the text nothing is kept; the box is empty."""
        self.desk.leftover.pop(name, None)

    async def _record(self, name: str) -> Session:
        """The record as it is on disk now: the command line may have changed its mode a moment ago."""
        try:
            book, _ = await SessionsFile(self.desk.ends.records).read()
        except BrokenSessions:
            return self.desk.record(name)
        if name not in book.records:
            raise InputSessionNotFound(f"There is no session named {name!r}.")
        return book.records[name]

    def _pane_is_dead(self, record: Session) -> bool:
        return record.name not in self.desk.ends.sessions.latest.alive

    async def _dialog(self, place: Place) -> Dialog | None:
        return parse_dialog(await self.desk.ends.tmux.capture(place.pane.id, plain=True))

    async def _choose(self, place: Place, dialog: Dialog, preset: str) -> None:
        """Choose the row that means yes, or no, in a permission dialog; in any other nothing means it surely."""
        rows = [row for row in dialog.rows if row_meaning(row) == preset]
        if dialog.grammar != "permission" or len(rows) != 1:
            raise DialogOpen
        try:
            await choose_row(
                self.desk.ends.tmux, place.pane, dialog, rows[0].label, seen_at=trio.current_time()
            )  # fmt: skip
        except (NotAnswerable, NotTaken, TmuxFailed):
            raise DialogOpen from None
