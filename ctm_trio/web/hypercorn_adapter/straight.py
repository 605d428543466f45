"""Straight to the client: what is written to a connection past Hypercorn.

What many clients get is encoded once, down to the chunk of HTTP or the frame of a WebSocket, and a wake-up costs one
system call. Hypercorn sends the head and, where there is a clean end, the last chunk; in between it knows of nothing.
"""

from __future__ import annotations

from ctm_trio.web.asgi import Headers, Scope, Send
from ctm_trio.web.wire import Wire


def wire_of(scope: Scope) -> Wire:
    """The connection that a request came over."""
    wire: Wire = scope["state"]["wire"]
    return wire


def chunk(data: bytes) -> bytes:
    """A chunk of HTTP/1.1. Source: RFC 9112, 7.1."""
    return b"%x\r\n%b\r\n" % (len(data), data)


class StraightAnswer:
    """An answer of unknown length.

    If the app returns without `end`, the connection is cut: the client can tell that this was not the end.

    Attributes:
        wire: of the connection, for data that has been `framed` before.
        chunked: whether what is written must be in chunks; a client of HTTP/1.0 reads until the end.
    """

    def __init__(self, scope: Scope, send: Send) -> None:
        self.wire = wire_of(scope)
        self.chunked = scope["http_version"] != "1.0"
        self._send = send

    async def begin(self, headers: Headers) -> None:
        """Send the head; it is on its way to the client when this returns."""
        await self._send({"type": "http.response.start", "status": 200, "headers": list(headers)})

    def framed(self, data: bytes) -> bytes:
        """The bytes to write for some data."""
        return chunk(data) if self.chunked else data

    async def write(self, data: bytes) -> None:
        """Write data.

        Raises:
            trio.BrokenResourceError, trio.ClosedResourceError: the client is gone, or does not read.
        """
        await self.wire.send_all(self.framed(data))

    async def end(self) -> None:
        """Tell the client that this was all."""
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})
