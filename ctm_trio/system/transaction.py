"""A transaction that takes everything back if its block fails."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All that the block writes is committed at its end, or nothing of it.

    Args:
        db: in autocommit mode (`sqlite_file.connect`), and in no transaction.

    Raises:
        sqlite3.Error: it could not begin, or could not be committed. And whatever the block raises.
    """
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:  # whatever ends the block, a half of it must not be committed by the next one
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
