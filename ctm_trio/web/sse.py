"""Server-sent events: `/events/all` and `/events/session/{name}`. Source: PROTOCOL.md, SSE.

A stream is plain ASGI below Quart, and its chunks go straight to the client. The number of writes is what streams cost.
"""

from __future__ import annotations

from functools import partial

import trio

from ctm_trio.journal.view import After, Batch, EventView, Following, Ring, Start
from ctm_trio.model.event import cursor_ns, parse_event_id, sse_frame
from ctm_trio.web.answers import http_answer
from ctm_trio.web.asgi import Receive, Scope, Send, header_of, send_answer
from ctm_trio.web.event_stream import HEADERS, KEEPALIVE, KEEPALIVE_S, OK, StreamEndpoint, until_one_ends
from ctm_trio.web.hypercorn_adapter.straight import StraightAnswer, chunk
from ctm_trio.web.streams import StreamPass, Streams

LOST = b": lost\n\n"

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


def _encode_chunk(batch: Batch) -> bytes:
    return chunk(_encode(batch))


class SseEndpoint(StreamEndpoint):
    """The ASGI app of the event streams."""

    async def serve(self, stream_pass: StreamPass, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream until the client leaves or takes nothing for long, its token is void, or shutdown."""
        name = session_of(scope["path"])
        if name is None:
            await send_answer(send, http_answer(404))
            return
        with self._streams.admit():
            await self._stream(
                name, start_of(header_of(scope, b"last-event-id") or ""), stream_pass, scope, receive, send
            )

    async def _stream(
        self, name: str, start: Start, stream_pass: StreamPass, scope: Scope, receive: Receive, send: Send
    ) -> None:
        view = EventView(frozenset({name}) if name else None)
        async with self._streams.events.follow(view, start) as following:
            answer = StraightAnswer(scope, send)
            await answer.begin(HEADERS)
            stream = _Stream(self._streams, stream_pass, answer)
            await until_one_ends(receive, stream.keep_alive, partial(stream.pump, following))
        # Returning without a last chunk cuts the connection: after a clean end some clients never come back.


class _Stream:
    """One open stream: what comes is pumped to the client, silence is filled with comments."""

    def __init__(self, streams: Streams, stream_pass: StreamPass, answer: StraightAnswer) -> None:
        self._streams, self._pass, self._answer = streams, stream_pass, answer
        self._written_at = trio.current_time()

    async def pump(self, following: Following) -> None:
        """Write batches until the event log is closed or the token is void.

        This loop is what many clients cost. It has no deadline of its own, because a cancel scope for each wake-up
        would be a third of it: `keep_alive` watches the clock.
        """
        kind, encode = ("chunk", _encode_chunk) if self._answer.chunked else ("plain", _encode)
        shared, wire, stream_pass = self._streams.sse, self._answer.wire, self._pass
        await self._answer.write(OK)
        if not stream_pass.valid():  # to begin, and to send the first bytes, may have taken a while
            return
        if following.replay.events or following.replay.lost:
            await wire.send_all(encode(following.replay))
        receive = following.live.receive  # without `async for`, which puts a coroutine of its own round each of them
        while True:
            try:
                batch = await receive()
            except trio.EndOfChannel:
                return
            now = trio.current_time()
            if not stream_pass.valid(now):
                return
            self._written_at = now
            data = shared.bytes_of(batch, kind, encode)
            if (sent := wire.send_nowait(data)) < len(data):
                await wire.send_rest(data, sent)

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
            await self._answer.write(KEEPALIVE)
