"""The event stream of a client: one WebSocket at a time, resumed from the last event.

Source: PROTOCOL.md, WebSocket.
"""

from __future__ import annotations

import random
import ssl
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
import trio
from trio_websocket import (
    ConnectionClosed,
    ConnectionRejected,
    HandshakeError,
    WebSocketConnection,
    wrap_client_stream,
)

from ctm_trio.client.errors import ClientError, NoDaemon, Refused
from ctm_trio.client.given import check_token, parse_address
from ctm_trio.client.trust import check_connection, check_listener
from ctm_trio.model.decoding import BAD_JSON
from ctm_trio.model.event import parse_event_id

DEFAULT_URL = "http://127.0.0.1:37778"

CONNECT_TIMEOUT_S = 10.0
"""From the first packet to the end of the WebSocket's handshake."""

CLOSE_S = 1.0
"""How long a connection may take to close; then it is dropped."""

QUIET_S = 30.0
"""After so much silence the daemon is asked whether it is still there."""

ANSWER_S = 10.0
"""How long it may take to say so; then the connection is given up."""

BACKOFF_S = (0.5, 30.0)
"""The pause before another try: doubling from the first to the second, with some chance in it."""

QUEUE_EVENTS = 256
"""Events that wait for the iteration. When it is full nothing more is read: the daemon holds the rest."""

FINAL = frozenset({400, 401, 403, 404, 421, 426})
"""Refusals that trying again would not mend."""


class Event(msgspec.Struct, frozen=True):
    """An event as the daemon sends it.

    Attributes:
        id: `<unix ns>-<seq>`; give it as `since` to go on after it.
        type: e.g. "tool_call"; session: name, or "".
        ts: RFC 3339 time of what happened.
        payload: the event's own fields.
    """

    id: str
    type: str
    session: str
    ts: str
    payload: Mapping[str, Any]


class Notice(msgspec.Struct, frozen=True):
    """What happens to the connection.

    Attributes:
        state: "connected", "waiting" (lost, tried again in `wait_s`), or "gap" (events in between are gone).
        replayed: of "connected": how many events follow that are older than the subscription.
        wait_s: of "waiting": seconds.
        reason: of "waiting": for people.
    """

    state: str
    replayed: int = 0
    wait_s: float = 0.0
    reason: str = ""


class _Message(msgspec.Struct):
    op: str
    id: str = ""
    type: str = ""
    session: str = ""
    ts: str = ""
    payload: dict[str, Any] = {}
    replayed: int = 0
    lost: bool = False
    code: str = ""
    message: str = ""


class _Lost(Exception):
    """This connection is over; another one may do. Its text says why."""


@dataclass
class EventStream:
    """Iterate it for `Event`s. Made by `follow`.

    Attributes:
        last_id: id of the newest event that was taken from the daemon, or where it started.
    """

    url: str
    token: str
    sessions: list[str] | None
    types: list[str] | None
    last_id: str | None
    patient: bool
    on_notice: Callable[[Notice], None]
    _queue: trio.MemoryReceiveChannel[Event | ClientError] = field(init=False, repr=False)
    _seen: tuple[int, int] | None = field(init=False, default=None, repr=False)
    _failures: int = field(init=False, default=0, repr=False)
    _welcome: bool = field(init=False, default=False, repr=False)

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        """The next event; waits over lost connections.

        Raises:
            Refused: the daemon refuses the connection.
            NoDaemon: nothing answered at the very first try, and `patient` is False.
            Stranger: another user's program listens there; it was told nothing.
        """
        item = await self._queue.receive()
        if isinstance(item, ClientError):
            raise item
        return item

    async def _run(self, queue: trio.MemorySendChannel[Event | ClientError]) -> None:
        """Connect, read, and again, until an error that is final."""
        if self.last_id is not None:
            self._seen = parse_event_id(self.last_id) or self._seen
        async with aclosing(queue):
            while True:
                final: ClientError | None = None
                reason = "the daemon closed the connection"
                try:
                    await self._one_connection(queue)
                except* _Lost as group:
                    reason = str(_leaf(group))
                except* ClientError as group:
                    final = _leaf_error(group)
                if final is None and not (self._welcome or self.patient):
                    final = NoDaemon(f"No daemon answers at {self.url}: {reason}.")
                if final is not None:
                    await queue.send(final)
                    return
                first, most = BACKOFF_S
                wait_s = min(most, first * 2 ** min(self._failures, 16)) * random.uniform(0.8, 1.2)
                self._failures += 1
                self.on_notice(Notice("waiting", wait_s=wait_s, reason=reason))
                await trio.sleep(wait_s)

    async def _one_connection(self, queue: trio.MemorySendChannel[Event | ClientError]) -> None:
        """Live one connection until it ends.

        Raises:
            _Lost, ClientError: in a group, because the WebSocket's reader runs beside us.
        """
        until = trio.current_time() + CONNECT_TIMEOUT_S
        stream, host = await self._open(until)
        try:
            async with trio.open_nursery() as nursery:
                with trio.move_on_at(until) as patience:
                    connection = await wrap_client_stream(
                        nursery,
                        stream,
                        host,
                        "/ws",
                        subprotocols=["ctm.v1"],
                        extra_headers=[(b"Authorization", f"Bearer {self.token}".encode())],
                        max_message_size=16 << 20,
                    )
                if patience.cancelled_caught:
                    raise _Lost("the daemon does not answer")
                await self._read(connection, queue)
                nursery.cancel_scope.cancel()
        except* ConnectionRejected as group:
            raise _refusal(_leaf(group)) from None
        except* (HandshakeError, OSError, trio.BrokenResourceError) as group:
            raise _Lost(str(_leaf(group)) or "the connection broke") from None
        finally:
            with trio.move_on_after(CLOSE_S, shield=True):  # a goodbye, if the other side still listens
                await stream.aclose()

    async def _open(self, until: float) -> tuple[trio.SocketStream | trio.SSLStream[trio.SocketStream], str]:
        where = parse_address(self.url)
        check_listener(self.url)
        try:
            with trio.fail_at(until):
                stream = await trio.open_tcp_stream(where.host, where.port)
                try:
                    check_connection(stream.socket.getsockname(), stream.socket.getpeername())
                    if not where.secure:
                        return stream, where.netloc
                    context = ssl.create_default_context()
                    safe = trio.SSLStream(stream, context, server_hostname=where.host, https_compatible=True)
                    await safe.do_handshake()
                    return safe, where.netloc
                except BaseException:  # a stranger, or no TLS: nobody else has it yet
                    await trio.aclose_forcefully(stream)
                    raise
        except (OSError, trio.TooSlowError, trio.BrokenResourceError) as error:
            # Trio hides what TLS said in the cause; what took too long says nothing.
            why = error.__cause__ if isinstance(error, trio.BrokenResourceError) else error
            raise _Lost(f"the connection failed: {str(why or '') or 'it took too long'}") from error

    async def _read(self, connection: WebSocketConnection, queue: trio.MemorySendChannel[Event | ClientError]) -> None:
        await self._subscribe(connection)
        while True:
            message = await self._next(connection)
            if message.op == "event":
                order = parse_event_id(message.id)
                if order is None or (self._seen is not None and order <= self._seen):
                    continue  # a replay may overlap what we had
                await queue.send(Event(message.id, message.type, message.session, message.ts, message.payload))
                self._seen, self.last_id = order, message.id
            elif message.op == "subscribed":
                self._failures, self._welcome = 0, True
                if message.lost:
                    self.on_notice(Notice("gap"))
                self.on_notice(Notice("connected", replayed=message.replayed))
            elif message.op == "lost":
                await self._subscribe(connection)  # the daemon replays from its database what we were too slow for
            elif message.op == "error":
                raise Refused(400, message.code, message.message)

    async def _subscribe(self, connection: WebSocketConnection) -> None:
        order: dict[str, object] = {"op": "subscribe", "id": "client"}
        if self.sessions is not None:
            order["sessions"] = self.sessions
        if self.types is not None:
            order["types"] = self.types
        if self.last_id is not None:
            order["since"] = self.last_id
        await _send(connection, order)

    async def _next(self, connection: WebSocketConnection) -> _Message:
        """The next message. A connection that stays silent is asked for a sign of life."""
        for limit_s in (QUIET_S, ANSWER_S):
            try:
                with trio.move_on_after(limit_s):
                    return msgspec.json.decode(await connection.get_message(), type=_Message)
            except ConnectionClosed:
                raise _Lost("the daemon closed the connection") from None
            except BAD_JSON as error:
                raise _Lost(f"unexpected message: {error}") from error
            await _send(connection, {"op": "ping"})
        raise _Lost("the daemon does not answer any more")


async def _send(connection: WebSocketConnection, message: Mapping[str, object]) -> None:
    try:
        with trio.fail_after(ANSWER_S):
            await connection.send_message(msgspec.json.encode(message).decode())
    except (ConnectionClosed, trio.TooSlowError):
        raise _Lost("the daemon closed the connection") from None


def _leaf(group: BaseException) -> BaseException:
    while isinstance(group, BaseExceptionGroup):
        group = group.exceptions[0]
    return group


def _leaf_error(group: BaseException) -> ClientError:
    leaf = _leaf(group)
    return leaf if isinstance(leaf, ClientError) else ClientError(str(leaf))


def _refusal(error: BaseException) -> Exception:
    """What a rejected handshake means: final, or worth another try."""
    assert isinstance(error, ConnectionRejected)
    try:
        known = msgspec.json.decode(error.body or b"{}", type=dict[str, Any])
    except BAD_JSON:
        known = {}
    code, text = str(known.get("error", "refused")), str(known.get("message", f"HTTP {error.status_code}"))
    if error.status_code in FINAL:
        return Refused(error.status_code, code, text)
    return _Lost(text)


@asynccontextmanager
async def follow(
    token: str,
    *,
    url: str = DEFAULT_URL,
    sessions: Iterable[str] | None = None,
    types: Iterable[str] | None = None,
    since: str | None = None,
    patient: bool = False,
    on_notice: Callable[[Notice], None] = lambda notice: None,
) -> AsyncIterator[EventStream]:
    """Follow a daemon's events inside a block. See the package for an example.

    Args:
        token: a session token (`login` gives one).
        url: where the daemon is, http or https.
        sessions, types: only these; None for all.
        since: an event id: everything after it is replayed first. None: the newest 500.
        patient: wait for a daemon that does not answer yet, instead of `NoDaemon`.
        on_notice: told of what happens to the connection; called in between, so it must be quick.

    Raises:
        ValueError: `since` is not an event id.
        BadInput: `url` or `token` cannot be one.
    """
    parse_address(url)
    check_token(token)
    if since is not None and parse_event_id(since) is None:
        raise ValueError(f"{since!r} is not an event id")
    wanted = None if sessions is None else list(sessions)
    kinds = None if types is None else list(types)
    events = EventStream(url.rstrip("/"), token, wanted, kinds, since, patient, on_notice)
    send, events._queue = trio.open_memory_channel[Event | ClientError](QUEUE_EVENTS)
    try:
        async with trio.open_nursery() as nursery, events._queue:
            nursery.start_soon(events._run, send)
            yield events
            nursery.cancel_scope.cancel()
    except BaseExceptionGroup as group:  # of our nursery, which the caller never saw; a Ctrl-C may be in it
        if len(group.exceptions) == 1:  # the block's own error
            raise group.exceptions[0] from None
        raise
