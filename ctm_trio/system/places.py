"""Looks at the user's own directories, which may be on a file system that hangs.

A thread that hangs in the kernel hears of no cancellation. It is left alone then, and keeps its place here: the
threads that everything else shares are not used up by a work directory on a dead server.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import trio

P = ParamSpec("P")
T = TypeVar("T")

AT_ONCE = 16
"""Looks at the same time. If so many hang, further ones wait, and are given up with whoever asked for them."""

_LIMITER: trio.lowlevel.RunVar[trio.CapacityLimiter] = trio.lowlevel.RunVar("looks at directories of the user")


async def in_place(look: Callable[P, T], *words: P.args, **more: P.kwargs) -> T:
    """Call a function that blocks, in a thread that is left alone when we are cancelled.

    Args:
        look: reads, or does what may come late or not at all; nobody else uses what it uses.
    """
    try:
        limiter = _LIMITER.get()
    except LookupError:
        limiter = trio.CapacityLimiter(AT_ONCE)
        _LIMITER.set(limiter)
    return await trio.to_thread.run_sync(lambda: look(*words, **more), limiter=limiter, abandon_on_cancel=True)
