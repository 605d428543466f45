"""Odd ways of a log through rotations and copies that lost lines, read them twice or broke their order."""

from __future__ import annotations

import errno
import gzip
import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import trio

from ctm_trio.ingest import log_copies, log_files, rotated_files, strays, tailer
from ctm_trio.ingest.copies import Copies
from ctm_trio.ingest.lines import Lines
from ctm_trio.ingest.log_files import PackedReader
from ctm_trio.ingest.strays import Strays
from ctm_trio.model.log_line import Segment
from tests.faults.rig import Rig, line, next_tick
from tests.faults.test_logs import UUID, lines
from tests.faults.test_rotated_unread import Written, begun, caught_up, copytruncate, ours, rename, rotated_once, write


async def live(rig: Rig, times: int = 2) -> None:
    """Lives in which all is read that is there at their start."""
    for _ in range(times):
        async with rig.running():
            await rig.until(lambda: rig.tailers.latest.caught_up)


async def read_lines(rig: Rig, log: Written, count: int) -> None:
    """A life in which the first lines of a log are written and read."""
    write(count)(log)
    async with rig.running():
        await rig.settle(count)


def segments(rig: Rig) -> int:
    """How many files are kept in mind."""
    with closing(sqlite3.connect(rig.database)) as db:
        return int(db.execute("SELECT count(*) FROM segments").fetchone()[0])


def once(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, do: Callable[[], object], *, after: bool) -> None:
    """Do something right before or after the first call of a method."""
    real, done = getattr(owner, name), list[bool]()

    async def wrapped(*args: Any, **more: Any) -> Any:
        first = not done
        done.append(True)
        if first and not after:
            do()
        result = await real(*args, **more)
        if first and after:
            do()
        return result

    monkeypatch.setattr(owner, name, wrapped)


@pytest.mark.parametrize("ending", [".1", "-2026112{}"])
async def test_both_kinds_of_rotation(rig: Rig, ending: str) -> None:
    """Rotated by others, by us, and by others again while the daemon is down: in the order in which it was written."""
    log = begun(rig)
    await read_lines(rig, log, 10)
    for step in (write(3), rename(ending.format(5)), write(5), ours, write(5), rename(ending.format(6)), write(3)):
        step(log)
    await caught_up(rig, log)


@pytest.mark.parametrize("name", ["-20261126{:02}", "-2026-11-26-{:02}", "-20261126-{:02}", ".20261126{:02}"])
@pytest.mark.parametrize("fresh", [True, False], ids=["never read", "read before"])
async def test_rotated_by_the_hour(rig: Rig, name: str, fresh: bool) -> None:
    """`logrotate` with `dateext` and `hourly` has names of its own."""
    log = begun(rig)
    if not fresh:
        await read_lines(rig, log, 5)
    for hour in range(10, 13):
        write(5)(log)
        rename(name.format(hour))(log)
    write(5)(log)
    await caught_up(rig, log)


async def test_the_same_inode_and_size(rig: Rig) -> None:
    """A rotated file that was replaced in place by one as long is another one, in this life and at a start."""
    log = begun(rig)
    write(5)(log)
    rename(".1")(log)
    async with rig.running():
        await rig.settle(5)
        await rig.until(lambda: rig.tailers.latest.caught_up)
    rotated = Path(f"{log.path}.1")
    data, more = lines(5, 5)
    assert len(data) == rotated.stat().st_size
    rotated.write_bytes(data)
    log.written += more
    await live(rig)
    assert rig.markers == log.written


async def test_an_archive_with_a_known_inode(rig: Rig) -> None:
    """The archive of the rest of a log has the inode of a rotated file that was read: it is read all the same."""
    log = await rotated_once(rig, 5)
    write(5)(log)
    old, whole = Path(f"{log.path}.1"), gzip.compress(log.path.read_bytes())
    log.path.unlink()
    old.write_bytes(whole)
    old.rename(f"{log.path}.1.gz")
    await live(rig)
    assert rig.markers == log.written


async def test_a_part_that_arrives_slowly(rig: Rig) -> None:
    """A packed part of ours that is copied here bit by bit is read once it is whole."""
    log = rig.log()
    expected = [f"m{i}" for i in range(400)]
    whole = gzip.compress(b"".join(line(UUID, marker) for marker in expected))
    part = Path(f"{log.path}.1700000000000000001.gz")
    part.write_bytes(whole[: len(whole) // 2])
    async with rig.running():
        await rig.until(lambda: rig.tailers.latest.caught_up)
        with part.open("ab") as file:
            file.write(whole[len(whole) // 2 :])
        await rig.settle(400)
    await live(rig)
    rig.check(expected)


async def test_half_an_archive_that_stays_so(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """A packed part without its end is looked at again by and by, though nothing tells of it."""
    monkeypatch.setattr("ctm_trio.ingest.copies.UNFINISHED_S", 0.5)
    log = rig.log()
    whole = gzip.compress(b"".join(line(UUID, f"m{i}") for i in range(400)))
    Path(f"{log.path}.1700000000000000001.gz").write_bytes(whole[: len(whole) // 2])
    async with rig.running():
        await rig.until(lambda: len(rig.markers) > 50)
    assert rig.markers == [f"m{i}" for i in range(len(rig.markers))]


async def test_a_long_first_line(rig: Rig) -> None:
    """A log whose first line has more than a megabyte is copied, gets one more line, and is emptied."""
    log = rig.log()
    log.append(line(UUID, "big", size=1_500_000))
    first, a = lines(0, 5)
    log.append(first)
    async with rig.running():
        await rig.settle(6)
        Path(f"{log.path}.1").write_bytes(log.path.read_bytes())
        data, b = lines(5, 1)
        log.append(data)
        await rig.settle(7)
        os.truncate(log.path, 0)
        data, c = lines(6, 3)
        log.append(data)
        await rig.settle(10)
    await live(rig)
    rig.check(["big", *a, *b, *c])


async def test_the_inode_of_an_empty_log(rig: Rig) -> None:
    """The inode of a current file without a line is that of the newest rotated file: the order is kept."""
    log = begun(rig)
    await read_lines(rig, log, 10)
    rename(".1")(log)
    await live(rig, 1)
    empty = rig.root / "empty"
    log.path.rename(empty)
    log.path.touch()
    write(5)(log)
    rename(".1")(log)
    log.path.unlink()
    data, more = lines(15, 5)
    log.written += more
    empty.write_bytes(data)
    empty.rename(log.path)
    rename(".1")(log)
    write(3)(log)
    await caught_up(rig, log)


@pytest.mark.parametrize("ending", [".bak", "-2026-11-26", ".old.gz"])
async def test_moved_away_for_good(rig: Rig, ending: str) -> None:
    """A log that gets another name while the daemon is down, and no new line: its rest is read."""
    log = begun(rig)
    await read_lines(rig, log, 5)
    write(5)(log)
    moved = Path(f"{log.path}{ending}")
    moved.write_bytes(gzip.compress(log.path.read_bytes()) if ending.endswith(".gz") else log.path.read_bytes())
    log.path.unlink()
    await caught_up(rig, log)


async def test_killed_in_the_middle_of_a_rotated_file(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read of a rotated file is not taken for what was read of the current one."""
    log = begun(rig)
    await read_lines(rig, log, 10)
    Path(f"{log.path}.1").write_bytes(b"".join(line(UUID, f"s{i}", size=3000) for i in range(600)))
    next_tick()
    real, sent, held = Lines._take, list[int](), trio.Event()

    async def stop(self: Lines, data: bytes, overlap: int, segment: Segment) -> int | None:
        sent.append(1)
        if len(sent) == 3:
            held.set()
            await trio.sleep_forever()
        return await real(self, data, overlap, segment)

    with monkeypatch.context() as patch:
        patch.setattr(Lines, "_take", stop)
        async with rig.running():
            await rig.settle(11)
            await held.wait()
    assert 10 < len(rig.seen) < 610
    await live(rig)
    assert len(rig.markers) == len(set(rig.markers)) == 610


async def test_shifted_while_it_is_compared(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """The names of rotated files go up by one while they are compared: none is compared with itself."""
    log = begun(rig)
    for _ in range(2):
        write(5)(log)
        rename(".1")(log)
    write(5)(log)
    real, calls = log_copies.repeated, list[int]()

    def late(*args: Any, **more: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            rename(".1")(log)
            write(5)(log)
        return real(*args, **more)

    monkeypatch.setattr(strays, "repeated", late)
    await caught_up(rig, log)


async def test_what_a_copy_repeats_goes_unread(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy of the current file was judged, then that is emptied before it is read: the lines are in the copy."""
    log = begun(rig)
    write(5)(log)
    Path(f"{log.path}.1").write_bytes(log.path.read_bytes())

    def empty() -> None:
        os.truncate(log.path, 0)
        write(5)(log)

    once(monkeypatch, Strays, "read_strays", empty, after=True)
    await live(rig)
    assert sorted(rig.markers) == sorted(log.written)


async def test_a_part_that_is_pruned_unread(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy of a part of ours was judged, then the part is deleted before it is read: the lines are in the copy."""
    log = begun(rig)
    write(5)(log)
    ours(log)
    part, stray = log.plain_parts()[0], Path(f"{log.path}.1")
    stray.write_bytes(part.read_bytes())
    times = part.stat()
    os.utime(stray, ns=(times.st_atime_ns, times.st_mtime_ns))
    write(5)(log)
    once(monkeypatch, Strays, "read_strays", part.unlink, after=True)
    await live(rig)
    assert sorted(rig.markers) == sorted(log.written)


async def test_rotated_while_its_rest_is_read(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file that goes on gets another number right before it is opened: another one is not taken for it."""
    log = begun(rig)
    write(5)(log)

    def again() -> None:
        copytruncate(".1")(log)
        write(2)(log)

    async with rig.running():
        await rig.settle(5)
        once(monkeypatch, Copies, "_finish", again, after=False)
        write(5)(log)
        copytruncate(".1")(log)
        write(5)(log)
        await rig.settle(17)
    await caught_up(rig, log)


@pytest.mark.parametrize("ending", [".1", ".bak"])
async def test_no_descriptor_for_a_moment(rig: Rig, monkeypatch: pytest.MonkeyPatch, ending: str) -> None:
    """Where a rotated file cannot be opened just now, it is tried again, and nothing behind it is read before."""
    monkeypatch.setattr("ctm_trio.ingest.follow.UNREADABLE_RETRY_S", 0.1)
    log = begun(rig)
    await read_lines(rig, log, 5)
    write(5)(log)
    rename(ending)(log)
    write(5)(log)
    calls = list[Path]()
    for module in (strays, rotated_files):
        real = module.open_reader

        def first(path: Path, real: Callable[[Path], Any] = real) -> Any:
            calls.append(path)
            if len(calls) == 1:
                raise OSError(errno.EMFILE, "Too many open files")
            return real(path)

        monkeypatch.setattr(module, "open_reader", first)
    async with rig.running():
        await rig.settle(15)
    await caught_up(rig, log)
    assert calls


async def test_an_archive_of_several_pieces(rig: Rig) -> None:
    """Lines behind what was read are read, though an archive only says the size of its last piece."""
    log = begun(rig)
    await read_lines(rig, log, 20)
    first = log.path.read_bytes()
    data, more = lines(20, 5)
    os.truncate(log.path, 0)
    await live(rig, 1)
    log.written += more
    Path(f"{log.path}.1.gz").write_bytes(gzip.compress(first) + gzip.compress(data))
    write(3)(log)
    await live(rig)
    assert sorted(rig.markers) == sorted(log.written)


async def test_an_inode_and_a_copy_of_ours(rig: Rig) -> None:
    """Of two equal unread files, one with the inode of one that was read, one is read."""
    log = await rotated_once(rig, 1)
    data, more = lines(11, 5)
    log.written += more
    Path(f"{log.path}.1").write_bytes(data)
    Path(f"{log.path}.1800000000000000001").write_bytes(data)
    await live(rig)
    assert sorted(rig.markers) == sorted(log.written)


async def test_a_copy_of_ours_with_the_rest(rig: Rig) -> None:
    """Half a copy with a name of ours was known for a copy; then it has lines that were emptied away unread."""
    log = begun(rig)
    await read_lines(rig, log, 10)
    part = Path(f"{log.path}.{time.time_ns()}")
    part.write_bytes(log.path.read_bytes()[:1000])
    await live(rig, 1)
    write(5)(log)
    part.write_bytes(log.path.read_bytes())
    os.truncate(log.path, 0)
    write(3)(log)
    await caught_up(rig, log)


async def test_whole_seconds(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where files have times in whole seconds, one that was just rotated is read in its turn all the same."""
    log = begun(rig)
    write(5)(log)
    rename(".1")(log)
    write(5)(log)
    second_ns = int(time.time()) * 10**9
    for path in log.directory.iterdir():
        os.utime(path, ns=(second_ns, second_ns))
    await caught_up(rig, log)


async def test_one_part_without_permission(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """An old part that cannot be opened any more is named in /health, and the log goes on."""
    log = begun(rig)
    await read_lines(rig, log, 5)
    ours(log)
    write(5)(log)
    await live(rig, 1)
    part, real = log.plain_parts()[0], log_files.PlainReader

    class Reader(real):  # type: ignore[misc, valid-type]
        def __init__(self, path: Path) -> None:
            if path == part:
                raise PermissionError(errno.EACCES, "Permission denied")
            super().__init__(path)

    monkeypatch.setattr(tailer, "PlainReader", Reader)
    part.touch()
    write(5)(log)
    async with rig.running():
        await rig.settle(15)
        await rig.until(lambda: part.name in str(rig.health.latest.components))
    rig.check(log.written)


@pytest.mark.parametrize("what", ["half a line", "archive", "half a line packed"])
async def test_starts_keep_nothing_twice(rig: Rig, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """Whatever lies beside a log, later starts add nothing to the database and unpack nothing."""
    log = begun(rig)
    await read_lines(rig, log, 20)
    data = log.path.read_bytes()
    beside = Path(f"{log.path}.1" if what == "half a line" else f"{log.path}.1.gz")
    beside.write_bytes(
        {"half a line": b"half a line, of nobody", "archive": gzip.compress(data)}.get(what, gzip.compress(data[:-20]))
    )
    rename("-20260101", touch=False)(log)
    await live(rig, 2)
    before = segments(rig)
    unpacked = list[int]()
    real: Callable[..., bytes] = PackedReader.read

    def read(self: PackedReader, start: int, size: int) -> bytes:
        unpacked.append(size)
        return real(self, start, size)

    monkeypatch.setattr(PackedReader, "read", read)
    await live(rig, 4)
    assert segments(rig) == before
    if what == "archive":
        assert not unpacked
    assert rig.markers == log.written


async def test_no_archive_is_unpacked_at_a_rotation(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rotation costs the same however many archives the log has."""
    log = begun(rig)
    opened, real = list[Path](), PackedReader.__init__

    def init(self: PackedReader, path: Path) -> None:
        opened.append(path)
        real(self, path)

    monkeypatch.setattr(PackedReader, "__init__", init)
    costs = []
    async with rig.running():
        for _ in range(12):
            write(20)(log)
            await rig.settle(len(log.written))
            opened.clear()
            next_tick()
            for number in range(20, 0, -1):
                if Path(f"{log.path}.{number}.gz").exists():
                    os.rename(f"{log.path}.{number}.gz", f"{log.path}.{number + 1}.gz")
            packed = rig.root / "packed"
            packed.write_bytes(gzip.compress(log.path.read_bytes()))
            packed.rename(f"{log.path}.1.gz")
            log.path.unlink()
            write(1)(log)
            await rig.settle(len(log.written))
            costs.append(len(opened))
    assert max(costs[2:]) <= 6, costs
    await caught_up(rig, log)


async def test_a_rotation_of_all_logs(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many logs rotate together, the directory is listed a few times, not once for each of them."""
    count, looks = 60, list[str]()
    logs = [rig.log(f"{i:08d}-2222-4333-8444-555555555555") for i in range(count)]
    for i, log in enumerate(logs):
        log.append(line(log.uuid, f"{i}-0"))
    for name in ("scandir", "listdir"):
        real = getattr(os, name)

        def listed(path: Any = ".", real: Callable[[Any], Any] = real) -> Any:
            if os.fspath(path) == os.fspath(rig.logs):
                looks.append(str(path))
            return real(path)

        monkeypatch.setattr(os, name, listed)
    async with rig.running():
        await rig.settle(count)
        looks.clear()
        next_tick()
        for i, log in enumerate(logs):
            log.path.rename(f"{log.path}.1")
            log.append(line(log.uuid, f"{i}-1"))
        await rig.settle(2 * count)
    assert len(looks) < count / 2
    assert sorted(rig.markers) == sorted(f"{i}-{n}" for i in range(count) for n in (0, 1))


@pytest.mark.parametrize("ending", [".1", ".1600000000000000001"])
async def test_a_copy_of_what_cannot_be_read_yet(rig: Rig, ending: str) -> None:
    """A file that repeats half an archive is not believed to be read, and holds up nothing meanwhile."""
    log = begun(rig)
    write(200)(log)
    data = log.path.read_bytes()
    log.path.unlink()
    whole = gzip.compress(data)
    part = Path(f"{log.path}.1700000000000000001.gz")
    part.write_bytes(whole[: len(whole) // 2])
    with closing(PackedReader(part)) as reader:
        half = reader.read(0, len(data))
    Path(f"{log.path}{ending}").write_bytes(half[: half.rfind(b"\n") + 1])
    log.append(line(UUID, "now"))
    async with rig.running():
        await rig.until(lambda: "now" in rig.markers and rig.tailers.latest.caught_up)
        assert "cannot be read" not in str(rig.health.latest.components)
        with part.open("ab") as file:
            file.write(whole[len(whole) // 2 :])
        await rig.until(lambda: len(rig.markers) >= 201)
    await live(rig)
    assert sorted(rig.markers) == sorted([*log.written, "now"])
