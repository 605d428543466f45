"""Text of others on one line: what a person reads before deciding about it.

It must not look like something else than it is: line breaks are shown, what is cut off is marked, and characters that
reorder or hide text are replaced.
"""

from __future__ import annotations

import re
from itertools import islice

from ctm_trio.model.decoding import compact
from ctm_trio.model.plain import plain

BREAK = " ⏎ "
"""Stands for a line break and the blank around it."""

INSTEAD = "\ufffd"
"""Stands for a character that is not shown as itself."""

_READ_AHEAD = 8
"""So many times the wanted length is looked at: blank is folded."""

_BREAKS = re.compile(r"\s*[\r\n]\s*")
_BLANK = re.compile(r"[ \t]{2,}|\t")

_KEYS = 20
_NESTING = 4


def one_line(text: str, limit: int) -> str:
    """The text on one line, of at most `limit` characters; what was cut ends with "…".

    Args:
        text: of any length; only its beginning is looked at.
        limit: in characters, at least 1.
    """
    ahead = text[: limit * _READ_AHEAD]
    found = plain(_BLANK.sub(" ", _BREAKS.sub(BREAK, ahead.strip())), INSTEAD)
    if len(found) > limit or (len(ahead) < len(text) and not text.isspace()):
        return found[: limit - 1] + "…"
    return found


def short_json(value: object, limit: int) -> str:
    """A decoded JSON value as compact JSON on one line, of at most `limit` characters; "" if it cannot be written."""
    try:
        return one_line(compact(_trimmed(value, limit, _NESTING)), limit)
    except (TypeError, ValueError):
        return ""  # it is no JSON value, or has half a character


def _trimmed(value: object, limit: int, nesting: int) -> object:
    """So much of a value as can be seen of it: writing all of a file's content would take milliseconds."""
    if isinstance(value, str):
        return value if len(value) <= limit else value[:limit] + "…"
    if isinstance(value, dict):
        if nesting == 0:
            return "…"
        shown = {str(k)[:limit]: _trimmed(value[k], limit, nesting - 1) for k in islice(value, _KEYS)}
        return shown if len(value) <= _KEYS else {**shown, "…": f"{len(value) - _KEYS} more"}
    if isinstance(value, list):
        if nesting == 0:
            return "…"
        items = [_trimmed(item, limit, nesting - 1) for item in value[:_KEYS]]
        return items if len(value) <= _KEYS else [*items, f"… {len(value) - _KEYS} more"]
    return value
