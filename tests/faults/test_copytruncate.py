"""`logrotate copytruncate`, and copies whose original is empty: nothing twice, though no file has all that was read."""

from __future__ import annotations

import gzip
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import trio

from ctm_trio.ingest import directory, follow
from ctm_trio.ingest.log_copies import Repeats, repeated
from ctm_trio.ingest.log_files import open_reader
from ctm_trio.model.log_line import CHECK_BYTES, Segment, begins_as, head_of
from tests.faults.rig import SETTLE_S, LogFile, Rig, line
from tests.faults.test_logs import UUID, lines

ENDINGS = [".1", ".1.gz", "-20261125", ".1700000000000000001", ".1700000000000000002.gz"]


def copy(source: Path, target: Path) -> None:
    """A copy, packed if its name says so."""
    data = source.read_bytes()
    target.write_bytes(gzip.compress(data, 1) if target.suffix == ".gz" else data)


async def write(rig: Rig, log: LogFile, expected: list[str], count: int) -> None:
    """Write lines and wait until they are read."""
    data, markers = lines(len(expected), count)
    log.append(data)
    expected += markers
    await rig.settle(len(expected))


async def restart(rig: Rig, log: LogFile, expected: list[str]) -> None:
    """Two more lives, with a line in the first one."""
    async with rig.running():
        await write(rig, log, expected, 1)
        await rig.until(lambda: rig.tailers.latest.caught_up)
    async with rig.running():
        await rig.until(lambda: rig.tailers.latest.caught_up)
    rig.check(expected)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("count", [40, 1])
async def test_a_line_between_copy_and_truncation(rig: Rig, ending: str, count: int) -> None:
    """The copy ends before what was read does, and the original is gone: it is still known by how it begins."""
    log, expected = rig.log(), list[str]()
    async with rig.running():
        await write(rig, log, expected, count)
        copy(log.path, Path(f"{log.path}{ending}"))
        await write(rig, log, expected, 1)
        os.truncate(log.path, 0)
        await write(rig, log, expected, 3)
    await restart(rig, log, expected)


def note_ends(monkeypatch: pytest.MonkeyPatch) -> list[trio.Event]:
    """The last one is set when a tailer has nothing more to do and ends."""
    ends, real = [trio.Event()], follow.tail_log

    async def noted(*args: object) -> None:
        await real(*args)  # type: ignore[arg-type]
        ends[-1].set()

    monkeypatch.setattr(directory, "tail_log", noted)
    return ends


async def test_the_tailer_ends_and_begins_again(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """No restart is needed for another look at `.1`: a tailer that has been idle is one too."""
    ends = note_ends(monkeypatch)
    log, expected = rig.log(), list[str]()
    async with rig.running():
        await write(rig, log, expected, 40)
        copy(log.path, Path(f"{log.path}.1"))
        await write(rig, log, expected, 1)
        os.truncate(log.path, 0)
        await write(rig, log, expected, 1)
        monkeypatch.setattr(directory, "IDLE_S", 0.0)
        for _ in range(2):
            ends.append(trio.Event())
            await write(rig, log, expected, 1)
            with trio.fail_after(SETTLE_S):
                await ends[-1].wait()
    rig.check(expected)


@pytest.mark.parametrize("packed", ["", ".gz"])
async def test_a_copy_of_a_copy(rig: Rig, packed: str) -> None:
    """The original is emptied, and a copy of it that was known as one is copied again, under a name of ours."""
    log, expected = rig.log(), list[str]()
    first = Path(f"{log.path}.1700000000000000001{packed}")
    async with rig.running():
        await write(rig, log, expected, 40)
    copy(log.path, first)
    async with rig.running():
        await write(rig, log, expected, 5)
        os.truncate(log.path, 0)
        await write(rig, log, expected, 1)
        shutil.copy(first, f"{log.path}.1800000000000000001{packed}")
        await write(rig, log, expected, 1)
        await rig.until(lambda: rig.tailers.latest.caught_up)
    await restart(rig, log, expected)


async def test_a_file_that_only_begins_like_one(rig: Rig) -> None:
    """What goes on behind what was read, and is not in it, is read."""
    log, expected = rig.log(), list[str]()
    data, markers = lines(0, 10)
    log.append(data)
    async with rig.running():
        await rig.settle(10)
        part = Path(f"{log.path}.1700000000000000001")
        more, added = lines(10, 3)
        (rig.root / "whole").write_bytes(data + more)
        os.truncate(log.path, 0)
        os.rename(rig.root / "whole", part)
        await rig.settle(13)
    expected += markers + added
    rig.check(expected)


async def test_what_an_older_version_read(rig: Rig) -> None:
    """It kept no heads: the one of a file that is still there is taken from it."""
    log, expected = rig.log(), list[str]()
    async with rig.running():
        await write(rig, log, expected, 40)
    with closing(sqlite3.connect(rig.database)) as db:
        assert db.execute("SELECT head FROM segments").fetchall() == [(head_of(log.path.read_bytes()),)]
        db.execute("UPDATE segments SET head = x''")
        db.commit()
    async with rig.running():
        await write(rig, log, expected, 1)
        copy(log.path, Path(f"{log.path}.1"))
        await write(rig, log, expected, 1)
        os.truncate(log.path, 0)
        await write(rig, log, expected, 1)
    await restart(rig, log, expected)


@pytest.mark.parametrize("ending", [".1", ".1.gz"])
def test_what_a_head_tells(tmp_path: Path, ending: str) -> None:
    """A file with a segment's head repeats it if it ends before the segment does; without a head nothing is known."""
    data, _ = lines(0, 20)
    rows = data.splitlines(keepends=True)
    path = tmp_path / f"u.jsonl{ending}"
    (tmp_path / "whole").write_bytes(b"".join(rows[:10]) + rows[10][:9])
    copy(tmp_path / "whole", path)
    with closing(open_reader(path)) as reader:
        end = len(b"".join(rows[:10]))

        def told(position: int, head: bytes) -> Repeats | None:
            known = Segment(1, "u", "logs", position=position, check=b"something else", head=head)
            return repeated(reader, [known], None, [])

        head = head_of(data)
        assert told(len(data), head) == Repeats(end, data[end - CHECK_BYTES : end], True, head, by_head=True)
        assert told(reader.size(), head) is not None
        assert told(reader.size() - 1, head) is None
        assert told(len(data), head_of(b"".join(rows[5:]))) is None
        assert told(len(data), b"") is None


def test_head_of() -> None:
    """A head ends with a whole line, holds the time of one, and stays what it is when the file grows."""
    first = line(UUID, "a", size=5000)
    data = first + line(UUID, "b")
    assert head_of(data) == head_of(first) == first[:CHECK_BYTES] + first[-CHECK_BYTES:]
    assert head_of(first[:-1]) == head_of(data, len(first) - 1) == first[:CHECK_BYTES]
    short = b"{}\n" * 200
    assert [head_of(short[:n]) for n in (0, 3, 255, 257, 258, 600)] == [short[:n] for n in (0, 3, 255, 256, 258, 258)]


def test_begins_as() -> None:
    """A whole head is like itself alone; without one all that is there is compared, and one line must be whole."""
    first, other = line(UUID, "a", size=5000), line(UUID, "a", size=5000)
    assert begins_as(head_of(first + other), head_of(first))
    assert not begins_as(head_of(first), head_of(other))
    assert not begins_as(head_of(first[:-1]), head_of(first))
    data = b"".join(b'{"n":%d}\n' % n for n in range(50))
    whole = head_of(data)
    assert begins_as(head_of(data[:8]), whole)
    assert begins_as(head_of(data[:11]), whole)
    assert not begins_as(head_of(data[:7]), whole)
    assert not begins_as(head_of(data[:8] + b"x"), whole)
    assert not begins_as(b"", whole)
    assert not begins_as(whole, head_of(data[:8]))
    assert not begins_as(whole, b"")
