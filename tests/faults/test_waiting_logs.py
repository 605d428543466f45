"""Many logs with something to read at a start: few are read at the same time, and the others wait."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
import trio

from ctm_trio.ingest import directory, follow
from ctm_trio.ingest.directory import _DirectoryOwner, _Log
from tests.faults.rig import LogFile, Rig, line

MOST, COUNT, LINES = 2, 8, 3


def unread(rig: Rig) -> list[LogFile]:
    """Logs of which nothing is read yet."""
    logs = [rig.log(str(uuid.UUID(int=n, version=4))) for n in range(COUNT)]
    for n, log in enumerate(logs):
        for k in range(LINES):
            log.append(line(log.uuid, f"m{n}-{k}"))
    return logs


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few of them are many."""
    monkeypatch.setattr(directory, "AT_ONCE", MOST)


class Held:
    """Holds up the tailers that start first."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun, self.go = list[str](), trio.Event()
        real = follow.tail_log

        async def tail_log(place: Any, kind: str, uuid_: str, *rest: Any) -> None:
            self.begun.append(uuid_)
            if len(self.begun) <= MOST:
                await self.go.wait()
            await real(place, kind, uuid_, *rest)

        monkeypatch.setattr(directory, "tail_log", tail_log)

    async def until(self, count: int) -> None:
        """Wait until so many have begun."""
        with trio.fail_after(20):
            while len(self.begun) < count:
                await trio.lowlevel.checkpoint()


async def test_few_are_read_at_the_same_time(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """All are read in the end."""
    unread(rig)
    reading = list[int]()
    real = _DirectoryOwner._start

    def start(self: _DirectoryOwner, entry: _Log) -> None:
        real(self, entry)
        reading.append(self.behind - len(self.waiting))

    monkeypatch.setattr(_DirectoryOwner, "_start", start)
    async with rig.running():
        await rig.settle(COUNT * LINES)
        await rig.until(lambda: rig.tailers.latest.caught_up)
    assert len(reading) >= COUNT
    assert max(reading) <= MOST
    assert len(set(rig.markers)) == COUNT * LINES == len(rig.markers)


async def test_one_that_is_written_to_does_not_wait(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its session works now; the others have waited for long already."""
    logs, held = unread(rig), Held(monkeypatch)
    async with rig.running():
        await held.until(MOST)
        last = next(log for log in logs if log.uuid not in held.begun)
        last.append(line(last.uuid, "now"))
        await rig.settle(LINES + 1)
        assert rig.markers[-1] == "now"
        held.go.set()
        await rig.settle(COUNT * LINES + 1)


async def test_one_that_goes_while_it_waits(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """It keeps nobody from being told that all is read."""
    logs, held = unread(rig), Held(monkeypatch)
    monkeypatch.setattr(directory, "SCAN_SHARE", 0.0)
    async with rig.running():
        await held.until(MOST)
        gone = [log for log in logs if log.uuid not in held.begun][:2]
        for log in gone:
            log.path.unlink()
        held.go.set()
        await rig.settle((COUNT - len(gone)) * LINES)
        await rig.until(lambda: rig.tailers.latest.caught_up)
