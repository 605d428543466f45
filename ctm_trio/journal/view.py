"""What a reader of the event log asks for, and what it gets. Source: PROTOCOL.md, Events; SSE; WebSocket."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import trio

from ctm_trio.model.event import HOOK_TYPE, Event


class Batch(msgspec.Struct, frozen=True, gc=False):
    """Events in order, shared by all readers with the same view at the same cursor.

    Attributes:
        events: those that the view lets through.
        lost: events between the reader's cursor and the first one here are gone (it was too slow, or its cursor too
            old).
        cursor: id of the last event considered; go on with `After(cursor)`.
    """

    events: tuple[Event, ...]
    lost: bool = False
    cursor: int = 0


class EventView(msgspec.Struct, frozen=True):
    """Which events a reader sees.

    Args:
        sessions: names to let through, None for all.
        types: event types to let through, None for `PUBLIC_TYPES`.
        internal: hook events too (attention wants them).
    """

    sessions: frozenset[str] | None = None
    types: frozenset[str] | None = None
    internal: bool = False

    def passing(self, events: Sequence[Event]) -> list[Event]:
        """Those of the events that pass, in order."""
        sessions, types, internal = self.sessions, self.types, self.internal
        return [
            e
            for e in events
            if (sessions is None or e.session in sessions)
            and (internal or e.type != HOOK_TYPE)
            and (types is None or e.type in types)
        ]

    def __call__(self, items: Sequence[Event], *, lost: bool) -> Batch | None:
        """See `core.tail_channel.View`."""
        passing = self.passing(items)
        if not passing and not lost:
            return None
        return Batch(tuple(passing), lost, items[-1].id if items else 0)


class Live(msgspec.Struct, frozen=True):
    """Begin with what comes from now on."""


class Ring(msgspec.Struct, frozen=True):
    """Begin with the last `RING_EVENTS` events: of named sessions, those that pass the view.

    Of all sessions it is those of the newest `RING_EVENTS` events that pass, so there may be fewer.
    """


class After(msgspec.Struct, frozen=True):
    """Begin behind an event.

    Args:
        id: in nanoseconds.
        deep: read from the database what has left the ring (at most `DEEP_EVENTS`), else that is `lost`.
        ours: the cursor of one of the daemon's own tasks. One that was never given here means the future, not the
            cursor of another history.
    """

    id: int
    deep: bool = False
    ours: bool = False


Start = Live | Ring | After


class Following(msgspec.Struct, frozen=True):
    """A reader's place: what it has missed, and then what comes, without a gap and without repeats.

    Attributes:
        replay: what `Start` asked for; may be empty. Its `cursor` is the id of the newest event at that time.
        live: batches from then on. It ends (`EndOfChannel`) when the daemon stops.
    """

    replay: Batch
    live: trio.abc.ReceiveChannel[Batch]
