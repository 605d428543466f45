"""The tail channel: one sender appends items, each receiver reads them at its own pace from its own cursor.

The sender never waits and knows no receiver. A window of recent items is kept for receivers that lag; one that falls
behind it is told that items were lost. Receivers with equal views at the same cursor share one batch object, so that
what is made of it (encoded bytes) can be shared too. No word of the domain is in here.

Many receivers are woken in waves. While a wave is being served new items collect, for as long as serving one took:
that is what makes two hundred receivers affordable, and with a few it is too short to be waited for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic, Protocol, Self, TypeVar

import trio

BATCH_ITEMS = 1024
"""At most so many items are looked at for one batch, which bounds what a receiver has to handle at a time."""

TRIM_ITEMS = 256
"""So many items may be in the window before it is looked for who still needs them."""

GAP_SHARE = 1.2
"""Items collect for so many times as long as the last wave took."""

GAP_MIN_S, GAP_MAX_S = 0.001, 0.024
"""A shorter gap is not waited for; a longer one would be noticed by people."""

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)
B_co = TypeVar("B_co", covariant=True)
B = TypeVar("B")


class View(Hashable, Protocol[T_contra, B_co]):
    """What one receiver sees. Receivers with equal views share their batches, so it must compare by value."""

    def __call__(self, items: Sequence[T_contra], *, lost: bool) -> B_co | None:
        """A batch of these items, oldest first, of which some before are lost; None if there is nothing to say."""


@dataclass(slots=True)
class Bounds(Generic[T]):
    """How much is kept for receivers that lag.

    Args:
        items: at most so many.
        weight: and at most so much by `weigh`, e.g. bytes.
        weigh: what one item weighs.
    """

    items: int
    weight: int
    weigh: Callable[[T], int]


class _Group(Generic[T]):
    """The receivers with equal views, of which some are parked: they have read everything so far."""

    def __init__(self, view: View[T, Any], *, eager: bool) -> None:
        self.view = view
        self.eager = eager
        self.members: set[TailReceiver[T, Any]] = set()
        self.parked: set[TailReceiver[T, Any]] = set()
        self.lot = trio.lowlevel.ParkingLot()
        self.made: dict[int, tuple[Any, int]] = {}
        """Cursor → the batch that follows it, and the cursor behind that."""

    def unpark_all(self) -> int:
        """Wake all that are parked, and say how many they are."""
        self.parked.clear()
        return len(self.lot.unpark_all())


class _Core(Generic[T]):
    """What the ends share. Positions count all items ever sent; `head` is the one behind the newest."""

    def __init__(self, bounds: Bounds[T]) -> None:
        self.bounds = bounds
        self.window: deque[T] = deque()
        self.weight = 0
        self.head = 0
        self.released = 0
        """Position up to which receivers that are not eager may read."""
        self.open_at = 0.0
        """When the next wave may start, on Trio's clock."""
        self.wave_at = 0.0
        self.in_wave = 0
        """Receivers that were woken and have not come for their batch yet."""
        self.timing = False
        """True while a receiver waits for `open_at`, on behalf of all."""
        self.groups: dict[tuple[View[T, Any], bool], _Group[T]] = {}
        self.watchers = trio.lowlevel.ParkingLot()
        """Who only wants to know that something came."""
        self.dropped = 0
        self.closed = False

    def append(self, items: Sequence[T]) -> None:
        """Take items, and let those know who may have them now."""
        self.window.extend(items)
        self.head += len(items)
        weigh = self.bounds.weigh
        self.weight += sum([weigh(item) for item in items])
        if len(self.window) > TRIM_ITEMS or self.weight > self.bounds.weight:
            self._trim()
        for group in self.groups.values():
            if group.eager:
                group.made.clear()
                self._wake(group, self.head)
        if self.watchers:
            self.watchers.unpark_all()
        now = trio.current_time()
        if now >= self.open_at:
            self.release(now)
        elif not self.timing:
            self.pass_on_timing()

    def release(self, now: float) -> None:
        """Start a wave: whoever waits for what is there is woken."""
        self.released = self.head
        woken = 0
        for group in self.groups.values():
            if not group.eager:
                group.made.clear()
                woken += self._wake(group, self.released)
        self.wave_at, self.in_wave = now, woken
        self.open_at = now + GAP_MAX_S if woken else 0.0

    def _wake(self, group: _Group[T], until: int) -> int:
        """Wake the parked receivers of a group if there is anything for them. How many were woken."""
        news = False
        for at in {receiver.at for receiver in group.parked}:
            start, batch, stop = at, None, at
            while batch is None and stop < until:
                start = stop
                batch, stop = self.make(group, start, until)
            news = news or batch is not None
            if start != at or batch is None:
                for receiver in group.parked:
                    if receiver.at == at:
                        receiver.at = start if batch is not None else stop
        return group.unpark_all() if news else 0

    def make(self, group: _Group[T], at: int, until: int) -> tuple[Any, int]:
        """The batch that follows a cursor (None if nothing of it passes), and the cursor behind it."""
        made = group.made.get(at)
        if made is not None:
            return made
        window = self.window
        oldest = self.head - len(window)
        lost = at < oldest
        if lost:
            self.dropped += oldest - at
        start = max(at, oldest)
        stop = max(start, min(until, start + BATCH_ITEMS))
        if start - oldest > len(window) // 2:  # close to the end, where a deque is reached fast
            part = list(islice(reversed(window), self.head - stop, self.head - start))
            part.reverse()
        else:
            part = list(islice(window, start - oldest, stop - oldest))
        made = group.made[at] = (group.view(part, lost=lost), stop)
        return made

    def came(self) -> None:
        """One receiver of the wave has come; with the last one it is known how long a wave takes."""
        if self.in_wave:
            self.in_wave -= 1
            if not self.in_wave:
                took = trio.current_time() - self.wave_at
                gap = min(GAP_MAX_S, took * GAP_SHARE)
                self.open_at = self.wave_at + took + gap if gap >= GAP_MIN_S else 0.0

    def pass_on_timing(self) -> None:
        """Wake one parked receiver to wait for the end of the gap, if something waits for that."""
        if self.head == self.released:
            return
        for group in self.groups.values():
            if not group.eager and group.lot:
                group.lot.unpark()
                return

    def _trim(self) -> None:
        """Drop what no receiver has still to read, and what is over the bounds."""
        window, bounds = self.window, self.bounds
        oldest = self.head - len(window)
        slowest = min([r.at for group in self.groups.values() for r in group.members], default=self.head)
        drop = max(slowest - oldest, len(window) - bounds.items)
        while window and (drop > 0 or self.weight > bounds.weight):
            self.weight -= bounds.weigh(window.popleft())
            drop -= 1


class TailSender(Generic[T]):
    """The sender's end. Only the owning task holds it."""

    def __init__(self, core: _Core[T]) -> None:
        self._core = core

    def send_nowait(self, items: Sequence[T]) -> None:
        """Append items and wake the receivers that they concern. Never waits."""
        if items:
            self._core.append(items)

    def replace(self, renew: Callable[[T], T]) -> None:
        """Put `renew(item)` in the place of each item of the window."""
        window = self._core.window
        for i, item in enumerate(window):
            window[i] = renew(item)
        for group in self._core.groups.values():
            group.made.clear()

    def close(self) -> None:
        """End the channel: receivers get what is left, then `EndOfChannel`. Safe to repeat."""
        core = self._core
        core.closed = True
        core.released = core.head
        for group in core.groups.values():
            group.unpark_all()


class TailSource(Generic[T]):
    """Where receivers come from. Any number of tasks may share it."""

    def __init__(self, core: _Core[T]) -> None:
        self._core = core

    def head(self) -> int:
        """How many items were ever sent."""
        return self._core.head

    async def moved(self, head: int) -> None:
        """Wait until more than `head` items were sent; at once (still a checkpoint) if they are."""
        if self._core.head > head:
            await trio.lowlevel.checkpoint()
        else:
            await self._core.watchers.park()

    def receivers(self) -> int:
        """How many receivers are open, without the eager ones."""
        return sum([len(group.members) for group in self._core.groups.values() if not group.eager])

    def dropped(self) -> int:
        """How many items receivers missed, summed up over them."""
        return self._core.dropped

    def open(self, view: View[T, B], *, eager: bool = False) -> TailReceiver[T, B]:
        """A receiver of what is sent from now on. Close it.

        Args:
            view: makes its batches.
            eager: it never waits for a gap; for the program's own tasks.
        """
        return TailReceiver(self._core, view, eager=eager)


class TailReceiver(trio.abc.ReceiveChannel[B], Generic[T, B]):
    """One reader with its cursor. One task at a time."""

    def __init__(self, core: _Core[T], view: View[T, B], *, eager: bool) -> None:
        self._core = core
        self.at = core.head
        """The cursor: the position behind the last item that was looked at."""
        self._group = core.groups.setdefault((view, eager), _Group(view, eager=eager))
        self._group.members.add(self)

    async def receive(self) -> B:
        """The next batch: what has come since the last one and passes the view.

        Raises:
            trio.EndOfChannel: the sender has closed, and all was read.
            trio.ClosedResourceError: this receiver is closed.
        """
        core, group = self._core, self._group
        waited = False
        while True:
            if self not in group.members:
                raise trio.ClosedResourceError
            batch = self._take()
            if batch is not None:
                if not waited:
                    await trio.lowlevel.checkpoint()
                return batch
            if core.closed:
                raise trio.EndOfChannel
            waited = True
            if not group.eager and not core.timing and self.at < core.head:
                await self._await_gap()
                continue
            group.parked.add(self)
            try:
                await group.lot.park()
            finally:
                group.parked.discard(self)
            if not group.eager:
                core.came()

    async def _await_gap(self) -> None:
        """Wait for the end of the gap, and start the next wave. If we are cancelled another receiver does it."""
        core = self._core
        core.timing = True
        try:
            await trio.sleep_until(core.open_at)
        except BaseException:
            core.timing = False
            core.pass_on_timing()
            raise
        core.timing = False
        core.release(trio.current_time())

    def _take(self) -> B | None:
        core, group = self._core, self._group
        until = core.head if group.eager else core.released
        batch = None
        while batch is None and self.at < until:
            batch, self.at = core.make(group, self.at, until)
        return batch

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def aclose(self) -> None:
        """Close this receiver. Safe to repeat."""
        self.close()
        await trio.lowlevel.checkpoint()

    def close(self) -> None:
        """`aclose` without a checkpoint."""
        group = self._group
        group.members.discard(self)
        if not group.members:
            self._core.groups.pop((group.view, group.eager), None)


def open_tail_channel(bounds: Bounds[T]) -> tuple[TailSender[T], TailSource[T]]:
    """A tail channel: its one sender, and where its receivers are opened."""
    core = _Core(bounds)
    return TailSender(core), TailSource(core)
