"""The bell of a task: no ring is lost, and many are one."""

from __future__ import annotations

import trio
from trio.testing import wait_all_tasks_blocked

from ctm_trio.core.bell import Bell


async def test_rings_before_and_while_it_is_waited_for(nursery: trio.Nursery) -> None:
    """Those that came before the task waits wake it once; one while it waits wakes it again."""
    bell, looks = Bell(), list[int]()

    async def task() -> None:
        while True:
            await bell.wait()
            looks.append(len(looks))

    bell.ring()
    bell.ring()
    nursery.start_soon(task)
    await wait_all_tasks_blocked()
    assert looks == [0]
    bell.ring()
    await wait_all_tasks_blocked()
    assert looks == [0, 1]
    nursery.cancel_scope.cancel()


async def test_a_ring_outlives_a_wait_that_is_cut_off() -> None:
    """It was cancelled in the same moment."""
    bell = Bell()
    with trio.CancelScope() as scope:
        scope.cancel()
        bell.ring()
        await bell.wait()
    assert scope.cancelled_caught
    with trio.fail_after(1):
        await bell.wait()
