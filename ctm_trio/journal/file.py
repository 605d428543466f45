"""Opening `ctm-trio.db`, and folding its write-ahead log."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from ctm_trio.errors.base import CtmError
from ctm_trio.journal.schema import EVENT_LOG, PRAGMAS
from ctm_trio.system.migration import open_current
from ctm_trio.system.open_file import check_current
from ctm_trio.system.rescued import take_over
from ctm_trio.system.side_database import READER_PRAGMAS as KEPT_READER_PRAGMAS
from ctm_trio.system.side_database import connect_reader
from ctm_trio.system.sqlite_file import connect

READER_PRAGMAS = ("PRAGMA cache_size = -8000", "PRAGMA temp_store = MEMORY")
"""As much cache as the writer has: such a reader is mostly alone, and closed soon."""


def open_database(path: Path) -> sqlite3.Connection:
    """The writer's connection. It makes the file, or brings it up to date (`migration`).

    Raises:
        StoreDamaged: it must be set aside.
        StoreNewer: a newer program made it.
        StoreUnavailable: it cannot be opened now.
    """
    take_over(path, EVENT_LOG)
    return _lenient(open_current(path, EVENT_LOG, PRAGMAS))


def event_reader(path: Path, *, kept: bool = False) -> sqlite3.Connection:
    """A read-only connection.

    Args:
        path: of the file. kept: it is one of several that stay open, so its cache is small.

    Raises:
        StoreUnavailable, StoreDamaged: it cannot be opened. StoreNewer: a newer program made it.
    """
    return _lenient(connect_reader(path, EVENT_LOG, KEPT_READER_PRAGMAS if kept else READER_PRAGMAS))


def _lenient(connection: sqlite3.Connection) -> sqlite3.Connection:
    """Text that is not UTF-8 (bits that have changed on the disk) is shown with a mark, and stops no reader."""
    connection.text_factory = _text
    return connection


def _text(data: bytes) -> str:
    return data.decode(errors="replace")


def checkpoint(path: Path) -> None:
    """Fold the write-ahead log into the database on a connection of its own, so that no commit waits for the disk."""
    try:
        check_current(path)
        db = connect(path, "rw")
        try:
            db.execute("PRAGMA wal_checkpoint(PASSIVE)")
        finally:
            db.close()
    except (sqlite3.Error, CtmError):
        pass  # locked or full: it is tried again, and the log is valid meanwhile
