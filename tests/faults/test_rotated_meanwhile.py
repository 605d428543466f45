"""A log is rotated, packed or replaced at the very moment in which a copy of it is compared with it: each line once."""

from __future__ import annotations

import gzip
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import trio

from ctm_trio.ingest import copies, directory, log_copies, strays
from ctm_trio.ingest.copies import Copies
from ctm_trio.ingest.listing import Listing, scan
from ctm_trio.model.log_line import Segment
from tests.faults.rig import SETTLE_S, LogFile, Rig, line
from tests.faults.test_logs import lines


def do_before(monkeypatch: pytest.MonkeyPatch, name: str, do: Callable[[], object]) -> list[str]:
    """Do something right before the first call of a function of `log_copies`. The list has its name once it was."""
    real, done = getattr(log_copies, name), list[str]()

    def late(*args: Any, **more: Any) -> Any:
        if not done:
            done.append(name)
            do()
        return real(*args, **more)

    for module in (copies, strays):
        if hasattr(module, name):
            monkeypatch.setattr(module, name, late)
    return done


async def live_through(rig: Rig, expected: list[str]) -> None:
    """Read all there is, then again in a second life."""
    for _ in range(2):
        async with rig.running():
            await rig.settle(len(expected))
            await rig.until(lambda: rig.tailers.latest.caught_up)
    rig.check(expected)


@pytest.mark.parametrize("touch", [True, False], ids=["begun-anew", "renamed-only"])
@pytest.mark.parametrize("ending", [".1700000000000000001", ".1700000000000000001.gz"])
async def test_the_current_file(rig: Rig, monkeypatch: pytest.MonkeyPatch, ending: str, touch: bool) -> None:
    """The original is renamed to a part while its copy is compared with it."""
    log, (data, expected) = rig.log(), lines(0, 50)
    log.append(data)
    packed = ending.endswith(".gz")
    Path(f"{log.path}{ending}").write_bytes(gzip.compress(data) if packed else data)
    done = do_before(monkeypatch, "repeated", lambda: log.rotate(touch=touch))
    await live_through(rig, expected)
    assert done


async def test_an_archive_that_is_being_made(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """The original is renamed while it is found out that an archive of it has no end yet."""
    log, (data, expected) = rig.log(), lines(0, 50)
    log.append(data)
    whole = gzip.compress(data)
    archive = Path(f"{log.path}.1700000000000000001.gz")
    archive.write_bytes(whole[: len(whole) // 2])
    done = do_before(monkeypatch, "unfinished", lambda: log.rotate(touch=True))
    async with rig.running():
        await rig.settle(len(expected))
        archive.write_bytes(whole)
        await rig.until(lambda: rig.tailers.latest.caught_up)
    await live_through(rig, expected)
    assert done


@pytest.mark.parametrize("when", ["before", "after"], ids=["copy-is-older", "copy-is-newer"])
async def test_a_part(rig: Rig, monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    """The original is a part that is packed while its copy is compared with it."""
    log, (data, expected) = rig.log(), lines(0, 50)
    log.append(data)
    log.rotate()
    part = log.plain_parts()[0]
    number = int(part.suffix[1:]) + (1 if when == "after" else -1)
    twin = part.with_suffix(f".{number}")
    twin.write_bytes(data)
    os.utime(part, ns=(twin.stat().st_mtime_ns - 10**9,) * 2)
    done = do_before(monkeypatch, "repeated", lambda: log.pack(part))
    await live_through(rig, expected)
    assert done


@pytest.mark.parametrize("pack", [False, True], ids=["plain", "packed"])
async def test_numbered_files(rig: Rig, monkeypatch: pytest.MonkeyPatch, pack: bool) -> None:
    """Logrotate runs while the files it left before are read for the first time: none is overlooked."""
    log, expected = rig.log(), list[str]()
    for _ in range(3):
        data, markers = lines(len(expected), 20)
        log.append(data)
        expected += markers
        log.logrotate("create", pack=pack)
    data, markers = lines(len(expected), 20)
    log.append(data)
    expected += markers
    done = do_before(monkeypatch, "repeated", lambda: log.logrotate("create", pack=pack))
    await live_through(rig, expected)
    assert done


async def emptied(rig: Rig) -> LogFile:
    """A log that was emptied and has no new line yet, as the daemon knew it when it ended. It had five lines."""
    log, (data, expected) = rig.log(), lines(0, 5)
    log.append(data)
    async with rig.running():
        await rig.settle(len(expected))
        os.truncate(log.path, 0)
        with trio.fail_after(SETTLE_S):
            while not knows_an_empty_file(rig):  # nothing is announced for it
                await trio.lowlevel.checkpoint()
    return log


def knows_an_empty_file(rig: Rig) -> bool:
    """True if it is committed that the current file has no line."""
    with closing(sqlite3.connect(rig.database)) as db:
        found = db.execute("SELECT count(*) FROM segments WHERE name = '' AND position = 0 AND NOT sealed").fetchone()
    return bool(found[0])


@pytest.mark.parametrize("pack", [False, True], ids=["plain", "packed"])
async def test_the_inode_of_a_later_part(rig: Rig, pack: bool) -> None:
    """The file that was empty is packed and gone, and a later part has its inode: the parts are read in their order."""
    log = await emptied(rig)
    (first, expected), (second, more) = lines(5, 50), lines(55, 20)
    part = Path(f"{log.path}.1999999999999999998")
    part.write_bytes(first)
    if pack:
        log.pack(part)
    log.append(second)
    log.path.rename(f"{log.path}.1999999999999999999")
    await live_through(rig, [*rig.markers, *expected, *more])


@pytest.mark.parametrize("ending", [".bak", ".1", ".1999999999999999999"])
async def test_the_inode_of_a_copy(rig: Rig, ending: str) -> None:
    """The file that was empty is replaced by one with lines, and a copy of that has its inode: each line once."""
    log = await emptied(rig)
    data, expected = lines(5, 50)
    log.append(data)
    log.path.rename(f"{log.path}{ending}")
    log.append(data)
    await live_through(rig, [*rig.markers, *expected])


async def test_a_stray_that_moves_on(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """What logrotate made of the log is renamed once more right before it is opened: its rest is read all the same."""
    log, (data, expected) = rig.log(), lines(0, 5)
    log.append(data)
    async with rig.running():
        await rig.settle(len(expected))
    (data, more), (last, markers) = lines(5, 3), lines(8, 2)
    log.append(data)
    log.logrotate("create", pack=False)
    log.append(last)
    first, second = Path(f"{log.path}.1"), Path(f"{log.path}.2")
    real, done = Copies._finish, list[str]()

    async def late(self: Copies, path: Path, segment: Segment) -> None:
        if not done:
            done.append(path.name)
            first.rename(second)
        await real(self, path, segment)

    monkeypatch.setattr(Copies, "_finish", late)
    await live_through(rig, [*expected, *more, *markers])
    assert done == [first.name]


async def test_a_file_that_is_listed_and_never_there(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """A listing that stays wrong, as of a network's file system, ends nothing: it is said, and tried again later."""
    log, (data, expected) = rig.log(), lines(0, 5)
    log.append(data)
    ghost = f"{log.path.name}.1700000000000000001"
    real, wrong = scan, [True]

    def wrong_scan(path: Path) -> Listing:
        found = real(path)
        if wrong[0]:
            found.files.setdefault(log.uuid, {})[ghost] = (100, 1)
        return found

    monkeypatch.setattr(directory, "scan", wrong_scan)
    async with rig.running():
        await rig.until(lambda: any("renamed or deleted" in what for what in rig.health.latest.components.values()))
        wrong[0] = False
        log.append(line(log.uuid, "last"))
        await rig.settle(len(expected) + 1)
    rig.check([*expected, "last"])
