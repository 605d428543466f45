"""`/events/session/{name}/pane`: what a session's terminal shows, live. Source: PROTOCOL.md, Pane streams."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qs

import trio

from ctm_trio.errors.orders import Unavailable
from ctm_trio.errors.sessions import SessionNotFound
from ctm_trio.messages.panes import PaneFrame, WatchPane
from ctm_trio.model.session import is_name, is_new_name
from ctm_trio.web.asgi import Receive, Scope, Send
from ctm_trio.web.sse import HEADERS, KEEPALIVE, KEEPALIVE_S, OK
from ctm_trio.web.streams import StreamEndpoint, StreamPass, Streams
from ctm_trio.web.wire import Wire

DEFAULT_HISTORY, MAX_HISTORY = 500, 10_000

WATCH_LIMIT_S = 10.0
"""How long the panes owner may take to accept a watcher before the stream is answered 503."""


def pane_of(path: str) -> str | None:
    """Which session's pane a path is, None if it is none."""
    name = path.removeprefix("/events/session/").removesuffix("/pane")
    return name if path == f"/events/session/{name}/pane" and "/" not in name else None


def history_of(query: str) -> int:
    """Lines above the screen that a query asks for; whatever is not a number from 0 to 10000 means the default."""
    text = parse_qs(query).get("history", [""])[0]
    if not text.isascii() or not text.isdecimal() or len(text) > 5 or int(text) > MAX_HISTORY:
        return DEFAULT_HISTORY
    return int(text)


class PaneEndpoint(StreamEndpoint):
    """The ASGI app of the pane streams.

    Args:
        streams: shared with the event streams.
        panes_send: the panes owner.
    """

    def __init__(self, streams: Streams, panes_send: trio.MemorySendChannel[WatchPane]) -> None:
        super().__init__(streams)
        self._send = panes_send

    async def serve(
        self, headers: Mapping[bytes, str], stream_pass: StreamPass, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Stream until the client leaves, the pane is gone, its token is void, or shutdown."""
        name = pane_of(scope["path"]) or ""
        if not is_name(name) and not is_new_name(name):
            raise SessionNotFound(name)
        with self._streams.admit():
            history = history_of(scope["query_string"].decode("latin-1"))
            await self._stream(name, history, stream_pass, scope, receive, send)

    async def _stream(
        self, name: str, history: int, stream_pass: StreamPass, scope: Scope, receive: Receive, send: Send
    ) -> None:
        mailbox, frames = trio.open_memory_channel[PaneFrame](1)
        ended = False
        with frames:
            await self._watch(WatchPane(name, history, mailbox))
            await send({"type": "http.response.start", "status": 200, "headers": list(HEADERS)})
            async with trio.open_nursery() as nursery:

                async def end_with_client() -> None:
                    while (await receive())["type"] != "http.disconnect":
                        pass  # a body that nobody asked for
                    nursery.cancel_scope.cancel()

                async def end_with_daemon() -> None:
                    await self._streams.stopping.wait()
                    nursery.cancel_scope.cancel()

                nursery.start_soon(end_with_client)
                nursery.start_soon(end_with_daemon)
                try:
                    ended = await self._pump(frames, stream_pass, scope)
                except (trio.BrokenResourceError, trio.ClosedResourceError):
                    pass  # the client is gone
                nursery.cancel_scope.cancel()
        if ended:
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        # Otherwise returning without a last chunk cuts the connection, so that the client comes back.

    async def _pump(self, frames: trio.MemoryReceiveChannel[PaneFrame], stream_pass: StreamPass, scope: Scope) -> bool:
        """Write frames until the pane is gone (True), or the token or the daemon is (False)."""
        wire: Wire = scope["state"]["wire"]
        chunked = scope["http_version"] != "1.0"

        async def write(data: bytes) -> None:
            await wire.send_all(b"%x\r\n%b\r\n" % (len(data), data) if chunked else data)

        await write(OK)
        while True:
            with trio.move_on_after(KEEPALIVE_S) as silence:
                try:
                    frame = await frames.receive()
                except trio.EndOfChannel:
                    return False
            if not stream_pass.valid(again=silence.cancelled_caught):
                return False
            if silence.cancelled_caught:
                await write(KEEPALIVE)
                continue
            await write(b"event: %b\ndata: %b\n\n" % (b"pane_end" if frame.end else b"pane", frame.data))
            if frame.end:
                return True

    async def _watch(self, order: WatchPane) -> None:
        try:
            with trio.fail_after(WATCH_LIMIT_S):
                await self._send.send(order)
        except (trio.TooSlowError, trio.BrokenResourceError, trio.ClosedResourceError):
            raise Unavailable("The panes cannot be watched at the moment; try again in a moment.") from None
