"""What may be typed into a session: texts, presets, initial prompts. Source: PROTOCOL.md, Sessions."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from ctm_trio.errors.requests import InvalidBody
from ctm_trio.errors.typing import InvalidKeys, InvalidText
from ctm_trio.model.prompt_steps import check_prompt

PRESETS: Mapping[str, str] = {"yes": "Approve", "no": "Deny", "continue": "", "follow": "Follow recommended"}
"""Preset → what is typed before Enter."""

KEYS = frozenset({"Escape", "Up", "Down", "Left", "Right", "Tab", "Enter", "C-c"})
"""Keys that may be pressed, in tmux's spelling: what a phone's keyboard does not have."""

NAMED_KEYS = frozenset({
    "Up", "Down", "Left", "Right", "Enter", "Escape", "Tab", "BTab", "Space", "BSpace", "Home", "End", "PPage", "NPage",
    *"123456789", "y", "n", "C-b", "C-c", "C-e", "C-l", "C-o", "C-r", "C-t", "C-u",
})  # fmt: skip
"""Keys that a person may press from elsewhere, in tmux's spelling. Without those that end or suspend the client (C-d,
C-z), and those that open a program or begin a longer command (C-g, C-x)."""

MAX_KEYS = 16
"""Keys in one order."""

ONCE = "C-c"
"""Pressed once it interrupts or clears what is typed; twice in a row it ends the client."""

MAX_TEXT_BYTES = 256

_LINE_BREAKS = "\u0085\u2028\u2029"


def _controls(text: str) -> bool:
    """True if a character of `text` would move a cursor, ring or end a line rather than be written."""
    return any((unicodedata.category(c) == "Cc" and c != "\t") or c in _LINE_BREAKS for c in text)


def check_text(text: str) -> str:
    """`text` as it is, if it may be typed.

    Raises:
        InvalidText: over 256 bytes of UTF-8, blank, or with control characters other than tab, or line breaks.
    """
    if not text.strip():
        raise InvalidText("The text is blank.")
    if _controls(text):
        raise InvalidText("The text must be one line without control characters.")
    if len(text.encode()) > MAX_TEXT_BYTES:
        raise InvalidText(f"The text is longer than {MAX_TEXT_BYTES} bytes.")
    return text


def check_keys(keys: object) -> tuple[str, ...]:
    """The keys of an order.

    Raises:
        InvalidKeys: not a list of 1 to `MAX_KEYS` of `NAMED_KEYS`, or `ONCE` more than once.
    """
    if not isinstance(keys, list) or not 1 <= len(keys) <= MAX_KEYS:
        raise InvalidKeys(f"Send `keys`: a list of 1 to {MAX_KEYS} keys.")
    unknown = [key for key in keys if not isinstance(key, str) or key not in NAMED_KEYS]
    if unknown:
        raise InvalidKeys(f"The keys are {', '.join(sorted(NAMED_KEYS))}.")
    if keys.count(ONCE) > 1:
        raise InvalidKeys(f"{ONCE} twice in a row ends the client; send it once.")
    return tuple(keys)


def clean_prompt(text: str) -> str:
    """An initial prompt as it is typed: without blanks around it, its lines separated by line feeds; "" for none.

    Raises:
        InvalidBody: it is too long, or has control characters, which a terminal program would take for keys.
    """
    if not text.strip():
        return ""
    try:
        return check_prompt(text.strip())
    except InvalidText as error:
        raise InvalidBody(f"The initial prompt cannot be typed. {error.message}") from None


_QUESTIONS = (
    "no, exit", "enter to confirm", "esc to cancel", "enter to select", "enter to continue", "paste code",
)  # fmt: skip
"""What stands at the foot of a dialog, or in it, without its blanks' number."""

_ROW = re.compile(r"\s*❯\s*(?:\d+\.\s|(?:yes|no)\b)", re.IGNORECASE)
"""A row of a dialog that the cursor is on; the input box has the same sign, but stands between two rules."""


def asks_something(screen: str) -> bool:
    """True if a captured screen shows one of Claude Code's dialogs, where Enter would answer instead of send.

    Their default is often "No, exit" (folder trust, bypassing permissions), so typing there would end the client.

    Args:
        screen: captured without colours: with them no two words stand together.
    """
    shown = " ".join(screen.casefold().split())
    if any(question in shown for question in _QUESTIONS):
        return True
    lines = [line for line in screen.split("\n") if line.strip()]
    cursors = [i for i, line in enumerate(lines) if "❯" in line]
    if not cursors:
        return False
    last = cursors[-1]
    in_box = last > 0 and set(lines[last - 1].strip()) <= {"─"}
    return not in_box and _ROW.match(lines[last]) is not None
