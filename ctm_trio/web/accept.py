"""The accept loop: who comes in, what one connection that fails may do to the others, and how serving ends.

HTTP itself is in `hypercorn_adapter`, one connection at a time.
"""

from __future__ import annotations

import errno
import logging
import socket
from collections.abc import Awaitable, Callable

import trio

from ctm_trio.web.answers import report_bug
from ctm_trio.web.asgi import AsgiApp
from ctm_trio.web.asker import NO_PEERS, Peers
from ctm_trio.web.hypercorn_adapter.connection import Connection
from ctm_trio.web.hypercorn_adapter.worker import Worker
from ctm_trio.web.refused import Refused
from ctm_trio.web.room import MAX_CONNECTIONS, Room
from ctm_trio.web.wire import SEND_TIMEOUT_S, Wire

log = logging.getLogger("ctm.http")

SHUTDOWN_GRACE_S = 1.0
"""How long requests in flight may take at shutdown before they are cut."""

BACKLOG = 128

NO_DESCRIPTORS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS})


async def serve_connections(
    app: AsgiApp,
    sock: socket.socket,
    *,
    shutdown: Callable[[], Awaitable[object]],
    send_timeout_s: float = SEND_TIMEOUT_S,
    grace_s: float = SHUTDOWN_GRACE_S,
    max_connections: int = MAX_CONNECTIONS,
    peers: Peers = NO_PEERS,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Accept and serve until `shutdown()` returns, then end within `grace_s`.

    No request, however malformed, ends it: a connection that fails is logged with an id and closed.

    Args:
        app: the ASGI app. See `Worker`.
        sock: a bound TCP socket; it is set to listen here and closed at the end.
        shutdown: waits until serving should end.
        send_timeout_s: see `wire.SEND_TIMEOUT_S`.
        grace_s: seconds that requests in flight get at the end.
        max_connections: see `MAX_CONNECTIONS`.
        peers: finds out whose program is at the other end.
        task_status: `started()` once connections are accepted.
    """
    worker = Worker(app, log)
    live: set[Connection] = set()
    room = Room(max_connections)
    drained = trio.Event()  # the last connection has gone; made anew for the shutdown

    def enter(conn: trio.socket.SocketType, uid: int | None) -> Connection:
        wire = Wire(conn, send_timeout_s=send_timeout_s)
        wire.uid = uid
        connection = worker.connection(wire)
        live.add(connection)
        room.enter(connection)
        return connection

    async def serve_one(connection: Connection) -> None:
        try:
            await connection.run()
        except Exception as error:  # noqa: BLE001  # a connection is the unit of failure: never the daemon
            report_bug(log, error, "connection")
        finally:
            live.discard(connection)
            room.leave(connection)
            if not live:
                drained.set()

    async def accept_loop(listener: trio.socket.SocketType, nursery: trio.Nursery) -> None:
        while True:
            try:
                conn, _ = await listener.accept()
            except OSError as error:
                if error.errno in NO_DESCRIPTORS:
                    await trio.sleep(0.1)  # nothing tells us when one is free again
                continue
            try:
                conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                conn.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            except OSError:  # it has gone already; where the system says so, that must not end all the others
                conn.close()
                continue
            uid = peers.at_once(conn)
            if room.make_place(uid):
                nursery.start_soon(serve_one, enter(conn, uid))
                continue
            full = Refused(503, "too_many_connections", "Too many connections are open; close some and try again.")
            try:
                await conn.send(full.answer())
            except OSError:
                pass  # it left by itself
            conn.close()

    sock.listen(BACKLOG)
    sock.setblocking(False)
    with trio.socket.from_stdlib_socket(sock) as listener:
        async with trio.open_nursery() as connections:
            async with trio.open_nursery() as accepting:
                accepting.start_soon(accept_loop, listener, connections)
                task_status.started()
                await shutdown()
                accepting.cancel_scope.cancel()
            listener.close()
            await worker.stop()
            for connection in list(live):
                connection.leave_if_idle()
            if live:
                drained = trio.Event()
                with trio.move_on_after(grace_s):
                    await drained.wait()
            for connection in list(live):
                connection.wire.abort()
            connections.cancel_scope.cancel()
