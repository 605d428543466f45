"""What can happen to logs while they are followed. Invariant: every whole line once, in order, and nobody crashes."""

from __future__ import annotations

import gzip
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import trio

from ctm_trio.core.channels import ask
from ctm_trio.ingest import directory as tailers
from ctm_trio.ingest.log_files import PlainReader
from ctm_trio.messages.journal import Positions
from ctm_trio.model.log_line import LOGS
from ctm_trio.system import watch
from tests.faults.rig import SETTLE_S, Rig, line

UUID = "11111111-2222-4333-8444-555555555555"


def lines(start: int, count: int, *, with_id: bool = False) -> tuple[bytes, list[str]]:
    """`count` lines and their markers."""
    markers = [f"m{i}" for i in range(start, start + count)]
    return b"".join(line(UUID, marker, with_id=with_id) for marker in markers), markers


async def test_half_lines(rig: Rig) -> None:
    """A line that arrives in pieces is one event, and what follows it is not disturbed."""
    log = rig.log()
    whole = line(UUID, "first")
    async with rig.running():
        for cut in range(0, len(whole), 7):
            log.append(whole[cut : cut + 7])
            await trio.lowlevel.checkpoint()
        log.append(line(UUID, "second"))
        await rig.settle(2)
    rig.check(["first", "second"])


@pytest.mark.parametrize("pack", [False, True], ids=["plain", "packed"])
@pytest.mark.parametrize("with_id", [False, True], ids=["without ids", "with ids"])
async def test_twenty_rotations_at_once(rig: Rig, pack: bool, with_id: bool) -> None:
    """Twenty rotations as fast as they can be written, plain or packed at once: every line once, in order."""
    log = rig.log()
    expected: list[str] = []
    async with rig.running():
        for generation in range(20):
            data, markers = lines(generation * 20, 20, with_id=with_id)
            log.append(data)
            expected += markers
            log.rotate(pack=pack, touch=generation % 2 == 0)
            await trio.lowlevel.checkpoint()
        await rig.settle(len(expected))
    rig.check(expected)


async def test_rotations_while_we_are_down(rig: Rig) -> None:
    """Parts that were rotated, packed, and whose inode was used again while nobody looked are read on, not anew."""
    log = rig.log()
    data, expected = lines(0, 50)
    log.append(data)
    async with rig.running():
        await rig.settle(50)
    for generation in range(1, 6):
        data, markers = lines(generation * 50, 50)
        log.append(data)
        expected += markers
        log.rotate(pack=True)  # frees the inode for the next current file
    data, markers = lines(300, 3)
    log.append(data)
    async with rig.running():
        await rig.settle(303)
    rig.check(expected + markers)


async def test_truncated_in_place(rig: Rig) -> None:
    """After a truncation the file is read from its start, shorter or longer than before."""
    log = rig.log()
    data, first = lines(0, 30)
    async with rig.running():
        log.append(data)
        await rig.settle(30)
        os.truncate(log.path, 0)
        data, second = lines(30, 3)
        log.append(data)
        await rig.settle(33)
        data, third = lines(33, 200)
        with open(log.path, "r+b") as file:  # truncated and longer than before, within one look
            file.truncate(0)
            file.write(data)
        await rig.settle(233)
    rig.check(first + second + third)


async def test_directory_replaced(rig: Rig) -> None:
    """The whole directory is moved away and another one takes its place: both are read, nothing twice."""
    log = rig.log()
    data, first = lines(0, 10)
    async with rig.running():
        log.append(data)
        await rig.settle(10)
        rig.logs.rename(rig.root / "old-logs")
        rig.logs.mkdir()
        data, second = lines(10, 10)
        log.append(data)
        await rig.settle(20)
        data, third = lines(20, 10)
        log.append(data)
        await rig.settle(30)
    rig.check(first + second + third)


@pytest.mark.parametrize("kind", ["directory", "link", "dead link", "pipe"])
async def test_things_that_are_no_logs(rig: Rig, kind: str) -> None:
    """A directory, link or pipe under a log's name crashes nobody and holds nobody up, and a log may take its place."""
    strange = rig.log("99999999-2222-4333-8444-555555555555")
    good = rig.log()
    async with rig.running():
        if kind == "directory":
            strange.path.mkdir()
        elif kind == "link":
            target = rig.root / "secret"
            target.write_bytes(line(UUID, "not ours"))
            strange.path.symlink_to(target)
        elif kind == "dead link":
            strange.path.symlink_to("/nonexistent")
        else:
            os.mkfifo(strange.path)
        for i in range(3):
            good.append(line(UUID, f"g{i}"))
            await rig.settle(i + 1)
        if kind == "directory":
            strange.path.rmdir()
        else:
            strange.path.unlink()
        strange.append(line(UUID, "now a log"))
        await rig.settle(4)
        assert dict(rig.health.latest.restarts) == {}
    rig.check(["g0", "g1", "g2", "now a log"])


async def test_what_is_no_log_is_named_as_long_as_somebody_looks(rig: Rig) -> None:
    """What an incarnation of the tailers' owner has named goes with it: the next one would not know of it."""
    strange = rig.log().path
    strange.mkdir()
    async with rig.running():
        await rig.until(lambda: f"logs/{strange.name}" in rig.health.latest.components)
    assert f"logs/{strange.name}" not in rig.health.latest.components


async def test_damaged_archive(rig: Rig) -> None:
    """A packed part that was cut short gives the lines before the damage, and the log goes on."""
    log = rig.log()
    whole = b"".join(line(UUID, f"p{i}", size=i * 37 % 500) for i in range(500))
    part = Path(f"{log.path}.{time.time_ns()}.gz")
    packed = gzip.compress(whole, 1)
    part.write_bytes(packed[: len(packed) // 2])
    os.utime(part, (1.7e9, 1.7e9))  # nobody is writing it any more
    log.append(line(UUID, "after"))
    async with rig.running():
        await rig.until(lambda: "after" in rig.markers)
    assert rig.markers[-1] == "after"
    assert len(rig.markers) > 100
    rig.check([f"p{i}" for i in range(len(rig.markers) - 1)] + ["after"])


async def test_no_more_watches(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system allows no more file events we look instead, and later ask for events again."""
    import inotify_simple

    asked = 0
    real = inotify_simple.INotify

    def refused(**options: bool) -> inotify_simple.INotify:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise OSError(24, "Too many open files")
        return real(**options)

    monkeypatch.setattr(inotify_simple, "INotify", refused)
    monkeypatch.setattr(watch, "WITHOUT_EVENTS_S", 0.02)
    monkeypatch.setattr(watch, "AGAIN_S", 0.2)
    log = rig.log()
    async with rig.running():
        log.append(line(UUID, "one"))
        await rig.settle(1)
        log.append(line(UUID, "two"))
        await rig.settle(2)
        with trio.fail_after(30):
            while asked < 2:
                await trio.sleep(0.02)
        log.append(line(UUID, "three"))
        await rig.settle(3)
    rig.check(["one", "two", "three"])


async def test_queue_overflow(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the kernel's queue of file events overflows every file is looked at; no line is missed."""
    import inotify_simple

    class Overflowing(inotify_simple.INotify):  # type: ignore[misc]
        def read(self, *args: int, **options: int) -> list[inotify_simple.Event]:
            super().read(*args, **options)
            return [inotify_simple.Event(-1, inotify_simple.flags.Q_OVERFLOW, 0, "")]

    monkeypatch.setattr(inotify_simple, "INotify", Overflowing)
    logs = [rig.log(f"{i:08d}-2222-4333-8444-555555555555") for i in range(20)]
    async with rig.running():
        for round_ in range(3):
            for i, log in enumerate(logs):
                log.append(line(log.uuid, f"{round_}-{i}"))
            await rig.settle((round_ + 1) * 20)
    assert sorted(rig.markers) == sorted(f"{r}-{i}" for r in range(3) for i in range(20))


async def test_written_while_the_tailer_ends(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tailer that ends because its log lies still is started again by the next line, at any moment."""
    monkeypatch.setattr(tailers, "IDLE_S", 0.001)
    log = rig.log()
    async with rig.running():
        for i in range(60):
            log.append(line(UUID, f"i{i}"))
            with trio.fail_after(1):  # far below the slow scan that would find it anyway
                await rig.settle(i + 1)
            await trio.sleep(0.0005 * (i % 7))
    rig.check([f"i{i}" for i in range(60)])


def edited(data: bytes) -> bytes:
    """As `sed -i` takes a password out."""
    return data.replace(b'"a3"', b'"REDACTED"')


def headless(data: bytes) -> bytes:
    """As somebody cuts the oldest lines off."""
    return b"".join(data.splitlines(keepends=True)[100:])


def older(data: bytes) -> bytes:
    """As a copy of before is put back."""
    return b"".join(data.splitlines(keepends=True)[:-5])


@pytest.mark.parametrize("change", [edited, headless, older])
@pytest.mark.parametrize("how", ["renamed", "in place", "bit by bit", "while we are down"])
async def test_a_log_that_was_changed(rig: Rig, change: Callable[[bytes], bytes], how: str) -> None:
    """Calls with an id that are stored come no second time, however many; what is new comes."""
    log = rig.log()
    expected = [f"a{i}" for i in range(1500)]
    async with rig.running():
        log.append(b"".join(line(log.uuid, marker, with_id=True) for marker in expected))
        await rig.settle(1500)
        if how != "while we are down":
            await replace_log(rig, change(log.path.read_bytes()), how)
            log.append(line(log.uuid, "b0", with_id=True))
            await rig.settle(1501)
    if how == "while we are down":
        await replace_log(rig, change(log.path.read_bytes()), "renamed")
        log.append(line(log.uuid, "b0", with_id=True))
    async with rig.running():
        await rig.settle(1501)
        log.append(line(log.uuid, "b1", with_id=True))
        await rig.settle(1502)
    rig.check([*expected, "b0", "b1"])


async def replace_log(rig: Rig, data: bytes, how: str) -> None:
    """Write a log anew."""
    log = rig.log()
    if how == "renamed":
        temporary = log.path.with_name("new")
        temporary.write_bytes(data)
        temporary.rename(log.path)
        return
    half = data.index(b"\n", len(data) // 2) + 1 if how == "bit by bit" else len(data)
    log.path.write_bytes(data[:half])
    if how == "bit by bit":
        with trio.fail_after(SETTLE_S):
            while half not in [
                s.position for s in await ask(rig.send, partial(Positions, log.uuid, LOGS), timeout_s=5)
            ]:
                await trio.sleep(0.01)
        log.append(data[half:])


async def test_an_endless_line_then_another_file(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """How far an endless line was scanned is forgotten with its file: the next one is scanned from its own place."""
    monkeypatch.setattr("ctm_trio.ingest.lines.MAX_LINE_BYTES", 1 << 20)
    log, endless = rig.log(), b'{"tool_name":"' + b"x" * (3 << 20)
    log.append(line(UUID, "before") + endless)
    async with rig.running():
        await rig.until(lambda: rig.tailers.latest.caught_up)
        log.path.write_bytes(endless[: 3 << 19] + b'"}\n')
        log.append(b"".join(line(UUID, f"{i}", size=1 << 19) for i in range(8)))
        await rig.settle(9)
    rig.check(["before", *(f"{i}" for i in range(8))])


async def test_an_endless_line_is_scanned_once(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a line that is too long goes on, what was scanned of it is not read again with each piece."""
    monkeypatch.setattr("ctm_trio.ingest.lines.MAX_LINE_BYTES", 1 << 20)
    log, sizes = rig.log(), list[int]()
    real = PlainReader.read

    def noted(self: PlainReader, start: int, size: int) -> bytes:
        data = real(self, start, size)
        sizes.append(len(data))
        return data

    monkeypatch.setattr(PlainReader, "read", noted)
    log.append(b'{"tool_name":"' + b"x" * (3 << 20))
    other = rig.log("22222222-2222-4333-8444-555555555555")
    async with rig.running():
        await rig.until(lambda: rig.tailers.latest.caught_up)
        sizes.clear()
        for i in range(20):
            log.append(b"y" * 100)
            other.append(line(other.uuid, f"{i}"))
            await rig.settle(i + 1)
        log.append(b'"}\n' + line(UUID, "after"))
        await rig.settle(21)
    assert sum(sizes) < 1 << 20
    rig.check([*(f"{i}" for i in range(20)), "after"])
