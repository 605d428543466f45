"""Which row of the terminal's dialog is a person's answer. Pure. Rows are read; in doubt there is none.

Source: PROTOCOL.md, Requests; the dialogs are measured with Claude Code 2.1.330.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator, Sequence

from ctm_trio.errors.asked import NotAnswerable
from ctm_trio.model.answer import Given
from ctm_trio.model.dialogs import Dialog, Row, row_meaning
from ctm_trio.model.request import ALLOW, ANSWERS, APPROVE, APPROVE_ACCEPT_EDITS, DENY, DENY_STOP, Asked

FILE_TOOLS = frozenset({"Edit", "MultiEdit", "Write", "NotebookEdit", "Read"})

NOT_THIS = "The terminal does not show this request's dialog now; nothing was pressed."
MAX_LINES = 60
"""Lines of a dialog that are looked at; what stands further down is not found, and nothing is pressed."""


MARGIN = 4
"""Columns at the sides of a dialog's text that may be empty though a word would have fitted."""

_TABS = re.compile(r"[ \t]+")


def row_for(dialog: Dialog, asked: Asked, choice: str, *, message: bool, given: Given) -> str:
    """The label of the row that means this choice.

    Args:
        dialog: as the screen shows it. asked: what was asked.
        choice: one of the request's choices. message: words for Claude were given. given: the whole answer.

    Raises:
        NotAnswerable: the dialog is another one, or has no row that surely means it.
    """
    if not shows(dialog, asked):
        raise NotAnswerable(NOT_THIS)
    if message:
        raise NotAnswerable("Its hook does not wait any more, so no message can be sent along; answer without one.")
    if given.updated_input is not None or given.updated_plan is not None:
        raise NotAnswerable("Its hook does not wait any more, so nothing can be changed; answer it as it is.")
    if asked.kind == "question":
        return _only(dialog, [row for row in dialog.rows if row.label == _label(asked, given)])
    if asked.kind == "plan":
        return _only(dialog, [row for row in dialog.rows if _is_plan_row(row, choice)])
    if choice == ALLOW:
        return _only(dialog, [row for row in dialog.rows if row_meaning(row) == "yes"])
    if choice in (DENY, DENY_STOP):
        return _only(dialog, [row for row in dialog.rows if row_meaning(row) == "no"])
    raise NotAnswerable("Its hook does not wait any more, so this can only be chosen in the terminal.")


def shows(dialog: Dialog, asked: Asked) -> bool:
    """True if the dialog is surely about this request.

    Dialogs of several sub-agents stand in a queue, so another call's may be shown, and one command may be a part of
    another: the whole of it must stand there, and nothing else.
    """
    text = _plain(" ".join((dialog.title, *dialog.body)))
    if asked.kind == "question":
        questions = asked.questions or []
        return dialog.grammar == "question" and len(questions) == 1 and _plain(questions[0]["question"]) in text
    if asked.kind == "plan":
        return dialog.grammar == "plan"
    if dialog.grammar in ("question", "plan", "review"):
        return False
    if asked.tool in FILE_TOOLS:
        path = asked.input.get("file_path") or asked.input.get("notebook_path")
        return isinstance(path, str) and _names(dialog, asked, path)
    command = asked.input.get("command")
    if isinstance(command, str) and command.strip():
        return says(dialog.content, command, dialog.width)  # without rules around it nobody knows where it ends
    what = asked.summary
    return bool(what) and any(
        says(lines, text, dialog.width)
        for lines in _pieces(dialog.content or dialog.body)
        for text in (what, f"url: {what}")
    )


def says(lines: Sequence[str], text: str, width: int) -> bool:
    """True if these lines of a screen are exactly this text, wrapped where it needed to be.

    Args:
        lines: without their indentation, and without empty ones. width: of the screen, 0 if unknown.
    """
    if "\t" in text:  # the screen shows blanks instead, nobody knows how many
        text, lines = _TABS.sub(" ", text), [_TABS.sub(" ", line) for line in lines]
    rest, before = text.strip(), ""
    if not rest or not lines:
        return False
    for line in lines:
        trimmed = rest.lstrip()
        gap = rest[: len(rest) - len(trimmed)]
        if not trimmed.startswith(line):
            return False
        if before and "\n" not in gap and not _is_wrap(before, line, gap, width):
            return False
        rest, before = trimmed[len(line) :], line
    return not rest


def _is_wrap(before: str, line: str, gap: str, width: int) -> bool:
    """True if the first word of `line` had no room behind `before`, so that the screen had to break there."""
    word = line.split(" ", 1)[0]
    return width > 0 and _columns(before) + len(gap) + _columns(word) > width - MARGIN


def _columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def _names(dialog: Dialog, asked: Asked, path: str) -> bool:
    """True if the dialog names this file above its content: whole, or from the directory that the client works in.

    One that reads has `Read(PATH)` as its content. Source: as above.
    """
    names, cwd = {path}, asked.cwd
    if cwd.startswith("/") and path.startswith("/"):
        names.add(os.path.relpath(path, cwd))
    if not dialog.content:
        return any(says(lines, name, dialog.width) for lines in _beginnings(dialog.body) for name in names)
    if any(says(dialog.content, f"{asked.tool}({name})", dialog.width) for name in names):
        return True
    size = len(dialog.content)
    starts = (n for n in range(len(dialog.body)) if dialog.body[n : n + size] == dialog.content)
    head = dialog.body[: next(starts, 0)]
    return any(says(lines, name, dialog.width) for lines in _pieces(head) for name in names)


def _pieces(lines: Sequence[str]) -> Iterator[Sequence[str]]:
    """Each line, and some lines on end."""
    for start in range(min(len(lines), MAX_LINES)):
        yield from _beginnings(lines[start:])


def _beginnings(lines: Sequence[str]) -> Iterator[Sequence[str]]:
    """The first line, the first two, and so on."""
    for end in range(1, min(len(lines), MAX_LINES) + 1):
        yield lines[:end]


def _label(asked: Asked, given: Given) -> str:
    """The label that answers a single question with one choice."""
    question: dict[str, object] = (asked.questions or [{}])[0]
    answers = given.answers if isinstance(given.answers, dict) else {}
    value = answers.get(question.get("question"))
    value = value[0] if isinstance(value, list) and len(value) == 1 else value
    if given.choice != ANSWERS or question.get("multiSelect") is True or not isinstance(value, str):
        raise NotAnswerable("Its hook does not wait any more, so this answer can only be given in the terminal.")
    return value


def _is_plan_row(row: Row, choice: str) -> bool:
    label = row.label.casefold()
    if choice == APPROVE:
        return label.startswith("yes") and "manually approve" in label
    return choice == APPROVE_ACCEPT_EDITS and label.startswith("yes") and "accept edits" in label


def _only(dialog: Dialog, rows: list[Row]) -> str:
    if len(rows) != 1:
        raise NotAnswerable("The terminal's dialog has no row that surely means this; answer it there.")
    return rows[0].label


def _plain(text: object) -> str:
    """A text without white space: the screen wraps where it likes."""
    return "".join(str(text).split())
