"""The WebSocket `/ws`: several subscriptions on one connection. Source: PROTOCOL.md, WebSocket.

Plain ASGI below Quart, like the event streams. Events do not go through the WebSocket library: a server's frames are
not masked, so the bytes of a batch are the same for every client with the same subscription id and are made once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NoReturn
from urllib.parse import parse_qs

import msgspec
import trio

from ctm_trio.errors.access import ForbiddenOrigin, WrongHost
from ctm_trio.errors.base import CtmError
from ctm_trio.journal.view import After, Batch, EventView, Following, Ring
from ctm_trio.model.event import Event, cursor_ns, format_event_id, parse_event_id, ws_tail
from ctm_trio.model.sound import sound_json
from ctm_trio.web.answers import answer_of, http_answer
from ctm_trio.web.auth import bearer, subprotocol_token
from ctm_trio.web.harden import Receive, Scope, Send, refuse_socket
from ctm_trio.web.origin import Gate
from ctm_trio.web.streams import StreamPass, Streams
from ctm_trio.web.wire import Wire

PROTOCOL = "ctm.v1"

MAX_SUBSCRIPTIONS = 64
"""On one connection; one more is an error message."""

MAX_ID = 200
MAX_NAMES = 1000
"""Bounds on a subscription's id and on its lists of sessions and types."""

REPLAY_PART = 256
"""Events of a replay that are encoded and written at a time, so that a long one does not hold the loop."""

PING_S = 15.0
"""How often the token is looked at again and a ping sent, which keeps proxies and dead peers from fooling us."""

PING_FRAME = b"\x89\x00"

GOING_AWAY = 1001
POLICY_VIOLATION = 1008


class BadMessage(Exception):
    """A client message that is answered with `{"op":"error"}`; the connection stays."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class Order(msgspec.Struct):
    """What a client may send. Fields that an op does not use are not looked at."""

    op: str
    id: str | None = None
    sessions: list[str] | None = None
    types: list[str] | None = None
    since: str | None = None


def text_frame(data: bytes) -> bytes:
    """A whole, unmasked text frame. Source: RFC 6455, 5.2."""
    size = len(data)
    if size < 126:
        return b"\x81%c%b" % (size, data)
    if size < 65536:
        return b"\x81\x7e" + size.to_bytes(2, "big") + data
    return b"\x81\x7f" + size.to_bytes(8, "big") + data


def message_frame(message: Mapping[str, object]) -> bytes:
    """The frame of a message that is not an event."""
    return text_frame(sound_json(message))


def encode_events(events: Sequence[Event], sub: str) -> bytes:
    """The frames of events for one subscription id."""
    head = f'{{"op":"event","sub":{msgspec.json.encode(sub).decode()},'
    return b"".join([text_frame((head + ws_tail(event)).encode()) for event in events])


def cursor_of(since: str | None) -> int | None:
    """The cursor of a `since`.

    Raises:
        BadMessage: it is not an event id.
    """
    if since is None:
        return None
    known = parse_event_id(since)
    if known is None:
        raise BadMessage("bad_since", "since must be the id of an event, like 1790000000000000000-0.")
    return cursor_ns(known)


def parse_order(text: str | None) -> Order:
    """A client's message.

    Raises:
        BadMessage: it is not one that we take.
    """
    if text is None:
        raise BadMessage("bad_message", "Messages are JSON text, not bytes.")
    try:
        order = msgspec.json.decode(text.encode(errors="surrogatepass"), type=Order)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadMessage("bad_message", f"This is not a message of {PROTOCOL}: {error}.") from error
    if order.op in ("subscribe", "unsubscribe") and (order.id is None or len(order.id) > MAX_ID):
        raise BadMessage("bad_id", f"A subscription needs an id of at most {MAX_ID} characters.")
    if len(order.sessions or ()) + len(order.types or ()) > MAX_NAMES:
        raise BadMessage("too_many_names", f"At most {MAX_NAMES} sessions and types in one subscription.")
    return order


class Client:
    """One open WebSocket: its subscriptions, each a task that follows the events."""

    def __init__(
        self, streams: Streams, stream_pass: StreamPass, wire: Wire, send: Send, nursery: trio.Nursery
    ) -> None:
        self._streams, self._pass, self._wire, self._send, self._nursery = streams, stream_pass, wire, send, nursery
        self._subscriptions: dict[str, trio.CancelScope] = {}
        self._closed = False

    async def check(self, *, again: bool = False) -> None:
        """Return only if the token still counts. `again`: see `StreamPass.valid`."""
        if not self._pass.valid(again=again):
            await self.close(POLICY_VIOLATION)

    async def tell(self, message: Mapping[str, object]) -> None:
        """Send one message."""
        await self._wire.send_all(message_frame(message))

    async def obey(self, order: Order) -> None:
        """Do what a client's message says.

        Raises:
            BadMessage: it cannot be done.
        """
        if order.op == "ping":
            await self.tell({"op": "pong"})
        elif order.op == "subscribe":
            await self.subscribe(order)
        elif order.op == "unsubscribe":
            scope = self._subscriptions.pop(order.id or "", None)
            if scope is None:
                raise BadMessage("unknown_id", "There is no subscription with this id.")
            scope.cancel()
        else:
            raise BadMessage("unknown_op", "The ops are subscribe, unsubscribe and ping.")

    async def subscribe(self, order: Order) -> None:
        """Start a subscription; one with the same id is replaced."""
        sub = order.id or ""
        since = cursor_of(order.since)
        replaced = self._subscriptions.pop(sub, None)
        if replaced is not None:
            replaced.cancel()
        if len(self._subscriptions) >= MAX_SUBSCRIPTIONS:
            raise BadMessage("too_many_subscriptions", f"At most {MAX_SUBSCRIPTIONS} subscriptions on one connection.")
        scope = self._subscriptions[sub] = trio.CancelScope()
        self._nursery.start_soon(self._follow, order, since, scope)

    async def _follow(self, order: Order, since: int | None, scope: trio.CancelScope) -> None:
        """Hand one subscription's batches to the client until it is cancelled or the event log is closed."""
        sub = order.id or ""
        sessions = None if order.sessions is None else frozenset(order.sessions)
        types = None if order.types is None else frozenset(order.types)
        start = Ring() if since is None else After(since, deep=True)
        try:
            with scope:
                try:
                    async with self._streams.events.follow(EventView(sessions, types), start) as following:
                        await self._pump(sub, since or 0, following)
                except CtmError as error:
                    await self.tell({"op": "error", "code": error.code, "message": error.message})
                if self._subscriptions.get(sub) is scope:
                    del self._subscriptions[sub]
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self._nursery.cancel_scope.cancel()  # the client is gone

    async def _pump(self, sub: str, seen: int, following: Following) -> None:
        await self._send_replay(following.replay, sub)
        seen = max(seen, following.replay.cursor)
        async for batch in following.live:
            await self.check()
            if batch.lost:
                await self.tell(self._lost(sub, seen, batch.events[0].id if batch.events else batch.cursor))
            if batch.events:
                await self._wire.send_all(self._streams.ws.bytes_of(batch, sub, lambda b: encode_events(b.events, sub)))
            seen = max(seen, batch.cursor)
        if not self._streams.stopping.is_set():
            await self.tell(self._lost(sub, seen, seen))

    async def _send_replay(self, replay: Batch, sub: str) -> None:
        """A replay is this client's own, and may be long; live batches are encoded once for all with the same id."""
        await self.check()  # to read them may have taken a while, and so may each part that a slow client takes
        await self.tell({"op": "subscribed", "id": sub, "replayed": len(replay.events), "lost": replay.lost})
        for start in range(0, len(replay.events), REPLAY_PART):
            await self.check()
            await self._wire.send_all(encode_events(replay.events[start : start + REPLAY_PART], sub))
            await trio.lowlevel.checkpoint()

    @staticmethod
    def _lost(sub: str, after: int, resume: int) -> dict[str, object]:
        return {"op": "lost", "sub": sub, "after": format_event_id(after), "resume": format_event_id(resume)}

    async def close(self, code: int) -> NoReturn:
        """Say goodbye and end every task of this connection, the caller's too: nothing is sent after it."""
        if not self._closed:
            self._closed = True
            try:
                await self._send({"type": "websocket.close", "code": code})
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                pass  # the client is gone
            self._nursery.cancel_scope.cancel()
        await trio.sleep_forever()


class WsEndpoint:
    """The ASGI app of the WebSocket.

    Args:
        gate: which Origins may open one.
        streams: shared with the event streams.
        version: the daemon's, for the hello.
    """

    def __init__(self, gate: Gate, streams: Streams, version: str) -> None:
        self._gate, self._streams, self._version = gate, streams, version

    async def __call__(self, scope: Scope, receive: Receive, send: Send, *, known_host: bool) -> None:
        """Serve one WebSocket, or refuse it before the upgrade with a JSON error."""
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        await receive()  # websocket.connect
        try:
            if not known_host:
                raise WrongHost
            if scope["path"] != "/ws":
                await refuse_socket(send, http_answer(404))
                return
            origin = headers.get(b"origin")
            if origin is not None and not self._gate.origin_ok(origin):
                raise ForbiddenOrigin
            token = bearer(headers.get(b"authorization", "")) or subprotocol_token(scope["subprotocols"])
            stream_pass = self._streams.pass_for(token)
            query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True, max_num_fields=100)
            with self._streams.admit():
                chosen = PROTOCOL if PROTOCOL in scope["subprotocols"] else None
                await send({"type": "websocket.accept", "subprotocol": chosen})
                await self._serve(stream_pass, query, scope, receive, send)
        except CtmError as error:
            await refuse_socket(send, answer_of(error))
        except ValueError:  # of parse_qs
            await refuse_socket(send, http_answer(400))

    async def _serve(
        self, stream_pass: StreamPass, query: Mapping[str, list[str]], scope: Scope, receive: Receive, send: Send
    ) -> None:
        async with trio.open_nursery() as nursery:
            wire: Wire = scope["state"]["wire"]
            client = Client(self._streams, stream_pass, wire, send, nursery)
            nursery.start_soon(self._end_with_daemon, client)
            nursery.start_soon(self._keep_alive, client, wire)
            try:
                await client.tell({"op": "hello", "version": self._version, "protocol": PROTOCOL})
                if query.keys() & {"session", "types", "since"}:
                    await self._obey(client, order_of(query))
                while True:
                    message = await receive()
                    if message["type"] != "websocket.receive":
                        break
                    await self._obey(client, message.get("text"))
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                pass  # the client is gone
            nursery.cancel_scope.cancel()

    @staticmethod
    async def _obey(client: Client, order: Order | str | None) -> None:
        await client.check()
        try:
            await client.obey(order if isinstance(order, Order) else parse_order(order))
        except BadMessage as error:
            await client.tell({"op": "error", "code": error.code, "message": error.message})

    async def _end_with_daemon(self, client: Client) -> None:
        await self._streams.stopping.wait()
        await client.close(GOING_AWAY)

    @staticmethod
    async def _keep_alive(client: Client, wire: Wire) -> None:
        while True:
            await trio.sleep(PING_S)
            await client.check(again=True)
            try:
                await wire.send_all(PING_FRAME)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                return  # the reader sees it too


def order_of(query: Mapping[str, list[str]]) -> Order:
    """The subscription that the URL asks for: lists may be repeated or comma separated."""

    def names(key: str) -> list[str] | None:
        found = [name for value in query.get(key, []) for name in value.split(",") if name]
        return found or None

    since = next((value for value in query.get("since", []) if value), None)
    return Order("subscribe", "", names("session"), names("types"), since)
