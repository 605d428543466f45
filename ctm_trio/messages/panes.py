"""Between the panes owner and those who watch a pane. Everything in here is frozen."""

from __future__ import annotations

import msgspec
import trio


class PaneFrame(msgspec.Struct, frozen=True):
    """What a pane shows, as a JSON string with its quotes; `end`: it is gone, and nothing follows."""

    data: bytes
    end: bool = False


class WatchPane(msgspec.Struct, frozen=True):
    """Send what a session's pane shows, now and whenever it changes, until the receiving end of `to` is closed.

    Args:
        name: of a tmux session, checked to be a session name.
        history: lines above the screen, 0 to 10000.
        to: capacity 1. The owner never waits: while it is full, what comes between is skipped, never the newest.
            Closed by the owner after a frame with `end`.
    """

    name: str
    history: int
    to: trio.MemorySendChannel[PaneFrame]
