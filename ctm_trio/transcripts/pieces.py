"""The pieces that rows of the index stand for, read again from the transcripts. Blocks."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import ExitStack

import msgspec

from ctm_trio.model.conversation.lines import read_line
from ctm_trio.model.conversation.piece import TOOL, Piece, number_of, result_key
from ctm_trio.system.regular import open_regular

OPEN_FILES = 32
"""Files that are open at once."""

COLUMNS = "e.key, e.number, e.conversation, e.agent, e.file, e.start, e.length, e.turn, e.message"


class Row(msgspec.Struct, frozen=True):
    """A row of `entries`. `next_message`: of the entry behind it, for one whose message may go on."""

    key: int
    number: int
    conversation: int
    agent: int
    file: int
    start: int
    length: int
    turn: int
    message: int
    next_message: int = 0

    @property
    def whole(self) -> bool:
        """True for the last entry of a message."""
        return self.message != 0 and self.next_message != self.message


class Reader:
    """Reads pieces, with the files open that were read last. Close it, or use `with`.

    Args:
        db: a connection to the index.

    Attributes:
        bytes: how many of lines were read.
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        self.bytes = 0
        self.db = db
        self._files: dict[int, int] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the files."""
        self._stack.close()
        self._files.clear()

    def piece(self, row: Row) -> Piece | None:
        """What a row stands for; None if its line is not there any more."""
        line = self._line(row)
        if line is None:
            return None
        return next((piece for piece in read_line(line).pieces if piece.number == row.number), None)

    def with_results(self, rows: Sequence[Row]) -> list[tuple[Row, Piece, Piece | None]]:
        """Rows, their pieces, and of calls what was answered. Rows whose lines are gone are left out."""
        return self.with_results_within(rows, None)[0]

    def with_results_within(
        self, rows: Sequence[Row], room: int | None
    ) -> tuple[list[tuple[Row, Piece, Piece | None]], int]:
        """The same for the first of these rows, and how many they are.

        Args:
            room: so many bytes of lines are read at most, but always one piece with its result; None for no bound.
        """
        found: list[tuple[int, Piece]] = []
        left = room
        for i, row in enumerate(rows):
            if left is not None and found and row.length > left:
                break
            piece = self.piece(row)
            if piece is not None:
                found.append((i, piece))
                left = None if left is None else left - row.length
        else:
            i = len(rows)
        results = self._result_rows([(rows[at], piece) for at, piece in found])
        whole: list[tuple[Row, Piece, Piece | None]] = []
        for at, piece in found:
            row, number = rows[at], _result_number(piece)
            result = results.get(number) if number is not None else None
            size = row.length + (result.length if result is not None else 0)
            if room is not None and whole and size > room:
                return whole, at
            room = None if room is None else room - size
            whole.append((row, piece, self.piece(result) if result is not None else None))
        return whole, i

    def _result_rows(self, found: Sequence[tuple[Row, Piece]]) -> dict[int, Row]:
        wanted = {number: row.conversation for row, piece in found if (number := _result_number(piece)) is not None}
        return {row.number: row for row in rows_of(self.db, wanted)}

    def _line(self, row: Row) -> bytes | None:
        file = self._open(row.file)
        if file is None:
            return None
        self.bytes += row.length
        try:
            data = os.pread(file, row.length + 1, row.start)
        except OSError:  # a bad disk, or a file of another machine that was replaced there
            return None
        return data[:-1] if data.endswith(b"\n") and len(data) == row.length + 1 else None

    def _open(self, id_: int) -> int | None:
        if id_ in self._files:
            return self._files[id_]
        if len(self._files) == OPEN_FILES:
            self.close()
        row = self.db.execute("SELECT path FROM files WHERE id = ?", (id_,)).fetchone()
        if row is None:
            return None
        try:
            file = open_regular(os.fsdecode(row[0]))
        except OSError:
            return None
        self._stack.callback(os.close, file)
        self._files[id_] = file
        return file


def _result_number(piece: Piece) -> int | None:
    """The number of what a call was answered; None for what is no call."""
    return number_of(result_key(piece.tool_use_id)) if piece.kind == TOOL and piece.tool_use_id else None


def rows_of(db: sqlite3.Connection, wanted: dict[int, int]) -> Iterable[Row]:
    """For each number one row: that of the conversation that is wanted, or else of another that has a copy."""
    query = (
        f"SELECT {COLUMNS} FROM entries e WHERE e.number IN (SELECT value FROM json_each(?)) AND e.file > 0"
        " ORDER BY e.key"
    )
    best: dict[int, Row] = {}
    for values in db.execute(query, (json.dumps(list(wanted)),)):
        row = Row(*values)
        known = best.get(row.number)
        if known is None or (known.conversation != wanted[row.number] and row.conversation == wanted[row.number]):
            best[row.number] = row
    return best.values()
