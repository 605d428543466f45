"""Follow a daemon's events from Python, on Trio.

    import trio
    from ctm_trio.client import follow

    async def main(token: str) -> None:
        async with follow(token, sessions=["alpha"], types=["tool_call"]) as events:
            async for event in events:
                print(event.id, event.session, event.payload["tool"])

The iteration goes on over lost connections and restarts of the daemon: it comes back with the id of the last event
that it handed out, so nothing is missed or repeated as long as the daemon still has it. What it cannot have any more
is told by `on_notice`. It ends only by leaving the block, or by an error that trying again would not mend.
"""

from __future__ import annotations

from ctm_trio.client.errors import BadInput, ClientError, NoDaemon, Refused, StillUnderWay, Stranger
from ctm_trio.client.login import login, logout
from ctm_trio.client.sessions import session_names
from ctm_trio.client.stream import DEFAULT_URL, Event, EventStream, Notice, follow

__all__ = [
    "DEFAULT_URL",
    "BadInput",
    "ClientError",
    "Event",
    "EventStream",
    "NoDaemon",
    "Notice",
    "Refused",
    "StillUnderWay",
    "Stranger",
    "follow",
    "login",
    "logout",
    "session_names",
]
