"""Connections that only read the event log."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ctm_trio.journal.file import event_reader, open_database


@pytest.mark.parametrize(("kept", "pages"), [(False, -8000), (True, -2000)])
def test_caches(tmp_path: Path, kept: bool, pages: int) -> None:
    """One that is kept has the smaller cache; neither can write."""
    path = tmp_path / "ctm-trio.db"
    open_database(path).close()
    with closing(event_reader(path, kept=kept)) as db:
        assert db.execute("PRAGMA cache_size").fetchone() == (pages,)
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            db.execute("DELETE FROM events")
