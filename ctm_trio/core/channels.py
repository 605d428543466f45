"""Channels between tasks: the state channel, figures that are computed when read, and request/reply."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import Any, Generic, Self, TypeVar

import outcome
import trio

from ctm_trio.errors.base import CtmError
from ctm_trio.errors.orders import BrokenOff, OrderTooLate, Unavailable

BUSY = "The daemon is busy; try again in a moment."
RESTARTED = "This part of the daemon is being restarted; try again in a moment."

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

    async def when(self, holds: Callable[[T], bool]) -> T:
        """Wait until that holds of the snapshot; at once (then without a checkpoint) if it does. The snapshot."""
        while not holds(self._cell.value):
            await self.wait_newer(self._cell.version)
        return self._cell.value

    def changes(self, *, from_now: bool = False) -> StateChanges[T]:
        """The place of a reader that wants to hear of each change.

        Args:
            from_now: the present snapshot is no news.
        """
        return StateChanges(self, self._cell.version if from_now else None)


class StateChanges(Generic[T]):
    """A reader's place in a state channel. For one task."""

    __slots__ = ("_receiver", "_version")

    def __init__(self, receiver: StateReceiver[T], version: int | None) -> None:
        self._receiver = receiver
        self._version = version

    async def next(self) -> T:
        """Wait for a snapshot that was not returned here yet. Those in between may be skipped, the newest never is."""
        if self._version is None:
            await trio.lowlevel.checkpoint()
            self._version = self._receiver.version
        else:
            self._version = await self._receiver.wait_newer(self._version)
        return self._receiver.latest


def open_state_channel(initial: T) -> tuple[StateSender[T], StateReceiver[T]]:
    """A state channel: one owner publishes, many read the newest value (elsewhere called a watch channel)."""
    cell = _Cell(initial)
    return StateSender(cell), StateReceiver(cell)


class Figures(Generic[T]):
    """Figures that their owner computes when somebody reads them: nobody is woken for a counter.

    Args:
        initial: told until the owner provides some.
    """

    __slots__ = ("_compute",)

    def __init__(self, initial: T) -> None:
        self._compute: Callable[[], T] = lambda: initial

    def provide(self, compute: Callable[[], T]) -> None:
        """For the owner: how they are computed. It must be quick, for it is called by readers."""
        self._compute = compute

    def read(self) -> T:
        """The figures as they are now. Never blocks."""
        return self._compute()


class Reply(Generic[R]):
    """Where an owner answers one request. It never blocks, and an asker that is gone is ignored.

    Attributes:
        deadline: by when the owner has to be done, on Trio's clock. `fulfil` sees to it.
    """

    __slots__ = ("_begun", "_send", "_withdrawn", "deadline")

    def __init__(self, send: trio.MemorySendChannel[outcome.Outcome[R]], *, deadline: float = math.inf) -> None:
        self._send = send
        self._begun = self._withdrawn = False
        self.deadline = deadline

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

    def begin(self) -> bool:
        """For an owner, right before its first step. False: the asker has given up, so nothing may be done."""
        self._begun = self._begun or not self._withdrawn
        return self._begun

    def withdraw(self) -> bool:
        """For an asker that gives up. True: it had not begun, and now it never will."""
        self._withdrawn = self._withdrawn or not self._begun
        return self._withdrawn

    def ok(self, value: R) -> None:
        """Answer with a value."""
        self._put(outcome.Value(value))

    def fail(self, error: Exception) -> None:
        """Answer with an error, which `ask` raises in the asker."""
        self._put(outcome.Error(error))

    def drop(self) -> None:
        """Give up without an answer: the asker gets `Unavailable`, or `BrokenOff` if the order was begun."""
        self._send.close()


class Pending(Generic[R]):
    """An order that is under way: its answer is still to come. Close it, or take the answer."""

    def __init__(self, answers: trio.MemoryReceiveChannel[outcome.Outcome[R]], deadline: float) -> None:
        self._answers = answers
        self.deadline = deadline

    async def answer(self) -> R:
        """Wait for the answer, however long it takes.

        Raises:
            BrokenOff: the owner ended without an answer.
            Exception: whatever the owner answered with `Reply.fail`.
        """
        with self._answers:
            try:
                answer = await self._answers.receive()
            except (trio.EndOfChannel, trio.BrokenResourceError, trio.ClosedResourceError):
                raise BrokenOff from None
        return answer.unwrap()

    def close(self) -> None:
        """Nobody waits for the answer any more."""
        self._answers.close()


class UnderWay(Exception):
    """The time for an answer is over, and the order is being carried out.

    Args:
        pending: its answer; it is the catcher's now.
    """

    def __init__(self, pending: Pending[Any]) -> None:
        super().__init__("under way")
        self.pending = pending


async def ask(send: trio.MemorySendChannel[M], make: Callable[[Reply[R]], M], *, timeout_s: float) -> R:
    """Send a request to an owner and wait for its answer. For what changes something there is `place`.

    Args:
        send: the owner's inbox.
        make: builds the message around the reply, e.g. ``lambda reply: ListCheckpoints(workdir, reply)``.
        timeout_s: for the whole exchange, in seconds.

    Raises:
        Unavailable: the owner did not take or answer it in time, or ended meanwhile.
        Exception: whatever the owner answered with `Reply.fail`.
    """
    try:
        return await place(send, make, answer_s=timeout_s, deadline_s=timeout_s)
    except UnderWay as late:
        late.pending.close()
        raise Unavailable(BUSY) from None
    except OrderTooLate:
        raise Unavailable(BUSY) from None
    except BrokenOff:  # a request that changes nothing leaves nothing behind
        raise Unavailable(RESTARTED) from None


async def place(
    send: trio.MemorySendChannel[M], make: Callable[[Reply[R]], M], *, answer_s: float, deadline_s: float
) -> R:
    """Send an order to an owner and wait for its answer. One that we give up on before it began never begins.

    Args:
        send: the owner's inbox.
        make: builds the message around the reply, e.g. ``lambda reply: RenameSession(old, new, reply)``.
        answer_s: how long to wait for the answer, in seconds.
        deadline_s: how long the owner may take, from now on; it is told with the order.

    Raises:
        UnderWay: it is being carried out.
        Unavailable: it was not begun, and will not be.
        BrokenOff: the owner ended in the middle of it.
        Exception: whatever the owner answered with `Reply.fail`.
    """
    answers_send, answers = trio.open_memory_channel[outcome.Outcome[R]](1)
    deadline = trio.current_time() + deadline_s
    reply = Reply(answers_send, deadline=deadline)
    kept = False
    try:
        with trio.fail_after(answer_s):
            await send.send(make(reply))
            answer = await answers.receive()
    except trio.TooSlowError:
        if reply.withdraw():
            raise Unavailable(BUSY) from None
        kept = True
        raise UnderWay(Pending(answers, deadline)) from None
    except (trio.EndOfChannel, trio.BrokenResourceError, trio.ClosedResourceError):
        if reply.withdraw():
            raise Unavailable(RESTARTED) from None
        raise BrokenOff from None
    finally:
        reply.withdraw()  # also when we are cancelled
        if not kept:
            answers.close()
    return answer.unwrap()


async def fulfil(
    reply: Reply[R], work: Callable[[], Awaitable[R]], late: Callable[[], CtmError] = OrderTooLate
) -> None:
    """Carry out an order unless its asker has given up: do the work within the order's deadline, and answer.

    The answer is the work's result, or our error that it raises; after the deadline it is the error that `late` makes.
    A bug is raised, and the asker learns that nobody will answer.
    """
    with reply:
        if not reply.begin():
            return
        try:
            with trio.fail_at(reply.deadline):
                answer = await work()
        except trio.TooSlowError:
            reply.fail(late())
        except CtmError as error:
            reply.fail(error)
        else:
            reply.ok(answer)
