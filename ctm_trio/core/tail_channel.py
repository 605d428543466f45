"""The tail channel: one sender appends items, each receiver reads them at its own pace from its own cursor.

The sender never waits and knows no receiver. A window of recent items is kept for receivers that lag; one that falls
behind it is told that items were lost. Receivers with equal views at the same cursor share one batch object, so that
what is made of it (encoded bytes) can be shared too. No word of the domain is in here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, Self, TypeVar

import trio

from ctm_trio.core.tail_window import Bounds, Group, View, Window

T = TypeVar("T")
B = TypeVar("B")


class TailSender(Generic[T]):
    """The sender's end. Only the owning task holds it."""

    def __init__(self, window: Window[T]) -> None:
        self._window = window

    def send_nowait(self, items: Sequence[T]) -> None:
        """Append items and wake the receivers that they concern. Never waits."""
        if items:
            self._window.append(items)

    def replace(self, renew: Callable[[T], T]) -> None:
        """Put `renew(item)` in the place of each item of the window."""
        window = self._window
        weigh = window.bounds.weigh
        window.newest = ()
        for i, item in enumerate(window.items):
            new = window.items[i] = renew(item)
            if new is not item:
                window.weight += weigh(new) - weigh(item)
        for group in window.groups.values():
            group.made.clear()

    def close(self) -> None:
        """End the channel: receivers get what is left, then `EndOfChannel`. Safe to repeat."""
        window = self._window
        window.closed = True
        window.released = window.head
        for group in window.groups.values():
            group.unpark_all()


class TailSource(Generic[T]):
    """Where receivers come from. Any number of tasks may share it."""

    def __init__(self, window: Window[T]) -> None:
        self._window = window

    def head(self) -> int:
        """How many items were ever sent."""
        return self._window.head

    async def moved(self, head: int) -> None:
        """Wait until more than `head` items were sent; at once (still a checkpoint) if they are."""
        if self._window.head > head:
            await trio.lowlevel.checkpoint()
        else:
            await self._window.watchers.park()

    def receivers(self) -> int:
        """How many receivers are open, without the eager ones."""
        return sum([len(group.members) for group in self._window.groups.values() if not group.eager])

    def dropped(self) -> int:
        """How many items receivers missed, summed up over them."""
        return self._window.dropped

    def open(self, view: View[T, B], *, eager: bool = False) -> TailReceiver[T, B]:
        """A receiver of what is sent from now on. Close it.

        Args:
            view: makes its batches.
            eager: it never waits for a gap; for the program's own tasks.
        """
        return TailReceiver(self._window, view, eager=eager)


class TailReceiver(trio.abc.ReceiveChannel[B], Generic[T, B]):
    """One reader with its cursor. One task at a time."""

    def __init__(self, window: Window[T], view: View[T, B], *, eager: bool) -> None:
        self._window = window
        self.at = window.head
        """The cursor: the position behind the last item that was looked at."""
        self._group = window.groups.setdefault((view, eager), Group(view, eager=eager))
        self._group.members.add(self)

    async def receive(self) -> B:
        """The next batch: what has come since the last one and passes the view.

        Raises:
            trio.EndOfChannel: the sender has closed, and all was read.
            trio.ClosedResourceError: this receiver is closed.
        """
        window, group = self._window, self._group
        waited = False
        while True:
            if self not in group.members:
                raise trio.ClosedResourceError
            if self.at < (window.head if group.eager else window.released):
                if not waited:
                    await trio.lowlevel.checkpoint_if_cancelled()  # a cancelled `receive` takes nothing
                batch: B | None
                made = group.made.get(self.at)  # by another receiver, as mostly, or the sender
                if made is not None and made[0] is not None:
                    batch, self.at, lost = made
                    window.dropped += lost
                else:
                    batch = self._take()
                if batch is not None:
                    if not waited:
                        await trio.lowlevel.cancel_shielded_checkpoint()
                    return batch
            if window.closed:
                raise trio.EndOfChannel
            waited = True
            # Also if we have read it all: whoever is woken to do it (`pass_on_timing`) does it for the others.
            if not group.eager and not window.timing and window.released < window.head:
                await self._await_gap()
                continue
            group.parked.add(self)
            try:
                await group.lot.park()
            finally:
                group.parked.discard(self)
            if not group.eager:
                window.came()

    async def _await_gap(self) -> None:
        """Wait for the end of the gap, and start the next wave. If we are cancelled another receiver does it."""
        window = self._window
        window.timing = True
        try:
            await trio.sleep_until(window.open_at)
        except BaseException:  # a cancellation too: somebody must wait for the end of the gap
            window.timing = False
            window.pass_on_timing()
            raise
        window.timing = False
        window.release(trio.current_time())

    def _take(self) -> B | None:
        window, group = self._window, self._group
        until = window.head if group.eager else window.released
        batch = None
        while batch is None and self.at < until:
            batch, self.at, lost = window.make(group, self.at, until)
            window.dropped += lost
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
        if self in group.members:
            group.members.discard(self)
            if not group.members:
                del self._window.groups[group.view, group.eager]


def open_tail_channel(bounds: Bounds[T]) -> tuple[TailSender[T], TailSource[T]]:
    """A tail channel: its one sender, and where its receivers are opened."""
    window = Window(bounds)
    return TailSender(window), TailSource(window)
