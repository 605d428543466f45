"""How often something was tried lately, by whom: the limit on logins, sign-up codes and hooks.

Source: PROTOCOL.md, Rate limits.
"""

from __future__ import annotations

from collections import deque

from ctm_trio.errors.access import RateLimited

MAX_KEYS = 1024
"""Askers whose attempts are remembered; past that the one that was seen first is forgotten."""


class Attempts:
    """Counts attempts within a sliding window.

    Args:
        limit: so many may be made,
        window_s: in so many seconds; the next one is refused.
    """

    def __init__(self, limit: int, window_s: float) -> None:
        self._limit, self._window_s = limit, window_s
        self._of: dict[str, deque[float]] = {}

    def take(self, key: str, now: float) -> None:
        """Count an attempt before it is made: attempts side by side count too.

        Args:
            key: whose it is.
            now: monotonic seconds.

        Raises:
            RateLimited: there were too many; `retry_after_s` says when the next one may be.
        """
        tries = self._of.setdefault(key, deque())
        while tries and tries[0] <= now - self._window_s:
            tries.popleft()
        if len(tries) >= self._limit:
            wait_s = int(tries[0] + self._window_s - now) + 1
            raise RateLimited(f"Too many attempts; try again in {wait_s} seconds.", retry_after_s=wait_s)
        tries.append(now)
        if len(self._of) > MAX_KEYS:
            del self._of[next(iter(self._of))]

    def clear(self, key: str) -> None:
        """Forget an asker's attempts: one was right."""
        self._of.pop(key, None)
