"""What the journal counts, for `/metrics`, `/health` and the views of sessions."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter

import trio

from ctm_trio.journal.backlog import Backlog
from ctm_trio.journal.last_calls import last_call_at
from ctm_trio.journal.sources import ring_sizes
from ctm_trio.journal.store import EventStore
from ctm_trio.messages.journal import JournalCounters
from ctm_trio.model.event import Event

COUNTERS_SHARE, COUNTERS_QUICK_S = 20.0, 0.001
"""Counters that took longer to compute than this (there are thousands of logs) are told again for so many times as
long, a second at most."""


class Counts:
    """The journal's own counts, and the picture of them that is handed out."""

    def __init__(self) -> None:
        self.by_type: dict[str, int] = {}
        """Events handed on, by type."""
        self.published = self.commits = 0
        self.ingest_s = self.fanout_s = 0.0
        """Seconds spent on commits, and on handing events on."""
        self._told = JournalCounters()
        self._told_until = 0.0
        self._told_at: tuple[int, ...] = ()

    def add(self, events: Sequence[Event]) -> None:
        """Count events that are handed on."""
        by_type = self.by_type
        for event in events:
            by_type[event.type] = by_type.get(event.type, 0) + 1
        self.published += len(events)

    def read(self, store: EventStore, backlog: Backlog) -> JournalCounters:
        """The counters as they are now, or as they were read last: see `COUNTERS_SHARE`."""
        now = trio.current_time()
        counted = (self.published, self.commits, backlog.skipped, backlog.pending_events)
        if now < self._told_until or counted == self._told_at:
            return self._told
        self._told_at = counted
        began = perf_counter()
        sources = tuple(store.sources.values())  # at once: the writer's thread may add some
        self._told = JournalCounters(
            published=self.published,
            backlog=backlog.pending_events,
            ring_sizes=ring_sizes(sources),
            by_type=dict(self.by_type),
            last_call_at=last_call_at(sources, store.last_calls),
            ingest_seconds=self.ingest_s,
            fanout_seconds=self.fanout_s,
            commits=self.commits,
            skipped_lines=backlog.skipped,
        )
        took = perf_counter() - began
        self._told_until = now + min(COUNTERS_SHARE * took, 1.0) if took > COUNTERS_QUICK_S else 0.0
        return self._told
