"""How the client divides its screen: lines, rules across it, and where its input box is. Pure.

Only what begins in the first column is the client's own frame: what was said in the conversation is indented, or has a
sign before it. Measured with Claude Code 2.1.330 at 60, 80, 120 and 200 columns.
"""

from __future__ import annotations

import re

import msgspec

_RULE = re.compile(r"[─▔]{10,}")
_BOX_TOP = re.compile(r"─{3,}(?P<cut> ↑ \d+ more ─{2,})?(?: \S.* ─{1,3})?")
"""The rule above the input box: how many lines of a draft are above it, and at its end the session's name."""

_BOX_FIRST = re.compile(r"❯(?:\u00a0.*)?|!\u00a0.*")
"""A prompt, or a shell command, with the no-break space that the client writes behind the sign."""


class BoxPlace(msgspec.Struct, frozen=True):
    """Where the input box is: the numbers of its rules' lines.

    Attributes:
        cut: lines above the first that is shown are scrolled out of the box.
    """

    top: int
    bottom: int
    cut: bool


def lines_of(screen: str) -> list[str]:
    """The lines of a capture without colours, without the blanks at their ends and the empty lines at its end."""
    lines = [line.rstrip(" ") for line in screen.split("\n")]
    while lines and not lines[-1].strip():
        lines.pop()
    return lines


def rules_of(lines: list[str]) -> list[int]:
    """The numbers of the lines that are a rule from the first column on, from the top."""
    return [
        number for number, line in enumerate(lines) if len(line) >= 10 and (is_rule(line) or _BOX_TOP.fullmatch(line))
    ]


def is_rule(line: str) -> bool:
    """Whether a line is nothing but a rule, as the one above a dialog is."""
    return _RULE.fullmatch(line) is not None


def without_leftover(lines: list[str]) -> list[str]:
    """The lines without a rule at the very end: that of the input box of a session with a name stays below dialogs."""
    kept = list(lines)
    while kept and (not kept[-1] or (len(kept[-1]) >= 10 and _BOX_TOP.fullmatch(kept[-1]))):
        kept.pop()
    return kept


def between_last_rules(lines: list[str]) -> list[str]:
    """The lines between the last two rules; none if there are not two."""
    rules = rules_of(lines)
    return lines[rules[-2] + 1 : rules[-1]] if len(rules) > 1 else []


def find_box(lines: list[str]) -> BoxPlace | None:
    """The input box: the last two rules, if what stands between them begins as it does; None if it is not there."""
    rules = rules_of(lines)
    if len(rules) < 2:
        return None
    top, bottom = rules[-2:]
    if bottom - top < 2 or not (lines[top].startswith("─") and lines[bottom].startswith("─")):
        return None
    found = _BOX_TOP.fullmatch(lines[top])
    cut = found is not None and found["cut"] is not None
    return BoxPlace(top, bottom, cut) if cut or _BOX_FIRST.fullmatch(lines[top + 1]) else None
