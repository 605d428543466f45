"""Where the system starts no thread: whoever must go on waits for one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest
import trio
from trio._core import _thread_cache

from ctm_trio.core.channels import Figures, open_state_channel
from ctm_trio.core.threads import NO_THREAD, in_thread
from ctm_trio.daemon.starting import guard, wait_for_reindex
from ctm_trio.errors.git import GitFailed
from ctm_trio.errors.sessions import SpawnFailed
from ctm_trio.journal.tail import open_event_tail
from ctm_trio.journal.task import run_journal
from ctm_trio.messages.journal import JournalCounters, JournalMessage, JournalSnapshot
from ctm_trio.model.paths import paths_under
from ctm_trio.model.session import Session
from ctm_trio.system import spawn
from ctm_trio.system.instance_lock import Holder, InstanceLock
from ctm_trio.system.store_errors import StoreUnavailable, translated, written
from ctm_trio.system.tmux import Tmux
from ctm_trio.system.workdir import Making
from tests.faults.rig import Rig, line


def _no_thread(*_: object) -> None:
    raise RuntimeError("can't start new thread")


def _few_threads(monkeypatch: pytest.MonkeyPatch, failures: int) -> list[int]:
    """Let so many starts of a thread fail, and the next ones work; how many have failed."""
    start, failed = threading.Thread.start, [0]

    def late(thread: threading.Thread) -> None:
        if failed[0] < failures:
            failed[0] += 1
            _no_thread()
        start(thread)

    monkeypatch.setattr(_thread_cache, "THREAD_CACHE", _thread_cache.ThreadCache())
    monkeypatch.setattr(threading.Thread, "start", late)
    return failed


async def test_the_guard_of_the_lock_file_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, autojump_clock: trio.testing.MockClock
) -> None:
    """The daemon's own nursery has it, so a thread that cannot be started must not end it."""
    lock, looked = InstanceLock(tmp_path), trio.Event()

    def keep() -> bool:
        trio.from_thread.run_sync(looked.set)
        return True

    monkeypatch.setattr(lock, "keep", keep)
    failed = _few_threads(monkeypatch, 3)
    with lock:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(guard, tmp_path, lock)
            await looked.wait()
            nursery.cancel_scope.cancel()
    assert failed == [3]


async def test_the_wait_for_reindex_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, autojump_clock: trio.testing.MockClock
) -> None:
    """A daemon that waits for `reindex` still takes the directory when a thread comes late."""
    failed = _few_threads(monkeypatch, 3)
    with InstanceLock(tmp_path) as lock:
        await wait_for_reindex(tmp_path, lock, Holder(1), trio.Event())
    assert failed == [3]


async def test_the_event_log_opens_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, autojump_clock: trio.testing.MockClock
) -> None:
    """The one part whose crash ends the daemon waits for a thread from the start."""
    failed = _few_threads(monkeypatch, 3)
    send, inbox = trio.open_memory_channel[JournalMessage](1)
    state, _ = open_state_channel(JournalSnapshot())
    events, _ = open_event_tail(tmp_path / "events.db", send)
    async with trio.open_nursery() as nursery:
        await nursery.start(run_journal, tmp_path / "events.db", inbox, state, events, Figures(JournalCounters()))
        nursery.cancel_scope.cancel()
    assert failed == [3]


async def test_the_tailers_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a thread for a directory and its files no tailer ends: they go on when there is one."""
    rig = Rig(tmp_path)
    log = rig.log()
    log.append(line(log.uuid, "first"))
    async with rig.running():
        await rig.settle(1)
        failed = _few_threads(monkeypatch, 4)
        log.rotate(pack=True, touch=True)
        other = rig.log("22222222-2222-4333-8444-555555555555")
        other.append(b"".join(line(other.uuid, f"{i}", size=2000) for i in range(50)))
        await rig.settle(51)
        assert not any(rig.health.latest.restarts.values())
        assert failed == [4]


async def test_a_thread_comes_late(monkeypatch: pytest.MonkeyPatch, autojump_clock: trio.testing.MockClock) -> None:
    """The job runs once, as soon as there is a thread for it; why it waits is told."""
    told: list[str] = []
    done: list[int] = []

    def say(problem: str) -> None:
        told.append(problem)
        if len(told) == 3:
            monkeypatch.undo()

    monkeypatch.setattr(_thread_cache, "THREAD_CACHE", _thread_cache.ThreadCache())  # none that waits for work
    monkeypatch.setattr(threading.Thread, "start", _no_thread)
    await in_thread(partial(done.append, 1), say=say)
    assert (done, told) == ([1], [NO_THREAD] * 3)


async def test_an_error_of_the_job_is_its_own() -> None:
    """What the job itself raises comes out, and the job is not run again."""
    runs: list[int] = []

    def job() -> None:
        runs.append(1)
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        await in_thread(job)
    assert runs == [1]


def test_no_thread_to_remove_directories(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A session's order that is cut off ends as cut off: the directory that was made for it stays, and that is said."""
    making = Making(str(tmp_path / "made" / "here"))
    making.run()
    monkeypatch.setattr(threading.Thread, "start", _no_thread)
    making.leave()
    assert f"{tmp_path / 'made'} stays" in caplog.text


async def test_no_thread_to_take_a_session_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Why a session could not be started is told, not that there is no thread for taking it back."""

    async def before(workdir: str) -> None:
        monkeypatch.setattr(spawn, "in_place", _no_thread)
        raise GitFailed("git says no.")

    monkeypatch.setattr(spawn, "find_claude", lambda: "/bin/claude")
    record = Session("alpha", "u", "yolo", str(tmp_path / "made"), "2026-01-01T00:00:00Z")
    with pytest.raises(SpawnFailed, match="git says no"):
        async with spawn.spawned(Tmux(tmp_path / "socket"), record, paths_under(tmp_path), before):
            raise AssertionError("it cannot come so far")
    assert "could not be taken back: can't start new thread" in caplog.text


@pytest.mark.parametrize("block", [translated, written])
def test_too_little_memory_passes(block: Callable[[], AbstractContextManager[None]]) -> None:
    """A database for which there is no memory now is tried again; it is not damaged."""
    with pytest.raises(StoreUnavailable, match="Not enough memory"), block():
        raise MemoryError
