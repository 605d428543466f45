"""HTTP/1.1 as Hypercorn serves it, without HTTP/2 and without what a malformed request can do to it."""

from __future__ import annotations

from typing import cast

import h11
import trio
from hypercorn.protocol.events import Request
from hypercorn.protocol.h11 import STREAM_ID as STREAM
from hypercorn.protocol.h11 import H11Protocol, H11WSConnection
from hypercorn.typing import H11SendableEvent

from ctm_trio.web.hypercorn_adapter.websocket import WebSocket
from ctm_trio.web.refused import Refused
from ctm_trio.web.request_head import asks_for_websocket, check_handshake, check_head, head_too_large


class Http1(H11Protocol):
    """HTTP/1.1 and WebSocket only; what Hypercorn would stumble over is refused here."""

    async def _check_protocol(self, event: h11.Request) -> None:
        # An offer to upgrade to HTTP/2 is not taken: the answer simply comes in HTTP/1.1, as RFC 9110 allows.
        # h11 bounds what is incomplete; a head that came whole in two reads may be twice as long.
        check_head(event.http_version, event.target, event.headers)

    async def _create_stream(self, request: h11.Request) -> None:
        if not asks_for_websocket(request.headers):
            await super()._create_stream(request)
            return
        # Compression is not offered: it costs 200 KiB a client, and shared frames could not be written as they are.
        headers = [(name, value) for name, value in request.headers if name != b"sec-websocket-extensions"]
        check_handshake(request.method, request.http_version, headers)
        stream = WebSocket(
            self.app,
            self.config,
            self.context,
            self.task_group,
            False,
            self.client,
            self.server,
            self.stream_send,
            STREAM,
        )
        self.stream = stream
        self.connection = H11WSConnection(cast(h11.Connection, self.connection))
        await stream.handle(
            Request(
                stream_id=STREAM,
                headers=headers,
                http_version="1.1",
                method="GET",
                raw_path=request.target,
                state=self.connection_state,
            )
        )
        self.keep_alive_requests += 1

    async def _send_error_response(self, status_code: int) -> None:
        if status_code == 431:
            raise head_too_large()
        if status_code == 501:  # as RFC 9112, 6.1 has it
            raise Refused(501, "not_implemented", "The only transfer coding of a request is a single chunked.")
        raise Refused(400, "bad_request", "The request is not valid HTTP.")

    async def _send_h11_event(self, event: H11SendableEvent) -> None:
        try:
            await super()._send_h11_event(event)
        except h11.LocalProtocolError as error:
            raise trio.BrokenResourceError("the connection is past that point") from error
