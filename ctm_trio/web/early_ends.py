"""What the web is given before all else, and what it can say with that alone."""

from __future__ import annotations

import msgspec
import trio

from ctm_trio.web.asker import NO_PEERS, Peers
from ctm_trio.web.origin import Origins


class EarlyEnds(msgspec.Struct, frozen=True):
    """What the web needs to accept connections and to say that the daemon lives. Nothing else has to be imported."""

    port: int
    version: str
    started_at: float
    """Monotonic seconds (`trio.current_time`) when the daemon started."""
    origins: Origins
    """`system.origins.AllowedOrigins`: the origins that the user added."""
    peers: Peers = NO_PEERS
    """Tells whose program is at the other end of a connection."""


def alive(early: EarlyEnds) -> dict[str, object]:
    """What `/healthz` says: the status, and how long the daemon has been running, in seconds."""
    return {"status": "ok", "uptime_seconds": round(trio.current_time() - early.started_at, 3)}
