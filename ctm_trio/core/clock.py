"""What tells the time."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """Wall clock in unix seconds, so that tests can hold it."""

    def __call__(self) -> float:
        """The time now, in unix seconds."""
