"""Fan-out: a window of recent events and a cursor for each subscriber. Synchronous; the journal alone drives it.

A subscriber has a mailbox for one batch. While it is full the cursor stays where it is, and one joined batch follows
when there is room: the journal never waits for anybody, a slow reader costs a number, and subscribers at the same
cursor share one batch with its encoded bytes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice

import trio

from ctm_trio.messages import Batch, Subscribe
from ctm_trio.model.event import HOOK_TYPE, RING_EVENTS, Event

WINDOW_EVENTS = 16_384
"""Events held for subscribers that lag. One that falls behind further is told that events are lost."""

WINDOW_BYTES = 16 << 20
"""And the bytes of their payloads, at most."""

BATCH_EVENTS = 1024
"""At most so many events are considered for one batch, which bounds a write."""

AWAY_S = 30.0
"""A subscriber that takes nothing for so long while events wait is cut. Source: contract B2."""

FEW_SUBSCRIBERS = 4
"""Up to here every event is sent at once; beyond, events are collected for a moment, because writes are the cost."""

GAP_PER_SUBSCRIBER_S = 0.00022
GAP_MAX_S = 0.024

Filter = tuple[frozenset[str] | None, frozenset[str] | None, bool]


@dataclass(slots=True, eq=False)
class Subscriber:
    """One mailbox: its filter, and the sequence number up to which it has been served."""

    to: trio.MemorySendChannel[Batch]
    filter: Filter
    brisk: bool
    at: int
    ready: bool = True
    """False until its replay is in the mailbox."""
    stuck_since: float = 0.0
    """When its mailbox was found full for the first time since it last took something; 0 if it is not."""


@dataclass(slots=True)
class FanOut:
    """The window and the subscribers. `head` counts all events ever fanned out by this process."""

    window: deque[Event] = field(default_factory=deque)
    recent: deque[Event] = field(default_factory=lambda: deque(maxlen=RING_EVENTS))
    """The ring of all sessions: the newest public events."""
    head: int = 0
    size_bytes: int = 0
    dropped: int = 0
    subscribers: dict[Subscriber, None] = field(default_factory=dict)

    def append(self, events: list[Event]) -> None:
        """Take committed events. The window keeps what somebody still has to be served, within its bounds."""
        window = self.window
        window.extend(events)
        self.recent.extend([e for e in events if e.type != HOOK_TYPE])
        self.head += len(events)
        self.size_bytes += sum([len(e.payload) for e in events])
        slowest = min([s.at for s in self.subscribers], default=self.head)
        wanted = min(WINDOW_EVENTS, self.head - slowest)
        while len(window) > wanted or self.size_bytes > WINDOW_BYTES:
            self.size_bytes -= len(window.popleft().payload)

    def ring(self, sessions: frozenset[str] | None, types: frozenset[str] | None) -> list[Event]:
        """Those of the last `RING_EVENTS` public events that pass, oldest first."""
        return [
            e for e in self.recent if (sessions is None or e.session in sessions) and (types is None or e.type in types)
        ]

    def relabel(self, which: Callable[[Event], bool], renew: Callable[[Event], Event]) -> None:
        """Replace the events of a log, whose session has another name now."""
        for held in (self.window, self.recent):
            for i, event in enumerate(held):
                if which(event):
                    held[i] = renew(event)

    def refile(self, id_: int, renew: Callable[[Event], Event]) -> None:
        """Replace one event in the ring alone: who is subscribed gets it as it is."""
        for i, event in enumerate(self.recent):
            if event.id == id_:
                self.recent[i] = renew(event)

    def add(self, order: Subscribe, *, ready: bool) -> Subscriber:
        """A new subscriber, served from now on (once it is `ready`)."""
        subscriber = Subscriber(order.to, (order.sessions, order.types, order.internal), order.brisk, self.head, ready)
        self.subscribers[subscriber] = None
        return subscriber

    def drop(self, subscriber: Subscriber) -> None:
        """Forget a subscriber and close its mailbox. Safe to repeat."""
        self.subscribers.pop(subscriber, None)
        subscriber.to.close()

    def forget(self, to: trio.MemorySendChannel[Batch]) -> None:
        """Drop the subscriber with this mailbox, if there is one."""
        for subscriber in [s for s in self.subscribers if s.to is to]:
            self.drop(subscriber)

    def serve(self, now: float, *, brisk_only: bool = False) -> bool:
        """Hand everyone what is new for them. True if somebody could not take it and must be served again.

        Args:
            now: `trio.current_time()`, in seconds.
            brisk_only: only the subscribers that must never wait.
        """
        behind = False
        made: dict[tuple[Filter, int], tuple[Batch | None, int]] = {}
        for subscriber in list(self.subscribers):
            if subscriber.at == self.head or not subscriber.ready or (brisk_only and not subscriber.brisk):
                continue
            key = (subscriber.filter, subscriber.at)
            if key not in made:
                made[key] = self._batch(*key)
            batch, at = made[key]
            if batch is not None and not self._put(subscriber, batch, now):
                behind = behind or subscriber in self.subscribers
                continue
            subscriber.at = at
            behind = behind or at < self.head
        return behind

    def close(self) -> None:
        """Close every mailbox: the streams end."""
        for subscriber in list(self.subscribers):
            self.drop(subscriber)

    def _put(self, subscriber: Subscriber, batch: Batch, now: float) -> bool:
        try:
            subscriber.to.send_nowait(batch)
        except trio.WouldBlock:
            if not subscriber.stuck_since:
                subscriber.stuck_since = now
            elif now - subscriber.stuck_since > AWAY_S:
                self.dropped += self.head - subscriber.at
                self.drop(subscriber)
            return False
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self.drop(subscriber)
            return False
        subscriber.stuck_since = 0.0
        return True

    def _batch(self, filter_: Filter, at: int) -> tuple[Batch | None, int]:
        """What follows the position `at`, and the position behind it; no batch if nothing passes the filter."""
        oldest = self.head - len(self.window)
        lost = at < oldest
        if lost:
            self.dropped += oldest - at
        start = max(at, oldest)
        stop = min(self.head, start + BATCH_EVENTS)
        if start - oldest > len(self.window) // 2:
            # close to the end, where a deque is reached fast
            part = list(islice(reversed(self.window), self.head - stop, self.head - start))
            part.reverse()
        else:
            part = list(islice(self.window, start - oldest, stop - oldest))
        sessions, types, internal = filter_
        passing = tuple(
            [
                e
                for e in part
                if (sessions is None or e.session in sessions)
                and (internal or e.type != HOOK_TYPE)
                and (types is None or e.type in types)
            ]
        )
        if not passing and not lost:
            return None, stop
        return Batch(passing, lost=lost, cursor=part[-1].id if part else 0), stop


def missing(stored: list[Event], held: list[Event], filter_: Filter, since: int | None) -> list[Event]:
    """Those of the events that are `held` uncommitted which pass the filter, follow `since`, and are not `stored`."""
    have = {e.id for e in stored}
    sessions, types, _ = filter_
    return [
        e
        for e in held
        if e.id not in have
        and e.type != HOOK_TYPE
        and (sessions is None or e.session in sessions)
        and (types is None or e.type in types)
        and (since is None or e.id > since)
    ]


def gap(subscribers: int) -> float:
    """How long events are collected before they are sent, in seconds: nothing for a few subscribers."""
    return 0.0 if subscribers <= FEW_SUBSCRIBERS else min(GAP_MAX_S, subscribers * GAP_PER_SUBSCRIBER_S)
