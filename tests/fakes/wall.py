"""A wall clock that a test can set."""

from __future__ import annotations

import time


class Wall:
    """Unix time with an offset in seconds."""

    def __init__(self, offset: float = 0.0) -> None:
        self.offset = offset
        self._time, self._time_ns = time.time, time.time_ns  # as they are, whatever a test puts in their places

    def __call__(self) -> float:
        """Unix seconds."""
        return self._time() + self.offset

    def ns(self) -> int:
        """Unix nanoseconds."""
        return self._time_ns() + int(self.offset * 1e9)
