"""One WebSocket whose token becomes void: nothing is sent or obeyed after it was closed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import trio

from ctm_trio.journal.view import Batch, EventView, Following, Start
from ctm_trio.model.event import Event
from ctm_trio.web.streams import StreamPass, Streams
from ctm_trio.web.ws import WsEndpoint
from ctm_trio.web.ws_messages import PING_FRAME
from ctm_trio.web.ws_subscriptions import REPLAY_PART, Client, Subscription
from tests.fakes.one_token import OneToken


class Nothing:
    """Events that nobody follows here."""

    def follow(self, view: EventView, start: Start) -> Any:
        """Not asked."""
        raise AssertionError("no event is followed or replayed in these tests")

    async def replay(self, view: EventView, start: Start) -> Batch:
        """Not asked."""
        raise AssertionError("no event is followed or replayed in these tests")

    def readers(self) -> int:
        """None."""
        return 0

    def dropped(self) -> int:
        """None."""
        return 0


class Line:
    """What goes to the client: frames, and then the code of the close.

    Args:
        store: its token becomes void with the frame that follows `voids` others.
    """

    def __init__(self, store: OneToken, voids: int = 10**9) -> None:
        self.sent: list[bytes | int] = []
        self._store, self._voids = store, voids

    async def send_all(self, data: bytes) -> None:
        """As a wire that takes everything at once: without a checkpoint."""
        self.sent.append(data)
        if len(self.sent) > self._voids:
            self._store.void()

    async def send(self, message: Any) -> None:
        """The ASGI side, which gets the close alone."""
        self.sent.append(int(message["code"]))


async def run(store: OneToken, line: Line, work: Callable[[Client], Awaitable[object]]) -> None:
    """Let a client work until it is closed or done."""
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            streams = Streams(store, Nothing())
            client = Client(streams, StreamPass(store, "token", streams), line, line.send, nursery)  # type: ignore[arg-type]
            await work(client)
            nursery.cancel_scope.cancel()


def events(count: int) -> tuple[Event, ...]:
    """So many."""
    return tuple(Event(n + 1, "tool_call", "alpha", b"{}", "2026-01-01T00:00:00Z") for n in range(count))


async def test_a_replay_stops_where_the_token_ends() -> None:
    """The rest of a long replay is not sent to a client that has logged out in the middle of it."""
    store = OneToken()
    line = Line(store, voids=1)  # after `subscribed` and the first part
    batch = Batch(events(REPLAY_PART * 3))
    live = trio.open_memory_channel[Batch](0)[1]
    sub = Subscription("a", line)  # type: ignore[arg-type]
    await run(store, line, lambda client: client._pump(sub, 0, Following(batch, live)))
    live.close()
    assert [frame if isinstance(frame, int) else "frame" for frame in line.sent] == ["frame", "frame", 1008]


async def test_no_order_is_obeyed_with_a_void_token() -> None:
    """Not even a ping is answered, and every task that finds out afterwards ends without another word."""
    store = OneToken()
    line = Line(store)

    async def two(client: Client) -> None:
        store.void()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(WsEndpoint._obey, client, '{"op":"ping"}')
            nursery.start_soon(WsEndpoint._obey, client, "no message at all")

    await run(store, line, two)
    assert line.sent == [1008]


async def test_no_ping_follows_the_close(autojump_clock: trio.testing.MockClock) -> None:
    """The keepalive that finds the token void closes, and that is the last frame."""
    store = OneToken()
    line = Line(store, voids=1)
    await run(store, line, lambda client: WsEndpoint._keep_alive(client, line))  # type: ignore[arg-type]
    assert line.sent == [PING_FRAME, PING_FRAME, 1008]
