"""The window of a tail channel: recent items, who still has to read them, and when receivers are woken.

Many receivers are woken in waves. While a wave is being served new items collect, and then for as long again: that is
what makes two hundred receivers affordable, and with a few it is too short to be waited for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Sequence
from itertools import islice
from typing import Any, Generic, Protocol, TypeVar

import msgspec
import trio

BATCH_ITEMS = 1024
"""At most so many items are looked at for one batch, which bounds what a receiver has to handle at a time."""

FEW_ITEMS = 64
"""Up to here what is appended is handed on as it is. More would be kept in memory for it until something else comes."""

TRIM_ITEMS = 256
"""So many items may be in the window before it is looked for who still needs them."""

GAP_SHARE = 1.2
"""Items collect for so many times as long as the last wave took."""

GAP_MIN_S, GAP_MAX_S = 0.001, 0.024
"""A shorter gap is not waited for; a longer one would be noticed by people."""

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)
B_co = TypeVar("B_co", covariant=True)


class View(Hashable, Protocol[T_contra, B_co]):
    """What one receiver sees. Receivers with equal views share their batches, so it must compare by value."""

    def __call__(self, items: Sequence[T_contra], *, lost: bool) -> B_co | None:
        """A batch of these items, oldest first, of which some before are lost; None if there is nothing to say."""


class Bounds(msgspec.Struct, Generic[T]):
    """How much is kept for receivers that lag.

    Args:
        items: at most so many.
        weight: and at most so much by `weigh`, e.g. bytes.
        weigh: what one item weighs.
    """

    items: int
    weight: int
    weigh: Callable[[T], int]


class Cursor(Protocol):
    """A receiver, as far as the window knows it. `at`: the position behind the last item that was looked at."""

    at: int


class Group(Generic[T]):
    """The receivers with equal views, of which some are parked: they have read everything so far."""

    def __init__(self, view: View[T, Any], *, eager: bool) -> None:
        self.view = view
        self.eager = eager
        self.members: set[Cursor] = set()
        self.parked: set[Cursor] = set()
        self.lot = trio.lowlevel.ParkingLot()
        self.made: dict[int, tuple[Any, int, int]] = {}
        """Cursor → see `Window.make`."""

    def unpark_all(self) -> int:
        """Wake all that are parked, and say how many they are."""
        self.parked.clear()
        return len(self.lot.unpark_all())


class Window(Generic[T]):
    """What the ends of a channel share. Positions count all items ever sent; `head` is the one behind the newest."""

    def __init__(self, bounds: Bounds[T]) -> None:
        self.bounds = bounds
        self.items: deque[T] = deque()
        self.newest: Sequence[T] = ()
        """What was appended last, if these are few, and while they are the same in `items`."""
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
        self.groups: dict[tuple[View[T, Any], bool], Group[T]] = {}
        self.watchers = trio.lowlevel.ParkingLot()
        """Who only wants to know that something came."""
        self.dropped = 0
        self.closed = False

    def append(self, items: Sequence[T]) -> None:
        """Take items, and let those know who may have them now."""
        self.items.extend(items)
        self.newest = items if len(items) <= FEW_ITEMS else ()
        self.head += len(items)
        weigh = self.bounds.weigh
        self.weight += sum([weigh(item) for item in items])
        if len(self.items) > TRIM_ITEMS or self.weight > self.bounds.weight:
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

    def _wake(self, group: Group[T], until: int) -> int:
        """Wake the parked receivers of a group if there is anything for them. How many were woken."""
        news = False
        for at in {receiver.at for receiver in group.parked}:
            start, batch, stop = at, None, at
            while batch is None and stop < until:
                start = stop
                batch, stop, _ = self.make(group, start, until)
            news = news or batch is not None
            if start != at or batch is None:
                for receiver in group.parked:
                    if receiver.at == at:
                        receiver.at = start if batch is not None else stop
        return group.unpark_all() if news else 0

    def make(self, group: Group[T], at: int, until: int) -> tuple[Any, int, int]:
        """What follows a cursor: the batch (None if nothing passes), the cursor behind it, and how many are lost."""
        made = group.made.get(at)
        if made is not None:
            return made
        newest = self.newest
        if newest and until - at == len(newest) and until == self.head:  # as almost always
            made = group.made[at] = (group.view(newest, lost=False), until, 0)
            return made
        held = self.items
        oldest = self.head - len(held)
        lost = at < oldest
        start = max(at, oldest)
        stop = max(start, min(until, start + BATCH_ITEMS))
        if start - oldest > len(held) // 2:  # close to the end, where a deque is reached fast
            part = list(islice(reversed(held), self.head - stop, self.head - start))
            part.reverse()
        else:
            part = list(islice(held, start - oldest, stop - oldest))
        made = group.made[at] = (group.view(part, lost=lost), stop, start - at)
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
        held, bounds = self.items, self.bounds
        oldest = self.head - len(held)
        slowest = min([r.at for group in self.groups.values() for r in group.members], default=self.head)
        drop = max(slowest - oldest, len(held) - bounds.items)
        while held and (drop > 0 or self.weight > bounds.weight):
            self.weight -= bounds.weigh(held.popleft())
            drop -= 1
