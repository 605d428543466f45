"""What we make of Hypercorn, with apps of a few lines behind it. `ctm_trio.web.hypercorn_adapter` lists it all."""

from __future__ import annotations

import ast
import logging
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

import ctm_trio.web.hypercorn_adapter
from ctm_trio.web.accept import serve_connections
from ctm_trio.web.asgi import AsgiApp, Receive, Scope, Send, refuse_socket, send_answer
from ctm_trio.web.hypercorn_adapter import connection
from ctm_trio.web.hypercorn_adapter.finish import answer_early, send_last
from ctm_trio.web.hypercorn_adapter.http1 import Http1
from ctm_trio.web.hypercorn_adapter.straight import StraightAnswer
from ctm_trio.web.request_head import MAX_HEAD_BYTES
from tests.security.malformed import UPGRADE

ROOT = Path(__file__).parents[2]
OK = (200, {"Content-Type": "text/plain"}, b"fine")
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
LONG_S = 1000.0
"""Longer than any test: what waits for it fails."""


@dataclass
class Server:
    """An app that is served."""

    port: int
    stop: trio.Event = field(default_factory=trio.Event)
    stopped: trio.Event = field(default_factory=trio.Event)

    async def connect(self) -> trio.SocketStream:
        """A connection to it."""
        return await trio.open_tcp_stream("127.0.0.1", self.port)

    async def raw(self, *pieces: bytes) -> bytes:
        """Send each piece by itself, and read to the end."""
        async with await self.connect() as stream:
            for piece in pieces:
                await stream.send_all(piece)
            return await until_closed(stream)


async def until_closed(stream: trio.SocketStream) -> bytes:
    """All that comes."""
    with trio.fail_after(20):
        return b"".join([bytes(data) async for data in stream])


async def one_answer(stream: trio.SocketStream, end: bytes) -> bytes:
    """All that comes up to a text."""
    got = b""
    with trio.fail_after(20):
        while end not in got:
            data = await stream.receive_some()
            assert data, got
            got += data
    return got


@asynccontextmanager
async def served(app: AsgiApp, **more: Any) -> AsyncIterator[Server]:
    """Serve an app until the block ends."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        server = Server(sock.getsockname()[1])

        async def serve(*, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
            await serve_connections(app, sock, shutdown=server.stop.wait, task_status=task_status, **more)
            server.stopped.set()

        async with trio.open_nursery() as nursery:
            await nursery.start(serve)
            yield server
            server.stop.set()
            with trio.fail_after(20):
                await server.stopped.wait()


async def fine(scope: Scope, receive: Receive, send: Send) -> None:
    """An app that answers everything."""
    await send_answer(send, OK)


async def accepts(scope: Scope, receive: Receive, send: Send) -> None:
    """An app that takes any WebSocket, and hears its messages until it is gone."""
    while (message := await receive())["type"] != "websocket.disconnect":
        if message["type"] == "websocket.connect":
            await send({"type": "websocket.accept"})


async def test_a_connection_that_crashes_ends_no_other(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A bug on the way of one request is logged with an id; its connection is closed, the others go on."""
    handle: Callable[[Http1, Any], Awaitable[None]] = Http1.handle

    async def breaks(self: Http1, event: Any) -> None:
        if b"/broken" in getattr(event, "data", b""):
            raise KeyError("a bug")
        await handle(self, event)

    monkeypatch.setattr(Http1, "handle", breaks)
    async with served(fine) as server, await server.connect() as other:
        await other.send_all(GET)
        await one_answer(other, b"fine")
        assert await server.raw(GET.replace(b"/", b"/broken", 1)) == b""
        await other.send_all(GET)
        assert b" 200 " in await one_answer(other, b"fine")
    (record,) = [one for one in caplog.records if one.levelno >= logging.ERROR]
    assert re.fullmatch(r"internal error \w+ in connection", record.getMessage())


@pytest.mark.parametrize(
    ("size", "status"), [(MAX_HEAD_BYTES - 1000, 200), (MAX_HEAD_BYTES, 431), (3 * MAX_HEAD_BYTES, 431)]
)
async def test_a_head_that_is_too_large(size: int, status: int) -> None:
    """It is 431 as JSON, whether h11 finds it too long before its end has come or we do so afterwards."""
    async with served(fine) as server:
        answer = await server.raw(GET[:-2] + b"Connection: close\r\nX: %b\r\n\r\n" % (b"x" * size))
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert (b'"headers_too_large"' in answer) == (status == 431)


async def test_a_body_longer_than_announced(caplog: pytest.LogCaptureFixture) -> None:
    """What h11 refuses to send is for the app as if the client was gone: the connection is cut, and nothing logged."""
    raised: list[Exception] = []

    async def too_much(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1")]})
        try:
            await send({"type": "http.response.body", "body": b"abc"})
        except Exception as error:  # noqa: BLE001  # which one it is, is looked at below
            raised.append(error)

    async with served(too_much) as server:
        assert (await server.raw(GET)).partition(b"\r\n\r\n")[2] == b""
        assert (await server.raw(GET)).startswith(b"HTTP/1.1 200 ")
    assert [type(error) for error in raised] == [trio.BrokenResourceError] * 2
    assert not caplog.records


async def test_no_compression() -> None:
    """A client that offers compression is taken without: frames that many share are written as they are."""
    offer = b"Sec-WebSocket-Extensions: permessage-deflate\r\n"
    async with served(accepts) as server, await server.connect() as stream:
        await stream.send_all(b"GET /ws HTTP/1.1\r\nHost: x\r\n" + UPGRADE + offer + b"\r\n")
        head = await one_answer(stream, b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 ")
        assert b"extensions" not in head.lower()


@pytest.mark.parametrize(
    ("spoilt", "status"),
    [
        (UPGRADE.replace(b"13", b"12"), 426),
        (UPGRADE.replace(b"Sec-WebSocket-Version: 13\r\n", b""), 426),
        (UPGRADE.replace(b"Connection: Upgrade", b"Connection: close"), 400),
        (UPGRADE[: UPGRADE.index(b"Sec-WebSocket-Key")], 400),
        (UPGRADE + b"Sec-WebSocket-Protocol: \xff\r\n", 400),
    ],
)
async def test_a_handshake_that_is_none(spoilt: bytes, status: int) -> None:
    """It is answered as JSON, and the app never hears of it."""
    asked = False

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal asked
        asked = True
        await accepts(scope, receive, send)

    async with served(app) as server:
        answer = await server.raw(b"GET /ws HTTP/1.1\r\nHost: x\r\n" + spoilt + b"\r\n")
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert b'{"error":' in answer
    assert not asked


async def test_frames_of_a_handshake_that_was_refused(caplog: pytest.LogCaptureFixture) -> None:
    """They are dropped, also while the app that has refused has something else to do."""
    go = trio.Event()

    async def refuses(scope: Scope, receive: Receive, send: Send) -> None:
        await refuse_socket(send, (403, {}, b"no"))
        await go.wait()

    async with served(refuses) as server, await server.connect() as stream:
        await stream.send_all(b"GET /ws HTTP/1.1\r\nHost: x\r\n" + UPGRADE + b"\r\n\x81\x80\0\0\0\0")
        answer = await one_answer(stream, b"no")
        await trio.testing.wait_all_tasks_blocked()
        go.set()
        answer += await until_closed(stream)
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert answer.endswith(b"no")
    assert not caplog.records


async def test_a_client_that_still_sends_sees_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a refusal what still comes is read and dropped; else the system would reset the answer away."""
    monkeypatch.setattr(connection, "LINGER_S", LONG_S)
    async with served(fine) as server, await server.connect() as stream:
        await stream.send_all(b"nonsense\r\n\r\n")
        answer = await one_answer(stream, b" 400 ")
        for _ in range(100):
            await stream.send_all(b"x" * 65536)
        await stream.send_eof()
        assert b'"bad_request"' in answer + await until_closed(stream)


async def test_idle_connections_do_not_hold_the_stop() -> None:
    """At the stop they are closed at once, whether they have sent a request before or nothing yet."""
    async with served(fine, grace_s=LONG_S) as server, await server.connect() as used, await server.connect() as new:
        await used.send_all(GET)
        await one_answer(used, b"fine")
        server.stop.set()
        assert await until_closed(used) == await until_closed(new) == b""
        with trio.fail_after(20):
            await server.stopped.wait()


async def test_a_request_in_flight_is_answered_at_the_stop() -> None:
    """It gets its answer within the grace, and the connection ends with it; one that never ends is cut."""
    began, go = trio.Event(), trio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/never":
            await trio.sleep_forever()
        began.set()
        await go.wait()
        await send_answer(send, OK)

    async with served(slow, grace_s=LONG_S) as server, await server.connect() as stream:
        await stream.send_all(GET)
        await began.wait()
        server.stop.set()
        await trio.testing.wait_all_tasks_blocked()
        assert not server.stopped.is_set()
        go.set()
        assert (await until_closed(stream)).endswith(b"fine")
    async with served(slow, grace_s=0.0) as server, await server.connect() as stream:
        await stream.send_all(GET.replace(b"/", b"/never", 1))
        server.stop.set()
        with trio.fail_after(20):
            await server.stopped.wait()
        with pytest.raises(trio.BrokenResourceError):
            await until_closed(stream)


async def test_an_app_that_is_cancelled_in_its_last_send() -> None:
    """The connection is made ready for the next request all the same."""

    async def hasty(scope: Scope, receive: Receive, send: Send) -> None:
        with trio.CancelScope() as scope_of_the_app:
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
            scope_of_the_app.cancel()
            await send_last(send, {"type": "http.response.body", "body": b"fine"})

    async with served(hasty) as server, await server.connect() as stream:
        for _ in range(3):
            await stream.send_all(GET)
            await one_answer(stream, b"fine")


async def test_an_answer_before_a_long_body(monkeypatch: pytest.MonkeyPatch) -> None:
    """A body that fills the queue between Hypercorn and the app holds neither the answer nor the end."""
    monkeypatch.setattr(connection, "LINGER_S", LONG_S)
    full = trio.Event()

    async def early(scope: Scope, receive: Receive, send: Send) -> None:
        await full.wait()
        await answer_early(receive, send, OK)

    async def upload(stream: trio.SocketStream) -> None:
        await stream.send_all(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 20000000\r\n\r\n" + bytes(8_000_000))
        await stream.send_eof()

    async with served(early) as server, await server.connect() as stream, trio.open_nursery() as nursery:
        nursery.start_soon(upload, stream)
        await trio.testing.wait_all_tasks_blocked(0.05)
        full.set()
        assert (await until_closed(stream)).endswith(b"fine")


@pytest.mark.parametrize(("version", "body"), [(b"1.1", b"5\r\nhello\r\n0\r\n\r\n"), (b"1.0", b"hello")])
async def test_a_straight_answer(version: bytes, body: bytes) -> None:
    """Its head is with the client before more is written; its data are chunks, but for a client of HTTP/1.0."""
    seen = trio.Event()

    async def straight(scope: Scope, receive: Receive, send: Send) -> None:
        answer = StraightAnswer(scope, send)
        await answer.begin(((b"x-first", b"1"),))
        await seen.wait()
        await answer.write(b"hello")
        await answer.end()

    async with served(straight) as server, await server.connect() as stream:
        await stream.send_all(b"GET / HTTP/%b\r\nHost: x\r\nConnection: close\r\n\r\n" % version)
        head = await one_answer(stream, b"\r\n\r\n")
        assert b"x-first: 1" in head
        assert (b"transfer-encoding: chunked" in head.lower()) == (version == b"1.1")
        seen.set()
        assert await until_closed(stream) == body


async def test_a_straight_answer_without_an_end() -> None:
    """If the app just returns, the connection is closed without the chunk that says that this was all."""

    async def cut(scope: Scope, receive: Receive, send: Send) -> None:
        answer = StraightAnswer(scope, send)
        await answer.begin(())
        await answer.write(b"hello")

    async with served(cut) as server:
        assert (await server.raw(GET)).endswith(b"\r\n\r\n5\r\nhello\r\n")


def test_each_deviation_names_its_tests() -> None:
    """The list of the adapter is of points of which each names a test, and all these tests exist."""
    points = re.split(r"\n\* ", ctm_trio.web.hypercorn_adapter.__doc__ or "")[1:]
    assert len(points) > 10
    for point in points:
        named = re.findall(r"`(\w+/\w+\.py)::(\w+)`", re.sub(r"\s+", " ", point))
        assert named, point
        for file, name in named:
            tree = ast.parse((ROOT / "tests" / file).read_text())
            found = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
            assert name in found, f"{file}::{name}"
