"""The state channel: the newest snapshot at any time, and each reader's own place in its changes."""

from __future__ import annotations

import trio
import trio.testing

from ctm_trio.core.channels import StateChanges, open_state_channel


class Reader:
    """Takes the changes of a channel as they come."""

    def __init__(self, changes: StateChanges[int]) -> None:
        self.heard: list[int] = []
        self._changes = changes

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self.heard.append(await self._changes.next())


async def test_each_reader_hears_of_each_change() -> None:
    """The present snapshot first, unless it is no news; of several in a row the newest; an equal one wakes nobody."""
    state, receiver = open_state_channel(1)
    first, later = Reader(receiver.changes()), Reader(receiver.changes(from_now=True))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(first.run)
        nursery.start_soon(later.run)
        await trio.testing.wait_all_tasks_blocked()
        assert (first.heard, later.heard) == ([1], [])
        for value in (2, 3):
            state.publish(value)
        await trio.testing.wait_all_tasks_blocked()
        state.publish(3)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert (first.heard, later.heard) == ([1, 3], [3])


async def test_what_comes_between_two_looks() -> None:
    """A reader that is busy misses no newest snapshot: the next one is there when it asks."""
    state, receiver = open_state_channel(1)
    changes = receiver.changes()
    assert await changes.next() == 1
    state.publish(2)
    state.publish(3)
    with trio.fail_after(1):
        assert await changes.next() == 3


async def test_waiting_until_something_holds() -> None:
    """At once if it does; else when it does, whatever comes before."""
    state, receiver = open_state_channel(1)
    assert await receiver.when(lambda value: value == 1) == 1
    found: list[int] = []

    async def wait() -> None:
        found.append(await receiver.when(lambda value: value > 2))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        for value in (2, 0, 7):
            await trio.testing.wait_all_tasks_blocked()
            assert found == []
            state.publish(value)
    assert found == [7]
