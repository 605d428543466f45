"""The WebSocket, with a client library that is not ours. Source: PROTOCOL.md, WebSocket; Origins and hosts."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing
from trio_websocket import ConnectionClosed, WebSocketConnection, wrap_client_stream

from ctm_trio.web import streams, ws, ws_messages
from tests.contract.conftest import TOKEN, Site, open_site

Json = dict[str, Any]


class Socket:
    """A client: JSON in, JSON out, each wait bounded."""

    def __init__(self, connection: WebSocketConnection) -> None:
        self.connection = connection

    async def send(self, message: object) -> None:
        """Text as it is, anything else as JSON."""
        await self.connection.send_message(message if isinstance(message, str | bytes) else json.dumps(message))

    async def next(self) -> Json:
        """The next message."""
        with trio.fail_after(30):
            found: Json = json.loads(await self.connection.get_message())
            return found

    async def take(self, count: int) -> list[Json]:
        """The next events."""
        events = [await self.next() for _ in range(count)]
        assert {e["op"] for e in events} <= {"event"}, events
        return events

    async def _exhaust(self) -> None:
        try:
            while True:
                await self.connection.get_message()
        except ConnectionClosed:
            pass  # what we wait for

    async def close_code(self) -> int:
        """Read until the server closes."""
        with trio.fail_after(30):
            await self._exhaust()
        assert self.connection.closed is not None
        return int(self.connection.closed.code)


@asynccontextmanager
async def connect(site: Site, query: str = "", *, browser: bool = False) -> AsyncIterator[Socket]:
    """Open a WebSocket and take the hello."""
    headers = [] if browser else [(b"Authorization", f"Bearer {TOKEN}".encode())]
    offered = ["ctm.v1", f"ctm.bearer.{TOKEN}"] if browser else ["ctm.v1"]
    # The stream is ours: the library leaves it open when the server closes first.
    async with await trio.open_tcp_stream("127.0.0.1", site.port) as stream, trio.open_nursery() as nursery:
        connection = await wrap_client_stream(
            nursery, stream, f"127.0.0.1:{site.port}", f"/ws{query}", subprotocols=offered, extra_headers=headers
        )
        socket = Socket(connection)
        assert await socket.next() == {"op": "hello", "version": "9.9.9", "protocol": "ctm.v1"}
        assert connection.subprotocol == "ctm.v1"
        yield socket
        await connection.aclose()
        nursery.cancel_scope.cancel()


async def test_hello_both_ways(site: Site) -> None:
    """A header or a subprotocol carries the token; the protocol chosen is ours."""
    async with connect(site), connect(site, browser=True):
        pass


def handshake(site: Site, *lines: str, path: str = "/ws") -> bytes:
    """A handshake with these header lines more."""
    head = [
        f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{site.port}", "Connection: Upgrade", "Upgrade: websocket",
        "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", *lines, "", "",
    ]  # fmt: skip
    return "\r\n".join(head).encode()


async def refusal(site: Site, *lines: str, path: str = "/ws") -> tuple[int, Json]:
    """Status and body of such a handshake, without the client library, which leaks a refused socket."""
    answer = await site.raw(handshake(site, *lines, path=path))
    top, _, body = answer.partition(b"\r\n\r\n")
    return int(top.split(b" ")[1]), json.loads(body)


def masked(op: int, data: bytes) -> bytes:
    """A short frame of a client. The mask is zero, which leaves the data as they are."""
    return bytes([0x80 | op, 0x80 | len(data)]) + bytes(4) + data


@pytest.mark.parametrize("pings", [1, 200])
async def test_frames_that_come_with_the_handshake(site: Site, pings: int) -> None:
    """They wait for its answer, and are answered after it: one status line, the hello, and all that was asked."""
    hello = ws_messages.message_frame({"op": "hello", "version": "9.9.9", "protocol": "ctm.v1"})
    expected = hello + ws_messages.message_frame({"op": "pong"}) * pings
    answer = b""
    async with await trio.open_tcp_stream("127.0.0.1", site.port) as stream:
        await stream.send_all(handshake(site, f"Authorization: Bearer {TOKEN}") + masked(1, b'{"op":"ping"}') * pings)
        with trio.fail_after(30):
            while len(answer.partition(b"\r\n\r\n")[2]) < len(expected):
                chunk = await stream.receive_some()
                assert chunk, answer
                answer += bytes(chunk)
    head, _, rest = answer.partition(b"\r\n\r\n")
    assert (head.split(b" ")[1], rest) == (b"101", expected)


async def test_frames_that_come_with_a_handshake_that_is_refused(site: Site) -> None:
    """They are dropped: the refusal is all there is."""
    answer = await site.raw(handshake(site) + masked(1, b'{"op":"ping"}'))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert (head.split(b" ")[1], json.loads(body)["error"]) == (b"401", "missing_token")


@pytest.mark.parametrize(
    ("lines", "status", "code"),
    [
        ([], 401, "missing_token"),
        (["Sec-WebSocket-Protocol: ctm.v1, ctm.bearer.wrong"], 401, "invalid_token"),
        (["Authorization: Bearer wrong"], 401, "invalid_token"),
        ([f"Authorization: Bearer {TOKEN}", "Origin: null"], 403, "forbidden_origin"),
        (["Origin: http://evil.example"], 403, "forbidden_origin"),
    ],
)
async def test_refused(site: Site, lines: list[str], status: int, code: str) -> None:
    """A bad token or Origin is answered before the upgrade, with JSON; a token in the URL is none."""
    got, body = await refusal(site, *lines, path=f"/ws?token={TOKEN}")
    assert (got, body["error"]) == (status, code)


async def test_subscriptions(site: Site) -> None:
    """Replay since an id, live events, several subscriptions with filters, unsubscribe."""
    await site.publish("one", "two", "three")
    async with connect(site) as socket:
        await socket.send({"op": "subscribe", "id": "a"})
        assert await socket.next() == {"op": "subscribed", "id": "a", "replayed": 3, "lost": False}
        events = await socket.take(3)
        assert [e["payload"]["input"] for e in events] == ["one", "two", "three"]
        assert set(events[0]) == {"op", "sub", "id", "type", "session", "ts", "payload"}
        await socket.send({"op": "subscribe", "id": "b", "sessions": ["beta"], "since": events[2]["id"]})
        assert await socket.next() == {"op": "subscribed", "id": "b", "replayed": 0, "lost": False}
        await site.publish("four", session="beta")
        both = sorted(await socket.take(2), key=lambda e: str(e["sub"]))
        assert [(e["sub"], e["payload"]["input"]) for e in both] == [("a", "four"), ("b", "four")]
        await socket.send({"op": "unsubscribe", "id": "a"})
        await socket.send({"op": "ping"})
        assert await socket.next() == {"op": "pong"}
        await site.publish("five", session="beta")
        assert [e["sub"] for e in await socket.take(1)] == ["b"]


def error_of(answer: dict[str, Any]) -> tuple[str | None, str]:
    """The subscription and the code of an error."""
    assert answer["op"] == "error"
    return answer.get("sub"), answer["code"]


async def test_url(site: Site) -> None:
    """The URL subscribes at once under the empty id; an old cursor is told as lost."""
    await site.publish("one", "two")
    async with connect(site, "?session=alpha,beta&types=tool_call&since=1000000000-0") as socket:
        assert await socket.next() == {"op": "subscribed", "id": "", "replayed": 2, "lost": True}
        assert [e["sub"] for e in await socket.take(2)] == ["", ""]
    async with connect(site, "?since=garbage") as socket:
        assert error_of(await socket.next()) == ("", "bad_since")
    async with connect(site, "?types=" + "a," * 1001) as socket:
        assert error_of(await socket.next()) == ("", "too_many_names")


async def test_bad_messages(site: Site) -> None:
    """Whatever is no message of ours is an error, and the connection stays."""
    bad: list[object] = [
        "no json", "[]", "7", "null", "[" * 20_000, b"bytes", {"op": "dance"}, {"no": "op"}, {"op": "subscribe"},
        {"op": "subscribe", "id": "x", "since": 5}, {"op": "subscribe", "id": "x", "types": "tool_call"},
        {"op": "subscribe", "id": "x", "since": "nope"}, {"op": "subscribe", "id": "x" * 300},
        {"op": "unsubscribe", "id": "never"},
    ]  # fmt: skip
    async with connect(site) as socket:
        for message in bad:
            await socket.send(message)
            answer = await socket.next()
            assert (answer["op"], bool(answer["code"]), bool(answer["message"])) == ("error", True, True), message
        await socket.send({"op": "ping"})
        assert await socket.next() == {"op": "pong"}


@pytest.mark.parametrize(
    ("message", "sub", "code"),
    [
        ({"op": "subscribe", "id": "x", "since": "nope"}, "x", "bad_since"),
        ({"op": "subscribe", "id": "x", "types": ["a"] * 1001}, "x", "too_many_names"),
        ({"op": "unsubscribe", "id": "never"}, "never", "unknown_id"),
        ({"op": "dance"}, None, "unknown_op"),
        ({"op": "subscribe", "id": "x" * 300}, None, "bad_id"),
    ],
)
async def test_errors_name_their_subscription(
    site: Site, message: dict[str, object], sub: str | None, code: str
) -> None:
    """With many subscriptions on one connection a client must know which one an error is about."""
    async with connect(site) as socket:
        await socket.send(message)
        assert error_of(await socket.next()) == (sub, code)


async def test_too_many_subscriptions(site: Site) -> None:
    """A connection has a bound on its subscriptions; an id that is used again replaces the old one."""
    async with connect(site) as socket:
        for number in range(64):
            await socket.send({"op": "subscribe", "id": str(number)})
            assert (await socket.next())["op"] == "subscribed"
        await socket.send({"op": "subscribe", "id": "one more"})
        assert error_of(await socket.next()) == ("one more", "too_many_subscriptions")
        await socket.send({"op": "subscribe", "id": "0"})
        assert (await socket.next())["op"] == "subscribed"


@pytest.mark.parametrize("order", [{"op": "unsubscribe"}, {"op": "subscribe", "since": "1-0"}], ids=lambda o: o["op"])
async def test_a_subscription_ends_while_its_client_is_behind(site: Site, order: dict[str, object]) -> None:
    """What was begun is sent to its end, and the connection stays."""
    for _ in range(50):
        await site.publish(*["x" * 4000] * 100)
    with trio.socket.socket() as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        await raw.connect(("127.0.0.1", site.port))
        stream = trio.SocketStream(raw)
        await stream.send_all(handshake(site, f"Authorization: Bearer {TOKEN}"))
        for name in "abcdefghij":
            await stream.send_all(masked(1, json.dumps({"op": "subscribe", "id": name, "since": "1-0"}).encode()))
        await trio.testing.wait_all_tasks_blocked(0.05)
        for name in "abcdefghij":
            await stream.send_all(masked(1, json.dumps({**order, "id": name}).encode()))
        await stream.send_all(masked(1, b'{"op":"ping"}'))
        await trio.testing.wait_all_tasks_blocked(0.05)
        data = b""
        with trio.fail_after(30):
            while b'{"op":"pong"}' not in data[-200_000:]:
                more = await stream.receive_some()
                assert more
                data += more


async def test_too_big(site: Site) -> None:
    """A message over 64 KiB closes with 1009; one just below is fine."""
    async with connect(site) as socket:
        await socket.send({"op": "ping", "pad": "x" * 60_000})
        assert await socket.next() == {"op": "pong"}
        await socket.send({"op": "ping", "pad": "x" * 70_000})
        assert await socket.close_code() == 1009


async def test_journal_cuts(site: Site) -> None:
    """A subscription that the journal ends is told as lost with where to go on; the connection stays."""
    async with connect(site) as socket:
        await socket.send({"op": "subscribe", "id": "a"})
        await socket.next()
        await site.publish("one")
        event = (await socket.take(1))[0]
        site.journal.end()
        assert await socket.next() == {"op": "lost", "sub": "a", "after": event["id"], "resume": event["id"]}
        await socket.send({"op": "subscribe", "id": "a", "since": event["id"]})
        assert (await socket.next())["replayed"] == 0


async def test_streams_are_counted_together(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bound on streams holds for WebSockets too."""
    monkeypatch.setattr(streams, "MAX_STREAMS", 1)
    async with connect(site):
        got, body = await refusal(site, f"Authorization: Bearer {TOKEN}")
        assert (got, body["error"]) == (429, "too_many_streams")


async def test_shutdown(tmp_path: Path) -> None:
    """A stop closes with 1001, subscribed or not."""
    async with open_site(tmp_path) as site, connect(site) as idle, connect(site) as busy:
        await busy.send({"op": "subscribe", "id": "a"})
        assert (await busy.next())["op"] == "subscribed"
        site.stop.set()
        assert await busy.close_code() == 1001
        assert await idle.close_code() == 1001
        with trio.fail_after(10):
            await site.stopped.wait()


async def test_plain_get(site: Site) -> None:
    """Without an upgrade the address says what it speaks."""
    async with site.client() as client:
        answer = await client.get("/ws")
        assert (answer.status_code, answer.json()["error"]) == (426, "upgrade_required")


async def test_token_becomes_void(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection whose user is gone is pinged no more but closed with 1008."""
    monkeypatch.setattr(ws, "PING_S", 0.02)
    (tmp_path / "user.json").write_text("{}")
    async with open_site(tmp_path) as site, connect(site) as socket:
        await socket.send({"op": "ping"})
        assert await socket.next() == {"op": "pong"}
        (tmp_path / "user.json").unlink()
        assert await socket.close_code() == 1008


async def test_logged_out(site: Site) -> None:
    """After a logout an open connection gets nothing more: no answer to a message, and no event from the log."""
    await site.publish("one", "two")
    async with connect(site) as socket:
        async with site.client() as client:
            assert (await client.post("/api/auth/logout")).status_code == 204
        await socket.send({"op": "subscribe", "id": "a"})
        with trio.fail_after(30), pytest.raises(ConnectionClosed) as closed:
            await socket.connection.get_message()
        assert closed.value.reason is not None
        assert closed.value.reason.code == 1008
