"""One accepted connection: what it may wait for, and how it ends. In place of Hypercorn's `TCPServer`."""

from __future__ import annotations

import math

import trio
from hypercorn.config import Config
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.trio.task_group import TaskGroup
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import AppWrapper, ConnectionState
from hypercorn.utils import parse_socket_addr

from ctm_trio.web.hypercorn_adapter.http1 import Http1
from ctm_trio.web.refused import Refused
from ctm_trio.web.wire import Wire

HEAD_TIMEOUT_S = 5.0
"""From the first byte of a request (or the connect) to the end of its headers.
Source: PROTOCOL.md, Connections and limits."""

KEEP_ALIVE_S = 60.0
"""How long a connection may wait for its next request."""

LINGER_S = 1.0
"""After our last byte we read on this long, so that a client that still sends gets to see the answer."""

LINGER_STOP_S = 0.1
"""The same while the daemon stops."""


class Connection:
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
                self.protocol = Http1(
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
