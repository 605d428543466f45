"""Files beside a log that come late, have two names, hold nothing, or cannot be read."""

from __future__ import annotations

import errno
import gzip
import os
from pathlib import Path

import pytest
import trio

from ctm_trio.ingest import lines as lines_module
from ctm_trio.ingest import log_copies, log_files, rotated_files, strays, tailer
from ctm_trio.ingest.copies import LogFiles
from ctm_trio.ingest.lines import Lines
from ctm_trio.ingest.log_copies import MovedError
from ctm_trio.ingest.strays import Strays
from ctm_trio.ingest.tailer import Tail
from ctm_trio.model.log_line import CHECK_BYTES, Segment
from tests.faults.rig import Rig, line, next_tick
from tests.faults.test_logs import lines
from tests.faults.test_rotated_odds import live, once, read_lines, segments
from tests.faults.test_rotated_unread import Written, begun, caught_up, copytruncate, rename, write

OLD = 1.7e9
"""A time at which nobody is writing a file any more, in unix seconds."""


def in_any_order(rig: Rig, log: Written) -> None:
    """Each line once. What comes when later lines are read comes after them."""
    assert sorted(rig.markers) == sorted(log.written)


@pytest.mark.parametrize("pack", [True, False])
async def test_history_that_arrives_after_the_log(rig: Rig, pack: bool) -> None:
    """A copy of the directory is being made: the current file is there, and read, before the rotated one."""
    log = begun(rig)
    write(5)(log)
    rename(".1")(log)
    rotated, aside = Path(f"{log.path}.1"), rig.root / "aside"
    data = rotated.read_bytes()
    rotated.unlink()
    aside.write_bytes(gzip.compress(data) if pack else data)
    write(5)(log)
    for path in (log.path, aside):
        os.utime(path, (OLD, OLD))
    await live(rig, 1)
    aside.rename(f"{rotated}.gz" if pack else rotated)
    await live(rig)
    in_any_order(rig, log)


async def test_an_unsettled_file_that_is_packed_while_down(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that was given up for now is read from its archive."""
    log = begun(rig)
    await read_lines(rig, log, 5)
    data, more = lines(100, 50)
    rotated = Path(f"{log.path}.1")
    rotated.write_bytes(data)
    with monkeypatch.context() as patch:
        patch.setattr(log_copies, "SETTLE_S", 0.0)
        async with rig.running():
            write(1)(log)
            await rig.settle(6)
    log.written += more
    log.pack(rotated)
    await live(rig)
    in_any_order(rig, log)


async def test_archives_are_unpacked_once(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the next start an archive that was read is known without unpacking it."""
    log = begun(rig)
    for day in range(3):
        write(5)(log)
        rename(f"-2026112{day}")(log)
        log.pack(Path(f"{log.path}-2026112{day}"))
    write(5)(log)
    await live(rig, 1)
    unpacked = list[int]()
    real = log_files.PackedReader.read

    def read(self: log_files.PackedReader, start: int, size: int) -> bytes:
        unpacked.append(size)
        return real(self, start, size)

    monkeypatch.setattr(log_files.PackedReader, "read", read)
    write(1)(log)
    await live(rig)
    assert unpacked == []
    in_any_order(rig, log)


async def test_an_older_archive_of_the_same_number(rig: Rig) -> None:
    """`compress` was switched off: from then on only the plain files are numbered anew."""
    log = begun(rig)
    write(5)(log)
    rename(".1")(log)
    packed = Path(f"{log.path}.1.gz")
    log.pack(Path(f"{log.path}.1"))
    os.utime(packed, (OLD, OLD))
    write(5)(log)
    log.path.rename(f"{log.path}.1")
    write(5)(log)
    await caught_up(rig, log)


@pytest.mark.parametrize("before", [0, 5], ids=["never read", "read before"])
async def test_two_names_of_an_unread_file(rig: Rig, before: int) -> None:
    """A snapshot by hard link, and then a rotation: neither name is a copy of the other for ever."""
    log = begun(rig)
    if before:
        await read_lines(rig, log, before)
        rename(".1")(log)
    write(5)(log)
    os.link(log.path, f"{log.path}-20261126")
    rename(".1")(log)
    write(3)(log)
    await live(rig)
    in_any_order(rig, log)


async def test_a_copytruncate_while_rotated_files_are_read(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was emptied out of the current file meanwhile comes before what is written to it afterwards."""
    log = begun(rig)
    write(5)(log)
    rename(".1")(log)
    write(5)(log)

    def rotate() -> None:
        copytruncate(".1")(log)
        write(5)(log)

    once(monkeypatch, Strays, "read_strays", rotate, after=True)
    await caught_up(rig, log)


async def test_a_copytruncate_of_what_has_no_line_that_was_read(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """The current file was just emptied, and is written to and emptied again during a look."""
    log = begun(rig)
    write(20)(log)
    async with rig.running():
        await rig.settle(20)
        next_tick()
    copytruncate(".1")(log)
    write(5)(log)

    def rotate() -> None:
        copytruncate(".1")(log)
        write(5)(log)

    once(monkeypatch, Strays, "read_strays", rotate, after=True)
    await caught_up(rig, log)


async def test_half_a_line_of_a_copy(rig: Rig) -> None:
    """A copy that was cut off in its first line is not kept in mind at each start."""
    log = begun(rig)
    await read_lines(rig, log, 5)
    async with rig.running():
        rename(".1")(log)
        write(5)(log)
        await rig.settle(10)
    Path(f"{log.path}.1").rename(f"{log.path}.2")
    Path(f"{log.path}.1").write_bytes(log.path.read_bytes()[:100])
    await live(rig, 1)
    kept = segments(rig)
    await live(rig, 5)
    assert segments(rig) == kept
    rig.check(log.written)


async def test_a_copy_with_a_long_first_line_that_grows(rig: Rig) -> None:
    """It is looked at again and again, and kept in mind once."""
    log = begun(rig)
    log.append(line(log.uuid, "long", size=1_000_000))
    log.written.append("long")
    write(5)(log)
    async with rig.running():
        await rig.settle(6)
        data = log.path.read_bytes()
        with open(f"{log.path}.1", "wb", buffering=0) as file:
            for i in range(0, len(data), 100_000):
                file.write(data[i : i + 100_000])
                write(1)(log)
                await rig.settle(len(log.written))
    await live(rig)
    rig.check(log.written)
    assert segments(rig) < 4


async def test_empty_rotations(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """An idle log that is rotated each hour leaves nothing behind for each of these files."""
    log = begun(rig)
    await read_lines(rig, log, 5)
    kept, taken = list[int](), list[int]()
    real = Tail._take_current

    async def take_current(self: Tail, files: LogFiles) -> None:
        await real(self, files)
        assert self.file is not None
        taken.append(os.fstat(self.file.fd).st_ino)

    monkeypatch.setattr(Tail, "_take_current", take_current)
    async with rig.running():
        for _ in range(10):
            rename(".1")(log)
            Path(f"{log.path}.4").unlink(missing_ok=True)
            with trio.fail_after(20):
                while taken[-1:] != [log.path.stat().st_ino]:
                    await trio.lowlevel.checkpoint()
            await rig.until(lambda: rig.tailers.latest.caught_up)
            kept.append(segments(rig))
        write(3)(log)
        await rig.settle(8)
    assert kept[-1] <= kept[0] + 1
    await live(rig)
    rig.check(log.written)


async def test_an_empty_archive_of_ours(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """A packed part without a byte is left alone: nothing is written for it, and it does not wake the log."""
    log = begun(rig)
    write(5)(log)
    empty = Path(f"{log.path}.1700000000000000001.gz")
    empty.touch()
    os.utime(empty, (OLD, OLD))
    commits, again = list[int](), list[float]()
    monkeypatch.setattr(Tail, "look_again", lambda self, after_s: again.append(after_s))
    real = Lines.commit

    async def commit(self: Lines, segment: Segment) -> None:
        commits.append(segment.id)
        await real(self, segment)

    monkeypatch.setattr(Lines, "commit", commit)
    await live(rig)
    assert (commits, again) == ([], [])
    rig.check(log.written)


@pytest.mark.parametrize("read", [True, False], ids=["read before", "never read"])
@pytest.mark.parametrize("which", [".2", "ours"])
async def test_a_bad_sector(rig: Rig, which: str, read: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """One rotated file cannot be read: that is said, and the others are read, and the log is followed."""
    log = begun(rig)
    write(5)(log)
    if which == "ours":
        next_tick()
        log.rotate()
        bad = log.plain_parts()[0]
    else:
        rename(".1")(log)
        bad = Path(f"{log.path}.1")
    if read:
        async with rig.running():
            await rig.settle(5)
            await rig.until(lambda: rig.tailers.latest.caught_up)
    if which != "ours":
        bad = bad.rename(f"{log.path}.2")
    inode, lost = bad.stat().st_ino, [] if read else log.written[:]
    write(5)(log)
    log.path.rename(f"{log.path}.1")
    write(5)(log)
    real = log_files.PlainReader.read

    def fail(self: log_files.PlainReader, start: int, size: int) -> bytes:
        if os.fstat(self.fd).st_ino == inode:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(self, start, size)

    with monkeypatch.context() as patch:
        patch.setattr(log_files.PlainReader, "read", fail)
        patch.setattr(strays, "UNFINISHED_S", 3600.0)
        async with rig.running():
            await rig.settle(15 - len(lost))
            if not read:
                assert "cannot be read" in str(rig.health.latest)
    assert rig.markers == [marker for marker in log.written if marker not in lost]
    await live(rig)
    in_any_order(rig, log)


def bad_sectors(monkeypatch: pytest.MonkeyPatch, path: Path, *, behind: int = -1) -> list[int]:
    """Let no read of this file succeed that begins behind a byte; where the failed ones began, until it is cleared."""
    inode, failed, real = path.stat().st_ino, [0], log_files.PlainReader.read

    def read(self: log_files.PlainReader, start: int, size: int) -> bytes:
        if failed and self.key[1] == inode and start > behind and size > CHECK_BYTES:
            failed.append(start)
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(self, start, size)

    monkeypatch.setattr(log_files.PlainReader, "read", read)
    return failed


@pytest.mark.parametrize("with_id", [True, False])
async def test_a_bad_sector_in_the_middle(rig: Rig, with_id: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is before it is read once, however often the rest is tried; once that can be read it follows."""
    monkeypatch.setattr(strays, "UNFINISHED_S", 0.02)
    log = begun(rig)
    await read_lines(rig, log, 2)
    rename(".2")(log)
    for n in range(2, 402):
        log.append(line(log.uuid, f"m{n}", size=1500, with_id=with_id))
        log.written.append(f"m{n}")
    bad = log.path.rename(f"{log.path}.1")
    write(3)(log)
    failed = bad_sectors(monkeypatch, bad, behind=200_000)
    async with rig.running():
        with trio.fail_after(20):
            while len(failed) < 6:
                await trio.lowlevel.checkpoint()
        assert len(rig.markers) == len(set(rig.markers)) < 402
        assert segments(rig) < 5
        failed.clear()
        await rig.settle(405)
    await live(rig)
    in_any_order(rig, log)


@pytest.mark.parametrize("cure", ["delete", "mend"])
async def test_a_fault_goes_with_its_cause(rig: Rig, cure: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said in /health until the file is gone, or can be read under the name that it has by then."""
    log = begun(rig)
    await read_lines(rig, log, 5)
    bad = log.path.rename(f"{log.path}.1")
    write(3)(log)
    failed = bad_sectors(monkeypatch, bad)
    async with rig.running():
        await rig.until(lambda: "cannot be read" in str(rig.health.latest))
        if cure == "delete":
            bad.unlink()
        else:
            failed.clear()
            bad.rename(f"{log.path}.2")
        write(2)(log)
        await rig.until(lambda: "cannot be read" not in str(rig.health.latest))
        await rig.settle(10)
    in_any_order(rig, log)


@pytest.mark.parametrize("how", ["rename", "delete", "empty"])
async def test_an_endless_line_of_a_file_that_is_gone(rig: Rig, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """How far its end was looked for says nothing of the file in its place."""
    monkeypatch.setattr(lines_module, "MAX_LINE_BYTES", 1 << 20)
    log = begun(rig)
    async with rig.running():
        tails = list[Tail]()
        real = Lines._skip_line

        async def skip(self: Lines, reader: log_files.Reader, segment: Segment) -> bool:
            found = await real(self, reader, segment)
            assert isinstance(self, Tail)
            tails.append(self)
            return found

        monkeypatch.setattr(Lines, "_skip_line", skip)
        log.append(b"x" * (3 << 20))
        with trio.fail_after(20):
            while not tails:
                await trio.lowlevel.checkpoint()
        next_tick()
        if how == "rename":
            log.path.rename(f"{log.path}.1")
        elif how == "delete":
            log.path.unlink()
        else:
            os.truncate(log.path, 0)
        write(3)(log)
        await rig.settle(3)
    rig.check(log.written)


@pytest.mark.parametrize("ours", [True, False])
async def test_a_verdict_of_a_pass_that_was_begun_again(rig: Rig, ours: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy of the unread current file was found; that is emptied, and the pass begins again: the copy is read."""
    log = begun(rig)
    write(5)(log)
    Path(f"{log.path}.1700000000000000001" if ours else f"{log.path}.1").write_bytes(log.path.read_bytes())

    def empty() -> None:
        os.truncate(log.path, 0)
        write(5)(log)
        raise MovedError("another file was packed meanwhile")

    real, done = Tail.read_parts, list[bool]()

    async def read_parts(self: Tail, files: LogFiles, **more: int) -> None:
        await real(self, files, **more)
        if not more and not done:
            done.append(True)
            empty()

    monkeypatch.setattr(Tail, "read_parts", read_parts)
    await live(rig)
    rig.check(log.written)


async def test_another_device_after_each_start(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some file systems have another number after each start of the machine: their files are known all the same."""
    log = begun(rig)
    for _ in range(3):
        write(5)(log)
        rename(".1")(log)
    write(5)(log)
    await live(rig, 1)
    kept = segments(rig)
    for start in range(1, 4):

        def key_of(status: os.stat_result, shift: int = start) -> tuple[int, int]:
            return status.st_dev + shift, status.st_ino

        for module in (log_files, rotated_files, strays, tailer):
            monkeypatch.setattr(module, "key_of", key_of)
        write(1)(log)
        await live(rig, 1)
    assert segments(rig) == kept
    rig.check(log.written)
