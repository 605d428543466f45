"""Runs one piece of work so that its exception ends only it."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

log = logging.getLogger("ctm.confine")


async def confined(what: str, work: Callable[[], Awaitable[object]]) -> None:
    """Do one of several pieces of work that run side by side in a nursery: one order of many, say.

    What it raises is logged with its traceback and ends it alone. Whoever waits for a reply learns that none comes,
    because a reply is dropped when its block ends.

    Args:
        what: for the log, e.g. "orders: one of them".
        work: does it.
    """
    try:
        await work()
    except Exception as error:  # a piece of work is the unit of failure, like a connection
        log.error("%s failed and is given up: %s", what, type(error).__name__, exc_info=error)
