"""Typing one prompt into a client: looked before the first key and before Enter. Source: PROTOCOL.md, Prompts and keys.

A text alone is never taken for an answer by a dialog; Enter is, and so it is pressed only after another look.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Literal

import msgspec
import trio

from ctm_trio.errors.tmux import PaneNotReady, ScreenChanged, TmuxFailed, TmuxGone
from ctm_trio.errors.typing import DialogOpen, DraftInTheWay, Exited, NotShown, NotTypeable
from ctm_trio.model.box_text import is_all, is_left, is_part
from ctm_trio.model.command_menu import has_menu, other_command
from ctm_trio.model.input_box import FIRST_ROW, InputBox, input_box, without_colours
from ctm_trio.model.panes import Pane
from ctm_trio.model.prompt_steps import Steps, steps_of
from ctm_trio.system.live_sessions import ClientFile
from ctm_trio.system.prompt_place import LOOK_S, Place, Reach
from ctm_trio.system.tmux import ENTER_GAP_S, Tmux

SHOWN_S, PASTE_S = 5.0, 0.02
"""How long the client may take to show a text in its input box, and for each paste more; then Enter is not pressed."""

MENU_S = 1.0
"""How long the client may take to show its menu of commands; older ones show none."""

ENTER_TRIES = 10
"""How often it is looked again before Enter, while the screen changes between two looks."""

TYPE_TRIES = 4
"""How often a text is typed until it is sure that no part of it was lost; Enter is pressed once."""

CLEAR_TRIES, CLEARED_LINES = 60, 20
"""How often a text of ours is removed line by line, and how many lines at once. Measured with Claude Code 2.1.330."""

TAKEN_S = 2.0
"""How long after Enter it is watched whether the input box is empty again."""


After = Literal["empty", "dialog", "text", "unknown"]


class Typed(msgspec.Struct, frozen=True):
    """How a prompt was typed.

    Attributes:
        after: what the screen showed after Enter: "empty", the input box had nothing in it any more; "dialog", a dialog
            that the prompt opened, or that took its Enter; "text", it stood in the box for as long as it was watched;
            "unknown".
    """

    after: After

    @property
    def taken(self) -> bool:
        """The input box was seen empty again, or a dialog open that the prompt opened."""
        return self.after in ("empty", "dialog")


Begin = Callable[[ClientFile | None, Steps], Awaitable[object]]
"""Told what the client says of itself (None if it writes no status file) right before the first key."""


async def type_prompt(reach: Reach, place: Place, text: str, begin: Begin, *, asks: bool = False) -> Typed:
    """Type a text and Enter, if the client takes it as a prompt now.

    Args:
        text: of `model.prompt_steps.check_prompt`, or "" for Enter alone.
        begin: see there; what it raises keeps everything from being typed.
        asks: see `Reach.ready`.

    Raises:
        DialogOpen, DraftInTheWay, NotTypeable, Exited, TmuxDead: as `Reach.ready` does. Before `begin` was called
            nothing was typed; after it the text may have been, and Enter was not pressed.
        TmuxFailed: tmux did not answer; after `begin` was called nobody knows what was typed.
    """
    file = await reach.ready(place, asks=asks)
    steps = steps_of(text) if text else Steps(())
    await begin(file, steps)
    pane, tmux = place.pane, reach.tmux
    if file is None:
        await tmux.put(pane, text)
        await trio.sleep(ENTER_GAP_S)
        await _enter(reach, place, text, "")
        return Typed("unknown")
    tries = 0
    while text:
        tries += 1
        await _paste(tmux, pane, steps)
        whole = await _shown(reach, place, "" if steps.wrapped else text, SHOWN_S + PASTE_S * len(steps.chunks))
        now = await reach.ready(place, text=text)
        if whole or now is None or (now.status, now.since) == (file.status, file.since):
            break
        # A dialog may have come and gone, and taken a part that the box does not show.
        if tries == TYPE_TRIES:
            raise DialogOpen(typed=True)
        await _empty(reach, place, partial(is_part, text=text))
        file = await reach.ready(place)
        assert file is not None
    await _enter(reach, place, text, "" if steps.wrapped else text)
    return Typed(await _taken(reach, place))


async def _enter(reach: Reach, place: Place, text: str, exactly: str) -> None:
    """Press Enter, which would answer a dialog: after a look, and by a tmux that looks too in that moment.

    Between the two a dialog may open, and on a busy machine stand for long enough to take an Enter; or a person types.

    Args:
        exactly: what the input box must show, and nothing else; "" for whatever the client makes of the text.

    Raises:
        CtmError: as `Reach.ready`. DraftInTheWay: it shows something else. NotTypeable: the client would complete it to
            another command. DialogOpen: the screen changes all the time.
    """
    if has_menu(text):
        await _check_menu(reach, place, text)
    for _ in range(ENTER_TRIES):
        try:
            screen = await reach.tmux.capture(place.pane.id)
        except TmuxGone:
            raise Exited(typed=bool(text)) from None
        box = input_box(screen)
        if exactly and box is not None and not is_all(box, exactly):
            raise DraftInTheWay(typed=True)
        await reach.ready(place, text=text)
        lacks = () if FIRST_ROW in without_colours(screen) else (FIRST_ROW,)
        try:
            await reach.tmux.press(place.pane, "Enter", line="" if box is None else box.last, lacks=lacks)
        except ScreenChanged:
            await trio.sleep(LOOK_S)
        except PaneNotReady as error:
            raise NotTypeable(f"{error.message} The text was typed, but Enter was not pressed.") from error
        else:
            return
    raise DialogOpen(ready=False, typed=bool(text))


async def _check_menu(reach: Reach, place: Place, text: str) -> None:
    """Wait for the menu of commands.

    Raises:
        NotTypeable: Enter would run another command.
    """
    with trio.move_on_after(MENU_S):
        while (other := other_command(await reach.tmux.capture(place.pane.id, plain=True), text)) is None:  # noqa: ASYNC110
            await trio.sleep(LOOK_S)
        if other:
            raise NotTypeable(f"Claude Code would run {other} instead of it; Enter was not pressed.")


async def _paste(tmux: Tmux, pane: Pane, steps: Steps) -> None:
    if steps.first:
        await tmux.paste(pane, (steps.first,))
        await tmux.press_all(pane, steps.keys)
    if steps.chunks:
        await tmux.paste(pane, steps.chunks)


async def clear_leftover(reach: Reach, place: Place, text: str) -> None:
    """Empty the input box if a text of ours stands in it, and nothing else, that was typed and not sent.

    The caller knows that we left it there, and that the box was not seen empty since. Of a text that was given in
    several pastes some may be missing, which a dialog took.

    Raises:
        CtmError: as `Reach.ready`, if it is not so, or the box is not empty afterwards.
    """
    try:
        await reach.ready(place)
    except DraftInTheWay:
        await _empty(reach, place, partial(is_left, text=text))
        await reach.ready(place)


async def _empty(reach: Reach, place: Place, ours: Callable[[InputBox], bool]) -> None:
    """Empty the input box, if what stands in it is ours."""
    begun = False
    for _ in range(CLEAR_TRIES):
        box = await reach.box(place.pane)
        if box is None or box.empty or not (begun or ours(box)):
            return
        await reach.tmux.press_all(place.pane, ("C-u",) * CLEARED_LINES)
        begun = True
        await trio.sleep(LOOK_S)


async def _shown(reach: Reach, place: Place, text: str, limit_s: float) -> bool:
    """Wait until a text stands in the input box, and nothing else; of what the client wraps, until anything does.

    A paste that a dialog took never appears, and one that the client thinks about appears late. What a person types in
    the same moment is not sent along. True if all of it is shown; of one that is higher than the box only the end is.
    """
    end = trio.current_time() + limit_s
    while True:
        box = await reach.box(place.pane)
        if box is None or (not box.empty and (not text or is_all(box, text))):
            return box is not None and not box.cut  # if something else is open, the look before Enter finds out
        if trio.current_time() >= end:
            if box.empty:
                raise NotShown("The text did not appear in the input box; Enter was not pressed.")
            raise DraftInTheWay(typed=True)
        await trio.sleep(LOOK_S)


async def _taken(reach: Reach, place: Place) -> After:
    """Whether the text has left the input box soon after Enter; see `Typed`."""
    end = trio.current_time() + TAKEN_S
    while trio.current_time() < end:
        try:
            box = await reach.box(place.pane)
        except TmuxFailed:
            return "unknown"  # it was sent; what became of it is for the receipt to tell
        if box is None or box.empty:
            return "dialog" if box is None else "empty"
        await trio.sleep(LOOK_S)
    return "text"
