"""What a Claude session has cost, from a counter of the client's that may begin anew.

The client counts from zero again when it forgets (the agents view, `--resume` of older clients). What was counted
before stays: a cost never falls. Source: PROTOCOL.md, Quota and cost.
"""

from __future__ import annotations

from typing import NamedTuple

RESTORED = 0.9
"""A counter that falls by less than a tenth was restored from a moment before its client ended: nothing is added."""

ANEW = 0.1
"""One that falls to less than a tenth has certainly begun anew. In between the client may have corrected itself: it is
counted as begun anew, but the curve shows the client's own figure (PROTOCOL.md, Quota and cost)."""


class Counter(NamedTuple):
    """A cost in millionths of a dollar.

    Attributes:
        total: all that was counted; it never falls.
        last: what the client's counter said last.
        shown: where the curve stands.
    """

    total: int = 0
    last: int = 0
    shown: int = 0

    def see(self, figure: int) -> Counter:
        """The cost after the counter has said `figure`."""
        more = figure - self.last
        if more < 0:
            if figure > self.last * RESTORED:
                more = 0
            elif figure < self.last * ANEW:
                more = figure
            else:
                return Counter(self.total + figure, figure, figure)
        return Counter(self.total + more, figure, self.shown + more)
