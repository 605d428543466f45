"""Work in threads for whoever must not end when the system has no thread to give (a limit of processes or memory)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import trio

T = TypeVar("T")

AGAIN_S = 0.5
"""How often it is tried again to start a thread."""

NO_THREAD = "The system cannot start more threads (a limit of processes or memory); trying again."


async def in_thread(
    job: Callable[[], T],
    *,
    limiter: trio.CapacityLimiter | None = None,
    abandon_on_cancel: bool = False,
    say: Callable[[str], object] = len,
) -> T:
    """As `trio.to_thread.run_sync`, but where no thread can be started it waits until one can.

    Args:
        job: run once. limiter, abandon_on_cancel: as there.
        say: told why it waits, each time it is tried in vain.
    """
    begun = False

    def run() -> T:
        nonlocal begun
        begun = True
        return job()

    while True:
        try:
            return await trio.to_thread.run_sync(run, limiter=limiter, abandon_on_cancel=abandon_on_cancel)
        except (RuntimeError, MemoryError):
            if begun:
                raise
        say(NO_THREAD)
        await trio.sleep(AGAIN_S)
