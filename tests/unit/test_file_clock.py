"""A list of a directory is used again only if a change since would show, whatever the clocks say."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from ctm_trio.ingest.listing import scan
from ctm_trio.system.file_clock import file_clock_ns, shows_changes
from ctm_trio.system.transcripts import Transcripts

UUID = "11111111-2222-4333-8444-555555555555"


def test_the_stamp_of_a_file_that_changes_now(tmp_path: Path) -> None:
    """No file that changes after a look at the clock is stamped before it."""
    for i in range(200):
        path = tmp_path / str(i)
        before = file_clock_ns()
        path.touch()
        assert os.stat(path).st_mtime_ns >= before


@pytest.mark.parametrize(("stamp", "looked", "shows"), [
    (1_500_000_001, 1_500_000_001, False),
    (1_500_000_001, 1_500_000_002, True),
    (1_500_000_002, 1_500_000_001, False),
    (2_000_000_000, 2_500_000_000, False),
    (2_000_000_000, 4_000_000_001, True),
    (2**62, 1_500_000_001, True),
])  # fmt: skip
def test_shows_changes(stamp: int, looked: int, shows: bool) -> None:
    """A change in the tick of the stamp does not show; a file system may keep every other second; some are ahead."""
    assert shows_changes(stamp, looked) is shows


@pytest.fixture
def ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """The program's clock is ahead of that of files. Seen in the field with 0.05 s; an hour makes it certain."""
    now_ns = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: now_ns() + 3_600_000_000_000)


@pytest.mark.usefixtures("ahead")
def test_a_list_in_the_tick_of_a_change(tmp_path: Path) -> None:
    """A name that comes in the tick of the list is not missed, and after that the list is used again."""
    for i in range(50):
        (tmp_path / f"{UUID}.jsonl.{i}").touch()
        listed = scan(tmp_path)
        (tmp_path / f"{UUID}.jsonl.{i}.gz").touch()
        assert not listed.is_current(tmp_path)
    os.utime(tmp_path, ns=(file_clock_ns() - 1,) * 2)
    assert scan(tmp_path).is_current(tmp_path)


@pytest.mark.usefixtures("ahead")
def test_a_transcript_in_the_tick_of_a_look(tmp_path: Path) -> None:
    """The same of a directory of transcripts."""
    look = Transcripts(tmp_path).look
    (tmp_path / "project").mkdir()
    for i in range(50):
        uuid = f"{i:08d}{UUID[8:]}"
        assert look({uuid}) == {}
        (tmp_path / "project" / f"{uuid}.jsonl").touch()
        assert list(look({uuid})) == [uuid]
