"""`system.bulk_insert`: every row once, in order, however many there are."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from ctm_trio.system.bulk_insert import ROWS_A_STATEMENT, insert_rows, inserts


@pytest.mark.parametrize("count", [0, 1, *ROWS_A_STATEMENT, sum(ROWS_A_STATEMENT), 2 * ROWS_A_STATEMENT[0] + 7])
def test_all_rows_in_order(count: int) -> None:
    """Also with the columns named in another order than the table's."""
    rows = [(i, str(-i)) for i in range(count)]
    with closing(sqlite3.connect(":memory:")) as db:
        db.execute("CREATE TABLE things (text TEXT, number INTEGER)")
        insert_rows(db, inserts("things (number, text)", 2), rows)
        assert db.execute("SELECT number, text FROM things ORDER BY rowid").fetchall() == rows
