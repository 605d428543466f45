"""The two ends of the event log in memory: the journal sends committed events, everybody else follows them.

A reader holds its own cursor (`core.tail_channel`) and reads its replay itself, from the ring of recent events or the
database. The journal knows no reader.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import trio

from ctm_trio.core.channels import ask
from ctm_trio.core.tail_channel import TailSender, TailSource, open_tail_channel
from ctm_trio.core.tail_window import Bounds
from ctm_trio.core.threads import in_thread
from ctm_trio.errors.orders import Unavailable
from ctm_trio.journal.replay import UNCOUNTED_EVENTS, newest, read_replay
from ctm_trio.journal.view import After, Batch, EventView, Following, Live, Start
from ctm_trio.messages.journal import JournalMessage, ReadReplay
from ctm_trio.model.event import HOOK_TYPE, RING_EVENTS, Event
from ctm_trio.model.replay import DEEP_EVENTS, Wanted
from ctm_trio.system.store_errors import StoreDamaged, StoreUnavailable

WINDOW_EVENTS = 16_384
"""Events held for readers that lag. One that falls behind further is told that events are lost."""

WINDOW_BYTES = 16 << 20
"""And the bytes of their payloads, at most."""

REPLAY_S = 30.0
"""How long the journal may take to read a replay that could not be read beside it."""

Renew = Callable[[Event], Event]


class Recent:
    """What of the event log is in memory. The journal alone changes it, through `EventSender`."""

    def __init__(self) -> None:
        self.ring: deque[Event] = deque(maxlen=RING_EVENTS + UNCOUNTED_EVENTS)
        """The newest public events of all sessions, with room for those that do not count."""
        self.held: deque[Event] = deque()
        """Events that were shown and cannot be committed now."""
        self.last_id = 0
        """Of the newest event."""
        self.total = 0
        """Public events that there ever were."""
        self.newest_id: Callable[[], int] = int
        """The highest id that was given to an event; it may not be on its way yet."""


class EventSender:
    """The journal's end."""

    def __init__(self, tail: TailSender[Event], recent: Recent) -> None:
        self._tail = tail
        self._recent = recent

    def begin(self, ring: list[Event], *, total: int, newest_id: Callable[[], int]) -> None:
        """Say what the database holds: its newest public events, how many there are, and the newest id from now on."""
        recent = self._recent
        recent.ring.extend(ring)
        recent.total, recent.last_id, recent.newest_id = total, newest_id(), newest_id

    def send(self, events: list[Event], *, held: bool) -> None:
        """Hand events on; `held` says whether any wait to be committed, these included."""
        recent = self._recent
        if events:
            public = [e for e in events if e.type != HOOK_TYPE]
            recent.ring.extend(public)
            recent.total += len(public)
            recent.last_id = events[-1].id
            self._tail.send_nowait(events)
        if held:
            recent.held.extend(events)
        elif recent.held:
            recent.held.clear()

    def relabel(self, which: Callable[[Event], bool], renew: Renew) -> None:
        """Replace the events of a log, whose session has another name now."""

        def renewed(event: Event) -> Event:
            return renew(event) if which(event) else event

        recent = self._recent
        for held in (recent.ring, recent.held):
            for i, event in enumerate(held):
                held[i] = renewed(event)
        self._tail.replace(renewed)

    def refile(self, id_: int, renew: Renew) -> None:
        """Replace one event in the ring alone: who follows gets it as it is."""
        ring = self._recent.ring
        for i, event in enumerate(ring):
            if event.id == id_:
                ring[i] = renew(event)

    def close(self) -> None:
        """End every reader's tail. Safe to repeat."""
        self._tail.close()


class EventTail:
    """The readers' end. Any number of tasks may share it.

    Args:
        source: of the tail channel. recent: what is in memory.
        database: path of the event log.
        journal: asked for a replay when the database cannot be read beside it.
    """

    def __init__(
        self,
        source: TailSource[Event],
        recent: Recent,
        database: Path,
        journal: trio.MemorySendChannel[JournalMessage],
    ) -> None:
        self.source = source
        self._recent = recent
        self._database = database
        self._journal = journal
        self._readers = trio.CapacityLimiter(2)

    def readers(self) -> int:
        """How many clients follow."""
        return self.source.receivers()

    def dropped(self) -> int:
        """How many events slow readers missed."""
        return self.source.dropped()

    @asynccontextmanager
    async def follow(self, view: EventView, start: Start, *, eager: bool = False) -> AsyncIterator[Following]:
        """Follow the event log inside a block.

        Args:
            view: which events. start: where to begin.
            eager: one of the daemon's own tasks: it is never made to wait, and not counted as a client.
        """
        with self.source.open(view, eager=eager) as live:
            # Nothing is awaited between the opening and the look at what is in memory: there is no gap between them.
            yield Following(await self.replay(view, start), live)

    async def replay(self, view: EventView, start: Start) -> Batch:
        """What a reader that begins there has missed; see `Following`."""
        recent = self._recent
        until = recent.last_id
        if isinstance(start, Live):
            return Batch((), cursor=until)
        since = start.id if isinstance(start, After) else None
        deep = isinstance(start, After) and start.deep
        if isinstance(start, After) and not start.ours and start.id > max(until, recent.newest_id(), time.time_ns()):
            # An id that was never given here: the client followed another history (a clock, another database), so
            # what it has missed cannot be told. It hears `lost` and gets everything that is held. (An id up to now may
            # have been an event that is not stored, before a restart.)
            since, deep = 0, False
        if view.sessions is None or recent.total <= len(recent.ring):
            ring = newest(view.passing(tuple(recent.ring)), view.types)
            lost = since is not None and bool(ring) and since < ring[0].id
            if not (deep and lost):
                return Batch(tuple(e for e in ring if since is None or lost or e.id > since), lost, until)
        held = tuple(recent.held)
        stored, lost = await self._read(Wanted(view.sessions, view.types, since, until, deep))
        have = {e.id for e in stored}
        after = 0 if lost or since is None else since
        stored += [e for e in view.passing(held) if e.id not in have and e.id > after]
        given = stored[-DEEP_EVENTS:] if deep else newest(stored, view.types)
        return Batch(tuple(given), lost, until)

    async def _read(self, wanted: Wanted) -> tuple[list[Event], bool]:
        try:
            return await in_thread(
                partial(read_replay, self._database, wanted), limiter=self._readers, abandon_on_cancel=True
            )
        except (StoreUnavailable, StoreDamaged):
            # The file may be gone or damaged; the journal has it open, and finds out.
            try:
                return await ask(self._journal, partial(ReadReplay, wanted), timeout_s=REPLAY_S)
            except (Unavailable, StoreUnavailable):
                return [], wanted.since is not None


def open_event_tail(database: Path, journal: trio.MemorySendChannel[JournalMessage]) -> tuple[EventSender, EventTail]:
    """The ends of one event log; see `EventTail`. `journal` stays the caller's to close."""
    send, source = open_tail_channel(Bounds[Event](WINDOW_EVENTS, WINDOW_BYTES, lambda event: len(event.payload)))
    recent = Recent()
    return EventSender(send, recent), EventTail(source, recent, database, journal)
