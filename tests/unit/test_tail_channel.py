"""The tail channel: every receiver gets every item that passes its view, once and in order, or is told of a loss."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
import trio
import trio.testing

from ctm_trio.core import tail_window
from ctm_trio.core.tail_channel import TailReceiver, TailSource, open_tail_channel
from ctm_trio.core.tail_window import BATCH_ITEMS, Bounds


@dataclass(frozen=True)
class Multiples:
    """Lets the multiples of a number through."""

    of: int = 1

    def __call__(self, items: Sequence[int], *, lost: bool) -> Got | None:
        passing = [item for item in items if item % self.of == 0]
        return Got(passing, lost) if passing or lost else None


@dataclass(frozen=True)
class Got:
    """A batch."""

    items: list[int]
    lost: bool = False


def bounds(items: int = 10_000, weight: int = 10_000) -> Bounds[int]:
    return Bounds(items, weight, lambda _: 1)


@dataclass
class Reader:
    """Notes what it gets, however slowly it reads."""

    receiver: TailReceiver[int, Got]
    pause_s: float = 0.0
    items: list[int] = field(default_factory=list)
    lost: int = 0
    batches: int = 0

    async def run(self) -> None:
        async for batch in self.receiver:
            self.items += batch.items
            self.lost += batch.lost
            self.batches += 1
            if self.pause_s:
                await trio.sleep(self.pause_s)


async def test_everything_once_and_in_order(autojump_clock: trio.testing.MockClock) -> None:
    """Readers of every pace, eager ones and late comers get all that passes from their beginning on."""
    send, source = open_tail_channel(bounds())
    dice = random.Random(4)
    readers: list[tuple[Reader, int, int]] = []
    async with trio.open_nursery() as nursery:
        for i in range(2000):
            if i % 100 == 0:
                of = dice.choice([1, 1, 2, 7])
                reader = Reader(source.open(Multiples(of), eager=dice.random() < 0.3), dice.choice([0, 0.001, 0.05]))
                readers.append((reader, i, of))
                nursery.start_soon(reader.run)
            send.send_nowait([i])
            if dice.random() < 0.4:
                await trio.sleep(dice.choice([0, 0.0005, 0.004]))
        send.close()
    for reader, start, of in readers:
        assert reader.items == [i for i in range(start, 2000) if i % of == 0]
        assert reader.lost == 0


async def test_equal_views_share_a_batch() -> None:
    """Two receivers with equal views at the same cursor get the same object, so that it is encoded once."""
    send, source = open_tail_channel(bounds())
    first, second, other = source.open(Multiples(2)), source.open(Multiples(2)), source.open(Multiples())
    send.send_nowait([1, 2, 3, 4])
    got = await first.receive()
    assert await second.receive() is got
    assert (got.items, (await other.receive()).items) == ([2, 4], [1, 2, 3, 4])


async def test_who_is_not_concerned_sleeps() -> None:
    """Items that no view lets through wake nobody, and do not count as missed however many they are."""
    send, source = open_tail_channel(bounds(items=8))
    receiver = source.open(Multiples(1000))
    steps = 0

    async def count() -> None:
        nonlocal steps
        async for _ in receiver:
            steps += 1

    async with trio.open_nursery() as nursery:
        nursery.start_soon(count)
        await trio.testing.wait_all_tasks_blocked()
        for i in range(1, 1000):
            send.send_nowait([i])
        await trio.testing.wait_all_tasks_blocked()
        assert (steps, source.dropped()) == (0, 0)
        send.send_nowait([1000])
        await trio.testing.wait_all_tasks_blocked()
        assert (steps, source.dropped()) == (1, 0)
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("limit", ["items", "weight"])
async def test_who_falls_behind_is_told(limit: str) -> None:
    """Past the bounds of the window the oldest items go; the receiver hears of it once, and goes on."""
    send, source = open_tail_channel(bounds(**{limit: 300}))
    receiver = source.open(Multiples())
    for i in range(1000):
        send.send_nowait([i])
    got = await receiver.receive()
    assert (got.lost, got.items) == (True, list(range(700, 1000)))
    assert source.dropped() == 700
    send.send_nowait([1000])
    assert await receiver.receive() == Got([1000])


async def test_a_closed_receiver_holds_nothing() -> None:
    """What only a receiver that is closed would need is dropped; it raises, and its view is forgotten."""
    send, source = open_tail_channel(bounds())
    with source.open(Multiples(3)) as receiver:
        for i in range(5000):
            send.send_nowait([i])
        assert source.receivers() == 1
    assert source.receivers() == 0
    send.send_nowait([1])
    assert len(source._window.items) <= 1
    assert not source._window.groups
    with pytest.raises(trio.ClosedResourceError):
        await receiver.receive()


async def test_batches_are_bounded() -> None:
    """A backlog comes in batches of a bounded size."""
    send, source = open_tail_channel(bounds())
    receiver = source.open(Multiples())
    send.send_nowait(list(range(BATCH_ITEMS * 2 + 5)))
    send.close()
    assert [len(batch.items) async for batch in receiver] == [BATCH_ITEMS, BATCH_ITEMS, 5]


async def test_the_end_comes_after_what_is_left() -> None:
    """A closed channel hands out the rest and then ends; who waits is woken."""
    send, source = open_tail_channel(bounds())
    late, waiting = source.open(Multiples()), Reader(source.open(Multiples()))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(waiting.run)
        await trio.testing.wait_all_tasks_blocked()
        send.send_nowait([1])
        send.close()
    assert waiting.items == [1]
    assert (await late.receive()).items == [1]
    with pytest.raises(trio.EndOfChannel):
        await late.receive()


async def test_replaced_items() -> None:
    """What is in the window can be exchanged, and whoever has not read it yet gets it new."""
    send, source = open_tail_channel(bounds())
    receiver = source.open(Multiples())
    send.send_nowait([1, 2])
    send.replace(lambda item: item * 10)
    assert (await receiver.receive()).items == [10, 20]


async def test_replaced_items_weigh_what_they_weigh() -> None:
    """Exchanging items for lighter ones leaves no weight behind: there is room for as many as before."""
    send, source = open_tail_channel(Bounds[int](10_000, 100, abs))
    receiver = source.open(Multiples())
    for _ in range(20):
        send.send_nowait([10] * 9)
        send.replace(lambda item: min(item, 1))
        send.send_nowait([10] * 9)
        assert (await receiver.receive()) == Got([1] * 9 + [10] * 9)


async def test_closing_twice_touches_nobody_else() -> None:
    """A receiver that is closed again, after one with the same view was opened, takes nothing from that one."""
    send, source = open_tail_channel(bounds())
    first = source.open(Multiples())
    first.close()
    second = Reader(source.open(Multiples()))
    first.close()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(second.run)
        await trio.testing.wait_all_tasks_blocked()
        send.send_nowait([1])
        send.close()
    assert second.items == [1]


async def test_a_cancelled_receive_takes_nothing() -> None:
    """What a receiver was about to get when it was cancelled is what it gets next."""
    send, source = open_tail_channel(bounds())
    receiver = source.open(Multiples())
    for i in range(3):
        with trio.CancelScope() as scope:
            if i:
                send.send_nowait([i])
            scope.cancel()
            await receiver.receive()
        assert scope.cancelled_caught
    assert (await receiver.receive()).items == [1, 2]


async def test_moved() -> None:
    """Whoever only wants to know that something came is woken by it."""
    send, source = open_tail_channel(bounds())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(source.moved, source.head())
        await trio.testing.wait_all_tasks_blocked()
        send.send_nowait([1])
    with trio.fail_after(1):
        await source.moved(0)


class Slow:
    """Receivers that take long over each batch, on a clock that only they move."""

    def __init__(self, source: TailSource[int], clock: trio.testing.MockClock) -> None:
        self.clock = clock
        self.readers = [source.open(Multiples()) for _ in range(20)]
        self.got: list[list[int]] = [[] for _ in self.readers]

    async def run(self, which: int) -> None:
        async for batch in self.readers[which]:
            self.clock.jump(0.0005)
            self.got[which] += batch.items


async def test_many_receivers_are_served_in_waves(mock_clock: trio.testing.MockClock) -> None:
    """Serving twenty takes 10 ms: what comes meanwhile collects, waits for the end of the gap, and is not forgotten."""
    send, source = open_tail_channel(bounds())
    slow = Slow(source, mock_clock)
    async with trio.open_nursery() as nursery:
        for which in range(len(slow.readers)):
            nursery.start_soon(slow.run, which)
        await trio.testing.wait_all_tasks_blocked()
        send.send_nowait([0])
        await trio.testing.wait_all_tasks_blocked()
        assert slow.got == [[0]] * 20
        for i in range(1, 6):
            send.send_nowait([i])
            await trio.testing.wait_all_tasks_blocked()
        assert slow.got == [[0]] * 20, "the gap is not over"
        mock_clock.jump(tail_window.GAP_MAX_S)
        await trio.testing.wait_all_tasks_blocked()
        assert slow.got == [[0, 1, 2, 3, 4, 5]] * 20
        nursery.cancel_scope.cancel()


async def test_the_receiver_that_times_the_gap_goes_away(mock_clock: trio.testing.MockClock) -> None:
    """Another one takes over: nothing waits for ever because of a client that left."""
    send, source = open_tail_channel(bounds())
    slow = Slow(source, mock_clock)
    scopes = [trio.CancelScope() for _ in slow.readers]

    async def run(which: int) -> None:
        with scopes[which]:
            await slow.run(which)

    async with trio.open_nursery() as nursery:
        for which in range(len(slow.readers)):
            nursery.start_soon(run, which)
        await trio.testing.wait_all_tasks_blocked()
        send.send_nowait([0])
        await trio.testing.wait_all_tasks_blocked()
        send.send_nowait([1])
        await trio.testing.wait_all_tasks_blocked()
        for scope in scopes[:-1]:  # whoever it is, it is among these or it is the last one
            scope.cancel()
            await trio.testing.wait_all_tasks_blocked()
        mock_clock.jump(tail_window.GAP_MAX_S)
        await trio.testing.wait_all_tasks_blocked()
        assert slow.got[-1] == [0, 1]
        nursery.cancel_scope.cancel()


async def test_a_newcomer_times_the_gap(mock_clock: trio.testing.MockClock) -> None:
    """The one that waits for the end of the gap leaves; the one woken instead has read all, and waits all the same."""
    send, source = open_tail_channel(bounds())
    idle, leaves, stays = source.open(Multiples(1)), source.open(Multiples(2)), Reader(source.open(Multiples(2)))
    source._window.open_at = trio.current_time() + tail_window.GAP_MAX_S
    send.send_nowait([6])
    newcomer, scope = Reader(source.open(Multiples(1))), trio.CancelScope()

    async def leave() -> None:
        with scope:
            await leaves.receive()

    async with trio.open_nursery() as nursery:
        for task in (leave, newcomer.run, stays.run):
            nursery.start_soon(task)
            await trio.testing.wait_all_tasks_blocked()
        scope.cancel()
        await trio.testing.wait_all_tasks_blocked()
        mock_clock.jump(1)
        await trio.testing.wait_all_tasks_blocked()
        assert (stays.items, newcomer.items, idle.at) == ([6], [], 0)
        nursery.cancel_scope.cancel()
