"""What every tailer of a directory shares, and the counters it keeps."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import msgspec
import trio

from ctm_trio.ingest.open_logs import OpenLogs
from ctm_trio.messages.attribution import Sighting
from ctm_trio.messages.journal import JournalMessage

ASK_S = 30.0
"""How long the journal and the attribution owner may take to answer; then the tailer is restarted."""


class Progress(msgspec.Struct):
    """Counters of one tailer, read by the directory's owner."""

    on_caught_up: Callable[[], None] = lambda: None
    """Called when the tailer has read what it was rung for."""
    lag_bytes: int = 0
    skipped: int = 0
    caught_up: bool = True
    faults: set[str] = msgspec.field(default_factory=set)
    """Files beside the current one that cannot be read, by their names when they are not packed. They outlive a tailer:
    the next one says that a file can be read again, or is gone."""

    def reached_end(self) -> None:
        """The tailer has read everything, or cannot read on."""
        if not self.caught_up:
            self.caught_up = True
            self.on_caught_up()


class TailerBell:
    """Wakes one tailer: the owner of the directory rings, the tailer waits."""

    __slots__ = ("_ended", "_waiter", "idle_since", "parts", "rung")

    def __init__(self) -> None:
        self.rung = False
        self.parts = 0
        """Changes with every rotation."""
        self.idle_since = math.inf
        """Since when the tailer has been waiting, on Trio's clock."""
        self._ended = False
        self._waiter: trio.Event | None = None

    def ring(self, *, rotated: bool) -> None:
        """The log was written to, or rotated."""
        self.rung = True
        self.parts += rotated
        if self._waiter is not None:
            self._waiter.set()

    def end(self) -> None:
        """The log lies still: its tailer may end."""
        self._ended = True
        if self._waiter is not None:
            self._waiter.set()

    def begin(self) -> None:
        """A tailer begins."""
        self._ended = False

    async def wait(self) -> bool:
        """Wait for the next ring since `rung` was reset; at once (still a checkpoint) if there was one.

        Returns:
            False if the tailer may end instead.
        """
        self.idle_since = trio.current_time()
        if self.rung or self._ended:
            await trio.lowlevel.checkpoint()
        else:
            self._waiter = trio.Event()
            try:
                await self._waiter.wait()
            finally:
                self._waiter = None
        self.idle_since = math.inf
        return self.rung


class Report(Protocol):
    """Says what is wrong with one log of many; `core.health.Health` is one."""

    def fault(self, kind: str, name: str, status: str) -> None:
        """Report what is wrong with a log; "" for nothing any more."""

    def say_one_of_many(self, level: int, text: str) -> bool:
        """Log a text, unless too many like it were logged lately; True if it was."""


class Silent:
    """A report that goes to nobody."""

    def fault(self, kind: str, name: str, status: str) -> None:
        """See `Report`."""

    def say_one_of_many(self, level: int, text: str) -> bool:
        """See `Report`."""
        return False


class TailEnds(msgspec.Struct, frozen=True):
    """What every tailer of a directory is given. The senders stay the owner's to close."""

    journal: trio.MemorySendChannel[JournalMessage]
    attribution: trio.MemorySendChannel[Sighting]
    bulk: trio.CapacityLimiter
    """Who may read and parse a big chunk now: few, so that the loop stays responsive."""
    open_logs: OpenLogs = msgspec.field(default_factory=OpenLogs)
    """Who may have a log open."""
    report: Report = msgspec.field(default_factory=Silent)
    """Where a log is named that cannot be read."""
    nobody_tells: Callable[[], bool] = lambda: False
    """True while the attribution owner is in quarantine: lines are not held up for it, and find their session later."""
