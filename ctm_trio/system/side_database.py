"""Databases beside the event log: the search index, the costs, the outbox. Each has its one writer and its own file."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

from ctm_trio.system.migration import Schema, open_current, refuse_newer
from ctm_trio.system.open_file import check_current
from ctm_trio.system.rescued import take_over
from ctm_trio.system.sqlite_file import connect
from ctm_trio.system.store_errors import StoreDamaged, StoreUnavailable, set_aside, translate

log = logging.getLogger("ctm.store")

PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = NORMAL",
    "PRAGMA wal_autocheckpoint = 4000",
    "PRAGMA journal_size_limit = 33554432",
    "PRAGMA cache_size = -4000",
    "PRAGMA temp_store = MEMORY",
)

ANEW_GAP_S = 60.0
"""A file is begun anew once within so many seconds."""

_begun: dict[Path, float] = {}
"""When a file was begun anew last, by path."""

READER_PRAGMAS = ("PRAGMA cache_size = -2000",)
"""2 MB for each kept connection: the system's own cache is behind it, and there are several."""


def open_side_database(path: Path, schema: Schema, pragmas: Sequence[str] = PRAGMAS) -> sqlite3.Connection:
    """A side database for its one writer, private; a damaged one, or another program's, is set aside and made anew.

    Args:
        path: of the file. schema: what it must be. pragmas: done first.

    Raises:
        StoreNewer: a newer program made it; it stays as it is.
        StoreUnavailable: it cannot be opened now.
    """
    take_over(path, schema)
    try:
        return open_current(path, schema, pragmas)
    except StoreDamaged as error:
        begin_anew(path, error)
    return open_current(path, schema, pragmas)


def begin_anew(path: Path, error: StoreDamaged) -> None:
    """Set a side database aside, so that the next opening makes a new one. Nobody may have it open.

    Raises:
        StoreUnavailable: it cannot be moved, or was begun anew within `ANEW_GAP_S`: then the disk is to blame, and is
            not filled with what was set aside.
    """
    now = time.monotonic()
    if now - _begun.get(path, -ANEW_GAP_S) < ANEW_GAP_S:
        raise StoreUnavailable(f"{path.name} was damaged again within a minute: {error.message} Check the disk.")
    _begun[path] = now
    try:
        aside = set_aside(path, error.aside)
    except FileNotFoundError:
        return  # somebody else did it
    except OSError as problem:
        raise StoreUnavailable(f"{error.message} It cannot be set aside: {problem.strerror or problem}") from problem
    log.error("%s: %s It was moved to %s and a new one was created.", path.name, error.message, aside.name)


def connect_reader(path: Path, schema: Schema, pragmas: Sequence[str] = READER_PRAGMAS) -> sqlite3.Connection:
    """A read-only connection.

    Args:
        path: of the file. schema: what it may be at most. pragmas: done first.

    Raises:
        StoreUnavailable, StoreDamaged: it cannot be opened. StoreNewer: its schema is not known here.
    """
    check_current(path)
    db = connect(path, "ro")
    try:
        for pragma in pragmas:
            db.execute(pragma)
        refuse_newer(db, path, schema)
    except sqlite3.Error as error:
        db.close()
        raise translate(error) from error
    except BaseException:  # whatever it is, nobody else could close the connection
        db.close()
        raise
    return db
