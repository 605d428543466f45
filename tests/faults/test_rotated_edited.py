"""Logs and rotated files that people edit, shorten or put back: no call with an id comes twice, and none is lost."""

from __future__ import annotations

import gzip
import sqlite3
import time
from array import array
from collections.abc import Callable
from pathlib import Path

import pytest

from ctm_trio.journal.seen_all import SeenAll
from tests.faults.rig import Rig, line, next_tick
from tests.faults.test_logs import lines
from tests.faults.test_rotated_odds import live, read_lines
from tests.faults.test_rotated_unread import Written, begun, ours, rename, write

MANY = 600
"""More calls than are compared with each line that is read (`model.twice`)."""


def write_with_ids(log: Written, count: int) -> None:
    """Append calls that have an id."""
    for _ in range(count):
        marker = f"m{len(log.written)}"
        log.append(line(log.uuid, marker, with_id=True))
        log.written.append(marker)


def edit(path: Path, change: Callable[[bytes], bytes], directory: Path) -> None:
    """Write a file anew in the place of the old one, as `sed -i` and editors do."""
    packed = path.suffix == ".gz"
    data = change(gzip.decompress(path.read_bytes()) if packed else path.read_bytes())
    new = directory / "edited"
    new.write_bytes(gzip.compress(data) if packed else data)
    new.rename(path)


def redacted(call: int, by: bytes) -> Callable[[bytes], bytes]:
    """Another command in a call."""
    return lambda data: data.replace(b'"command":"m%d"' % call, b'"command":"%b"' % by)


LONGER, SHORTER, FIRST = redacted(MANY // 2, b"[REDACTED]"), redacted(MANY // 2, b"x"), redacted(0, b"")


@pytest.mark.parametrize("change", [LONGER, SHORTER, FIRST], ids=["longer", "shorter", "first line"])
@pytest.mark.parametrize("which", ["rotated", "packed", "ours", "current"])
async def test_edited_while_down(rig: Rig, which: str, change: Callable[[bytes], bytes]) -> None:
    """One call is made unreadable in a file that was read: the others are not published again."""
    log = begun(rig)
    write_with_ids(log, MANY)
    path = log.path
    async with rig.running():
        await rig.settle(MANY)
        if which != "current":
            (ours if which == "ours" else rename(".1"))(log)
            path = log.plain_parts()[0] if which == "ours" else Path(f"{log.path}.1")
            write_with_ids(log, 3)
            await rig.settle(MANY + 3)
        if which == "packed":
            log.pack(path)
            path = Path(f"{path}.gz")
            await rig.until(lambda: rig.tailers.latest.caught_up)
    edit(path, change, rig.root)
    await live(rig)
    rig.check(log.written)


@pytest.mark.parametrize("pack", [False, True])
async def test_edited_while_running(rig: Rig, pack: bool) -> None:
    """The same under the eyes of the daemon."""
    log = begun(rig)
    write_with_ids(log, MANY)
    async with rig.running():
        await rig.settle(MANY)
        rename(".1")(log)
        write_with_ids(log, 3)
        await rig.settle(MANY + 3)
        path = Path(f"{log.path}.1")
        if pack:
            log.pack(path)
            path = Path(f"{path}.gz")
        edit(path, LONGER, rig.root)
        write_with_ids(log, 1)
        await rig.settle(MANY + 4)
        await rig.until(lambda: rig.tailers.latest.caught_up)
    await live(rig)
    rig.check(log.written)


async def test_edited_and_rotated_while_down(rig: Rig) -> None:
    """The current file is edited and then rotated before the daemon looks."""
    log = begun(rig)
    write_with_ids(log, MANY)
    async with rig.running():
        await rig.settle(MANY)
    edit(log.path, LONGER, rig.root)
    rename(".1")(log)
    write_with_ids(log, 3)
    await live(rig)
    rig.check(log.written)


@pytest.mark.parametrize("rotate", [rename(".1"), ours, lambda log: None], ids=["others", "ours", "not at all"])
@pytest.mark.parametrize("kept", [slice(0, 50), slice(10, 100)], ids=["the first half", "all but some"])
async def test_shortened_and_rotated_while_down(rig: Rig, kept: slice, rotate: Callable[[Written], None]) -> None:
    """Lines are deleted, or an older copy is put back, the session goes on, and the log is rotated."""
    log = begun(rig)
    write_with_ids(log, 100)
    async with rig.running():
        await rig.settle(100)

    def shorten(data: bytes) -> bytes:
        rows = data.splitlines(keepends=True)
        return b"".join(rows[:1] + rows[1:][kept])

    edit(log.path, shorten, rig.root)
    write_with_ids(log, 5)
    rotate(log)
    write_with_ids(log, 3)
    await live(rig, 3)
    rig.check(log.written)


async def test_a_part_that_is_copied_in_slowly(rig: Rig) -> None:
    """It is empty when it is seen first; what it has later is compared all the same."""
    log = begun(rig)
    write_with_ids(log, MANY)
    async with rig.running():
        await rig.settle(MANY)
    part = Path(f"{log.path}.{time.time_ns()}")
    part.touch()
    await live(rig)
    part.write_bytes(LONGER(log.path.read_bytes()))
    await live(rig)
    rig.check(log.written)


async def test_the_calls_are_read_back_once(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where several files came at the same time."""
    log = begun(rig)
    write_with_ids(log, MANY)
    async with rig.running():
        await rig.settle(MANY)
    read_back = list[int]()
    real = SeenAll._read_back

    def count(self: SeenAll, db: sqlite3.Connection, source: int) -> array[int]:
        read_back.append(source)
        return real(self, db, source)

    monkeypatch.setattr(SeenAll, "_read_back", count)
    for _ in range(5):
        next_tick()
        log.rotate()
        write_with_ids(log, 1)
    async with rig.running():
        await rig.settle(MANY + 5)
    assert len(read_back) == 1
    rig.check(log.written)


@pytest.mark.parametrize("count", [3, 8], ids=["shorter", "longer"])
async def test_an_older_copy_in_the_place_of_a_rotated_file(rig: Rig, count: int) -> None:
    """The log goes on in an older copy, and what it had since is in the rotated file alone."""
    log = begun(rig)
    await read_lines(rig, log, 10)
    older = rig.root / "older"
    older.write_bytes(log.path.read_bytes())
    write(5)(log)
    next_tick()
    log.path.rename(f"{log.path}.1")
    older.rename(log.path)
    data, more = lines(15, count)
    log.append(data)
    log.written += more
    await live(rig)
    rig.check(log.written)
