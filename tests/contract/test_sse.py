"""The event streams on a real socket. Source: PROTOCOL.md, SSE; Connections and limits."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from ctm_trio.web import sse, streams
from tests.contract.conftest import TOKEN, Site, open_site


class Reader:
    """A raw SSE client: the head, then the text of the body with the chunks' framing taken off."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self.buffer = b""
        self.head = b""
        self.text = ""

    async def more(self) -> None:
        """Read once; raises EndOfChannel when the server ends."""
        data = await self.stream.receive_some(65536)
        if not data:
            raise trio.EndOfChannel
        self.buffer += data

    async def start(self) -> None:
        """Read the head."""
        while b"\r\n\r\n" not in self.buffer:
            await self.more()
        self.head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")

    async def until(self, *words: str) -> str:
        """Read until all words are in the text, and return the text."""
        with trio.fail_after(30):
            while not all(word in self.text for word in words):
                while b"\r\n" not in self.buffer:
                    await self.more()
                size, _, rest = self.buffer.partition(b"\r\n")
                need = int(size, 16)
                while len(rest) < need + 2:
                    await self.more()
                    rest = self.buffer.partition(b"\r\n")[2]
                assert rest[need : need + 2] == b"\r\n"
                self.text += rest[:need].decode()
                self.buffer = rest[need + 2 :]
        return self.text

    async def ended(self) -> bytes:
        """Read to the end and return what was left."""
        with trio.fail_after(30):
            try:
                while True:
                    await self.more()
            except (trio.EndOfChannel, trio.BrokenResourceError):
                return self.buffer


@asynccontextmanager
async def stream(
    site: Site, path: str = "/events/all", *, after: str = "", token: str = TOKEN
) -> AsyncIterator[Reader]:
    """Open an event stream."""
    async with await trio.open_tcp_stream("127.0.0.1", site.port) as connection:
        more = f"Last-Event-ID: {after}\r\n" if after else ""
        head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\nAuthorization: Bearer {token}\r\n{more}\r\n"
        await connection.send_all(head.encode())
        reader = Reader(connection)
        with trio.fail_after(30):
            await reader.start()
        yield reader


async def test_head_and_first_bytes(site: Site) -> None:
    """Status, the three headers, and `: ok` at once though nothing is there to replay."""
    async with stream(site, "/events/session/nobody") as reader:
        assert reader.head.startswith(b"HTTP/1.1 200")
        for header in (b"content-type: text/event-stream", b"cache-control: no-store", b"x-accel-buffering: no"):
            assert header in reader.head.lower()
        assert (await reader.until(": ok\n\n")).startswith(": ok\n\n")


async def test_replay_then_live(site: Site) -> None:
    """The ring first, then what comes, each as event, id and data; a session's stream has only its own."""
    await site.publish("one", "two")
    await site.publish("other", session="beta")
    async with stream(site, "/events/session/alpha") as alpha, stream(site) as everything:
        assert "other" in await everything.until("one", "two", "other")
        await alpha.until("one", "two")
        await site.publish("three")
        text = await alpha.until("three")
        assert "other" not in text
        frame = text.split("\n\n")[1].split("\n")
        assert [line.split(":")[0] for line in frame] == ["event", "id", "data"]
        assert frame[0] == "event: tool_call"
        await everything.until("three")


async def test_resume(site: Site) -> None:
    """Last-Event-ID gives what follows it; one that is too old, or garbage, says lost and gives all."""
    await site.publish("one", "two", "three")
    async with stream(site) as reader:
        text = await reader.until("three")
    first = text.split("id: ")[1].split("\n")[0]
    async with stream(site, after=first) as reader:
        text = await reader.until("two", "three")
        assert "one" not in text
        assert ": lost" not in text
    for old in ("1000000000-0", "garbage", "99999999999999999999999-0"):
        async with stream(site, after=old) as reader:
            assert (await reader.until("one", "two", "three")).startswith(": ok\n\n: lost\n\n")


async def test_keepalive(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence is filled with comments."""
    monkeypatch.setattr(sse, "KEEPALIVE_S", 0.05)
    async with stream(site) as reader:
        await reader.until(": keepalive\n\n: keepalive\n\n")


async def test_closing_unsubscribes(site: Site) -> None:
    """A client that leaves gives its place and its subscription back."""
    async with stream(site) as reader:
        await reader.until(": ok")
    with trio.fail_after(30):
        await site.subscribers(0)


async def test_limit(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """One stream more than a user may have is 429 with Retry-After."""
    monkeypatch.setattr(streams, "MAX_STREAMS", 2)
    async with stream(site) as one, stream(site) as two:
        await one.until(": ok")
        await two.until(": ok")
        async with site.client() as client:
            answer = await client.get("/events/all")
        assert (answer.status_code, answer.json()["error"]) == (429, "too_many_streams")
        assert int(answer.headers["Retry-After"]) >= 1


async def test_void_token_ends_the_stream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the user's file disappears, open streams end too."""
    monkeypatch.setattr(sse, "KEEPALIVE_S", 0.05)
    (tmp_path / "user.json").write_text("{}")
    async with open_site(tmp_path) as site, stream(site) as reader:
        await reader.until(": ok")
        (tmp_path / "user.json").unlink()
        await reader.ended()


async def test_journal_cuts(site: Site) -> None:
    """A stream whose mailbox the journal closes is cut, without the last chunk of a clean end."""
    async with stream(site) as reader:
        await reader.until(": ok")
        site.journal.end()
        assert b"0\r\n\r\n" not in await reader.ended()


async def test_shutdown_with_open_streams(tmp_path: Path) -> None:
    """Open streams end at once at shutdown, also one that never reads."""
    async with open_site(tmp_path) as site, stream(site) as one, stream(site) as stuck:
        await one.until(": ok")
        await site.publish(*["x" * 100_000] * 100)
        await stuck.until(": ok")
        site.stop.set()
        await one.ended()
        with trio.fail_after(30):
            await site.stopped.wait()


async def test_wrong_method(site: Site) -> None:
    """Only GET makes a stream."""
    async with site.client() as client:
        answer = await client.put("/events/session/alpha")
        assert (answer.status_code, answer.headers["Allow"]) == (405, "GET")
