"""Answers: by the hook that waits, or by keys in the terminal's own dialog. Each request is answered once.

What is sent is written down before it is sent: a daemon that is killed in between knows at its next start what the hook
may have printed. When in doubt nothing is pressed. Source: PROTOCOL.md, Requests.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import trio
from msgspec.structs import replace

from ctm_trio.core.keyed_locks import KeyedLocks
from ctm_trio.errors.answers import InvalidChoice
from ctm_trio.errors.asked import NotAnswerable, NotTaken, RequestClosed, RequestNotFound
from ctm_trio.errors.tmux import TmuxFailed
from ctm_trio.messages.requests import AnswerRequest
from ctm_trio.model.answer import decision_of, message_of, public_answer
from ctm_trio.model.dialog_choice import row_for, shows
from ctm_trio.model.dialogs import Dialog, parse_dialog, same_dialog
from ctm_trio.model.panes import Pane, client_pane
from ctm_trio.model.request_record import ANSWERED, Answer, Request, public_request
from ctm_trio.owners.requests.desk import RequestsDesk
from ctm_trio.owners.requests.open_request import Open
from ctm_trio.system.dialog_keys import choose_row
from ctm_trio.system.foreground import BEHIND, in_front

ENDED = {
    "answered": "It was answered already.",
    "answered_elsewhere": "It was answered in the terminal.",
    "withdrawn": "It is over: the turn was interrupted, or the session has ended.",
}


class Answers:
    """Carries answers out, one at a time for each request.

    Args:
        desk: shared with the rest of the owner.
    """

    def __init__(self, desk: RequestsDesk) -> None:
        self._desk = desk
        self._locks = KeyedLocks()

    async def answer(self, order: AnswerRequest) -> Request:
        """Answer a request, and return it as it is then.

        Raises:
            RequestNotFound, RequestClosed, NotAnswerable, NotTaken: see there.
            CtmError: what `decision_of` raises; the request stays open.
        """
        async with self._locks.holding(order.id):
            entry = self._desk.book.open.get(order.id)
            if entry is None or not entry.ready:
                return await self._closed(order)
            decision = None if entry.request.from_screen else self._decision(entry.request, order)
            if decision is None:
                _check_row(entry.request, order)
            public = public_answer(order.given)
            answer = Answer(
                public["choice"], order.where, self._desk.ends.clock(), public.get("message", ""), order.by
            )  # fmt: skip
            if decision is not None and entry.holds:
                return await self._by_hook(entry, decision, answer, order.key)
            if entry.request.answerable == "keys":
                _check_by_keys(entry.request, answer.choice)
                return await self._by_keys(entry, order, answer)
            raise NotAnswerable(entry.request.why_not or "It cannot be answered from here; answer it in the terminal.")

    def _decision(self, request: Request, order: AnswerRequest) -> dict[str, Any]:
        record = self._desk.ends.sessions.latest.records.get(request.session)
        return decision_of(request.asked, order.given, yolo=record is not None and record.mode == "yolo")

    async def _closed(self, order: AnswerRequest) -> Request:
        request = await self._desk.kept.get(order.id)
        if request is None or request.is_open:
            raise RequestNotFound
        if order.key and request.key == order.key:
            return request
        raise RequestClosed(ENDED.get(request.state, "It is over."), public_request(request))

    async def _by_hook(self, entry: Open, decision: dict[str, Any], answer: Answer, key: str) -> Request:
        desk, id_ = self._desk, entry.request.id
        entry.request, entry.sent_to_hook = replace(entry.request, attempt=answer, attempt_key=key), True
        await desk.kept.save(entry.request)
        hold = entry.holds[0] if entry.holds else None
        taken = hold is not None and await hold.hook.answer(decision)
        if taken:
            closed = desk.book.close(id_, ANSWERED, desk.ends.clock(), answer, key)
            await desk.settle()
            if closed is not None:
                return closed
        elif hold in entry.holds:
            entry.holds.remove(hold)
            desk.note_answerable(entry)
        if id_ not in desk.book.open:
            found = await desk.kept.get(id_)
            if found is not None and found.key == key:
                return found
            if found is not None:
                raise RequestClosed(ENDED.get(found.state, "It is over."), public_request(found))
        text = "The hook did not take the answer in time; see in the terminal what became of it."
        raise NotTaken(text, fields={"request": public_request(entry.request)})

    async def _by_keys(self, entry: Open, order: AnswerRequest, answer: Answer) -> Request:
        desk, request = self._desk, entry.request
        pane = await self._pane_of(entry)
        dialog = await self._dialog_in(pane)
        if entry.dialog is not None:
            if not same_dialog(entry.dialog, dialog):
                raise NotAnswerable("The terminal shows another dialog by now; nothing was pressed.")
            number = int(answer.choice.removeprefix("row_")) - 1
            label = dialog.rows[number].label
        else:
            label = row_for(
                dialog, request.asked, answer.choice, message=bool(message_of(order.given)), given=order.given
            )
            self._check_only_one(entry, dialog)
        entry.request, entry.sent_to_hook = replace(request, attempt=answer, attempt_key=order.key), False
        await desk.kept.save(entry.request)
        try:
            await choose_row(
                desk.ends.tmux, pane, dialog, label, seen_at=trio.current_time(), still=partial(self._still, request.id)
            )
        except NotTaken as error:
            if not error.sent:
                self._take_back(entry)
            shown = public_request(entry.request)
            raise NotTaken(error.message, sent=error.sent, fields={"request": shown}) from error
        except NotAnswerable:
            self._take_back(entry)
            raise
        closed = desk.book.close(request.id, ANSWERED, desk.ends.clock(), answer, order.key)
        await desk.settle()
        if closed is None:
            found = await desk.kept.get(request.id)
            if found is not None:
                return found
        return closed or entry.request

    def _check_only_one(self, entry: Open, dialog: Dialog) -> None:
        """Raises NotAnswerable if the dialog may as well be another request's: two edits of one file look alike.

        The terminal shows the dialogs of sub-agents one after the other: of two that ask the same that one's whose hook
        was let go first.
        """
        asked = entry.request.asked
        for other in self._desk.book.open.values():
            theirs = other.request.asked
            if other is entry or other.request.session != entry.request.session:
                continue
            if not other.shows_dialog or not shows(dialog, theirs):
                continue
            if (theirs.tool, theirs.input) != (asked.tool, asked.input):
                raise NotAnswerable("Two requests look like the terminal's dialog; answer it there.")
            if theirs.agent_id != asked.agent_id and other.turn < entry.turn:
                raise NotAnswerable("Another agent asks the same, and is shown first; answer that request first.")

    async def _still(self, id_: str) -> None:
        """Raises NotAnswerable if the request is over by now: the same dialog may have opened again."""
        await trio.lowlevel.checkpoint()
        if id_ not in self._desk.book.open:
            raise NotAnswerable("It was answered in the terminal meanwhile; nothing was pressed.")

    def _take_back(self, entry: Open) -> None:
        """Nothing was sent after all."""
        entry.request = replace(entry.request, attempt=None, attempt_key="")

    async def _pane_of(self, entry: Open) -> Pane:
        """The client's pane, as tmux has it now.

        Raises:
            NotAnswerable: there is none, or another program has its keyboard.
        """
        desk = self._desk
        client = desk.ends.clients.latest.clients.get(entry.request.session)
        try:
            panes = await desk.ends.tmux.panes()
        except TmuxFailed as error:
            raise NotAnswerable(f"tmux cannot be asked: {error.message}") from error
        if client is not None and not await trio.to_thread.run_sync(in_front, client.pid, abandon_on_cancel=True):
            raise NotAnswerable(BEHIND)
        if client is not None and client.pane:
            pane = next((p for p in panes if p.id == client.pane), None)
        else:
            name = entry.request.session.replace(".", "_")
            pane = client_pane(p for p in panes if p.session == name)
        if pane is None or pane.dead:
            raise NotAnswerable("Its terminal is not there any more.")
        return pane

    async def _dialog_in(self, pane: Pane) -> Dialog:
        try:
            dialog = parse_dialog(await self._desk.ends.tmux.capture(pane.id, plain=True))
        except TmuxFailed as error:
            raise NotAnswerable(f"The terminal cannot be read: {error.message}") from error
        if dialog is None or not dialog.rows:
            raise NotAnswerable("The terminal shows no dialog that is understood; answer it there.")
        return dialog


def _check_by_keys(request: Request, choice: str) -> None:
    """Raises NotAnswerable for what a hook could have answered, and keys cannot."""
    possible = [known.id for known in request.choices]
    if choice not in possible:
        text = f"Its hook does not wait any more. By keys it takes one of these choices: {', '.join(possible)}."
        raise NotAnswerable(text)


def _check_row(request: Request, order: AnswerRequest) -> None:
    """Raises InvalidChoice, or NotAnswerable for words that keys cannot bring."""
    if order.given.choice not in {choice.id for choice in request.asked.choices}:
        possible = ", ".join(choice.id for choice in request.asked.choices)
        raise InvalidChoice(f"This dialog takes one of these choices: {possible}.")
    if message_of(order.given) or order.given.answers or order.given.updated_input or order.given.updated_plan:
        raise NotAnswerable("This dialog takes a row only; no message or other input can be given to it.")
