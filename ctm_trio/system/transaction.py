"""A transaction that takes everything back if its block fails."""

from __future__ import annotations

import sqlite3


class transaction:  # noqa: N801  # used as a function: a generator would cost as much as a small commit
    """All that the block writes is committed at its end, or nothing of it.

    Args:
        db: in autocommit mode (`sqlite_file.connect`), and in no transaction.

    Raises:
        sqlite3.Error: it could not begin, or could not be committed. And whatever the block raises.
    """

    __slots__ = ("_db",)

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                self._db.execute("COMMIT")
        finally:
            if self._db.in_transaction:  # whatever ended it, a half of it must not be committed by the next one
                self._db.execute("ROLLBACK")
