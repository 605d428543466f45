"""Pane streams over HTTP, with a panes owner that the test plays. Source: PROTOCOL.md, Pane streams."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio

from ctm_trio.messages.journal import JournalMessage
from ctm_trio.messages.panes import PaneFrame, WatchPane
from ctm_trio.web import pane
from ctm_trio.web.pane import PaneEndpoint
from ctm_trio.web.streams import Streams
from tests.contract.test_hypercorn_adapter import Server, one_answer, served, until_closed
from tests.fakes.journal import FakeJournal
from tests.fakes.one_token import OneToken

LAST = b"0\r\n\r\n"
"""The chunk of a clean end."""


def request(path: str = "/events/session/alpha/pane", token: str = "token", method: str = "GET") -> bytes:
    """The head of a request."""
    return f"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode()


class Panes:
    """What is served, and the owner's end of it."""

    def __init__(self, server: Server, streams: Streams, asked: trio.MemoryReceiveChannel[WatchPane]) -> None:
        self.server, self.streams, self._asked = server, streams, asked

    @asynccontextmanager
    async def watched(
        self, path: str = "/events/session/alpha/pane"
    ) -> AsyncIterator[tuple[trio.SocketStream, WatchPane]]:
        """An open stream, read up to its first bytes, and what the owner was asked for."""
        async with await self.server.connect() as stream:
            await stream.send_all(request(path))
            with trio.fail_after(20):
                order = await self._asked.receive()
            head = await one_answer(stream, b": ok\n\n")
            assert head.startswith(b"HTTP/1.1 200 ")
            assert b"content-type: text/event-stream" in head
            yield stream, order


@asynccontextmanager
async def panes(store: OneToken) -> AsyncIterator[Panes]:
    """Serve pane streams alone."""
    journal_send, _ = trio.open_memory_channel[JournalMessage](0)
    send, asked = trio.open_memory_channel[WatchPane](0)
    streams = Streams(store, FakeJournal([], journal_send).events)
    async with served(PaneEndpoint(streams, send)) as server:
        yield Panes(server, streams, asked)


async def test_what_a_pane_shows() -> None:
    """Frames as they come, then the end that the client can tell from a cut."""
    path = "/events/session/alpha/pane?history=7"
    async with panes(OneToken()) as served_panes, served_panes.watched(path) as (stream, order):
        assert (order.name, order.history) == ("alpha", 7)
        await order.to.send(PaneFrame(b'"one"'))
        await one_answer(stream, b'event: pane\ndata: "one"\n\n')
        await order.to.send(PaneFrame(b'"two"', end=True))
        rest = await one_answer(stream, LAST)
        assert b'event: pane_end\ndata: "two"\n\n' in rest
        await trio.testing.wait_all_tasks_blocked()
        assert served_panes.streams.open == 0


async def test_whatever_else_ends_it_is_a_cut() -> None:
    """The owner, a void token and the end of the daemon: no last chunk, so the client comes back."""
    store = OneToken()
    async with panes(store) as served_panes:
        async with served_panes.watched() as (stream, order):
            await order.to.aclose()
            assert LAST not in await until_closed(stream)
        async with served_panes.watched() as (stream, order):
            store.void()
            await order.to.send(PaneFrame(b'"secret"'))
            rest = await until_closed(stream)
            assert LAST not in rest
            assert b"secret" not in rest
        store.good = True
        async with served_panes.watched() as (stream, order):
            served_panes.streams.stop()
            assert LAST not in await until_closed(stream)
        assert served_panes.streams.open == 0


async def test_a_client_that_leaves() -> None:
    """The owner's mailbox is closed, and the place is free again."""
    async with panes(OneToken()) as served_panes:
        async with served_panes.watched() as (_, order):
            assert served_panes.streams.open == 1
        with trio.fail_after(20):
            while True:
                try:
                    await order.to.send(PaneFrame(b'"x"'))
                except trio.BrokenResourceError:
                    break
        await trio.testing.wait_all_tasks_blocked()
        assert served_panes.streams.open == 0


async def test_silence_is_filled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Comments while nothing changes."""
    monkeypatch.setattr(pane, "KEEPALIVE_S", 0.01)
    async with panes(OneToken()) as served_panes, served_panes.watched() as (stream, _):
        await one_answer(stream, b": keepalive\n\n")


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (request(token="wrong"), 401),
        (request(method="POST").replace(b"\r\n\r\n", b"\r\nContent-Length: 0\r\n\r\n"), 405),
        (request("/events/session/a%07b/pane"), 404),
    ],
)
async def test_refused(head: bytes, status: int) -> None:
    """It is answered as JSON, and the owner is not asked."""
    async with panes(OneToken()) as served_panes, await served_panes.server.connect() as stream:
        await stream.send_all(head)
        assert (await one_answer(stream, b'"error":')).startswith(b"HTTP/1.1 %d " % status)
