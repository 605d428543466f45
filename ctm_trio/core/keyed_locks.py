"""One lock per key, for as long as somebody holds or wants it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio


class KeyedLocks:
    """Keeps work on the same things apart and lets work on different things run side by side."""

    def __init__(self) -> None:
        self._locks: dict[str, tuple[trio.Lock, int]] = {}

    @asynccontextmanager
    async def holding(self, *keys: str) -> AsyncIterator[None]:
        """Hold the locks of all keys. They are taken in one order by everybody, so nobody waits in a circle."""
        wanted = sorted(set(keys))
        locks = [self._claim(key) for key in wanted]
        held: list[trio.Lock] = []
        try:
            for lock in locks:
                await lock.acquire()
                held.append(lock)
            yield
        finally:
            for lock in held:
                lock.release()
            for key in wanted:
                self._disclaim(key)

    def _claim(self, key: str) -> trio.Lock:
        lock, users = self._locks.get(key) or (trio.Lock(), 0)
        self._locks[key] = (lock, users + 1)
        return lock

    def _disclaim(self, key: str) -> None:
        lock, users = self._locks.pop(key)
        if users > 1:
            self._locks[key] = (lock, users - 1)

    def __len__(self) -> int:
        return len(self._locks)
