"""`/events/session/{name}/pane`: what a session's terminal shows, live. Source: PROTOCOL.md, Pane streams."""

from __future__ import annotations

from urllib.parse import parse_qs

import trio

from ctm_trio.errors.orders import Unavailable
from ctm_trio.errors.sessions import SessionNotFound
from ctm_trio.messages.panes import PaneFrame, WatchPane
from ctm_trio.model.session import is_name, is_new_name
from ctm_trio.web.asgi import Receive, Scope, Send
from ctm_trio.web.event_stream import HEADERS, KEEPALIVE, KEEPALIVE_S, OK, StreamEndpoint, until_one_ends
from ctm_trio.web.hypercorn_adapter.straight import StraightAnswer
from ctm_trio.web.streams import StreamPass, Streams

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

    async def serve(self, stream_pass: StreamPass, scope: Scope, receive: Receive, send: Send) -> None:
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
        with frames:
            await self._watch(WatchPane(name, history, mailbox))
            answer = StraightAnswer(scope, send)
            await answer.begin(HEADERS)
            stream = _PaneStream(frames, stream_pass, answer)
            await until_one_ends(receive, self._streams.stopping.wait, stream.pump)
        if stream.over:
            await answer.end()
        # Otherwise returning without a last chunk cuts the connection, so that the client comes back.

    async def _watch(self, order: WatchPane) -> None:
        try:
            with trio.fail_after(WATCH_LIMIT_S):
                await self._send.send(order)
        except (trio.TooSlowError, trio.BrokenResourceError, trio.ClosedResourceError):
            raise Unavailable("The panes cannot be watched at the moment; try again in a moment.") from None


class _PaneStream:
    """One open stream.

    Attributes:
        over: the pane is gone, and the client was told.
    """

    def __init__(
        self, frames: trio.MemoryReceiveChannel[PaneFrame], stream_pass: StreamPass, answer: StraightAnswer
    ) -> None:
        self._frames, self._pass, self._answer = frames, stream_pass, answer
        self.over = False

    async def pump(self) -> None:
        """Write frames, and comments while there are none, until the pane, the token or the daemon is gone."""
        await self._answer.write(OK)
        while True:
            with trio.move_on_after(KEEPALIVE_S) as silence:
                try:
                    frame = await self._frames.receive()
                except trio.EndOfChannel:
                    return
            if not self._pass.valid(again=silence.cancelled_caught):
                return
            if silence.cancelled_caught:
                await self._answer.write(KEEPALIVE)
                continue
            await self._answer.write(b"event: %b\ndata: %b\n\n" % (b"pane_end" if frame.end else b"pane", frame.data))
            if frame.end:
                self.over = True
                return
