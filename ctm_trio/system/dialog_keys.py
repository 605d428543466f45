"""Choosing a row of a dialog by keys: what a person at the terminal would do, and only while it is that dialog.

Keys are the only way to answer dialogs that no hook knows. The dialog is read before every key, the mark is moved with
the arrows until it is seen on the wanted row, and Enter is pressed once, by a tmux that looks at its own screen in that
moment. No digit is ever pressed: a digit chooses at once, whatever is open by then.
Source: PROTOCOL.md, Requests; measured with Claude Code 2.1.330.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec
import trio

from ctm_trio.errors.asked import NotAnswerable, NotTaken
from ctm_trio.errors.tmux import PaneNotReady, TmuxFailed, TmuxGone
from ctm_trio.model.dialogs import Dialog, Row, parse_dialog, same_dialog
from ctm_trio.model.panes import Pane
from ctm_trio.system.tmux import Tmux

__all__ = ["choose_row"]

DIALOG_STANDS_S = 0.5
"""So long a dialog stands before a key is pressed: the client ignores keys in its first moments. Source: as above."""

CHOICE_LIMIT_S = 3.0
"""Enter is not pressed later than this after the call: whoever asked waits 5 s in all."""

MOVE_LIMIT_S = 1.0
"""So long it is waited until the mark has moved after an arrow."""

HALF_DRAWN_S = 0.5
"""So long a screen that shows no dialog may be one that is just being drawn."""

TAKEN_LIMIT_S = 1.8
"""So long it is waited until the dialog is gone or changed after Enter."""

GONE_LOOKS = 2
"""How often in a row it must be seen gone: a screen that is just being drawn shows none either."""

LOOK_AGAIN_S = 0.05
"""Between two looks at the screen while something is waited for."""

SHOWN_LINES, SHOWN_LETTERS = 24, 24
"""How many lines of the dialog, and characters of each, tmux must find in the moment of Enter. A line that the client
has wrapped, or tmux, is not cut before that at 60 columns."""


async def choose_row(
    tmux: Tmux,
    pane: Pane,
    dialog: Dialog,
    label: str,
    *,
    seen_at: float,
    still: Callable[[], Awaitable[object]] | None = None,
) -> None:
    """Choose the row with this label in a dialog that a pane shows; return when the dialog is gone or changed.

    Args:
        pane: the client's, as it was when `dialog` was read.
        dialog: as it was shown to whoever chose.
        label: of one of its rows, exactly.
        seen_at: when it was seen first, by `trio.current_time()`.
        still: looks once more before each key whether it is still wanted; what it raises keeps the key from being
            pressed.

    Raises:
        NotAnswerable: the pane does not show this dialog (any more), or no such row, or takes no keys; Enter was not
            pressed.
        NotTaken: the mark did not move in time, so Enter was not pressed; or it was, and the dialog is still there.
    """
    choice = _Choice(tmux, pane, dialog, label, still, trio.current_time() + CHOICE_LIMIT_S)
    await choice.look()
    await trio.sleep_until(seen_at + DIALOG_STANDS_S)
    await choice.move()
    await choice.confirm()


class _Choice(msgspec.Struct, frozen=True):
    """One choice under way; `deadline` by `trio.current_time()`."""

    tmux: Tmux
    pane: Pane
    dialog: Dialog
    label: str
    still: Callable[[], Awaitable[object]] | None
    deadline: float

    async def look(self) -> tuple[int, int]:
        """The places of the marked and of the wanted row, read from the screen now.

        Raises:
            NotAnswerable: it shows another dialog, or none for longer than drawing takes, or no such row.
        """
        now = None
        with trio.move_on_after(HALF_DRAWN_S):
            while (now := await self._read()) is None:  # noqa: ASYNC110  # nothing tells us
                await trio.sleep(LOOK_AGAIN_S)
        if now is None or not same_dialog(now, self.dialog):
            raise NotAnswerable("This dialog is not open any more, or has changed; look at the session.")
        if not now.rows:
            raise NotAnswerable("This dialog has no rows that can be chosen from here; answer it in the terminal.")
        wanted = [place for place, row in enumerate(now.rows) if row.label == self.label]
        if len(wanted) != 1:
            raise NotAnswerable("This dialog has no such row.")
        return next(place for place, row in enumerate(now.rows) if row.marked), wanted[0]

    async def move(self) -> None:
        """Move the mark to the wanted row, one row at a time.

        No second arrow is pressed before the first is seen to have moved the mark: one that the client takes late
        would move it away from under Enter.
        """
        marked, wanted = await self.look()
        while marked != wanted:
            if trio.current_time() >= self.deadline:
                raise NotTaken("The dialog's mark does not stay where it is moved; nothing was chosen.")
            await self._press("Down" if wanted > marked else "Up")
            before, end = marked, trio.current_time() + MOVE_LIMIT_S
            while (marked := (await self.look())[0]) == before:
                if trio.current_time() >= end:
                    raise NotTaken("The dialog's mark did not move; nothing was chosen.")
                await trio.sleep(LOOK_AGAIN_S)

    async def confirm(self) -> None:
        """Press Enter on the wanted row, once, and wait for what comes of it."""
        marked, wanted = await self.look()
        if marked != wanted:
            raise NotAnswerable("Somebody has moved the dialog's mark; nothing was chosen.")
        if trio.current_time() >= self.deadline:
            raise NotTaken("The dialog was too slow; nothing was chosen.")
        row = self.dialog.rows[wanted]
        await self._press("Enter", shows=_on_screen(self.dialog, row))
        gone = 0
        with trio.move_on_after(TAKEN_LIMIT_S):
            while gone < GONE_LOOKS:
                await trio.sleep(LOOK_AGAIN_S)
                gone = 0 if await self._stands() else gone + 1
            return
        raise NotTaken("Enter was pressed on the row, but the dialog is still open; look at the session.", sent=True)

    async def _stands(self) -> bool:
        """Whether the same dialog is still shown, wherever its mark is."""
        try:
            now = await self._read()
        except NotAnswerable:
            return False  # the client has ended, and its pane with it
        return now is not None and same_dialog(now, self.dialog)

    async def _read(self) -> Dialog | None:
        try:
            return parse_dialog(await self.tmux.capture(self.pane.id, plain=True))
        except TmuxGone as error:
            raise NotAnswerable("The session's pane is gone.") from error

    async def _press(self, key: str, *, shows: tuple[str, ...] = ()) -> None:
        """Press a key if it is still wanted.

        Raises:
            NotAnswerable: the pane does not take it; it was not pressed.
            NotTaken: tmux did not answer, so nobody knows.
        """
        if self.still is not None:
            await self.still()
        try:
            await self.tmux.press(self.pane, key, shows=shows)
        except (PaneNotReady, TmuxGone) as error:
            raise NotAnswerable(f"Nothing was chosen. {error}") from error
        except TmuxFailed as error:
            raise NotTaken(f"tmux failed while the answer was given. {error}", sent=True) from error


def _on_screen(dialog: Dialog, wanted: Row) -> tuple[str, ...]:
    """What of the dialog must stand on the screen, a text for each line: its rows, the mark before one, its head."""
    rows = (f"{'❯' if row is wanted else ''} {row.digit} {row.label[:SHOWN_LETTERS]}" for row in dialog.rows)
    head = (text[:SHOWN_LETTERS] for text in (dialog.title, *dialog.body))
    return (*rows, *(text for text, _ in zip(head, range(SHOWN_LINES), strict=False)))
