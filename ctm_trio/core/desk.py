"""A desk for orders: one at a time for a thing, a few at the same time, and nobody in the way of others."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import trio

from ctm_trio.core.keyed_locks import KeyedLocks


class Desk:
    """Lets work on different things run side by side. Work that waits for a busy thing does not count toward `at_once`.

    Args:
        at_once: at work at the same time; the others wait.
        waiting: that may be here at all, at work or waiting; see `full`.
    """

    def __init__(self, *, at_once: int, waiting: int) -> None:
        self._locks = KeyedLocks()
        self._places = trio.CapacityLimiter(at_once)
        self._waiting = waiting
        self._here = 0

    @property
    def full(self) -> bool:
        """True if no more should come."""
        return self._here >= self._waiting

    @contextmanager
    def here(self) -> Iterator[None]:
        """Count among those that are here, for what must be found out before it is known what to work on."""
        self._here += 1
        try:
            yield
        finally:
            self._here -= 1

    @asynccontextmanager
    async def place(self, *things: str) -> AsyncIterator[None]:
        """Wait until nobody else works on any of these things and a place is free, and hold them."""
        with self.here():
            async with self._locks.holding(*things), self._places:
                yield
