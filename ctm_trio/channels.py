"""Channels between tasks: the state channel, and request/reply. No word of the domain is in here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, Self, TypeVar

import outcome
import trio

from ctm_trio.errors import Unavailable

T = TypeVar("T")
M = TypeVar("M")
R = TypeVar("R")


class _Cell(Generic[T]):
    __slots__ = ("lot", "value", "version")

    def __init__(self, value: T) -> None:
        self.value = value
        self.version = 0
        self.lot = trio.lowlevel.ParkingLot()


class StateSender(Generic[T]):
    """The owner's end: publishes frozen snapshots. Only the owning task holds it."""

    __slots__ = ("_cell",)

    def __init__(self, cell: _Cell[T]) -> None:
        self._cell = cell

    def publish(self, value: T) -> None:
        """Replace the snapshot and wake every waiting reader. Never blocks; an equal value wakes nobody."""
        cell = self._cell
        if value is cell.value or value == cell.value:
            return
        cell.value = value
        cell.version += 1
        cell.lot.unpark_all()

    @property
    def latest(self) -> T:
        """The snapshot that readers see now."""
        return self._cell.value


class StateReceiver(Generic[T]):
    """A reader's end: the newest snapshot at any time. Any number of tasks may share it."""

    __slots__ = ("_cell",)

    def __init__(self, cell: _Cell[T]) -> None:
        self._cell = cell

    @property
    def latest(self) -> T:
        """The newest snapshot. Never blocks."""
        return self._cell.value

    @property
    def version(self) -> int:
        """How often the snapshot has changed; hand it to `wait_newer`."""
        return self._cell.version

    async def wait_newer(self, version: int) -> int:
        """Wait until the snapshot is newer than `version` and return its version.

        Values in between may be skipped, the newest never is. At once if it is newer already (still a checkpoint).
        """
        cell = self._cell
        if cell.version > version:
            await trio.lowlevel.checkpoint()
        while cell.version <= version:
            await cell.lot.park()
        return cell.version


def open_state_channel(initial: T) -> tuple[StateSender[T], StateReceiver[T]]:
    """A state channel: one owner publishes, many read the newest value (elsewhere called a watch channel)."""
    cell = _Cell(initial)
    return StateSender(cell), StateReceiver(cell)


class Reply(Generic[R]):
    """Where an owner answers one request. It never blocks, and an asker that is gone is ignored."""

    __slots__ = ("_send",)

    def __init__(self, send: trio.MemorySendChannel[outcome.Outcome[R]]) -> None:
        self._send = send

    def _put(self, value: outcome.Outcome[R]) -> None:
        try:
            self._send.send_nowait(value)
        except (trio.BrokenResourceError, trio.ClosedResourceError, trio.WouldBlock):
            pass  # the asker has gone away, or was answered already
        self._send.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.drop()  # nothing happens if it was answered; else the asker learns that nobody will

    def ok(self, value: R) -> None:
        """Answer with a value."""
        self._put(outcome.Value(value))

    def fail(self, error: Exception) -> None:
        """Answer with an error, which `ask` raises in the asker."""
        self._put(outcome.Error(error))

    def drop(self) -> None:
        """Give up without an answer: the asker gets `Unavailable`."""
        self._send.close()


async def ask(send: trio.MemorySendChannel[M], make: Callable[[Reply[R]], M], *, timeout_s: float) -> R:
    """Send a request to an owner and wait for its answer.

    Args:
        send: the owner's inbox.
        make: builds the message around the reply, e.g. ``lambda reply: RenameSession(old, new, reply)``.
        timeout_s: for the whole exchange, in seconds.

    Raises:
        Unavailable: the owner did not take or answer it in time, or ended meanwhile.
        Exception: whatever the owner answered with `Reply.fail`.
    """
    reply_send, reply_recv = trio.open_memory_channel[outcome.Outcome[R]](1)
    with reply_recv:
        try:
            with trio.fail_after(timeout_s):
                await send.send(make(Reply(reply_send)))
                answer = await reply_recv.receive()
        except trio.TooSlowError:
            raise Unavailable("The daemon is busy; try again in a moment.") from None
        except (trio.EndOfChannel, trio.BrokenResourceError, trio.ClosedResourceError):
            raise Unavailable("This part of the daemon is being restarted; try again in a moment.") from None
    return answer.unwrap()
