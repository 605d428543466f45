"""Copies of logs and rotations by other programs: each line once, before and after, over restarts too."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import time
from pathlib import Path

import pytest

from ctm_trio.model.log_line import CHECK_BYTES
from ctm_trio.model.log_names import is_stray, parse_log_name
from ctm_trio.producers.rotate import rotate
from tests.faults.process import Daemon, eventually
from tests.faults.rig import LogFile, Rig, line, stored
from tests.faults.test_logs import UUID, lines


def copy(log: LogFile, ending: str, *, of: Path | None = None) -> None:
    """A copy beside the log, packed if its name says so."""
    data = (of or log.path).read_bytes()
    Path(f"{log.path}{ending}").write_bytes(gzip.compress(data) if ending.endswith(".gz") else data)


NAMES = [".1", ".2.gz", "-20261125", "-20261125.gz", ".20261125", ".bak", ".1700000000.gz", ".1700000000"]
NANOSECONDS = [".1700000000000000001", ".1700000000000000002.gz", ".1999999999999999999"]


@pytest.mark.parametrize("ending", [*NAMES, *NANOSECONDS])
@pytest.mark.parametrize("when", ["before", "while", "down", "partly"])
async def test_a_copy_is_not_read(rig: Rig, ending: str, when: str) -> None:
    """A copy under any name, made at any time, whole or of a part of the log, adds nothing; nor does a restart."""
    log = rig.log()
    data, expected = lines(0, 50)
    log.append(data)
    if when == "before":
        copy(log, ending)
    async with rig.running():
        await rig.settle(50)
        if when == "while":
            copy(log, ending)
        if when == "partly":
            (rig.root / "part").write_bytes(b"".join(data.splitlines(keepends=True)[:20]))
            copy(log, ending, of=rig.root / "part")
        more, markers = lines(50, 5)
        log.append(more)
        expected += markers
        await rig.settle(55)
    if when == "down":
        copy(log, ending)
    for _ in range(2):
        async with rig.running():
            more, markers = lines(len(expected), 5)
            log.append(more)
            expected += markers
            await rig.settle(len(expected))
            log.rotate(pack=True, touch=True)
    async with rig.running():
        await rig.until(lambda: rig.tailers.latest.caught_up)
    rig.check(expected)


async def test_a_copy_outlives_what_it_is_of(rig: Rig) -> None:
    """A copy of a part is still none when the part itself was pruned."""
    log = rig.log()
    data, expected = lines(0, 30)
    log.append(data)
    async with rig.running():
        await rig.settle(30)
    for ending in (".1", ".1700000000000000007"):
        copy(log, ending)
    async with rig.running():
        await rig.until(lambda: rig.tailers.latest.caught_up)
    log.rotate(pack=True, touch=True)
    more, markers = lines(30, 3)
    log.append(more)
    async with rig.running():
        await rig.settle(33)
    for part in log.directory.glob(f"{UUID}.jsonl.*.gz"):
        part.unlink()
    async with rig.running():
        await rig.until(lambda: rig.tailers.latest.caught_up)
    rig.check(expected + markers)


@pytest.mark.parametrize("ending", [".1700000000000000003", ".1700000000000000003.gz"])
async def test_a_copy_that_is_being_made(rig: Rig, ending: str) -> None:
    """A copy is looked at while it is empty, then half written, then whole: it adds nothing at any time."""
    log = rig.log()
    data, expected = lines(0, 40)
    log.append(data)
    whole = gzip.compress(data) if ending.endswith(".gz") else data
    target = Path(f"{log.path}{ending}")
    async with rig.running():
        await rig.settle(40)
        for part in (b"", whole[: len(whole) // 2], whole):
            target.write_bytes(part)
            log.append(line(UUID, f"m{len(expected)}"))
            expected.append(f"m{len(expected)}")
            await rig.settle(len(expected))
            await rig.until(lambda: rig.tailers.latest.caught_up)
    async with rig.running():
        await rig.until(lambda: rig.tailers.latest.caught_up)
    rig.check(expected)


async def test_a_second_name_of_the_log(rig: Rig) -> None:
    """A hard link that is named like a part is the log itself: neither read twice nor looked at for ever."""
    log = rig.log()
    data, expected = lines(0, 10)
    log.append(data)
    os.link(log.path, f"{log.path}.1700000000000000009")
    async with rig.running():
        await rig.settle(10)
        log.append(line(UUID, "last"))
        await rig.settle(11)
        await rig.until(lambda: rig.tailers.latest.caught_up)
    rig.check([*expected, "last"])


@pytest.mark.parametrize("style", ["create", "copytruncate", "dated"])
@pytest.mark.parametrize("pack", [False, True], ids=["plain", "packed"])
@pytest.mark.parametrize("down", [False, True], ids=["running", "down"])
async def test_logrotate(rig: Rig, style: str, pack: bool, down: bool) -> None:
    """Lines that nobody had read when others rotated the log are read from where they are, those behind it too."""
    log = rig.log()
    data, expected = lines(0, 40)
    log.append(data)
    async with rig.running():
        await rig.settle(40)
        if not down:
            await rotate_thrice(log, expected, style, pack)
            await rig.settle(len(expected))
    if down:
        await rotate_thrice(log, expected, style, pack)
    async with rig.running():
        await rig.settle(len(expected))
    async with rig.running():
        await rig.until(lambda: rig.tailers.latest.caught_up)
    rig.check(expected)


async def rotate_thrice(log: LogFile, expected: list[str], style: str, pack: bool) -> None:
    """Lines, rotation, lines, rotation, lines: at once."""
    for turn in range(2):
        data, markers = lines(len(expected), 20)
        log.append(data)
        expected += markers
        if turn == 0 or style == "create":
            log.logrotate(style, pack=pack)
    data, markers = lines(len(expected), 20)
    log.append(data)
    expected += markers


async def test_history_of_others(rig: Rig) -> None:
    """A log that is new to us is read from its oldest numbered file on, once each, whatever copies lie about."""
    log = rig.log()
    data, expected = lines(0, 60)
    rows = data.splitlines(keepends=True)
    Path(f"{log.path}.3.gz").write_bytes(gzip.compress(b"".join(rows[:20])))
    Path(f"{log.path}.2").write_bytes(b"".join(rows[20:40]))
    log.append(b"".join(rows[40:60]))
    shutil.copy(log.path, f"{log.path}.1")
    shutil.copy(f"{log.path}.2", f"{log.path}.1700000000000000003")
    for _ in range(2):
        async with rig.running():
            await rig.settle(60)
            await rig.until(lambda: rig.tailers.latest.caught_up)
    assert sorted(rig.markers, key=lambda m: int(m[1:])) == expected
    assert len(stored(rig.database)) == 60


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("u.jsonl.1700000000000000001", True),
        ("u.jsonl.1700000000000000001.gz", True),
        ("u.jsonl.999999999999999999", False),
        ("u.jsonl.9999999999999999999", False),
        ("u.jsonl.0700000000000000001", False),
        ("u.jsonl.17000000000000000010", False),
        ("u.jsonl.1700000000", False),
        ("u.jsonl.1", False),
        ("u.jsonl.1.gz", False),
        ("u.jsonl-20261125", False),
        ("u.jsonl.bak", False),
        ("u.jsonl.1700000000000000001.gz.tmp", False),
        ("u.jsonl.١٧٠٠٠٠٠٠٠٠٠٠٠٠٠٠٠٠١", False),
    ],
)
def test_names(name: str, part: bool) -> None:
    """A part is named by a plausible nanosecond; what else stands beside a log is a stray."""
    found = parse_log_name(name)
    assert (found is not None and found.base != "") is part
    assert is_stray(name, "u") is not part


def test_our_rotation_leaves_others_alone(tmp_path: Path) -> None:
    """It packs and prunes parts of ours only, and its parts are in order whatever the clock did."""
    log = tmp_path / "u.jsonl"
    ahead = tmp_path / f"u.jsonl.{time.time_ns() + 10**16}.gz"
    ahead.write_bytes(gzip.compress(b"{}\n"))
    others = [tmp_path / f"u.jsonl{ending}" for ending in (".1", ".2", ".20261125", "-20261125", ".1700000000", ".bak")]
    for other in others:
        other.write_bytes(b"{}\n")
    for turn in range(3):
        log.write_bytes(b"%d\n" % turn * 20)
        rotate(str(log), max_bytes=10, max_age_days=30, max_files=3)
    assert all(other.read_bytes() == b"{}\n" for other in others)
    parts = sorted(tmp_path.glob("u.jsonl.???????????????????.gz"))
    assert [gzip.decompress(part.read_bytes())[:1] for part in parts] == [b"0", b"1", b"2"]
    assert not ahead.exists()


def test_calls_in_what_others_rotated(tmp_path: Path) -> None:
    """A call whose line was rotated away by others, plain or packed, is still there in full, as is a search for it."""
    with Daemon(tmp_path) as daemon:
        log = daemon.log()
        daemon.start()
        log.append(line(UUID, "first"))
        eventually(lambda: len(daemon.get("/api/feed")) == 1, what="the first")
        log.logrotate("create", pack=False)
        log.append(line(UUID, "second"))
        eventually(lambda: len(daemon.get("/api/feed")) == 2, what="the second")
        log.logrotate("copytruncate", pack=False)
        log.append(line(UUID, "third"))
        eventually(lambda: len(daemon.get("/api/feed")) == 3, what="the third")
        for suffix in ("1", "2"):
            for _ in range(2):
                check_details(daemon)
            part = Path(f"{log.path}.{suffix}")
            Path(f"{part}.gz").write_bytes(gzip.compress(part.read_bytes()))
            part.unlink()
        check_details(daemon)


def check_details(daemon: Daemon) -> None:
    """Each of the three calls in full."""
    path = f"/api/sessions/uuid:{UUID[:8]}"
    events = daemon.get(f"{path}/feed/history?before=9000000000000000000-0")["events"]
    found = [daemon.get(f"{path}/tool_calls/{event['id']}/detail")["input_json"] for event in events]
    assert [json.loads(text)["command"] for text in found] == ["third", "second", "first"]


def test_the_end_of_a_line_tells_files_apart() -> None:
    """The bytes before a position hold the line's time, however long the names are that the hook adds behind it."""
    line_end = (
        b'"ctm_timestamp":"2026-11-25T10:00:00.%06dZ","ctm_session":"%b","ctm_pane":"%%12345","ctm_pid":"4194304"}\n'
    )
    ends = {(line_end % (n, b"s" * 100))[-CHECK_BYTES:] for n in range(100)}
    assert len(ends) == 100
