"""Open files are few, whatever the number of logs, and running out of them ends nothing and loses nothing."""

from __future__ import annotations

import os
import random
import resource
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
import trio
import trio.testing

from ctm_trio.ingest import attribution
from ctm_trio.ingest import directory as tailed
from ctm_trio.ingest.open_logs import OpenLogs, limit_within
from ctm_trio.system import transcripts
from tests.faults import rig as rigs
from tests.faults.process import Daemon, eventually
from tests.faults.rig import LogFile, Rig, line

T = TypeVar("T")


class Book:
    """Counts what is open."""

    def __init__(self) -> None:
        self.closed = 0

    def close(self) -> None:
        """See `ingest.open_logs.Log`."""
        self.closed += 1


async def test_the_least_recently_used_is_closed() -> None:
    """Past the bound the log that was read longest ago is closed, never one that is being read."""
    logs, books = OpenLogs(3), [Book() for _ in range(5)]
    for book in books[:3]:
        async with logs.reading(book, big=False):
            pass
    async with (
        logs.reading(books[0], big=False),
        logs.reading(books[3], big=False),
        logs.reading(books[4], big=True),
    ):
        assert [book.closed for book in books] == [0, 1, 1, 0, 0]
    logs.forget(books[0])
    async with logs.reading(books[1], big=False):
        pass
    assert [book.closed for book in books] == [0, 1, 1, 0, 0]


@pytest.mark.parametrize(("descriptors", "logs"), [(-1, 112), (65_536, 112), (256, 78), (128, 14), (100, 4), (3, 4)])
def test_where_few_descriptors_are_allowed(descriptors: int, logs: int) -> None:
    """Where the system allows few descriptors, logs take no more than half of what the rest can spare."""
    assert limit_within(descriptors) == logs


async def test_all_that_rest_are_closed_when_none_is_left() -> None:
    """When the system has no descriptor left every log that nobody reads lets go of its own."""
    logs, books = OpenLogs(10), [Book() for _ in range(3)]
    for book in books[:2]:
        async with logs.reading(book, big=False):
            pass
    async with logs.reading(books[2], big=False):
        logs.shed()
    assert [book.closed for book in books] == [1, 1, 0]


def test_a_low_limit(tmp_path: Path) -> None:
    """With 128 descriptors and 300 logs everything is read, somebody signs up, and nothing is in trouble."""
    with Daemon(tmp_path, prefix=("prlimit", "--nofile=128:128")) as daemon:
        for i in range(300):
            log = daemon.log(f"{i:08d}-2222-4333-8444-555555555555")
            log.append(line(log.uuid, f"m{i}"))
        daemon.start()
        eventually(lambda: len(daemon.stored()) == 300, within_s=60, what="all lines")
        health = daemon.get("/health")
        assert (health["status"], health["restarts"]) == ("ok", {})
        assert daemon.stop()[0] == 0


def test_too_low_a_limit(tmp_path: Path) -> None:
    """With fewer descriptors than it can serve anybody with it says so and ends, instead of never answering."""
    with Daemon(tmp_path, prefix=("prlimit", "--nofile=40:40")) as daemon:
        daemon.start(ready=False)
        assert daemon.process is not None
        assert daemon.process.wait(20) == 1
        assert daemon.said() == "Only 40 open files are allowed, and the daemon needs at least 64; see `ulimit -n`.\n"


async def test_much_to_read_does_not_hold_up_a_line(autojump_clock: trio.testing.MockClock) -> None:
    """While all places of the big logs are taken a log with one new line is read at once."""
    logs = OpenLogs(3)

    async def reads_long() -> None:
        async with logs.reading(Book(), big=True):
            await trio.sleep(1000)

    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(reads_long)
        await trio.testing.wait_all_tasks_blocked()
        with trio.fail_after(1):
            async with logs.reading(Book(), big=False):
                pass
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("seed", range(6))
async def test_closed_logs_lose_and_repeat_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """Twelve logs of which two may be open, written, rotated, packed, truncated while closed: every line once."""
    monkeypatch.setattr(rigs, "OpenLogs", lambda: OpenLogs(2))
    rng = random.Random(seed)
    rig = Rig(tmp_path)
    logs = [rig.log(f"{i:08d}-2222-4333-8444-555555555555") for i in range(12)]
    written: dict[str, list[str]] = {log.uuid: [] for log in logs}
    count = 0
    async with rig.running():
        for step in range(150):
            log = rng.choice(logs)
            what = rng.random()
            if what < 0.15:
                log.rotate(pack=rng.random() < 0.5, touch=rng.random() < 0.5)
            elif what < 0.2:
                await rig.settle(count)
                if log.path.exists():
                    os.truncate(log.path, 0)
            else:
                for _ in range(rng.randint(1, 3)):
                    marker = f"{log.uuid[:8]}.{step}.{count}"
                    log.append(line(log.uuid, marker))
                    written[log.uuid].append(marker)
                    count += 1
            if rng.random() < 0.3:
                await rig.settle(count)
        await rig.settle(count)
        assert open_logs(rig.logs) <= 4
    for log in logs:
        assert [m for m in rig.markers if m.startswith(log.uuid[:8])] == written[log.uuid]
    assert len(rig.markers) == count
    assert dict(rig.health.latest.restarts) == {}


def open_logs(directory: Path, pid: int | str = "self") -> int:
    """How many logs of a directory a process has open."""
    found = 0
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            found += os.readlink(f"/proc/{pid}/fd/{name}").startswith(f"{directory}/")
        except FileNotFoundError:
            continue
    return found


def test_a_thousand_live_logs(tmp_path: Path) -> None:
    """A thousand logs that are written to again and again: all lines come, and few descriptors are open."""
    with Daemon(tmp_path) as daemon:
        logs = [LogFile(daemon.logs, f"{i:08d}-2222-4333-8444-555555555555") for i in range(1000)]
        for log in logs:
            log.append(line(log.uuid, f"first-{log.uuid[:8]}"))
        daemon.start()
        eventually(lambda: len(daemon.stored()) == 1000, within_s=60, what="the first lines")
        for log in logs:
            log.append(line(log.uuid, f"second-{log.uuid[:8]}"))
        eventually(lambda: len(daemon.stored()) == 2000, within_s=60, what="the second lines")
        assert daemon.process is not None
        assert open_logs(daemon.logs, daemon.process.pid) <= 140
        assert len(os.listdir(f"/proc/{daemon.process.pid}/fd")) <= 200
        assert daemon.stop()[0] == 0


def test_no_descriptor_left(tmp_path: Path) -> None:
    """While no file can be opened and no connection taken nothing ends; afterwards every line is there, once."""
    with Daemon(tmp_path) as daemon:
        old, new = daemon.log(), daemon.log("99999999-2222-4333-8444-555555555555")
        old.append(line(old.uuid, "before"))
        daemon.start()
        eventually(lambda: len(daemon.stored()) == 1, what="the first line")
        assert daemon.process is not None
        pid = daemon.process.pid
        limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, limits[1]))
        held = [daemon.connect() for _ in range(5)]
        old.append(line(old.uuid, "while"))
        old.rotate(pack=True)
        old.append(line(old.uuid, "rotated"))
        for i in range(20):
            new.append(line(new.uuid, f"new-{i}"))
        for i in range(40):
            log = daemon.log(f"{i:08d}-2222-4333-8444-555555555555")
            log.append(line(log.uuid, f"other-{i}"))
        (daemon.root / "sessions.json").write_text('{"sessions": {}}')
        eventually(lambda: "Too many open files" in daemon.said(), what="the trouble in the log")
        for sock in held:
            sock.close()
        resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
        eventually(lambda: len(daemon.stored()) == 63, within_s=30, what="all lines")
        markers = [marker for _, marker in daemon.stored()]
        assert len(set(markers)) == 63
        assert [m for m in markers if m in ("before", "while", "rotated")] == ["before", "while", "rotated"]
        eventually(lambda: daemon.get("/health")["status"] == "ok", within_s=90, what="health")
        assert daemon.get("/health")["restarts"] == {}
        assert daemon.stop()[0] == 0


IDLE_LOGS, WATCHED_S = 300, 120
"""Logs that nobody writes to, and for how long they are watched by the test's clock, in steps of a second."""

PROJECTS, OLD_S = 30, 1_750_000_000
"""Directories of transcripts, and when they were changed last, in unix seconds."""

LOOK_S = 0.1
"""How long a look at a directory takes by the test's clock."""


class Wakes(trio.abc.Instrument):
    """Counts the steps of every task, by its name."""

    def __init__(self) -> None:
        self.steps: Counter[str] = Counter()

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        """See `trio.abc.Instrument`."""
        self.steps[task.name] += 1


async def test_idle_logs_cost_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mock_clock: trio.testing.MockClock
) -> None:
    """Logs that nobody writes to and that belong to no session wake no task, and looks at directories stay rare."""
    for number in range(PROJECTS):
        project = tmp_path / "projects" / f"p{number}"
        project.mkdir(parents=True)
        os.utime(project, (OLD_S, OLD_S))
    rig, wakes, looks, listed = Rig(tmp_path), Wakes(), 0, 0
    for i in range(IDLE_LOGS):
        log = rig.log(f"{i:08d}-2222-4333-8444-555555555555")
        log.append(line(log.uuid, f"m{i}"))

    async def look(job: Callable[[], T], **_: object) -> T:
        nonlocal looks
        looks += 1
        mock_clock.jump(LOOK_S)
        await trio.lowlevel.checkpoint()
        return job()

    def uuids(directory: Path) -> frozenset[str]:
        nonlocal listed
        listed += 1
        return real_uuids(directory)

    real_uuids = transcripts._uuids
    monkeypatch.setattr(transcripts, "_uuids", uuids)
    mock_clock.rate = 1
    async with rig.running():
        await rig.settle(IDLE_LOGS)
        await rig.until(lambda: rig.tailers.latest.caught_up)
        mock_clock.rate = 0
        # What follows takes no thread and no time but the test's.
        monkeypatch.setattr(tailed, "in_thread", look)
        monkeypatch.setattr(attribution, "in_thread", look)
        await trio.testing.wait_all_tasks_blocked(0.01)
        trio.lowlevel.add_instrument(wakes)
        for _ in range(WATCHED_S):
            mock_clock.jump(1)
            await trio.testing.wait_all_tasks_blocked()
        trio.lowlevel.remove_instrument(wakes)
    assert 0 < looks * LOOK_S < 0.025 * WATCHED_S
    assert listed == PROJECTS, "directories that have not changed were listed"
    assert not [name for name in wakes.steps if name.startswith("tailer:")]
    assert wakes.steps.total() < 5 * WATCHED_S
