"""Events that an owner announces: collected at once, handed to the journal in their order by a task."""

from __future__ import annotations

from collections import deque
from typing import NoReturn

import trio

from ctm_trio.core.bell import Bell
from ctm_trio.messages.journal import Draft, JournalMessage, Publish

MAX_PENDING = 10_000
"""Announcements that wait for the journal; of more the oldest are dropped: what holds now is told by the snapshots."""


class Announcer:
    """See above.

    Args:
        journal: gets the events; stays the caller's to close.
    """

    def __init__(self, journal: trio.MemorySendChannel[JournalMessage]) -> None:
        self._journal = journal
        self._pending: deque[Draft] = deque(maxlen=MAX_PENDING)
        self._bell = Bell()

    def tell(self, draft: Draft) -> None:
        """Announce an event, behind those before it."""
        self._pending.append(draft)
        self._bell.ring()

    async def run(self) -> NoReturn:
        """Hand over what is announced, until cancelled."""
        while True:
            await self._bell.wait()
            while self._pending:
                drafts = tuple(self._pending)
                self._pending.clear()
                await self._journal.send(Publish(drafts))
