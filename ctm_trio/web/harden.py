"""The outermost ASGI layer: what holds for every request, whatever the framework does.

Bodies are bounded (`body.py`), every answer has safe headers and the time, every shield has a deadline, and every bug
is answered, also those outside of the framework.

`X-Ctm-Time` is our clock in unix milliseconds: what a page shows happened here, whatever its own clock says.
"""

from __future__ import annotations

import logging
import time

import trio

from ctm_trio.web.answers import Answer, http_answer, internal_answer, report_bug
from ctm_trio.web.asgi import CLOSE, AsgiApp, Headers, Message, Receive, Scope, Send, refuse_socket
from ctm_trio.web.body import Body, announced_length, body_limit, body_time
from ctm_trio.web.hypercorn_adapter.finish import answer_early, send_last

log = logging.getLogger("ctm.http")

INTERNAL_ERROR = 1011
"""How a WebSocket is closed after a bug. Source: RFC 6455, 7.4.1."""

CLIENT_GONE = (trio.BrokenResourceError, trio.ClosedResourceError)
"""What an app may raise without a bug: nobody is there to be answered."""

SAFE_HEADERS = ((b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer"))
"""On every answer. Source: PROTOCOL.md, Origins and hosts."""


def _told() -> Headers:
    """The headers of every answer."""
    return (*SAFE_HEADERS, (b"x-ctm-time", b"%d" % (time.time_ns() // 1_000_000)))


def _is_bug(error: Exception) -> bool:
    if isinstance(error, ExceptionGroup):
        return error.split(CLIENT_GONE)[1] is not None
    return not isinstance(error, CLIENT_GONE)


def harden(app: AsgiApp) -> AsgiApp:
    """Wrap an ASGI app: see the module. A body that is too long is answered 413, one that is too slow 408."""

    async def http(scope: Scope, receive: Receive, send: Send) -> None:
        limit = body_limit(scope["path"])
        started = ours = False

        async def safe_send(message: Message) -> None:
            nonlocal started
            if body.refused and not started and not ours:
                return  # the app takes it for a client that has gone; ours says what was wrong
            if message["type"] == "http.response.start":
                settled = await body.settled()
                started = True
                message["headers"] = [*message.get("headers", ()), *_told(), *(() if settled else CLOSE)]
            if message["type"] == "http.response.body" and not message.get("more_body"):
                await send_last(send, message)
            else:
                await send(message)

        length = announced_length(scope)
        body = Body(receive, limit, body_time(scope["path"]), expected=length != 0)
        if length is not None and length > limit:
            body.refused, ours = 413, True
            await answer_early(receive, safe_send, http_answer(413))
            return
        failed: Answer | None = None
        try:
            await app(scope, body.receive, safe_send)
        except Exception as error:
            if _is_bug(error):
                failed = internal_answer(report_bug(log, error, f"{scope['method']} {scope['path']}"))
                body.refused = body.refused or 500  # what is left of it is not waited for
            elif started or not body.refused:
                raise
        if body.refused and not started:
            ours = True
            await answer_early(receive, safe_send, failed or http_answer(body.refused))
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
