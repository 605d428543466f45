"""`reindex`: everything the logs have, in new databases; refused while a daemon runs; nothing lost if it fails."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ctm_trio.archive.archive import Archive
from ctm_trio.daemon.reindex import NotWritten, Progress, reindex
from ctm_trio.ingest import lines
from ctm_trio.journal import store
from ctm_trio.journal import task as journal
from ctm_trio.model.event import MAX_ID
from ctm_trio.model.log_parse import parse_chunk
from ctm_trio.model.search import SearchQuery
from ctm_trio.system.instance_lock import Holder, InstanceLock
from ctm_trio.system.store_errors import StoreUnavailable
from tests.fakes.library import Library, at, bash

OTHER = "99999999-2222-4333-8444-555555555555"


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """Two logs, one of them rotated and packed; that they are alpha's is known from the database alone. Closed."""
    made = Library(tmp_path)
    made.write([bash(f"old-{n}", f"out-{n}", ts=at(n)) for n in range(30)])
    made.rotate(packed=True)
    made.write([bash(f"new-{n}", f"out-{n}", ts=at(30 + n)) for n in range(5)])
    made.write([bash("other")], uuid=OTHER, session="beta")
    made.close()
    records = {"alpha": {"name": "alpha", "uuid": "00000000-2222-4333-8444-555555555555", "workdir": "/w"}}
    made.paths.sessions.write_text(json.dumps({"schema_version": 1, "sessions": records}))
    return made


@pytest.mark.parametrize("damaged", [False, True])
async def test_reindex(library: Library, damaged: bool) -> None:
    """All calls are there again in their order, with details and search; progress ends at its total."""
    if damaged:
        library.paths.database.write_bytes(b"rubbish " * 500)
    told: list[Progress] = []
    assert await reindex(library.paths, told.append) == 36
    for stage in ("logs", "search"):
        last = [progress for progress in told if progress.stage == stage][-1]
        assert last.done == last.total > 0
    archive = Archive(library.paths)
    session = "uuid:11111111" if damaged else "alpha"
    page, more = await archive.history(session, MAX_ID, 100)
    wanted = [f"old-{n}" for n in range(30)] + [f"new-{n}" for n in range(5)]
    assert [wanted[-1 - i] in event.payload.decode() for i, event in enumerate(page)] == [True] * 35
    assert not more
    assert (await archive.detail(session, page[-1].id)).output_excerpt == "out-0"
    assert len((await archive.search(SearchQuery("old-"), {})).matches) == 30
    archive.close()
    names = {path.name for path in library.paths.root.iterdir()}
    assert {"ctm-trio.db", "ctm-trio-search.db"} <= names
    assert not [name for name in names if "rebuild" in name]


async def test_full_disk(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the new database cannot be written the old one stays, and nothing is left behind."""
    before = library.paths.database.read_bytes()
    monkeypatch.setattr(
        store, "insert_rows", lambda db, *rest: (_ for _ in ()).throw(sqlite3.OperationalError("disk full"))
    )
    with pytest.raises((NotWritten, StoreUnavailable)):
        await reindex(library.paths, lambda progress: None)
    assert library.paths.database.read_bytes() == before
    assert not list(library.paths.root.glob("*.rebuild*"))


def test_refused(library: Library) -> None:
    """While a daemon holds the databases, the command says so and touches nothing; afterwards it does its work."""
    home = library.paths.root.parent.parent
    command = [sys.executable, "-m", "ctm_trio", "reindex"]
    environment = {**os.environ, "HOME": str(home)}
    before = library.paths.database.read_bytes()
    with InstanceLock(library.paths.root) as lock:
        assert lock.take(Holder(4711, port=12345))
        refused = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert (refused.returncode, library.paths.database.read_bytes()) == (1, before)
        assert "process 4711 on port 12345" in refused.stderr
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "36 tool calls are indexed.\n")


async def test_a_log_that_crashes_its_reader(
    library: Library, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A log whose reader meets a bug is named and left to the daemon; all others are in the new databases."""

    def picky(data: bytes, start: int, base: int, now: Callable[[], str]) -> object:
        if b"other" in data:
            raise KeyError("unheard of")
        return parse_chunk(data, start, base, now)

    monkeypatch.setattr(lines, "parse_chunk", picky)
    assert await reindex(library.paths, lambda _: None) == 35
    assert f"tailer:logs/{OTHER}" in caplog.text


async def test_a_database_that_cannot_be_written(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it is being rebuilt the disk is full: one error with a sentence, not a group of them."""

    def full(*_: object) -> object:
        raise StoreUnavailable("database or disk is full")

    monkeypatch.setattr(journal, "insert_what_can_be", full)
    with pytest.raises(NotWritten, match="disk is full"):
        await reindex(library.paths, lambda _: None)
