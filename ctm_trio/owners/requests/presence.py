"""Whether a person looks at a page of ours, as the pages say. Source: PROTOCOL.md, Requests."""

from __future__ import annotations

import trio

BELIEVED_S = 60.0
"""A page says every 20 s that it is seen; after so long without a word it counts as closed."""

GRACE_S = 25.0
"""So long after a start it is not known who looks: pages say so every 20 s."""

AWAY_S = 1.0
"""A page that is left for another one of ours says so before that one says that it is seen."""

MAX_PAGES = 256
"""Pages that are remembered; of more the one not heard of for longest is forgotten."""


class Presence:
    """The pages that a person sees. Waits by Trio's clock."""

    def __init__(self) -> None:
        self.known_from = trio.current_time() + GRACE_S
        """From then on it is known who looks, on Trio's clock."""
        self._until: dict[str, float] = {}
        self._changed = trio.Event()

    def note(self, page: str, *, visible: bool) -> None:
        """What a page says: two of one device are two."""
        self._until.pop(page, None)
        if visible:
            self._until[page] = trio.current_time() + BELIEVED_S
            if len(self._until) > MAX_PAGES:
                del self._until[next(iter(self._until))]
        self._changed.set()
        self._changed = trio.Event()

    @property
    def anybody(self) -> bool:
        """Somebody looks now."""
        return max(self._until.values(), default=0.0) > trio.current_time()

    async def wait_for_nobody(self) -> None:
        """Return when nobody looks; at once if nobody does."""
        while self.anybody:
            with trio.move_on_at(max(self._until.values())):
                await self._changed.wait()

    async def wait_until_left(self) -> None:
        """Return when nobody looks any more, and not only for a moment."""
        while True:
            await self.wait_for_nobody()
            await trio.sleep(AWAY_S)
            if not self.anybody:
                return
