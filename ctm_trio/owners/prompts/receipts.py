"""What the client says of the prompts that were typed: its `UserPromptSubmit` is the receipt.

Source: PROTOCOL.md, Prompts and keys.
"""

from __future__ import annotations

import logging
import math
from typing import NoReturn

import trio

from ctm_trio.archive.hook_lines import missed_events
from ctm_trio.errors.base import CtmError
from ctm_trio.journal.fold import fold_events
from ctm_trio.journal.view import EventView
from ctm_trio.model.box_text import is_left
from ctm_trio.model.event import HOOK_TYPE, Event
from ctm_trio.model.prompt_record import DELIVERED, FAILED, NOT_SEEN, QUEUED, TYPED, Prompt
from ctm_trio.owners.prompts.desk import PromptsDesk
from ctm_trio.owners.prompts.sending import NOT_SEEN_S

log = logging.getLogger("ctm.prompts")

EARLY_S = 1.0
"""A receipt is not older than its prompt; so much is given to clocks that differ."""

LATE_S = 600.0
"""A receipt that comes this late after typing began is another prompt's."""

EVENTS = EventView(types=frozenset({HOOK_TYPE}), internal=True)
SUBMIT = "UserPromptSubmit"
UNSEEN = "It was typed, but Claude Code did not say that it has it; see in the terminal what became of it."


class Receipts:
    """See above.

    Args:
        desk: shared with the rest of the owner.
    """

    def __init__(self, desk: PromptsDesk) -> None:
        self._desk = desk

    async def follow_events(self) -> NoReturn:
        """Take in what came while nobody followed, then what comes."""
        await fold_events(self._desk.ends.events, EVENTS, self._remember, self._take)

    async def _remember(self) -> None:
        desk = self._desk
        await self._take(await self._missed())
        for prompt in list(desk.open.values()):
            if prompt.state == TYPED and prompt.id not in desk.due and prompt.id not in desk.typing:
                desk.expect_receipt(prompt.id, NOT_SEEN_S)

    async def _missed(self) -> tuple[Event, ...]:
        desk = self._desk
        typed = [prompt.typed_at for prompt in desk.open.values() if prompt.state == TYPED]
        if not typed:
            return ()
        after = max(desk.kept.cursor, int((min(typed) - EARLY_S) * 1e9))
        try:
            return tuple(
                await trio.to_thread.run_sync(missed_events, desk.ends.database, after, abandon_on_cancel=True)
            )
        except CtmError as error:
            log.warning("prompts: what was missed cannot be read: %s", error.message)
            return ()

    async def _take(self, events: tuple[Event, ...]) -> None:
        """Match receipts with prompts, in their order."""
        desk = self._desk
        got = []
        for event in events:
            if event.id <= desk.kept.cursor:
                continue
            desk.kept.cursor = event.id
            if event.hook is None or event.hook.name != SUBMIT or not event.hook.prompt:
                continue
            prompt = self._prompt_of(event)
            desk.submitted(event.uuid, event.id / 1e9)
            if prompt is not None:
                state = QUEUED if prompt.busy else DELIVERED
                got.append(desk.change(prompt.id, state=state, error="", reason=""))
        if got:
            await desk.kept.save(*got)

    def _prompt_of(self, event: Event) -> Prompt | None:
        """The oldest prompt that this is the receipt of."""
        assert event.hook is not None
        at = event.id / 1e9
        for prompt in (*self._desk.open.values(), *self._desk.late.values()):
            if (
                prompt.typed_at > 0.0
                and prompt.uuid == event.uuid
                and prompt.digest == event.hook.prompt
                and prompt.typed_at - EARLY_S <= at <= prompt.typed_at + LATE_S
            ):
                return prompt
        return None

    async def follow_clock(self) -> NoReturn:
        """Let prompts fail of which nothing was heard in time."""
        desk = self._desk
        while True:
            with trio.move_on_at(min(desk.due.values(), default=math.inf)):
                await desk.due_bell.wait()
            now = trio.current_time()
            for id_ in [id_ for id_, due in desk.due.items() if due <= now]:
                del desk.due[id_]
                if id_ in desk.open:
                    await self._look(desk.open[id_])
                if id_ in desk.open:
                    await desk.kept.save(desk.change(id_, state=FAILED, error=NOT_SEEN, reason=UNSEEN))

    async def _look(self, prompt: Prompt) -> None:
        """Look whether a prompt of which nothing was heard stands in the input box still.

        It was not seen empty since Enter was pressed, so if it does a dialog has taken the Enter.
        """
        desk, left = self._desk, self._desk.leftover.get(prompt.session)
        if left is None or left.prompt.id != prompt.id or left.pane is None:
            return
        try:
            box = await desk.reach.box(left.pane)
        except CtmError:
            return
        if box is None or desk.leftover.get(prompt.session) is not left:
            return
        if box.empty:
            del desk.leftover[prompt.session]
        elif is_left(box, prompt.text):
            desk.leave(prompt, left.pane, sure=True)
