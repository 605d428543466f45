"""How many events are held for replay, by session, for /health and the metrics."""

from __future__ import annotations

from itertools import islice

from ctm_trio.web.ends import WebEnds

MAX_RINGS = 1000
"""Sessions whose ring is shown: first the recorded ones, then as many of the others. The sum ("") counts all."""


def ring_sizes(ends: WebEnds) -> dict[str, int]:
    """How many events are held, by session; "" for all together."""
    sizes, records = ends.counters.read().ring_sizes, ends.sessions.latest.records
    if len(sizes) <= MAX_RINGS:
        return dict(sizes)
    first = [name for name in records if name in sizes][:MAX_RINGS]
    others = (name for name in sizes if name and name not in records)
    return {name: sizes[name] for name in ["", *first, *islice(others, MAX_RINGS - len(first))] if name in sizes}
