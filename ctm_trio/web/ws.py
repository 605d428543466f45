"""The WebSocket `/ws`: several subscriptions on one connection. Source: PROTOCOL.md, WebSocket.

Plain ASGI below Quart, like the event streams. Events do not go through the WebSocket library: a server's frames are
not masked, so the bytes of a batch are the same for every client with the same subscription id and are made once.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qs

import trio

from ctm_trio.errors.access import ForbiddenOrigin, WrongHost
from ctm_trio.errors.base import CtmError
from ctm_trio.web.answers import answer_of, http_answer
from ctm_trio.web.asgi import Receive, Scope, Send, header_of, refuse_socket
from ctm_trio.web.auth import bearer, subprotocol_token
from ctm_trio.web.hypercorn_adapter.straight import wire_of
from ctm_trio.web.origin import Gate
from ctm_trio.web.streams import StreamPass, Streams
from ctm_trio.web.wire import Wire
from ctm_trio.web.ws_messages import PING_FRAME, PROTOCOL, BadMessage, Order, error_message, order_of, parse_order
from ctm_trio.web.ws_subscriptions import Client

PING_S = 15.0
"""How often the token is looked at again and a ping sent, which keeps proxies and dead peers from fooling us."""

GOING_AWAY = 1001


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
        await receive()  # websocket.connect
        try:
            if not known_host:
                raise WrongHost
            if scope["path"] != "/ws":
                await refuse_socket(send, http_answer(404))
                return
            origin = header_of(scope, b"origin")
            if origin is not None and not self._gate.origin_ok(origin):
                raise ForbiddenOrigin
            token = bearer(header_of(scope, b"authorization") or "") or subprotocol_token(scope["subprotocols"])
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
            wire = wire_of(scope)
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
        sub = None
        try:
            if not isinstance(order, Order):
                order = parse_order(order)
            sub = order.id
            await client.obey(order)
        except BadMessage as error:
            await client.tell(error_message(error, sub))

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
