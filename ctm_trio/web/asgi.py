"""What ASGI apps are made of: the types, and whole answers without a framework."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol

from ctm_trio.web.answers import Answer

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = tuple[tuple[bytes, bytes], ...]


class AsgiApp(Protocol):
    """An ASGI 3 application."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection or request."""


CLOSE: Headers = ((b"connection", b"close"),)
"""Ends the connection after the answer."""


def header_of(scope: Scope, name: bytes) -> str | None:
    """A header of a request, the first of its name (in lower case); None if it has none."""
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), None)


async def send_answer(send: Send, answer: Answer) -> None:
    """Send a whole answer over plain ASGI."""
    await _send(send, "http", answer)


async def refuse_socket(send: Send, answer: Answer) -> None:
    """Answer a WebSocket's handshake like any other request, instead of accepting it. The connection is closed."""
    await _send(send, "websocket.http", answer, CLOSE)


async def _send(send: Send, kind: str, answer: Answer, more: Headers = ()) -> None:
    status, headers, body = answer
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    raw += [(b"content-length", b"%d" % len(body)), *more]
    await send({"type": f"{kind}.response.start", "status": status, "headers": raw})
    await send({"type": f"{kind}.response.body", "body": body})
