"""Many rows into a table of SQLite, by as few statements as can be."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

ROWS_A_STATEMENT = (256, 32, 8, 1)
"""Rows are inserted by statements of these sizes. One big statement runs without the interpreter's lock, on the
other core; a thousand small ones would each wait for it again (5 ms each while the loop is parsing)."""

Inserts = tuple[tuple[int, str], ...]
"""Statements, largest first: how many rows each takes, and its text."""


def inserts(table: str, columns: int) -> Inserts:
    """The statements that insert rows into a table.

    Args:
        table: its name; `name (column, …)` if not all columns are given, or not in their order.
        columns: how many values a row has.
    """
    one = "(" + ",".join("?" * columns) + ")"
    return tuple((size, f"INSERT INTO {table} VALUES " + ",".join([one] * size)) for size in ROWS_A_STATEMENT)


def insert_rows(db: sqlite3.Connection, statements: Inserts, rows: Sequence[Sequence[object]]) -> None:
    """Insert rows by the statements of `inserts`, in order and as many at a time as can be."""
    if len(rows) == 1:
        db.execute(statements[-1][1], rows[0])
        return
    done = 0
    for size, statement in statements:
        while len(rows) - done >= size:
            db.execute(statement, [value for row in rows[done : done + size] for value in row])
            done += size
