"""What every tailer of a directory shares, and the counters it keeps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import trio

from ctm_trio.messages import JournalMessage, Sighting
from ctm_trio.open_logs import OpenLogs


@dataclass(slots=True)
class Progress:
    """Counters of one tailer, read by the directory's owner."""

    lag_bytes: int = 0
    skipped: int = 0
    caught_up: bool = False


class Report(Protocol):
    """Says what is wrong with one log of many; `health.Health` is one."""

    def fault(self, kind: str, name: str, status: str) -> None: ...

    def say_one_of_many(self, level: int, text: str) -> bool: ...


class Silent:
    """A report that goes to nobody."""

    def fault(self, kind: str, name: str, status: str) -> None:
        """See `Report`."""

    def say_one_of_many(self, level: int, text: str) -> bool:
        """See `Report`."""
        return False


@dataclass(frozen=True, slots=True)
class TailEnds:
    """What every tailer of a directory is given. The senders stay the owner's to close."""

    journal: trio.MemorySendChannel[JournalMessage]
    attribution: trio.MemorySendChannel[Sighting]
    bulk: trio.CapacityLimiter
    """Who may read and parse a big chunk now: few, so that the loop stays responsive."""
    open_logs: OpenLogs = field(default_factory=OpenLogs)
    """Who may have a log open."""
    report: Report = field(default_factory=Silent)
    """Where a log is named that cannot be read."""
    nobody_tells: Callable[[], bool] = lambda: False
    """True while the attribution owner is in quarantine: lines are not held up for it, and find their session later."""
