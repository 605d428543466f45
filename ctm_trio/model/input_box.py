"""The client's input box on a screen: what somebody has typed there and not sent. Pure.

A text that is typed into a box with a draft would be sent together with it, so the draft is looked for before.
Source: PROTOCOL.md, Prompts and keys; measured with Claude Code 2.1.330.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import msgspec

from ctm_trio.model.screen import find_box, lines_of

__all__ = ["FIRST_ROW", "InputBox", "input_box", "without_colours"]

FIRST_ROW = "❯ 1."
"""How the first row of a dialog is marked when it opens. Behind the sign of the input box stands a no-break space."""

_ESCAPE = re.compile(r"\x1b(?:\[([0-9;:]*)([A-Za-z@`~])|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()][0-9A-Za-z]|.)")
_HIDDEN = re.compile(r"↑ (\d+) more")
_DIM, _REVERSE = "2", "7"


@dataclass(frozen=True, slots=True)
class InputBox:
    """The input box.

    Attributes:
        draft: what somebody typed, as shown: lines that the box wraps are separate lines, a long paste is
            `[Pasted text #1 +4 lines]`; "" if the box is empty. What the client suggests is not part of it.
        mode: the sign before it: `❯`, or `!` for a shell command.
        cut: the draft is higher than the box, its first lines are not shown.
        lines: of the draft, also those that are not shown. columns: of the box.
        last: its last line, whole, as the screen has it.
    """

    draft: str
    mode: str = "❯"
    cut: bool = False
    lines: int = field(default=0, compare=False)
    columns: int = field(default=0, compare=False)
    last: str = field(default="", compare=False)

    @property
    def empty(self) -> bool:
        """Whether nothing is typed, nor a mode chosen that a text would be taken in."""
        return not self.draft and self.mode == "❯" and not self.cut


class _Cell(msgspec.Struct, frozen=True):
    """A character and how it is drawn."""

    char: str
    dim: bool
    reverse: bool


def input_box(screen: str) -> InputBox | None:
    """The input box that a screen shows; None if there is none: a dialog is open, or the screen is not understood.

    Args:
        screen: a capture with colours (`capture-pane -e`): only the colours tell a draft from a suggestion.
    """
    cells = _cells(screen)
    lines = lines_of("\n".join("".join(cell.char for cell in line) for line in cells))
    place = find_box(lines)
    if place is None:
        return None
    mode = "❯" if place.cut else lines[place.top + 1][0]
    typed = [_typed(line[2:]) for line in cells[place.top + 1 : place.bottom]]
    hidden = _HIDDEN.search(lines[place.top]) if place.cut else None
    count = len(typed) + (int(hidden[1]) if hidden else 0)
    return InputBox("\n".join(typed).strip(), mode, place.cut, count, len(lines[place.bottom]), lines[place.bottom - 1])


def without_colours(screen: str) -> str:
    """The text of a capture with colours."""
    return _ESCAPE.sub("", screen)


def _typed(line: list[_Cell]) -> str:
    """What of a line somebody typed: not what is dim, nor the first letter of that, which the cursor stands on."""
    kept = []
    for number, cell in enumerate(line):
        suggested = cell.reverse and number + 1 < len(line) and line[number + 1].dim
        if not cell.dim and not suggested:
            kept.append(cell.char)
    return "".join(kept).rstrip()


def _cells(screen: str) -> list[list[_Cell]]:
    """The characters of each line. tmux keeps what is switched on until it is switched off, over lines too."""
    lines: list[list[_Cell]] = [[]]
    dim = reverse = False
    at = 0
    while at < len(screen):
        char = screen[at]
        if char == "\x1b" and (found := _ESCAPE.match(screen, at)):
            at = found.end()
            if found[2] == "m":
                dim, reverse = _after(found[1], dim=dim, reverse=reverse)
            continue
        at += 1
        if char == "\n":
            lines.append([])
        else:
            lines[-1].append(_Cell(char, dim, reverse))
    return lines


def _after(codes: str, *, dim: bool, reverse: bool) -> tuple[bool, bool]:
    """Whether text is dim and reversed behind this sequence of codes."""
    words = codes.split(";")
    while words:
        word = words.pop(0)
        if word in ("", "0"):
            dim = reverse = False
        elif word in ("38", "48", "58"):  # a colour: its numbers are no codes
            words = words[2:] if words[:1] == ["5"] else words[4:]
        elif word in ("1", "22"):
            dim = False if word == "22" else dim
        elif word in (_DIM, _REVERSE, "27"):
            dim, reverse = dim or word == _DIM, (reverse or word == _REVERSE) and word != "27"
    return dim, reverse
