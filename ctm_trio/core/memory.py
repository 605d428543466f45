"""Memory of the C library, which Python's own allocator does not show."""

from __future__ import annotations

import ctypes

ARENAS = 2
"""Pools that threads allocate from. The C library makes one for almost each thread, and what one of them has freed no
other one gets: with ours that is some megabytes. They rarely wait for each other, for Python runs one at a time."""

_M_ARENA_MAX = -8
"""Of `mallopt(3)`."""


def share_arenas() -> bool:
    """Let all threads that start from now on share few pools. False where the C library has no such setting."""
    try:
        return bool(ctypes.CDLL(None).mallopt(_M_ARENA_MAX, ARENAS))
    except (OSError, AttributeError):
        return False
