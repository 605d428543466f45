"""One open WebSocket and its subscriptions, each a task that follows the events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn

import trio

from ctm_trio.errors.base import CtmError
from ctm_trio.journal.view import After, Batch, EventView, Following, Ring
from ctm_trio.model.event import format_event_id
from ctm_trio.web.asgi import Send
from ctm_trio.web.streams import StreamPass, Streams
from ctm_trio.web.wire import Wire
from ctm_trio.web.ws_messages import BadMessage, Order, cursor_of, encode_events, error_message, message_frame, view_of

MAX_SUBSCRIPTIONS = 64
"""On one connection; one more is an error message."""

REPLAY_PART = 256
"""Events of a replay that are encoded and written at a time, so that a long one does not hold the loop."""

POLICY_VIOLATION = 1008


class Client:
    """One open WebSocket: its subscriptions, each a task that follows the events."""

    def __init__(
        self, streams: Streams, stream_pass: StreamPass, wire: Wire, send: Send, nursery: trio.Nursery
    ) -> None:
        self._streams, self._pass, self._wire, self._send, self._nursery = streams, stream_pass, wire, send, nursery
        self._subscriptions: dict[str, trio.CancelScope] = {}
        self._closed = False

    async def check(self, *, again: bool = False) -> None:
        """Return only if the token still counts. `again`: see `StreamPass.valid`."""
        if not self._pass.valid(again=again):
            await self.close(POLICY_VIOLATION)

    async def tell(self, message: Mapping[str, object]) -> None:
        """Send one message."""
        await self._wire.send_all(message_frame(message))

    async def obey(self, order: Order) -> None:
        """Do what a client's message says.

        Raises:
            BadMessage: it cannot be done.
        """
        if order.op == "ping":
            await self.tell({"op": "pong"})
        elif order.op == "subscribe":
            await self.subscribe(order)
        elif order.op == "unsubscribe":
            scope = self._subscriptions.pop(order.id or "", None)
            if scope is None:
                raise BadMessage("unknown_id", "There is no subscription with this id.")
            scope.cancel()
        else:
            raise BadMessage("unknown_op", "The ops are subscribe, unsubscribe and ping.")

    async def subscribe(self, order: Order) -> None:
        """Start a subscription; one with the same id is replaced."""
        sub = order.id or ""
        since, view = cursor_of(order.since), view_of(order)
        replaced = self._subscriptions.pop(sub, None)
        if replaced is not None:
            replaced.cancel()
        if len(self._subscriptions) >= MAX_SUBSCRIPTIONS:
            raise BadMessage("too_many_subscriptions", f"At most {MAX_SUBSCRIPTIONS} subscriptions on one connection.")
        scope = self._subscriptions[sub] = trio.CancelScope()
        self._nursery.start_soon(self._follow, sub, view, since, scope)

    async def _follow(self, sub: str, view: EventView, since: int | None, scope: trio.CancelScope) -> None:
        """Hand one subscription's batches to the client until it is cancelled or the event log is closed."""
        start = Ring() if since is None else After(since, deep=True)
        try:
            with scope:
                try:
                    async with self._streams.events.follow(view, start) as following:
                        await self._pump(sub, since or 0, following)
                except CtmError as error:
                    await self.tell(error_message(error, sub))
                if self._subscriptions.get(sub) is scope:
                    del self._subscriptions[sub]
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self._nursery.cancel_scope.cancel()  # the client is gone

    async def _pump(self, sub: str, seen: int, following: Following) -> None:
        await self._send_replay(following.replay, sub)
        seen = max(seen, following.replay.cursor)
        async for batch in following.live:
            await self.check()
            if batch.lost:
                await self.tell(self._lost(sub, seen, batch.events[0].id if batch.events else batch.cursor))
            if batch.events:
                await self._wire.send_all(self._streams.ws.bytes_of(batch, sub, lambda b: encode_events(b.events, sub)))
            seen = max(seen, batch.cursor)
        if not self._streams.stopping.is_set():
            await self.tell(self._lost(sub, seen, seen))

    async def _send_replay(self, replay: Batch, sub: str) -> None:
        """A replay is this client's own, and may be long; live batches are encoded once for all with the same id."""
        await self.check()  # to read them may have taken a while, and so may each part that a slow client takes
        await self.tell({"op": "subscribed", "id": sub, "replayed": len(replay.events), "lost": replay.lost})
        for start in range(0, len(replay.events), REPLAY_PART):
            await self.check()
            await self._wire.send_all(encode_events(replay.events[start : start + REPLAY_PART], sub))
            await trio.lowlevel.checkpoint()

    @staticmethod
    def _lost(sub: str, after: int, resume: int) -> dict[str, object]:
        return {"op": "lost", "sub": sub, "after": format_event_id(after), "resume": format_event_id(resume)}

    async def close(self, code: int) -> NoReturn:
        """Say goodbye and end every task of this connection, the caller's too: nothing is sent after it."""
        if not self._closed:
            self._closed = True
            try:
                await self._send({"type": "websocket.close", "code": code})
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                pass  # the client is gone
            self._nursery.cancel_scope.cancel()
        await trio.sleep_forever()
