"""Databases beside the event log: the search index, the costs. Each has its one writer and its own file."""

from __future__ import annotations

import logging
import os
import sqlite3
from pathlib import Path

from ctm_trio.errors import CtmError
from ctm_trio.system.store import StoreDamaged, set_aside, translate

log = logging.getLogger("ctm.store")

PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = NORMAL",
    "PRAGMA wal_autocheckpoint = 4000",
    "PRAGMA journal_size_limit = 33554432",
    "PRAGMA cache_size = -4000",
    "PRAGMA temp_store = MEMORY",
)

READER_CACHE = "PRAGMA cache_size = -2000"
"""2 MB for each kept connection: the system's own cache is behind it, and there are several."""


def open_side_database(path: Path, tables: str, version: int) -> sqlite3.Connection:
    """A side database for its one writer, private; a damaged one, or of another version, is set aside and made anew.

    Args:
        path: of the file. tables: SQL that makes what is missing. version: of those tables, from 1 on.

    Raises:
        StoreUnavailable: it cannot be opened now.
    """
    for _ in range(2):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        os.chmod(path, 0o600)
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            for pragma in PRAGMAS:
                db.execute(pragma)
            (found,) = db.execute("PRAGMA user_version").fetchone()
            if found in (0, version):
                db.executescript(tables)
                db.execute(f"PRAGMA user_version = {version:d}")
                return db
            problem: CtmError = StoreDamaged(f"{path.name} has version {found}, this program needs {version}.")
        except sqlite3.Error as error:
            problem = translate(error)
        db.close()
        if not isinstance(problem, StoreDamaged):
            raise problem
        aside = set_aside(path)
        log.error("%s It is now %s; a new one is begun.", problem.message, aside.name)
    raise problem


def connect_reader(path: Path) -> sqlite3.Connection:
    """A read-only connection.

    Raises:
        StoreUnavailable, StoreDamaged: it cannot be opened.
    """
    try:
        db = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5.0, isolation_level=None, check_same_thread=False
        )
    except sqlite3.Error as error:
        raise translate(error) from error
    try:
        db.execute(READER_CACHE)
    except sqlite3.Error as error:
        db.close()
        raise translate(error) from error
    return db
