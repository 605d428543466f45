"""The accept loop: Hypercorn's HTTP/1.1 and WebSocket classes inside our own nursery.

`hypercorn.trio.serve` is not used because a malformed request may end it, a client that never reads blocks its
shutdown, idle connections never time out, and HTTP/2 without TLS cannot be switched off. Hypercorn is pinned, since
these classes are not a documented interface; `tests/security/test_malformed.py` holds what we rely on.
"""

from __future__ import annotations

import errno
import logging
import math
import socket
from collections.abc import Awaitable, Callable
from typing import Any, cast

import h11
import trio
from hypercorn.config import Config
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.protocol.events import Data, Request, StreamClosed
from hypercorn.protocol.events import Event as StreamEvent
from hypercorn.protocol.h11 import STREAM_ID as STREAM
from hypercorn.protocol.h11 import H11Protocol, H11WSConnection
from hypercorn.protocol.ws_stream import ASGIWebsocketState, WSStream
from hypercorn.trio.task_group import TaskGroup
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import AppWrapper, ASGISendEvent, ConnectionState, H11SendableEvent
from hypercorn.utils import parse_socket_addr, wrap_app
from wsproto.events import CloseConnection
from wsproto.events import Event as WsEvent
from wsproto.frame_protocol import CloseReason

from ctm_trio.errors.access import ForbiddenOrigin
from ctm_trio.web.answers import error_body, report_bug
from ctm_trio.web.asker import NO_PEERS, Peers
from ctm_trio.web.room import MAX_CONNECTIONS, Room
from ctm_trio.web.wire import SEND_TIMEOUT_S, Wire

log = logging.getLogger("ctm.http")

HEAD_TIMEOUT_S = 5.0
"""From the first byte of a request (or the connect) to the end of its headers.
Source: PROTOCOL.md, Connections and limits."""

KEEP_ALIVE_S = 60.0
"""How long a connection may wait for its next request."""

LINGER_S = 1.0
"""After our last byte we read on this long, so that a client that still sends gets to see the answer."""

LINGER_STOP_S = 0.1
"""The same while the daemon stops."""

MAX_HEAD_BYTES = 64 * 1024
"""Request line and headers together; more is 431."""

MAX_WS_MESSAGE = 64 * 1024
"""A longer WebSocket message closes with 1009. Source: PROTOCOL.md, Connections and limits."""

ONCE = (b"host", b"origin", b"authorization", b"content-type", b"sec-websocket-key", b"sec-websocket-version")
"""Headers that decide what is allowed. Two of one could mean one thing to a proxy or to us, and another to the app."""

SHUTDOWN_GRACE_S = 1.0
"""How long requests in flight may take at shutdown before they are cut."""

BACKLOG = 128
NO_DESCRIPTORS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS})


class Refused(Exception):
    """A request that is answered without asking the app."""

    def __init__(self, status: int, code: str, message: str, headers: bytes = b"") -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.headers = status, code, message, headers

    def answer(self) -> bytes:
        """The whole response, which closes the connection."""
        body = error_body(self.code, self.message)
        return (
            b"HTTP/1.1 %d %b\r\ncontent-type: application/json\r\ncache-control: no-store\r\n"
            b"x-content-type-options: nosniff\r\nreferrer-policy: no-referrer\r\n%b"
            b"content-length: %d\r\nconnection: close\r\n\r\n%b"
        ) % (self.status, self.code.replace("_", " ").encode(), self.headers, len(body), body)


def http_config() -> Config:
    """Hypercorn's settings for this daemon."""
    config = Config()
    config.accesslog = None
    config.errorlog = log
    config.include_server_header = False
    config.h11_max_incomplete_size = MAX_HEAD_BYTES
    config.websocket_max_message_size = MAX_WS_MESSAGE
    return config


class _WebSocket(WSStream):
    """Hypercorn's, but a message that is too big ends the connection, whatever the client does next.

    And what a client sends together with its handshake waits for the app's answer; Hypercorn would answer it with 400,
    and the handshake after that. Meanwhile nothing more is read.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._answered = trio.Event()

    async def handle(self, event: StreamEvent) -> None:
        if isinstance(event, Data) and not self.closed:
            await self._answered.wait()
            if not self.handshake.accepted:
                return
        elif isinstance(event, StreamClosed):
            self._answered.set()
        await super().handle(event)

    async def app_send(self, message: ASGISendEvent | None) -> None:
        try:
            await super().app_send(message)
        finally:
            if self.state is not ASGIWebsocketState.HANDSHAKE:
                self._answered.set()

    async def _send_wsproto_event(self, event: WsEvent) -> None:
        await super()._send_wsproto_event(event)
        if isinstance(event, CloseConnection) and event.code == CloseReason.MESSAGE_TOO_BIG:
            await self.send(StreamClosed(stream_id=self.stream_id))


class _Http1(H11Protocol):
    """HTTP/1.1 and WebSocket only; what Hypercorn would stumble over is refused here."""

    async def _check_protocol(self, event: h11.Request) -> None:
        # An offer to upgrade to HTTP/2 is not taken: the answer simply comes in HTTP/1.1, as RFC 9110 allows.
        if event.http_version not in (b"1.0", b"1.1"):
            raise Refused(505, "http_version_not_supported", "This server speaks HTTP/1.1.")
        if not event.target.startswith(b"/"):
            raise Refused(400, "bad_request", "The request target must be a path.")
        # h11 bounds what is incomplete; a head that came whole in two reads may be twice as long.
        if len(event.target) + sum(len(name) + len(value) + 4 for name, value in event.headers) > MAX_HEAD_BYTES:
            raise Refused(431, "headers_too_large", "The request line and headers are too long.")
        names = [name for name, _ in event.headers]
        twice = next((name for name in ONCE if names.count(name) > 1), b"")
        if twice == b"origin":
            raise Refused(403, ForbiddenOrigin.code, "The request has more than one Origin header.")
        if twice:
            raise Refused(400, "bad_request", f"The request has more than one {twice.decode()} header.")
        if b"transfer-encoding" in names and b"content-length" in names:
            raise Refused(400, "bad_request", "The request says its length in two ways.")

    async def _create_stream(self, request: h11.Request) -> None:
        headers = dict(request.headers)
        if headers.get(b"upgrade", b"").strip().lower() == b"websocket":
            # Compression is not offered: it costs 200 KiB a client, and shared frames could not be written as they are.
            kept = [(name, value) for name, value in request.headers if name != b"sec-websocket-extensions"]
            if not all(value.isascii() for name, value in kept if name.startswith(b"sec-websocket-")):
                raise Refused(400, "bad_request", "The WebSocket headers must be ASCII.")
            if headers.get(b"sec-websocket-version") != b"13":
                more = b"sec-websocket-version: 13\r\nupgrade: websocket\r\n"
                raise Refused(426, "upgrade_required", "This server speaks version 13 of the WebSocket protocol.", more)
            tokens = headers.get(b"connection", b"").lower().split(b",")
            asked = any(token.strip() == b"upgrade" for token in tokens)
            if request.method != b"GET" or request.http_version != b"1.1" or not asked:
                raise Refused(400, "bad_request", "This is not a WebSocket handshake.")
            if not headers.get(b"sec-websocket-key"):
                raise Refused(400, "bad_request", "The WebSocket handshake has no key.")
            await self._open_socket(request, kept)
        else:
            await super()._create_stream(request)

    async def _open_socket(self, request: h11.Request, headers: list[tuple[bytes, bytes]]) -> None:
        stream = _WebSocket(
            self.app,
            self.config,
            self.context,
            self.task_group,
            False,
            self.client,
            self.server,
            self.stream_send,
            STREAM,
        )
        self.stream = stream
        self.connection = H11WSConnection(cast(h11.Connection, self.connection))
        await stream.handle(
            Request(
                stream_id=STREAM,
                headers=headers,
                http_version="1.1",
                method="GET",
                raw_path=request.target,
                state=self.connection_state,
            )
        )
        self.keep_alive_requests += 1

    async def _send_error_response(self, status_code: int) -> None:
        if status_code == 431:
            raise Refused(431, "headers_too_large", "The request line and headers are too long.")
        if status_code == 501:  # as RFC 9112, 6.1 has it
            raise Refused(501, "not_implemented", "The only transfer coding of a request is a single chunked.")
        raise Refused(400, "bad_request", "The request is not valid HTTP.")

    async def _send_h11_event(self, event: H11SendableEvent) -> None:
        try:
            await super()._send_h11_event(event)
        except h11.LocalProtocolError as error:
            raise trio.BrokenResourceError("the connection is past that point") from error


class _Connection:
    """One accepted connection, from the first byte to the last."""

    def __init__(self, app: AppWrapper, config: Config, context: WorkerContext, wire: Wire) -> None:
        self.app, self.config, self.context, self.wire = app, config, context, wire
        self.idle = True
        self.served = False
        self._reading = trio.CancelScope(deadline=trio.current_time() + HEAD_TIMEOUT_S)
        self._begun = False
        self._closing = False

    @property
    def uid(self) -> int | None:
        """See `Wire`."""
        return self.wire.uid

    @property
    def trusted(self) -> bool:
        """See `Wire`."""
        return self.wire.trusted

    async def run(self) -> None:
        """Serve requests until either side is done. Never raises but for cancellation."""
        try:
            sock = self.wire.socket
            client = parse_socket_addr(sock.family, sock.getpeername())
            server = parse_socket_addr(sock.family, sock.getsockname())
            async with TaskGroup() as group:
                state = ConnectionState({"wire": self.wire})
                self.protocol = _Http1(
                    self.app, self.config, self.context, group, state, False, client, server, self.send
                )
                with self._reading:
                    await self._read()
                if self._reading.cancelled_caught and self._begun and not self._closing:
                    slow = Refused(408, "request_timeout", "The headers took too long.")
                    await self._refuse(slow)
                await self.protocol.handle(Closed())
        except OSError:
            pass  # the client was gone before we looked
        finally:
            self.wire.socket.close()

    async def _read(self) -> None:
        while True:
            try:
                data = await self.wire.receive_some()
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                return
            if self._closing and data:
                continue  # lingering: the answer is out, what still comes is dropped
            if self.idle and data and not self._begun:
                self._begun = True
                self._reading.deadline = trio.current_time() + HEAD_TIMEOUT_S
            try:
                await self.protocol.handle(RawData(data))
            except Refused as refused:
                await self._refuse(refused)
            if not data:
                return

    async def _refuse(self, refused: Refused) -> None:
        try:
            await self.wire.send_all(refused.answer())
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # nobody to tell
        self._close()

    async def send(self, event: Event) -> None:
        """What the protocol wants done: bytes out, close, or a change between busy and idle."""
        if isinstance(event, RawData):
            try:
                await self.wire.send_all(event.data)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                self._close()
                await self.protocol.handle(Closed())
        elif isinstance(event, Closed):
            self._close()
            await self.protocol.handle(Closed())
        elif isinstance(event, Updated):
            self.idle = event.idle
            self.served = True
            self._begun = False
            self._reading.deadline = trio.current_time() + KEEP_ALIVE_S if event.idle else math.inf

    def _close(self) -> None:
        self._closing = True
        self.wire.finish()
        linger_s = LINGER_STOP_S if self.context.terminated.is_set() else LINGER_S
        self._reading.deadline = min(self._reading.deadline, trio.current_time() + linger_s)

    def evict(self) -> None:
        """Make room for somebody: cut this connection, which is idle."""
        self._closing = True
        self.wire.abort()

    def leave_if_idle(self) -> None:
        """At shutdown: nothing is in flight here, so close."""
        if self.idle:
            self._closing = True
            self._reading.cancel()


async def serve_guarded(
    app: object,
    config: Config,
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
        app: the ASGI app. Its scopes carry the connection's `Wire` as `scope["state"]["wire"]`.
        sock: a bound TCP socket; it is set to listen here and closed at the end.
        shutdown: waits until serving should end.
        send_timeout_s: see `wire.SEND_TIMEOUT_S`.
        grace_s: seconds that requests in flight get at the end.
        max_connections: see `MAX_CONNECTIONS`.
        peers: finds out whose program is at the other end.
        task_status: `started()` once connections are accepted.
    """
    wrapped = wrap_app(app, config.wsgi_max_body_size, None)  # type: ignore[arg-type]  # any ASGI callable
    context = WorkerContext(None)
    live: set[_Connection] = set()
    room = Room(max_connections)
    drained = trio.Event()  # the last connection has gone; made anew for the shutdown

    def enter(conn: trio.socket.SocketType, uid: int | None) -> _Connection:
        wire = Wire(conn, send_timeout_s=send_timeout_s)
        wire.uid = uid
        connection = _Connection(wrapped, config, context, wire)
        live.add(connection)
        room.enter(connection)
        return connection

    async def serve_one(connection: _Connection) -> None:
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
            await context.terminated.set()
            for connection in list(live):
                connection.leave_if_idle()
            if live:
                drained = trio.Event()
                with trio.move_on_after(grace_s):
                    await drained.wait()
            for connection in list(live):
                connection.wire.abort()
            connections.cancel_scope.cancel()
