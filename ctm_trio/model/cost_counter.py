"""What a Claude session has cost, from a counter of the client's that may begin anew.

The client counts from zero again when it forgets (the agents view, `--resume` of older clients). What was counted
before stays: a cost never falls. Source: contract B9.
"""

from __future__ import annotations

from typing import NamedTuple

RESTORED = 0.9
"""A counter that falls by less than a tenth was restored from a moment before its client ended; one that falls by more
has begun anew."""


class Counter(NamedTuple):
    """A cost in millionths of a dollar, and what the client's counter said last."""

    total: int
    last: int

    def see(self, figure: int) -> Counter:
        """The cost after the counter has said `figure`."""
        if figure >= self.last:
            return Counter(self.total + figure - self.last, figure)
        if figure > self.last * RESTORED:
            return Counter(self.total, figure)
        return Counter(self.total + figure, figure)
