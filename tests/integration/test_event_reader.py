"""Connections that only read the event log."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ctm_trio.journal.file import event_reader, open_database


def test_caches(tmp_path: Path) -> None:
    """One that is kept has the smaller cache; neither can write."""
    path = tmp_path / "ctm-trio.db"
    open_database(path).close()
    kib: dict[bool, int] = {}
    for kept in (False, True):
        with closing(event_reader(path, kept=kept)) as db:
            kib[kept] = -db.execute("PRAGMA cache_size").fetchone()[0]  # SQLite says kibibytes as a negative number
            with pytest.raises(sqlite3.OperationalError, match="readonly"):
                db.execute("DELETE FROM events")
    assert 0 < kib[True] < kib[False]
