"""The rows of a dialog on the client's screen. Pure.

A row begins in the column of the mark (`❯`), which stands before exactly one. What is indented as far as a row's label
belongs to the row above. Source: measured with Claude Code 2.1.330.
"""

from __future__ import annotations

import re

import msgspec

__all__ = ["DIGIT", "SUBMIT", "Row", "Rows"]

DIGIT = re.compile(r"(\d{1,2})\. +(\S.*)")
"""A row's digit and what follows it."""

SUBMIT = re.compile(r"(?:❯| ) {4}(Submit|Next)")
"""The row without a digit below those that can be ticked."""

_TICK = re.compile(r"\[.\] ")
_PLAIN_ROW = re.compile(r"(?:Yes|No)(?:$|[, ])")
"""How a row without a digit begins, in every dialog that has such. What else stands there may be a wrapped line."""


class Row(msgspec.Struct, frozen=True):
    """One row that can be chosen.

    Attributes:
        label: what it says, without its digit, the lines that it is wrapped into joined by blanks; in a question with
            several answers with its box (`[ ] Apple`).
        marked: Enter would choose it.
        digit: its number as shown, "" if it has none.
        detail: what stands behind or below its label.
    """

    label: str
    marked: bool
    digit: str = ""
    detail: str = ""


class Rows:
    """Reads the rows of a block, the mark of which stands in `column`."""

    def __init__(self, block: list[str], after: int, column: int, grammar: str) -> None:
        self.block, self.after, self.column, self.grammar = block, after, column, grammar

    def numbered(self) -> tuple[int, int, tuple[Row, ...]] | None:
        """Rows with digits 1, 2, … up to the last: the first line, the line behind the last, the rows."""
        block = self.block
        at = [n for n in range(self.after, len(block)) if self._number(block[n])]
        if not at:
            return None
        starts: list[int] = []
        wanted = self._number(block[at[-1]])
        for number in reversed(at):  # from below: the text above may have a list of its own
            if self._number(block[number]) == wanted:
                starts.insert(0, number)
                wanted -= 1
            else:
                return None
            if wanted == 0:
                break
        if wanted != 0:
            return None
        first = starts[0]
        rows: list[Row] = []
        for place, start in enumerate(starts):
            end = starts[place + 1] if place + 1 < len(starts) else self._end(start)
            made = self._row(start, end)
            if made is None:
                return None
            rows += made
        return first, end, tuple(rows)

    def plain(self, marked: int) -> tuple[int, int, tuple[Row, ...]] | None:
        """Rows without digits: the lines around the marked one, all of which begin as such rows do."""
        block, column = self.block, self.column
        first = last = marked
        while first > self.after and self._plain_label(block[first - 1]):
            first -= 1
        while last < len(block) and self._plain_label(block[last]):
            last += 1
        if first > self.after and block[first - 1].startswith(" " * (column + 2)) and block[first - 1].strip():
            return None
        if last < len(block) and block[last].startswith(" " * (column + 1)) and block[last].strip():
            return None
        rows = tuple(Row(self._plain_label(block[n]), n == marked) for n in range(first, last))
        return (first, last, rows) if len(rows) > 1 else None

    def _plain_label(self, line: str) -> str:
        """The label of a line that is a row without a digit, else ""."""
        column = self.column
        label = line[column + 2 :]
        before = line[: column + 2]
        return label if before in (" " * column + "❯ ", " " * (column + 2)) and _PLAIN_ROW.match(label) else ""

    def _number(self, line: str) -> int:
        """The number of a line that begins a row, else 0."""
        column = self.column
        if line[: column + 2] not in (" " * column + "❯ ", " " * (column + 2)):
            return 0
        found = DIGIT.fullmatch(line[column + 2 :])
        return int(found[1]) if found else 0

    def _end(self, start: int) -> int:
        """The line behind the last row."""
        end = start + 1
        while end < len(self.block) and self.block[end].startswith(" " * (self.column + 5)):
            end += 1
        return end

    def _row(self, start: int, end: int) -> list[Row] | None:
        """The row of these lines, and the one that submits a question's answers, which has no digit."""
        found = DIGIT.fullmatch(self.block[start][self.column + 2 :])
        assert found is not None
        more, submit = self.block[start + 1 : end], []
        if more and self.grammar == "question" and _TICK.match(found[2]) and (sent := SUBMIT.fullmatch(more[-1])):
            submit = [Row(sent[1], more[-1].startswith("❯"))]
            more = more[:-1]
        if not all(line.startswith(" " * (self.column + 5)) for line in more):
            return None  # an empty line, or one that belongs to something else
        label, _, detail = found[2].partition("  ")
        rest = [line.strip() for line in more]
        details = [detail.strip()] if detail.strip() else []
        if self.grammar == "question":
            details += rest
        elif self.grammar == "plan" and rest and rest[-1].startswith("shift+tab"):
            label, details = " ".join([label, *rest[:-1]]), [rest[-1]]
        elif self.grammar == "panel":
            details += rest
        else:
            label = " ".join([label, *rest])
        if label.endswith(" ✔"):
            label, details = label[:-2], ["✔", *details]
        marked = self.block[start][self.column] == "❯"
        return [Row(label, marked, found[1], " ".join(details)), *submit]
