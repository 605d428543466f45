"""Server-sent events: `/events/all` and `/events/session/{name}`. Source: PROTOCOL.md, SSE.

A stream is plain ASGI below Quart, and its chunks go straight to the connection's `Wire`: what many clients get is
encoded once, down to the chunk of HTTP, and a wake-up costs one system call. The number of writes is what streams cost.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial

import trio

from ctm_trio.journal.view import After, Batch, EventView, Following, Ring, Start
from ctm_trio.model.event import cursor_ns, parse_event_id, sse_frame
from ctm_trio.web.answers import http_answer
from ctm_trio.web.asgi import Receive, Scope, Send, send_answer
from ctm_trio.web.streams import StreamEndpoint, StreamPass, Streams
from ctm_trio.web.wire import Wire

KEEPALIVE_S = 15.0
"""Silence after which a comment is sent. Source: PROTOCOL.md, SSE."""

HEADERS = (
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
)
OK, LOST, KEEPALIVE = b": ok\n\n", b": lost\n\n", b": keepalive\n\n"

OLDEST = 0
"""What a Last-Event-ID that is not an id stands for: a cursor older than everything, so the client hears `lost`."""

MAX_NAME = 200
"""A longer name is not a session; the path is answered 404."""


def session_of(path: str) -> str | None:
    """Which session's stream a path is: "" for all, None if it is none."""
    if path == "/events/all":
        return ""
    name = path.removeprefix("/events/session/")
    if name == path or not name or "/" in name or len(name) > MAX_NAME or not name.isprintable():
        return None
    return name


def start_of(last_event_id: str) -> Start:
    """Where a `Last-Event-ID` header says to begin; without one with the ring."""
    if not last_event_id:
        return Ring()
    known = parse_event_id(last_event_id.strip())
    return After(OLDEST if known is None else cursor_ns(known))


def _encode(batch: Batch) -> bytes:
    frames = b"".join([sse_frame(event) for event in batch.events])
    return LOST + frames if batch.lost else frames


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _encode_chunk(batch: Batch) -> bytes:
    return _chunk(_encode(batch))


class SseEndpoint(StreamEndpoint):
    """The ASGI app of the event streams."""

    async def serve(
        self, headers: Mapping[bytes, str], stream_pass: StreamPass, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Stream until the client leaves or takes nothing for long, its token is void, or shutdown."""
        name = session_of(scope["path"])
        if name is None:
            await send_answer(send, http_answer(404))
            return
        with self._streams.admit():
            await self._stream(name, start_of(headers.get(b"last-event-id", "")), stream_pass, scope, receive, send)

    async def _stream(
        self, name: str, start: Start, stream_pass: StreamPass, scope: Scope, receive: Receive, send: Send
    ) -> None:
        view = EventView(frozenset({name}) if name else None)
        async with self._streams.events.follow(view, start) as following:
            await send({"type": "http.response.start", "status": 200, "headers": list(HEADERS)})
            stream = _Stream(self._streams, stream_pass, scope)
            async with trio.open_nursery() as nursery:

                async def until_one_ends(part: Callable[[], Awaitable[None]]) -> None:
                    try:
                        await part()
                    except (trio.BrokenResourceError, trio.ClosedResourceError):
                        pass  # the client is gone
                    nursery.cancel_scope.cancel()

                async def until_the_client_leaves() -> None:
                    while (await receive())["type"] != "http.disconnect":
                        pass  # a body that nobody asked for

                nursery.start_soon(until_one_ends, until_the_client_leaves)
                nursery.start_soon(until_one_ends, stream.keep_alive)
                await until_one_ends(partial(stream.pump, following))
        # Returning without a last chunk cuts the connection: after a clean end some clients never come back.


class _Stream:
    """One open stream: what comes is pumped to the client, silence is filled with comments."""

    def __init__(self, streams: Streams, stream_pass: StreamPass, scope: Scope) -> None:
        self._streams, self._pass = streams, stream_pass
        self._wire: Wire = scope["state"]["wire"]
        self._chunked = scope["http_version"] != "1.0"
        self._written_at = trio.current_time()

    async def pump(self, following: Following) -> None:
        """Write batches until the event log is closed or the token is void.

        This loop is what many clients cost. It has no deadline of its own, because a cancel scope for each wake-up
        would be a third of it: `keep_alive` watches the clock.
        """
        encode, frame = (_encode_chunk, _chunk) if self._chunked else (_encode, bytes)
        kind = "chunk" if self._chunked else "plain"
        shared, wire, stream_pass = self._streams.sse, self._wire, self._pass
        await wire.send_all(frame(OK))
        if not stream_pass.valid():  # to begin, and to send the first bytes, may have taken a while
            return
        if following.replay.events or following.replay.lost:
            await wire.send_all(encode(following.replay))
        async for batch in following.live:
            if not stream_pass.valid():
                return
            self._written_at = trio.current_time()
            await wire.send_all(shared.bytes_of(batch, kind, encode))

    async def keep_alive(self) -> None:
        """Write a comment after each `KEEPALIVE_S` of silence; end at shutdown or when the token has expired."""
        stopping = self._streams.stopping
        while True:
            with trio.move_on_at(self._written_at + KEEPALIVE_S):
                await stopping.wait()
                return
            if trio.current_time() < self._written_at + KEEPALIVE_S:
                continue  # something was written meanwhile
            if not self._pass.valid(again=True):
                return
            self._written_at = trio.current_time()
            await self._wire.send_all(_chunk(KEEPALIVE) if self._chunked else KEEPALIVE)
