"""How an answer of server-sent events begins and ends, whatever the events are. Source: PROTOCOL.md, SSE."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable

import trio

from ctm_trio.errors.base import CtmError
from ctm_trio.web.answers import answer_of, http_answer
from ctm_trio.web.asgi import Receive, Scope, Send, header_of, send_answer
from ctm_trio.web.auth import bearer
from ctm_trio.web.streams import StreamPass, Streams

KEEPALIVE_S = 15.0
"""Silence after which a comment is sent. Source: PROTOCOL.md, SSE."""

HEADERS = (
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
)
OK, KEEPALIVE = b": ok\n\n", b": keepalive\n\n"


class StreamEndpoint(ABC):
    """An ASGI app whose answer to a GET is a stream of server-sent events.

    Args:
        streams: shared with the WebSockets: they count together, and end together.
    """

    def __init__(self, streams: Streams) -> None:
        self._streams = streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request: `serve` does, if it is a GET with a valid token."""
        try:
            if scope["method"] != "GET":
                status, more, body = http_answer(405)
                await send_answer(send, (status, {**more, "Allow": "GET"}, body))
                return
            stream_pass = self._streams.pass_for(bearer(header_of(scope, b"authorization") or ""))
            await self.serve(stream_pass, scope, receive, send)
        except CtmError as error:
            await send_answer(send, answer_of(error))

    @abstractmethod
    async def serve(self, stream_pass: StreamPass, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream until there is a reason to end.

        Raises:
            CtmError: nothing was sent; it is the answer.
        """


async def until_one_ends(receive: Receive, *parts: Callable[[], Awaitable[object]]) -> None:
    """Run the parts of a stream until the first of them ends, or the client leaves.

    Args:
        receive: of the request.
        parts: each may end because the client is gone. The first one runs in the request's own task, where each step
            goes through all that is round the request; so it should be the one with the least to do.
    """
    async with trio.open_nursery() as nursery:

        async def run(part: Callable[[], Awaitable[object]]) -> None:
            try:
                await part()
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                pass  # the client is gone
            nursery.cancel_scope.cancel()

        async def the_client_leaves() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass  # a body that nobody asked for

        for part in (the_client_leaves, *parts[1:]):
            nursery.start_soon(run, part)
        await run(parts[0])  # a task less for each stream
