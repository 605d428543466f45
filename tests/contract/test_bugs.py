"""A bug outside of the framework is answered like one inside: JSON with the log's id. Source: PROTOCOL.md, Errors."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from ctm_trio.web import app, early
from ctm_trio.web.asgi import Receive, Scope, Send
from ctm_trio.web.harden import harden
from ctm_trio.web.origin import Gate
from ctm_trio.web.pane import PaneEndpoint
from ctm_trio.web.sse import _Stream
from ctm_trio.web.streams import Streams
from tests.contract.conftest import TOKEN, Site, open_site
from tests.contract.test_sse import stream
from tests.contract.test_ws import connect, handshake
from tests.fakes.journal import NoticedTail


def broken(*_: object, **__: object) -> Any:
    """A bug."""
    raise KeyError("a bug")


async def broken_later(*_: object, **__: object) -> Any:
    """A bug in a coroutine."""
    await trio.lowlevel.checkpoint()
    broken()


def is_told(answer: httpx.Response, caplog: pytest.LogCaptureFixture) -> None:
    """The answer names what the log has, and no more; it has the headers of every answer."""
    assert answer.status_code == 500
    body = answer.json()
    assert (body["error"], set(body)) == ("internal", {"error", "message", "id"})
    assert "a bug" not in answer.text
    assert [r for r in caplog.records if r.levelno == logging.ERROR and body["id"] in r.getMessage() and r.exc_info]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert int(answer.headers["X-Ctm-Time"]) > 0
    assert answer.headers["Cache-Control"] == "no-store"


def whole(data: bytes) -> httpx.Response:
    """An answer as it came over the wire."""
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    pairs = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines[1:])]
    return httpx.Response(int(lines[0].split(" ")[1]), headers=pairs, content=body)


@pytest.mark.parametrize(
    ("path", "where", "name"),
    [
        ("/events/all", NoticedTail, "follow"),
        ("/events/session/alpha/pane", PaneEndpoint, "_watch"),
        ("/index.html", app, "asset_answer"),
    ],
)
async def test_outside_of_the_framework(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, path: str, where: object, name: str
) -> None:
    """Streams, panes and the dashboard's files are served beside Quart."""
    monkeypatch.setattr(where, name, broken)
    async with site.client() as client:
        is_told(await client.get(path), caplog)
        assert (await client.get("/healthz")).status_code == 200


async def test_before_the_owners_have_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The first app of all is no exception; a HEAD gets the same without a body."""
    monkeypatch.setattr(early, "alive", broken)
    async with open_site(tmp_path, ready=trio.sleep_forever) as site, site.client() as client:
        is_told(await client.get("/healthz"), caplog)
        head = await client.head("/healthz")
        assert (head.status_code, head.content) == (500, b"")


async def test_a_body_that_nobody_reads(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The answer does not wait for a body that is still to come, and closes the connection."""
    monkeypatch.setattr(Gate, "host_ok", broken)
    request = f"POST /api/auth/login HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\nContent-Length: 100\r\n\r\n{{"
    answer = whole(await site.raw(request.encode()))
    is_told(answer, caplog)
    assert answer.headers["Connection"] == "close"


async def test_a_handshake(site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """A WebSocket is answered before the upgrade."""
    monkeypatch.setattr(Streams, "admit", broken)
    is_told(whole(await site.raw(handshake(site, f"Authorization: Bearer {TOKEN}"))), caplog)


async def test_an_open_socket(site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """After the upgrade it is closed with 1011, and the log has an id."""
    monkeypatch.setattr(NoticedTail, "follow", broken)
    async with connect(site) as socket:
        await socket.send({"op": "subscribe", "id": "a"})
        assert await socket.close_code() == 1011
    assert [r for r in caplog.records if "internal error" in r.getMessage() and r.exc_info]


async def test_an_answer_that_has_begun(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """There is no second answer in it: the connection is cut, without the last chunk of a clean end."""
    monkeypatch.setattr(_Stream, "pump", broken_later)
    async with stream(site) as reader:
        assert reader.head.startswith(b"HTTP/1.1 200")
        assert await reader.ended() == b""
    assert [r for r in caplog.records if "internal error" in r.getMessage() and r.exc_info]


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize(
    "error", [trio.BrokenResourceError(), ExceptionGroup("", [trio.ClosedResourceError(), trio.BrokenResourceError()])]
)
async def test_a_client_that_is_gone_is_no_bug(kind: str, error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    """What says that nobody listens any more passes through, and so does a cancellation: neither is answered."""

    async def leaves(scope: Scope, receive: Receive, send: Send) -> None:
        await trio.lowlevel.checkpoint()
        raise error

    async def waits(scope: Scope, receive: Receive, send: Send) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)

    scope = {"type": kind, "method": "GET", "path": "/", "headers": []}
    with pytest.raises(type(error)):
        await harden(leaves)(scope, broken_later, broken_later)
    with trio.CancelScope() as cancelled:
        cancelled.cancel()
        await harden(waits)(scope, broken_later, broken_later)
    assert cancelled.cancelled_caught
    assert not caplog.records
