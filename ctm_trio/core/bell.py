"""A bell that one task waits for: however often it was rung meanwhile, the task looks once."""

from __future__ import annotations

import trio


class Bell:
    """Anybody may ring it. One that was rung while nobody waited still rings."""

    def __init__(self) -> None:
        self._rung = trio.Event()

    def ring(self) -> None:
        """Wake whoever waits, now or next."""
        self._rung.set()

    async def wait(self) -> None:
        """Wait for the next ring; at once (still a checkpoint) if there was one since the last time. For one task."""
        await self._rung.wait()
        self._rung = trio.Event()
