"""Which dialog of the client a screen shows, and its rows. Pure.

The client tells nobody what its dialogs offer, and the numbers of their rows mean something else from one dialog to the
next: so rows are read, never assumed. A dialog is the last thing on the screen, below a rule across it. Whatever does
not fit exactly is no dialog, for a key pressed in a dialog that was misread may allow what nobody has allowed.
Source: PROTOCOL.md, Requests; measured with Claude Code 2.1.330.
"""

from __future__ import annotations

import re

import msgspec
from msgspec.structs import replace

from ctm_trio.model.dialog_rows import DIGIT, SUBMIT, Row, Rows
from ctm_trio.model.screen import find_box, is_rule, lines_of, rules_of, without_leftover

__all__ = ["Dialog", "Row", "parse_dialog", "row_meaning", "same_dialog"]


class Dialog(msgspec.Struct, frozen=True):
    """A dialog as the screen shows it.

    Attributes:
        title: its first line; of a question the question itself.
        body: what else stands above its rows, line by line, without rules and empty lines.
        rows: from the top, exactly one of them marked; none if it has no rows, or none that can be read for certain.
        grammar: its kind: `permission`, `question`, `review` (of the answers), `plan`, `trust`, `auto_check` (auto mode
            cannot check), `panel` (what a command opened: `/model` …), `choice` (any other).
        content: of a permission, the lines of the body between its two rules: the whole command, or a file's new text.
        width: of these rules, columns.
    """

    title: str
    body: tuple[str, ...]
    rows: tuple[Row, ...]
    grammar: str
    content: tuple[str, ...] = ()
    width: int = 0


_INDENTED_RULE = re.compile(r"  [╌─]{10,}")
_CONTENT_END = re.compile(r"╌{10,}")
_MARKED = re.compile(r"( *)❯ +\S.*")
_ASIDE = re.compile(r"(?:❯| ) \d{1,2}\. Chat about this")
"""The last row of a question stands below a rule of its own."""

_TABS = re.compile(r"[☐☒←].*")
"""The first line of a question: its header, or one for each of several."""

_AUTO_CHECK = "Auto mode can't check actions in this session"
"""It has no rows, and its foot may be below a small screen."""

_FOOT = re.compile(
    r"(?:Esc to |Enter to |Tab to |Space to |s to use |ctrl\+[a-z] |[↑↓←→]/[↑↓←→] to |[○◐◑●◉] .+ effort|"
    r"[\w~/.-]+\.md$|cancel$|↑ \d+ more lines$)"
)
_CUT = re.compile(r" ?↑ \d+ more lines")
"""Stands below the rows of a dialog that is higher than the screen: its first lines are not shown."""

_ASKS, _ASKS_PLAINLY = "Do you want to ", "Do you want to proceed?"
"""The question of a permission dialog; one about something else (an API key) has no rules around a call."""

_MORE_THAN_ONCE = re.compile(r"Yes, .*(?:don['’]t ask again|allow access|always allow|for this session|this session)")


def parse_dialog(screen: str) -> Dialog | None:
    """The dialog that a screen shows at its bottom; None if there is none, or none that is understood.

    Args:
        screen: a capture without colours.
    """
    lines = lines_of(screen)
    if find_box(lines) is not None:
        return None  # then whatever looks like a dialog above it was printed by somebody
    lines = without_leftover(lines)
    rules = rules_of(lines)
    if any(_CUT.fullmatch(line) for line in lines[-4:]):
        return None if rules else _parse_cut(lines)
    if not rules:
        return None
    start = rules[-1]
    aside = _next_text(lines, start)
    if _ASIDE.fullmatch(aside):
        if len(rules) < 2 or not _TABS.fullmatch(_next_text(lines, rules[-2]).strip()):
            return None
        start = rules[-2]
    if not is_rule(lines[start]):
        return None
    panel = lines[start].startswith("▔")
    block = [line for line in lines[start + 1 :] if not re.fullmatch(r"[─▔]{10,}", line)]
    return _parse_panel(block) if panel else _parse_block(block)


def same_dialog(a: Dialog, b: Dialog) -> bool:
    """Whether two readings are of the same dialog, though another row may be marked."""
    return _without_mark(a) == _without_mark(b)


def row_meaning(row: Row) -> str:
    """What a row of a permission dialog says.

    Returns:
        `yes`: allow this once and nothing else; `no`: refuse; `remember`: allow, also from now on; `other`: anything
        else, such as trusting a folder or changing the mode.
    """
    if row.label == "Yes":
        return "yes"
    if row.label == "No" or row.label.startswith(("No, ", "No (")):
        return "no"
    return "remember" if _MORE_THAN_ONCE.match(row.label) else "other"


def _without_mark(dialog: Dialog) -> tuple[object, ...]:
    rows = tuple((row.label, row.digit, row.detail) for row in dialog.rows)
    return (dialog.grammar, dialog.title, dialog.body, rows)


def _next_text(lines: list[str], after: int) -> str:
    return next((line for line in lines[after + 1 :] if line.strip()), "")


def _parse_panel(block: list[str]) -> Dialog | None:
    """What a command opened, or a plan. Rows that cannot be read for certain are none: it is open all the same."""
    inner = [number for number, line in enumerate(block) if _INDENTED_RULE.fullmatch(line)]
    titles = _texts(block)
    if not titles:
        return None
    title = titles[0]
    if title in ("Ready to code?", "Exit plan mode?"):
        return _with_rows(block, inner[-1] + 1 if inner else 0, "plan")
    found = _with_rows(block, 0, "panel", digits=True) if not inner else None
    return found or Dialog(title, tuple(titles[1:]), (), "panel")


def _parse_block(block: list[str]) -> Dialog | None:
    titles = _texts(block)
    if not titles:
        return None
    if titles[0] == _AUTO_CHECK:
        rows = any(_MARKED.fullmatch(line) for line in block)
        return Dialog(titles[0], tuple(titles[1:]), (), "auto_check") if not rows else None
    if _TABS.fullmatch(titles[0]):
        review = any(line.strip() == "Review your answers" for line in block)
        return _with_rows(block, 0, "review" if review else "question")
    if titles[0] in ("Ready to code?", "Exit plan mode?"):
        return _with_rows(block, 0, "plan")
    ends = [number for number, line in enumerate(block) if _CONTENT_END.fullmatch(line)]
    after = ends[-1] + 1 if ends else 0  # what is above is a command or a file's text, which may look like anything
    grammar = "choice"
    if titles[0] == "Accessing workspace:":
        grammar = "trust"
    elif any(text.startswith(_ASKS if ends else _ASKS_PLAINLY) for text in _texts(block[after:])):
        grammar = "permission"
    found = _with_rows(block, after, grammar)
    if found is None or len(ends) < 2:
        return found
    return replace(found, content=tuple(_texts(block[ends[0] + 1 : ends[-1]])), width=len(block[ends[0]]))


def _parse_cut(lines: list[str]) -> Dialog | None:
    """A permission dialog the beginning of which is above the screen: then it is all that the screen shows.

    Its title is its question, which names the file; how many lines are missing is part of its body.
    """
    ends = [number for number, line in enumerate(lines) if _CONTENT_END.fullmatch(line)]
    found = _with_rows(lines, ends[-1] + 1, "permission") if ends else None
    if found is None:
        return None
    texts = (found.title, *found.body)
    title = next((text for text in texts if text.startswith(_ASKS)), "")
    cut = next(line.strip() for line in reversed(lines) if _CUT.fullmatch(line))
    return Dialog(title, (cut, *texts), found.rows, "permission") if title else None


def _with_rows(block: list[str], after: int, grammar: str, *, digits: bool = False) -> Dialog | None:
    """The dialog with the rows that stand in `block` from line `after` on; None if they are in doubt.

    Args:
        digits: rows without digits are in doubt.
    """
    lines = enumerate(block[after:], after)
    marks = [(len(mark[1]), number) for number, line in lines if (mark := _MARKED.fullmatch(line))]
    if not marks:
        return None
    column = min(at for at, _ in marks)
    if sum(at == column for at, _ in marks) != 1 or column > 4:
        return None
    marked = next(number for at, number in marks if at == column)
    rows = Rows(block, after, column, grammar)
    plain = not DIGIT.match(block[marked][column + 2 :]) and not (
        grammar == "question" and SUBMIT.fullmatch(block[marked])
    )
    if plain and digits:
        return None
    found = rows.plain(marked) if plain else rows.numbered()
    if found is None:
        return None
    first, last, made = found
    if not first <= marked < last or sum(row.marked for row in made) != 1 or not made:
        return None
    if len({row.label for row in made}) != len(made):
        return None  # a row is found by its label
    if not all(not line.strip() or _FOOT.match(line.strip()) for line in block[last:]):
        return None
    head = _texts(block[:first])
    if not head:
        return None
    if grammar == "question":
        if len(head) < 2:
            return None
        return Dialog(" ".join(head[1:]), (head[0],), made, grammar)
    return Dialog(head[0], tuple(head[1:]), made, grammar)


def _texts(block: list[str]) -> list[str]:
    """The lines that say something, without their indentation; rules are left out."""
    said = (line.strip().removeprefix("│").strip() for line in block if not re.fullmatch(r" *[╌─]{10,}", line))
    return [line for line in said if line]
