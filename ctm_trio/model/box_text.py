"""Whether the client's input box shows our text, and nothing else. Pure. Source: PROTOCOL.md, Prompts and keys.

A terminal shows text as it likes: wrapped, right-to-left in another order, some characters not at all. So letters and
digits that every terminal shows in their order are compared as they are, and all others by how often each is there.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from itertools import accumulate

from ctm_trio.model.input_box import InputBox
from ctm_trio.model.prompt_steps import steps_of

LEAST_SHOWN = 20
"""Characters of a text's end that must be seen; fewer could be anything."""

MARGIN = 2
"""Columns of the input box that stand before a text."""


def is_left(box: InputBox, text: str) -> bool:
    """Whether our text stands in the box, or what a dialog has left of it: whole pastes from its start and its end."""
    if is_all(box, text):
        return True
    pastes = steps_of(text).chunks
    if len(pastes) < 2 or _has_more(box, text):
        return False
    if box.cut:
        return is_part(box, text)
    shown, wanted = _plain(box.draft), _plain(text)
    ends = {0, *accumulate(len(_plain(paste)) for paste in pastes)}
    return any(
        shown == wanted[:end] + wanted[start:]
        for end in ends
        if end <= len(shown) and (start := len(wanted) - (len(shown) - end)) in ends and shown
    )


def is_part(box: InputBox, text: str) -> bool:
    """Whether nothing but our text stands in the box, or so much of it that it can be nothing else."""
    shown, wanted = _plain(box.draft), _plain(text)
    enough = bool(shown) and shown in wanted and len(shown) >= min(LEAST_SHOWN, len(wanted))
    return enough and not _has_more(box, text)


def is_all(box: InputBox, text: str) -> bool:
    """Whether our text stands in the box, whole as far as the box shows it, and nothing else."""
    if _has_more(box, text):
        return False
    shown, wanted = _plain(box.draft), _plain(text)
    if box.cut:
        at_end = wanted.endswith(shown) and len(shown) >= min(LEAST_SHOWN, len(wanted))
        return at_end and box.lines >= _least_lines(text, box.columns - MARGIN)
    return shown == wanted


def _has_more(box: InputBox, text: str) -> bool:
    """Whether the box shows a character that our text does not have, or not so often: somebody typed it there.

    Of those that `_plain` leaves out, because a terminal may show them in another order, or not at all.
    """
    return bool(Counter(_odd(box.draft)) - Counter(_odd(text)))


def _least_lines(text: str, columns: int) -> int:
    """So many lines a text takes at least: a repetitive one has the same end long before it is whole."""
    return sum(1 + max(0, sum(map(_width, line)) - 1) // max(1, columns) for line in text.split("\n"))


def _width(char: str) -> int:
    """Columns that a character takes at least."""
    if not char.isprintable() or unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _plain(text: str) -> str:
    """Of a text what every terminal shows as it is, in its order: ASCII, and letters and digits from left to right."""
    return "".join(c for c in unicodedata.normalize("NFC", text) if _is_plain(c))


def _odd(text: str) -> str:
    """Of a text the other characters that a person sees, from right-to-left letters to emoji."""
    composed = unicodedata.normalize("NFC", text)
    return "".join(c for c in composed if c.isprintable() and not c.isspace() and _width(c) and not _is_plain(c))


def _is_plain(char: str) -> bool:
    return "!" <= char <= "~" or (char.isalnum() and unicodedata.bidirectional(char) == "L")
