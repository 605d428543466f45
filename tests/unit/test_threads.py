"""Where the system starts no thread: whoever must go on waits for one."""

from __future__ import annotations

import faulthandler
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial

import pytest
import trio
from trio._core import _thread_cache

from ctm_trio.hard_stop import HardStop
from ctm_trio.system.store import StoreUnavailable
from ctm_trio.system.store_errors import translated, written
from ctm_trio.system.threads import NO_THREAD, in_thread


def _no_thread(*_: object) -> None:
    raise RuntimeError("can't start new thread")


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


@pytest.mark.parametrize("block", [translated, written])
def test_too_little_memory_passes(block: Callable[[], AbstractContextManager[None]]) -> None:
    """A database for which there is no memory now is tried again; it is not damaged."""
    with pytest.raises(StoreUnavailable, match="too little memory"), block():
        raise MemoryError


def test_a_stop_needs_no_new_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was prepared counts without another thread; and if none could be had, the stop goes on without a bound."""
    stop = HardStop(lambda: True)
    stop.prepare()
    monkeypatch.setattr(threading.Thread, "start", _no_thread)
    stop.arm()
    stop.disarm()
    other = HardStop(lambda: True)
    other.arm()
    other.disarm()
    other.watch_exit()
    faulthandler.cancel_dump_traceback_later()
