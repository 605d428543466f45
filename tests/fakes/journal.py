"""A journal without a database: ids, the ring, and batches to subscribers. For tests of the web alone."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import trio

from ctm_trio.channels import StateSender
from ctm_trio.messages import Batch, Draft, JournalMessage, JournalSnapshot, Publish, Subscribe, Unsubscribe
from ctm_trio.model.event import Event

RING = 500


@dataclass
class FakeJournal:
    """Answers Publish and Subscribe in order, as the real one does."""

    state: StateSender[JournalSnapshot]
    ring: list[Event] = field(default_factory=list)
    last_id: int = 0
    subscribers: list[Subscribe] = field(default_factory=list)

    async def run(self, inbox: trio.MemoryReceiveChannel[JournalMessage]) -> None:
        """Serve until the inbox ends."""
        async with trio.open_nursery() as nursery:
            async for message in inbox:
                if isinstance(message, Publish):
                    events = [self.stamp(draft) for draft in message.drafts]
                    self.ring = [*self.ring, *events][-RING:]
                    for subscriber in self.subscribers:
                        nursery.start_soon(self.deliver, subscriber, Batch(self.passing(subscriber, events)))
                elif isinstance(message, Unsubscribe):
                    self.subscribers = [order for order in self.subscribers if order.to is not message.to]
                elif isinstance(message, Subscribe):
                    self.subscribers.append(message)
                    await self.deliver(message, self.replay(message))
                self.state.publish(JournalSnapshot(published=self.last_id, subscribers=len(self.subscribers)))

    def stamp(self, draft: Draft) -> Event:
        """An event with the next id."""
        self.last_id = max(self.last_id + 1, time.time_ns())
        return Event(self.last_id, draft.type, draft.session, draft.payload, draft.ts or "2026-01-01T00:00:00Z")

    def passing(self, order: Subscribe, events: list[Event]) -> tuple[Event, ...]:
        """Those that the subscription wants."""
        return tuple(
            e
            for e in events
            if (order.sessions is None or e.session in order.sessions)
            and (order.types is None or e.type in order.types)
        )

    def replay(self, order: Subscribe) -> Batch:
        """The first batch of a subscription."""
        held = list(self.passing(order, self.ring))
        lost = order.since is not None and order.since >= 0 and bool(held) and order.since < held[0].id
        lost = lost or (order.since is not None and order.since > self.last_id)  # never given here
        if order.since is not None and not lost:
            held = [] if order.since < 0 else [e for e in held if e.id > order.since]
        return Batch(tuple(held), lost=lost, replay=True, cursor=self.last_id)

    async def deliver(self, order: Subscribe, batch: Batch) -> None:
        """Into the mailbox; who has gone is forgotten."""
        try:
            if batch.events or batch.replay:
                await order.to.send(batch)
        except trio.BrokenResourceError:
            if order in self.subscribers:
                self.subscribers.remove(order)
                self.state.publish(JournalSnapshot(published=self.last_id, subscribers=len(self.subscribers)))

    def end(self) -> None:
        """Close every mailbox."""
        for order in self.subscribers:
            order.to.close()
        self.subscribers.clear()
