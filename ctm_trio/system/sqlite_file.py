"""The one way to open an SQLite file, and what is said when that fails.

Source: PROTOCOL.md, Databases and upgrades.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from ctm_trio.errors.base import CtmError
from ctm_trio.system.store_errors import StoreDamaged, StoreUnavailable, translate

LOCKED_S = 5.0
"""How long opening waits for another process's lock."""


def connect(path: Path, mode: str, *, timeout_s: float = LOCKED_S) -> sqlite3.Connection:
    """A connection in autocommit mode. Nothing is made or checked.

    Args:
        path: of the file. mode: "rw", "ro", or more of what SQLite's URIs take. timeout_s: wait for locks.

    Raises:
        StoreUnavailable, StoreDamaged: it cannot be opened.
    """
    try:
        return sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=timeout_s, isolation_level=None,
            check_same_thread=False, cached_statements=64,
        )  # fmt: skip
    except sqlite3.Error as error:
        raise cannot_be_used(path, error) from error


def cannot_be_used(path: Path, error: sqlite3.Error) -> CtmError:
    """The error under our name (see `translate`), with the file's name and, if that is it, the system's reason."""
    problem = translate(error)
    if isinstance(problem, StoreDamaged):
        return problem
    rights = os.access(path, os.R_OK | os.W_OK, effective_ids=True)
    why = problem.message if rights or not os.path.exists(path) else "permission denied"
    return StoreUnavailable(f"{path} cannot be used: {why}")
