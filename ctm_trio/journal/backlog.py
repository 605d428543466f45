"""What messages to the journal become: events with ids, held until they are committed, and answers."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial

from ctm_trio.journal.stamping import draft_source, move_sources, relabel, stamp_draft, stamp_lines, unstored
from ctm_trio.journal.store import EventStore, Stamped
from ctm_trio.journal.tail import EventSender
from ctm_trio.messages.journal import (
    Attribute,
    Ingest,
    IsStored,
    JournalMessage,
    KnownSources,
    OpenSegment,
    Publish,
    ReadReplay,
)
from ctm_trio.model.event import Event

log = logging.getLogger("ctm.journal")


class Backlog:
    """The journal's alone; it changes it in one thread at a time.

    Args:
        store: gives the ids. events: told of new names, once they are committed.
        read: answers a question that takes a look into the database; called on the loop, once what was before its
            message is committed.
    """

    def __init__(self, store: EventStore, events: EventSender, read: Callable[[ReadReplay | IsStored], None]) -> None:
        self.store = store
        self.events = events
        self._read = read
        self.pending: deque[tuple[Stamped, list[Event]]] = deque()
        """Batches that are not committed, with their events."""
        self.pending_events = 0
        self.fresh: list[Event] = []
        """Events of this turn, which nobody has seen yet."""
        self.answers: list[Callable[[], None]] = []
        """What is to be done on the loop once they are committed: answers, and new names for events in memory."""
        self.strays: list[tuple[Event, str]] = []
        """Events whose log is another session's by now, and that session: they are on the streams once, as they
        were announced, and are filed with their log."""
        self.skipped = 0
        """Lines that were neither a tool call nor a hook event."""
        self.left_out, self.refusal = 0, ""
        """How many messages and rows could not be stored, and why not the last of them."""

    def batches(self) -> list[Stamped]:
        """What is to be committed, oldest first."""
        return [stamped for stamped, _ in self.pending]

    def size(self) -> int:
        """How many events, or batches if there are more of them, are not committed."""
        return max(self.pending_events, len(self.pending))

    def committed(self) -> None:
        """All of it is in the database now."""
        self.pending.clear()
        self.pending_events = 0

    def leave_out(self, count: int, why: str) -> None:
        """Count what could not be stored; `why`: "" if the last reason stands."""
        self.left_out, self.refusal = self.left_out + count, why or self.refusal

    def stamp(self, messages: Iterable[JournalMessage]) -> None:
        """Give the events of these messages their ids, in order, and hold them. Blocks for the disk now and then."""
        for message in messages:
            try:
                self._stamp(message)
            except (TypeError, ValueError, OverflowError) as error:  # a value that cannot be encoded; one message
                log.exception("a message of type %s could not be recorded", type(message).__name__)
                self.leave_out(1, str(error))

    def _stamp(self, message: JournalMessage) -> None:
        """Give one message's events their ids, and hold them; what it asks is answered after the commit."""
        store = self.store
        if isinstance(message, Ingest):
            self._hold(*stamp_lines(store, message.batch))
            self.skipped += message.batch.skipped
        elif isinstance(message, Publish):
            for d in message.drafts:
                source = draft_source(store, d.uuid, d.session, fleeting=d.fleeting)
                if source is None:
                    self.fresh.append(unstored(store, d.type, d.session, d.payload, d.ts))
                    continue
                stamped, events = stamp_draft(store, source, d.type, d.session, d.payload, d.ts)
                self._hold(stamped, events)
                if d.session and source.session != d.session:
                    self.strays += [(event, source.session) for event in events]
        elif isinstance(message, Attribute):
            self._attribute(message)
        elif isinstance(message, OpenSegment):
            self.answers.append(partial(message.reply.ok, store.new_segment(message.uuid, message.kind)))
        elif isinstance(message, KnownSources):
            known = {u: (s.session, s.last_call_at) for u, s in store.sources.items()}
            self.answers.append(partial(message.reply.ok, known))
        elif isinstance(message, ReadReplay | IsStored):
            self.answers.append(partial(self._read, message))
        else:
            found = store.positions(message.uuid, message.kind, self.batches())
            self.answers.append(partial(message.reply.ok, found))

    def _hold(self, stamped: Stamped, events: list[Event]) -> None:
        self.pending.append((stamped, events))
        self.pending_events += len(events)
        self.fresh += events

    def _attribute(self, message: Attribute) -> None:
        moved, told = move_sources(self.store, message.uuid, message.session)
        self.pending.extend((Stamped([], [], {}, {source.id: source}), []) for source in moved)
        if told is not None:
            renew = partial(relabel, session=message.session)
            self.answers.append(partial(self.events.relabel, told, renew))
            self.fresh[:] = [renew(event) if told(event) else event for event in self.fresh]
