"""What other programs rotated away before the daemon read it: no line is lost, none is twice, and the order is kept."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.faults.rig import LogFile, Rig, next_tick
from tests.faults.test_logs import lines


@dataclass
class Written(LogFile):
    """A log that notes what is written to it."""

    written: list[str] = field(default_factory=list)


Step = Callable[[Written], None]


def write(count: int) -> Step:
    """Append lines."""

    def step(log: Written) -> None:
        data, markers = lines(len(log.written), count)
        log.append(data)
        log.written += markers

    return step


def rename(ending: str, *, touch: bool = True) -> Step:
    """Rotate as `logrotate` does with `create` (or `nocreate`); numbered files go up by one."""

    def step(log: LogFile) -> None:
        next_tick()
        shift(log, ending)
        log.path.rename(f"{log.path}{ending}")
        if touch:
            log.path.touch(0o600)

    return step


def copytruncate(ending: str) -> Step:
    """Rotate as `logrotate` does with `copytruncate`."""

    def step(log: LogFile) -> None:
        next_tick()
        shift(log, ending)
        Path(f"{log.path}{ending}").write_bytes(log.path.read_bytes())
        os.truncate(log.path, 0)

    return step


def shift(log: LogFile, ending: str) -> None:
    """Make room for `.1`."""
    if ending == ".1":
        for n in (3, 2, 1):
            if (path := Path(f"{log.path}.{n}")).exists():
                path.rename(f"{log.path}.{n + 1}")


def ours(log: LogFile) -> None:
    """Rotate as our own hook does."""
    log.rotate()


NEVER_SEEN: dict[str, tuple[Step, ...]] = {
    "dated": (write(5), rename("-20261126"), write(5)),
    "dated, nothing new": (write(5), rename("-20261126", touch=False)),
    "dated copy": (write(5), copytruncate("-20261126"), write(5)),
    "dated twice": (write(5), rename("-20261125"), write(5), rename("-20261126"), write(5)),
    "ours, then dated": (write(5), ours, write(5), rename("-20261126"), write(5)),
    "dated, then ours": (write(5), rename("-20261126"), write(5), ours, write(5)),
    "ours, then dated, nothing new": (write(5), ours, write(5), rename("-20261126", touch=False)),
    "numbered thrice": (write(5), rename(".1"), write(5), rename(".1"), write(5), rename(".1"), write(5)),
}

READ: dict[str, tuple[Step, ...]] = {
    **NEVER_SEEN,
    "copy": (write(5), copytruncate(".1"), write(3)),
    "copies": (write(5), copytruncate(".1"), write(5), copytruncate(".1"), write(3)),
    "ours, then numbered": (ours, write(5), rename(".1"), write(3)),
    "rest, ours, then numbered": (write(5), ours, write(5), rename(".1"), write(3)),
    "ours, then a copy": (ours, write(5), copytruncate(".1"), write(3)),
    "numbered twice": (write(5), rename(".1"), write(5), rename(".1"), write(3)),
}


def begun(rig: Rig) -> Written:
    """A log to which nothing was written yet."""
    log = rig.log()
    return Written(log.directory, log.uuid, log.clock_s)


async def caught_up(rig: Rig, log: Written) -> None:
    """Two more lives, in which all is read, and nothing is read again."""
    for _ in range(2):
        async with rig.running():
            await rig.settle(len(log.written))
            await rig.until(lambda: rig.tailers.latest.caught_up)
    rig.check(log.written)


@pytest.mark.parametrize("steps", NEVER_SEEN.values(), ids=NEVER_SEEN)
async def test_before_the_first_start(rig: Rig, steps: tuple[Step, ...]) -> None:
    """The daemon was never here: all of it is the log's history."""
    log = begun(rig)
    for step in steps:
        step(log)
    await caught_up(rig, log)


@pytest.mark.parametrize("before", ["", "ours", ".1", "-20261101"])
@pytest.mark.parametrize("down", [True, False], ids=["down", "running"])
@pytest.mark.parametrize("steps", READ.values(), ids=READ)
async def test_after_some_was_read(rig: Rig, steps: tuple[Step, ...], before: str, down: bool) -> None:
    """The daemon is down for all the steps, or stands still; before, what it had read was rotated, or was not."""
    log = begun(rig)
    write(10)(log)
    async with rig.running():
        await rig.settle(10)
        if before:
            (ours if before == "ours" else copytruncate(before))(log)
            write(1)(log)
            await rig.settle(11)
        if not down:
            for step in steps:  # without a checkpoint: the daemon sees none of it happen
                step(log)
            await rig.settle(len(log.written))
    if down:
        for step in steps:
            step(log)
    await caught_up(rig, log)


async def test_a_name_ahead_of_the_files_clock(rig: Rig) -> None:
    """A part's name is by a clock that is ahead of that of files: a later file's time may be before the part's name."""
    log = begun(rig)
    write(5)(log)
    part = Path(f"{log.path}.{time.time_ns()}")
    log.path.rename(part)
    write(5)(log)
    dated = Path(f"{log.path}-20261126")
    log.path.rename(dated)
    order = int(part.suffix[1:])
    os.utime(part, ns=(order - 20_000_000,) * 2)
    os.utime(dated, ns=(order - 10_000_000,) * 2)
    await caught_up(rig, log)


async def test_an_emptied_log_without_a_line(rig: Rig) -> None:
    """What was written into an empty log and copied away while the daemon stood still is read from the copy."""
    log = begun(rig)
    write(10)(log)
    async with rig.running():
        await rig.settle(10)
        copytruncate(".1")(log)
        await rig.until(lambda: rig.tailers.latest.caught_up)
        for step in (write(5), copytruncate(".1"), write(3)):
            step(log)
        await rig.settle(18)
    await caught_up(rig, log)


async def rotated_once(rig: Rig, after: int) -> Written:
    """A log that others rotated to `.1` after ten lines, and so many lines after that; all of it is read."""
    log = begun(rig)
    write(10)(log)
    async with rig.running():
        await rig.settle(10)
        rename(".1")(log)
        write(after)(log)
        await rig.settle(10 + after)
    return log


async def test_the_inode_of_one_that_is_gone(rig: Rig) -> None:
    """A rotated file has the inode of one that was read and deleted: its lines are read all the same."""
    log = await rotated_once(rig, 1)
    data, more = lines(11, 5)
    Path(f"{log.path}.1").write_bytes(data)  # in place, so that the inode stays
    log.written += more
    async with rig.running():
        await rig.settle(16)
    assert sorted(rig.markers) == sorted(log.written)


async def test_moved_away_and_back(rig: Rig) -> None:
    """A log that is renamed and gets its name back goes on where it was read to."""
    log = begun(rig)
    write(10)(log)
    async with rig.running():
        await rig.settle(10)
        away = Path(f"{log.path}.1")
        log.path.rename(away)
        other = rig.log("22222222-2222-4333-8444-555555555555")
        other.append(lines(100, 1)[0].replace(log.uuid.encode(), other.uuid.encode()))
        await rig.settle(11)
        away.rename(log.path)
        write(5)(log)
        await rig.settle(16)
    assert [marker for marker in rig.markers if marker != "m100"] == log.written


@pytest.mark.parametrize("ending", [".1", "-20261126"])
async def test_a_copy_that_grows(rig: Rig, ending: str) -> None:
    """While somebody copies the log, and after that, its copy adds nothing, however often it is looked at."""
    log = begun(rig)
    write(40)(log)
    data, target = log.path.read_bytes(), Path(f"{log.path}{ending}")
    async with rig.running():
        await rig.settle(40)
        for part in (b"", data[:700], data[: len(data) // 2], data):
            target.write_bytes(part)
            write(1)(log)
            await rig.settle(len(log.written))
            await rig.until(lambda: rig.tailers.latest.caught_up)
    await caught_up(rig, log)
