"""The tags that the client puts around parts of a text: commands, what they printed, reports, pastes.

Everything here takes time in proportion to the text, whatever is in it: a tag may be opened a million times.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence

_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")
_BLANK = re.compile(r"\s*")
_REMINDER, _REMINDER_END = "<system-reminder>", "</system-reminder>"
_PASTE = '<pasted_content id="'
_PASTE_ID = re.compile(r'([^"]*)">\n')
_PASTE_END = re.compile(r'\n</pasted_content id="(?=([^"]*)">)')


def within(text: str, tag: str) -> str | None:
    """What stands between `<tag>` and `</tag>`, None if there is no such thing."""
    start = text.find(f"<{tag}>")
    if start < 0:
        return None
    start += len(tag) + 2
    end = text.find(f"</{tag}>", start)
    return text[start:] if end < 0 else text[start:end]


def plain(text: str) -> str:
    """A text without the escape sequences of a terminal."""
    return _ESCAPE.sub("", text)


def without_reminders(text: str) -> str:
    """A text without what the client has added for the model."""
    kept, at = [], 0
    while (start := text.find(_REMINDER, at)) >= 0:
        end = text.find(_REMINDER_END, start + len(_REMINDER))
        if end < 0:
            break
        kept.append(text[at:start])
        blank = _BLANK.match(text, end + len(_REMINDER_END))
        at = blank.end() if blank is not None else end
    return "".join([*kept, text[at:]])


def without_paste_marks(text: str) -> str:
    """A text as it was pasted: the client marks long pastes for the model."""
    start = text.find(_PASTE)
    if start < 0:
        return text
    ends: dict[str, list[int]] = {}
    for closing in _PASTE_END.finditer(text, start):
        ends.setdefault(closing[1], []).append(closing.start())
    kept, at = [], 0
    while start >= 0:
        opening = _PASTE_ID.match(text, start + len(_PASTE))
        end = _first_from(opening.end(), ends.get(opening[1], ())) if opening is not None else -1
        if opening is None or end < 0:
            start = text.find(_PASTE, start + 1)
            continue
        if start - at >= 2 and text.startswith("\n\n", start - 2):
            start -= 2
        kept += [text[at:start], text[opening.end() : end]]
        at = end + len(f'\n</pasted_content id="{opening[1]}">')
        at += text.startswith("\n", at)
        start = text.find(_PASTE, at)
    return "".join([*kept, text[at:]])


def _first_from(at: int, places: Sequence[int]) -> int:
    """The first of some ascending places that is not before `at`, -1 if there is none."""
    i = bisect_left(places, at)
    return places[i] if i < len(places) else -1
