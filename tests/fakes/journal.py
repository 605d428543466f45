"""A journal without a database: ids, the ring, and what follows. For tests of the web alone."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio
from msgspec.structs import replace

from ctm_trio.journal.tail import EventTail, open_event_tail
from ctm_trio.journal.view import EventView, Following, Start
from ctm_trio.messages.journal import Draft, JournalCounters, JournalMessage, Publish, ReadReplay
from ctm_trio.model.event import Event
from ctm_trio.model.replay import Wanted


class NoticedTail(EventTail):
    """An event tail of which a test can wait until somebody comes or goes."""

    def __init__(self, tail: EventTail) -> None:
        vars(self).update(vars(tail))
        self.noticed = trio.lowlevel.ParkingLot()

    @asynccontextmanager
    async def follow(self, view: EventView, start: Start, *, eager: bool = False) -> AsyncIterator[Following]:
        """See `EventTail`."""
        try:
            async with super().follow(view, start, eager=eager) as following:
                self.noticed.unpark_all()
                yield following
        finally:
            self.noticed.unpark_all()

    async def until_readers(self, count: int) -> None:
        """Wait until so many clients follow."""
        while self.readers() != count:
            await self.noticed.park()


class FakeJournal:
    """Stamps what is published and hands it on, as the real one does, through the real event tail.

    Args:
        ring: events of an earlier life.
        send: the journal's inbox.
    """

    def __init__(self, ring: list[Event], send: trio.MemorySendChannel[JournalMessage]) -> None:
        self.ring = ring
        self.last_id = ring[-1].id if ring else 0
        self._send, tail = open_event_tail(Path("/nowhere"), send)
        self.events = NoticedTail(tail)
        self.told = JournalCounters()
        self._send.begin(ring, total=len(ring), newest_id=lambda: self.last_id)

    async def run(self, inbox: trio.MemoryReceiveChannel[JournalMessage]) -> None:
        """Serve until the inbox ends."""
        async for message in inbox:
            if isinstance(message, Publish):
                events = [self.stamp(draft) for draft in message.drafts]
                self.ring += events
                self._send.send(events, held=False)
            elif isinstance(message, ReadReplay):
                message.reply.ok(self.replay(message.wanted))

    def stamp(self, draft: Draft) -> Event:
        """An event with the next id."""
        self.last_id = max(self.last_id + 1, time.time_ns())
        return Event(self.last_id, draft.type, draft.session, draft.payload, draft.ts or "2026-01-01T00:00:00Z")

    def replay(self, wanted: Wanted) -> tuple[list[Event], bool]:
        """What the ring has of it: there is no database."""
        found = EventView(wanted.sessions, wanted.types).passing(self.ring)
        lost = wanted.since is not None and bool(found) and wanted.since < found[0].id
        return found if lost else [event for event in found if event.id > (wanted.since or 0)], lost

    def counters(self) -> JournalCounters:
        """What has happened."""
        return replace(self.told, published=self.last_id)

    def end(self) -> None:
        """End what everybody follows."""
        self._send.close()
