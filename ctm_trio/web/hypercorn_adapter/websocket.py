"""A WebSocket as Hypercorn serves it, without what would lose a client's bytes or keep a connection open."""

from __future__ import annotations

from typing import Any

import trio
from hypercorn.protocol.events import Data, StreamClosed
from hypercorn.protocol.events import Event as StreamEvent
from hypercorn.protocol.ws_stream import ASGIWebsocketState, WSStream
from hypercorn.typing import ASGISendEvent
from wsproto.events import CloseConnection
from wsproto.events import Event as WsEvent
from wsproto.frame_protocol import CloseReason


class WebSocket(WSStream):
    """Hypercorn's, but a message that is too big ends the connection, whatever the client does next.

    And what a client sends together with its handshake waits for the app's answer; Hypercorn would answer it with 400,
    and the handshake after that. Meanwhile nothing more is read.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._answered = trio.Event()

    async def handle(self, event: StreamEvent) -> None:
        """Take what the client sends, but no frame before the handshake was answered."""
        if isinstance(event, Data) and not self.closed:
            await self._answered.wait()
            if not self.handshake.accepted:
                return
        elif isinstance(event, StreamClosed):
            self._answered.set()
        await super().handle(event)

    async def app_send(self, message: ASGISendEvent | None) -> None:
        """Take what the app sends; its first answer lets the client's frames in."""
        try:
            await super().app_send(message)
        finally:
            if self.state is not ASGIWebsocketState.HANDSHAKE:
                self._answered.set()

    async def _send_wsproto_event(self, event: WsEvent) -> None:
        await super()._send_wsproto_event(event)
        if isinstance(event, CloseConnection) and event.code == CloseReason.MESSAGE_TOO_BIG:
            await self.send(StreamClosed(stream_id=self.stream_id))
