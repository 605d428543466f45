"""The outermost ASGI layer: what holds for every request, whatever the framework does.

Bodies are bounded, every answer has safe headers and the time, every shield has a deadline, and every bug is answered,
also those outside of the framework.

`X-Ctm-Time` is our clock in unix milliseconds: what a page shows happened here, whatever its own clock says.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol

import trio

from ctm_trio.web.answers import Answer, http_answer, internal_answer, report_bug

log = logging.getLogger("ctm.http")

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = tuple[tuple[bytes, bytes], ...]


class AsgiApp(Protocol):
    """An ASGI 3 application."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection or request."""


LAST_SEND_S = 2.0
"""The end of an answer is shielded, so that the connection can be used again, but never longer than this."""

DEFAULT_BODY_BYTES = 64 * 1024
"""What a route takes unless the table says otherwise; more is 413."""

BODY_LIMITS: tuple[tuple[str, int], ...] = (
    ("/api/auth/", 8 * 1024),
    ("/api/hooks/", 64 * 1024),
    ("/api/sessions", 16 * 1024),
)
"""Path prefix → bytes. The routes themselves are stricter and say so in their own words."""

BODY_TIMEOUT_S = 15.0
"""For the whole body of a request; nothing we take is large."""

OVERTAKEN_S = 1.0
"""How long an answer waits for the rest of its request's body; then it closes the connection."""

CLOSE = ((b"connection", b"close"),)

INTERNAL_ERROR = 1011
"""How a WebSocket is closed after a bug. Source: RFC 6455, 7.4.1."""

CLIENT_GONE = (trio.BrokenResourceError, trio.ClosedResourceError)
"""What an app may raise without a bug: nobody is there to be answered."""

SAFE_HEADERS = ((b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer"))
"""On every answer. Source: PROTOCOL.md, Origins and hosts."""


def body_limit(path: str) -> int:
    """How many bytes of body a path takes."""
    return next((limit for prefix, limit in BODY_LIMITS if path.startswith(prefix)), DEFAULT_BODY_BYTES)


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


def _told() -> Headers:
    """The headers of every answer."""
    return (*SAFE_HEADERS, (b"x-ctm-time", b"%d" % (time.time_ns() // 1_000_000)))


def _is_bug(error: Exception) -> bool:
    if isinstance(error, ExceptionGroup):
        return error.split(CLIENT_GONE)[1] is not None
    return not isinstance(error, CLIENT_GONE)


class _Body:
    """The request body, counted and timed."""

    def __init__(self, receive: Receive, limit: int, *, expected: bool) -> None:
        self._receive, self._left, self._deadline = receive, limit, trio.current_time() + BODY_TIMEOUT_S
        self.whole = trio.Event()
        """Set once nothing of it is on its way any more."""
        self.refused = 0
        """The status once the body was too long (413) or too slow (408)."""
        if not expected:
            self.whole.set()

    async def receive(self) -> Message:
        """Like ASGI's receive; a body past its bounds looks like a disconnect to the app."""
        if self.whole.is_set():
            return await self._receive()
        with trio.CancelScope(deadline=self._deadline) as scope:
            message = await self._receive()
        if scope.cancelled_caught:
            self.refused = self.refused or 408
            return {"type": "http.disconnect"}
        if message["type"] != "http.request":
            return message
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            self.refused = self.refused or 413
            return {"type": "http.disconnect"}
        if not message.get("more_body", False):
            self.whole.set()
        return message

    async def settled(self) -> bool:
        """Wait a moment for the rest of the body, which somebody else receives. True if there is none any more.

        An answer that overtakes its request's body cannot be followed by another request on the same connection.
        """
        if not self.whole.is_set() and not self.refused:
            with trio.move_on_after(OVERTAKEN_S):
                await self.whole.wait()
        return self.whole.is_set()


def _announced(scope: Scope) -> int:
    """The body's length as the request says it: 0 for none, -1 if it comes in chunks."""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
        if name == b"transfer-encoding":
            return -1
    return 0


async def _refuse_body(receive: Receive, send: Send, answer: Answer) -> None:
    """Answer while the rest of the body is dropped: the queue of body parts has no other reader."""

    async def drop() -> None:
        while (await receive())["type"] == "http.request":
            pass

    with trio.move_on_after(LAST_SEND_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(drop)
            await send_answer(send, answer)
            nursery.cancel_scope.cancel()


def harden(app: AsgiApp) -> AsgiApp:
    """Wrap an ASGI app: see the module. A body that is too long is answered 413, one that is too slow 408."""

    async def http(scope: Scope, receive: Receive, send: Send) -> None:
        limit = body_limit(scope["path"])
        started = False

        async def safe_send(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                settled = await body.settled()
                started = True
                message["headers"] = [*message.get("headers", ()), *_told(), *(() if settled else CLOSE)]
            if message["type"] == "http.response.body" and not message.get("more_body"):
                # Hypercorn recycles the connection inside this call, and Quart cancels itself in the middle of it.
                with trio.move_on_after(LAST_SEND_S, shield=True):
                    await send(message)
            else:
                await send(message)

        length = _announced(scope)
        body = _Body(receive, limit, expected=length != 0)
        if length > limit:
            body.refused = 413
            await _refuse_body(receive, safe_send, http_answer(413))
            return
        failed: Answer | None = None
        try:
            await app(scope, body.receive, safe_send)
        except Exception as error:
            if not _is_bug(error):
                raise
            failed = internal_answer(report_bug(log, error, f"{scope['method']} {scope['path']}"))
            body.refused = body.refused or 500  # what is left of it is not waited for
        if body.refused and not started:
            await _refuse_body(receive, safe_send, failed or http_answer(body.refused))
        # Of an answer that had begun there is no end: the connection is cut.

    async def websocket(scope: Scope, receive: Receive, send: Send) -> None:
        last = ""

        async def safe_send(message: Message) -> None:
            nonlocal last
            last = message["type"]
            if last == "websocket.http.response.start":
                message["headers"] = [*message.get("headers", ()), *_told()]
            await send(message)

        try:
            await app(scope, receive, safe_send)
        except Exception as error:
            if not _is_bug(error):
                raise
            answer = internal_answer(report_bug(log, error, f"WebSocket {scope['path']}"))
            if not last:
                await refuse_socket(safe_send, answer)
            elif last == "websocket.accept":
                await send({"type": "websocket.close", "code": INTERNAL_ERROR})

    async def outer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await http(scope, receive, send)
        elif scope["type"] == "websocket":
            await websocket(scope, receive, send)

    return outer
