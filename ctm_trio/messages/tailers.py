"""What the tailers of a directory publish. Everything in here is frozen."""

from __future__ import annotations

import msgspec


class TailersSnapshot(msgspec.Struct, frozen=True):
    """How far the tailers are. `caught_up`: everything that was there at the start has been read; it stays so."""

    caught_up: bool = False


class TailersCounters(msgspec.Struct, frozen=True):
    """What the tailers of the logs count together."""

    tailers: int = 0
    lag_bytes: int = 0
    skipped: int = 0
