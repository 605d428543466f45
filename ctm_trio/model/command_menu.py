"""The menu of slash commands above the input box: Enter runs the row that it marks, whatever was typed. Pure.

Source: PROTOCOL.md, Prompts and keys; measured with Claude Code 2.1.330.
"""

from __future__ import annotations

import re

from ctm_trio.model.screen import find_box, lines_of

_ROW = re.compile(r" {2}(?P<mark>❯| ) (?P<name>/\S+)(?: \((?P<others>[^)]*)\))?(?:\s.*)?")

_NONE = re.compile(r"\s*No commands match ")
_LONE = re.compile(r"\s*/[^\s/]*\s*")


def other_command(screen: str, text: str) -> str | None:
    """The command that Enter would run instead of the one that stands in the input box; "" if it runs that.

    Args:
        screen: without colours. text: what was typed.

    Returns:
        None while the screen shows no menu.
    """
    name = text.split()[0] if text.split() else ""
    lines = lines_of(screen)
    place = find_box(lines)
    above = reversed(lines[: place.top] if place is not None else [])
    for number, line in enumerate(above):
        row = _ROW.fullmatch(line)
        if row is None:
            return "" if number == 0 and _NONE.match(line) else None
        if row["mark"] == "❯":
            others = (row["others"] or "").replace("/", "").split(",")
            names = (row["name"], *(f"/{other.strip()}" for other in others if other.strip()))
            return "" if name in names else row["name"]
    return None


def has_menu(text: str) -> bool:
    """Whether the client shows the menu for a text: a slash, and a name that nothing follows."""
    return _LONE.fullmatch(text) is not None
