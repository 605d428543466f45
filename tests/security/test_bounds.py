"""Nothing that a client sends, or does not send, ends the daemon or holds it.

Source: PROTOCOL.md, Connections and limits.
"""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import trio
import trio.testing

from ctm_trio.model.prompt_steps import MAX_BYTES
from ctm_trio.web import body, wire
from ctm_trio.web.hypercorn_adapter import connection
from tests.contract.conftest import TOKEN, Site, open_site
from tests.security.malformed import UPGRADE, cases


async def alive(site: Site) -> None:
    """The server answers."""
    async with site.client() as client:
        assert (await client.get("/healthz")).status_code == 200
        assert (await client.get("/api/bootstrap")).status_code == 200


async def test_malformed_requests(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Hundreds of malformed requests, side by side: answered or cut, never a 500, never the end of anything."""
    monkeypatch.setattr(connection, "HEAD_TIMEOUT_S", 0.5)
    monkeypatch.setattr(connection, "KEEP_ALIVE_S", 0.5)
    requests = cases(site.port)
    assert len(requests) > 97
    limit = trio.CapacityLimiter(32)

    async def one(request: bytes) -> None:
        async with limit:
            answer = await site.raw(request, limit_s=3)
        assert answer == b"" or answer.startswith(b"HTTP/1.1 "), (request[:200], answer[:200])
        assert b"Traceback" not in answer
        assert not answer.startswith(b"HTTP/1.1 500"), request[:200]

    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            for request in requests:
                nursery.start_soon(one, request)
    await alive(site)
    bugs = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert not bugs


async def test_http2_is_not_spoken(site: Site) -> None:
    """HTTP/2 with prior knowledge is 505; an offer to upgrade is answered in HTTP/1.1."""
    answer = await site.raw(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")
    assert answer.startswith(b"HTTP/1.1 505 ")
    head = f"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\nConnection: Upgrade, HTTP2-Settings, close\r\n"
    answer = await site.raw(f"{head}Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 200 ")


def escaped(text: str) -> str:
    """As JSON may have it: an escape for every 16 bits."""
    units = text.encode("utf-16-be")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


@pytest.mark.parametrize("char", ["A", "\t", "é", "語", "😀"])
async def test_the_longest_text_with_all_of_it_escaped(site: Site, char: str) -> None:
    """It is read as a prompt, and as a first prompt, and one byte more is said to be too long for a prompt."""
    longest = MAX_BYTES // len(char.encode())
    text, key, workdir = escaped(char * longest), escaped("😀" * 128), escaped("no-such-directory".ljust(4096, "x"))
    async with site.client() as client:

        async def post(path: str, sent: str) -> tuple[int, str]:
            answer = await client.post(path, content=sent.encode(), headers={"Origin": site.origin})
            return answer.status_code, answer.json()["error"]

        prompt = f'{{"key":"{key}","text":"%s"}}'
        blank = char == "\t"
        expected = (400, "invalid_text") if blank else (404, "session_not_found")
        assert await post("/api/sessions/nobody/prompt", prompt % text) == expected
        more = text + escaped("A" * (MAX_BYTES % len(char.encode()) + 1))
        assert await post("/api/sessions/nobody/prompt", prompt % more) == (400, "invalid_text")
        new = f'{{"workdir":"{workdir}","initial_prompt":"{text}"}}'
        assert await post("/api/sessions", new) == (400, "workdir_not_absolute")


@pytest.mark.parametrize("announced", [True, False])
async def test_oversized_uploads(site: Site, announced: bool) -> None:
    """A body past the route's bound is 413 as JSON, whether its length was announced or not, on every route."""
    size = 3_000_000
    for path in ("/api/auth/login", "/api/auth/signup", "/api/hooks/on_yolo", "/api/sessions", "/api/config", "/x"):
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\nOrigin: {site.origin}\r\n"
        head += f"Authorization: Bearer {TOKEN}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        if announced:
            request = f"{head}Content-Length: {size}\r\n\r\n".encode() + b"x" * size
        else:
            request = f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + b"ffff\r\n" + b"x" * 0xFFFF + b"\r\n"
            request += (b"ffff\r\n" + b"x" * 0xFFFF + b"\r\n") * 40
        answer = await site.raw(request)
        status = answer.split(b" ")[1:2]
        # Reset while we still wrote is fine too; what must not be is that it was taken.
        assert status in ([], [b"413"], [b"405"], [b"400"]), (path, answer[:300])
        if announced and status:
            assert b'"too_large"' in answer
    await alive(site)


async def test_slow_headers(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Headers that do not come to an end in time are cut: nothing at all, half a line, one byte now and then."""
    monkeypatch.setattr(connection, "HEAD_TIMEOUT_S", 0.2)
    for begin in (b"", b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "):
        with trio.fail_after(10):
            answer = await site.raw(begin)
        assert answer == b"" or answer.startswith(b"HTTP/1.1 408 ")

    async def drip(stream: trio.SocketStream) -> None:
        while True:
            await stream.send_all(b"X")
            await trio.sleep(0.01)

    async with await trio.open_tcp_stream("127.0.0.1", site.port) as stream:
        with trio.fail_after(10), pytest.raises(trio.BrokenResourceError):
            await drip(stream)


async def test_keep_alive_ends(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that waits for its next request is closed after a while; until then it serves many."""
    monkeypatch.setattr(connection, "KEEP_ALIVE_S", 0.3)
    request = f"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\n\r\n".encode()
    with trio.fail_after(10):
        answer = await site.raw(request * 3)
    assert answer.count(b"HTTP/1.1 200") == 3


async def test_keep_alive_does_not_end_before(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many requests a connection has had: a script that asks on would find it closed."""
    monkeypatch.setattr(connection, "KEEP_ALIVE_S", 0.3)
    request = f"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\n\r\n".encode()
    answer = await site.raw(request * 1100)
    assert (answer.count(b"HTTP/1.1 200"), b"connection: close" in answer.lower()) == (1100, False)


async def test_slow_body(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body that never comes to its end is 408."""
    monkeypatch.setattr(body, "BODY_TIMEOUT_S", 0.2)
    head = f"POST /api/auth/login HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\nOrigin: {site.origin}\r\n"
    with trio.fail_after(10):
        answer = await site.raw(f"{head}Content-Length: 100\r\n\r\n{{".encode())
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"request_timeout"' in answer


async def test_too_many_connections(tmp_path: Path) -> None:
    """Past the bound on connections in use the next one is told 503, and there is room again when one leaves."""
    async with open_site(tmp_path, max_connections=3) as site:
        held = [await trio.open_tcp_stream("127.0.0.1", site.port) for _ in range(3)]
        head = f"GET /events/all HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
        for stream in held:
            await stream.send_all(head.encode())
        await site.subscribers(3)
        answer = await site.raw(b"")
        assert answer.startswith(b"HTTP/1.1 503 ")
        for stream in held:
            await stream.aclose()
        with trio.fail_after(10):
            while True:
                request = f"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\nConnection: close\r\n\r\n"
                if (await site.raw(request.encode())).startswith(b"HTTP/1.1 200"):
                    break


@pytest.mark.parametrize("kind", ["sse", "ws"])
async def test_stuck_reader(tmp_path: Path, kind: str) -> None:
    """A client that does not read is cut when its time is up; one beside it gets everything meanwhile."""
    assert wire.SEND_TIMEOUT_S == 30
    async with open_site(tmp_path, send_timeout_s=0.5) as site:
        path = "/events/all" if kind == "sse" else "/ws?session=alpha"
        head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\nAuthorization: Bearer {TOKEN}\r\n"
        request = head.encode() + (UPGRADE if kind == "ws" else b"") + b"\r\n"
        async with await trio.open_tcp_stream("127.0.0.1", site.port) as stuck:
            await stuck.send_all(request)
            await site.subscribers(1)
            with trio.fail_after(10):
                while site.journal.events.readers():
                    await site.publish("x" * 1_000_000)
                    await alive(site)


async def test_stuck_reader_at_shutdown(tmp_path: Path) -> None:
    """A client in the middle of a blocked write does not hold the shutdown."""
    async with open_site(tmp_path) as site:
        head = f"GET /events/all HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
        async with await trio.open_tcp_stream("127.0.0.1", site.port) as stuck:
            await stuck.send_all(head.encode())
            await site.subscribers(1)
            for _ in range(20):
                await site.publish("x" * 1_000_000)
            site.stop.set()
            with trio.fail_after(10):
                await site.stopped.wait()


async def test_answer_before_the_body(site: Site) -> None:
    """An answer that is ready before its request's body has come leaves the connection usable, or says that it ends."""
    head = f"POST /api/sessions/x/kill HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\nContent-Length: 10\r\n\r\n".encode()
    after = f"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\nConnection: close\r\n\r\n".encode()
    for pieces in ((head, b"0123456789" + after), (head + b"01234", b"56789", after)):
        async with await trio.open_tcp_stream("127.0.0.1", site.port) as stream:
            for piece in pieces:
                await stream.send_all(piece)
                await trio.testing.wait_all_tasks_blocked(0.02)
            with trio.fail_after(10):
                answer = b"".join([chunk async for chunk in stream])
        assert answer.count(b"HTTP/1.1 401") == 1
        assert answer.count(b"HTTP/1.1 200") == 1
    with trio.fail_after(10):
        answer = await site.raw(head + b"01234")  # the rest never comes
    assert answer.startswith(b"HTTP/1.1 401")
    assert b"connection: close" in answer.lower()
