"""What the tailers of a directory publish. Everything in here is frozen."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TailersSnapshot:
    """How far the tailers are. `caught_up`: everything that was there at the start has been read; it stays so."""

    caught_up: bool = False


@dataclass(frozen=True, slots=True)
class TailersCounters:
    """What the tailers of the logs count together."""

    tailers: int = 0
    lag_bytes: int = 0
    skipped: int = 0
