"""The http child of the daemon: the app behind the accept loop."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import trio

from ctm_trio.web.accept import serve_connections
from ctm_trio.web.early import EarlyApp
from ctm_trio.web.early_ends import EarlyEnds
from ctm_trio.web.harden import harden
from ctm_trio.web.room import MAX_CONNECTIONS
from ctm_trio.web.wire import SEND_TIMEOUT_S

if TYPE_CHECKING:
    from ctm_trio.web.ends import WebEnds


async def run_http(
    early: EarlyEnds,
    sock: socket.socket,
    *,
    ends: Callable[[], Awaitable[WebEnds]],
    shutdown: Callable[[], Awaitable[object]],
    send_timeout_s: float = SEND_TIMEOUT_S,
    max_connections: int = MAX_CONNECTIONS,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until `shutdown()` returns: then streams are cut, WebSockets closed with 1001, requests finished.

    Args:
        early: what it takes to accept connections.
        sock: a bound TCP socket, or a duplicate of one; closed at the end.
        ends: returns the rest, once it is there. Until the owners have begun only `/healthz` is answered.
        shutdown: e.g. `trio.Event.wait`.
        send_timeout_s, max_connections: see the constants.
        task_status: `started()` once connections are accepted.
    """
    app = EarlyApp(early, ends)

    async def stop() -> None:
        await shutdown()
        app.stop()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(app.load, name="ctm: import of the web app")
        await serve_connections(
            harden(app),
            sock,
            shutdown=stop,
            send_timeout_s=send_timeout_s,
            max_connections=max_connections,
            peers=early.peers,
            task_status=task_status,
        )
        nursery.cancel_scope.cancel()
