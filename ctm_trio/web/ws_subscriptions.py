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


class Subscription:
    """One subscription of a connection. Its frames are sent whole: to cancel a send would cost the connection."""

    def __init__(self, id_: str, wire: Wire) -> None:
        self.id = id_
        self.scope = trio.CancelScope()
        """What the subscription's task runs in."""
        self._wire = wire
        self._over = self._sending = False

    def end(self) -> None:
        """End it: at once, or behind the frames that are being sent."""
        self._over = True
        if not self._sending:
            self.scope.cancel()

    async def send(self, frames: bytes) -> None:
        """Send whole frames; the last ones if it was ended meanwhile."""
        self._sending = True
        await self._wire.send_all(frames)
        self._sending = False
        if self._over:
            self.scope.cancel()
            await trio.lowlevel.checkpoint()


def _lost(sub: str, after: int, resume: int) -> bytes:
    found = {"op": "lost", "sub": sub, "after": format_event_id(after), "resume": format_event_id(resume)}
    return message_frame(found)


class Client:
    """One open WebSocket: its subscriptions, each a task that follows the events."""

    def __init__(
        self, streams: Streams, stream_pass: StreamPass, wire: Wire, send: Send, nursery: trio.Nursery
    ) -> None:
        self._streams, self._pass, self._wire, self._send, self._nursery = streams, stream_pass, wire, send, nursery
        self._subscriptions: dict[str, Subscription] = {}
        self._tasks = 0
        """Of these and of those that were ended and still send."""
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
            found = self._subscriptions.pop(order.id or "", None)
            if found is None:
                raise BadMessage("unknown_id", "There is no subscription with this id.")
            found.end()
        else:
            raise BadMessage("unknown_op", "The ops are subscribe, unsubscribe and ping.")

    async def subscribe(self, order: Order) -> None:
        """Start a subscription; one with the same id is replaced."""
        sub = order.id or ""
        since, view = cursor_of(order.since), view_of(order)
        replaced = self._subscriptions.pop(sub, None)
        if replaced is not None:
            replaced.end()
        if len(self._subscriptions) >= MAX_SUBSCRIPTIONS or self._tasks >= 2 * MAX_SUBSCRIPTIONS:
            raise BadMessage("too_many_subscriptions", f"At most {MAX_SUBSCRIPTIONS} subscriptions on one connection.")
        self._tasks += 1
        made = self._subscriptions[sub] = Subscription(sub, self._wire)
        self._nursery.start_soon(self._follow, made, view, since)

    async def _follow(self, sub: Subscription, view: EventView, since: int | None) -> None:
        """Hand one subscription's batches to the client until it is cancelled or the event log is closed."""
        start = Ring() if since is None else After(since, deep=True)
        try:
            with sub.scope:
                try:
                    async with self._streams.events.follow(view, start) as following:
                        await self._pump(sub, since or 0, following)
                except CtmError as error:
                    await sub.send(message_frame(error_message(error, sub.id)))
                if self._subscriptions.get(sub.id) is sub:
                    del self._subscriptions[sub.id]
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self._nursery.cancel_scope.cancel()  # the client is gone
        finally:
            self._tasks -= 1

    async def _pump(self, sub: Subscription, seen: int, following: Following) -> None:
        await self._send_replay(following.replay, sub)
        seen = max(seen, following.replay.cursor)
        async for batch in following.live:
            await self.check()
            if batch.lost:
                await sub.send(_lost(sub.id, seen, batch.events[0].id if batch.events else batch.cursor))
            if batch.events:
                await sub.send(self._streams.ws.bytes_of(batch, sub.id, lambda b: encode_events(b.events, sub.id)))
            seen = max(seen, batch.cursor)
        if not self._streams.stopping.is_set():
            await sub.send(_lost(sub.id, seen, seen))

    async def _send_replay(self, replay: Batch, sub: Subscription) -> None:
        """A replay is this client's own, and may be long; live batches are encoded once for all with the same id."""
        await self.check()  # to read them may have taken a while, and so may each part that a slow client takes
        stands = {"op": "subscribed", "id": sub.id, "replayed": len(replay.events), "lost": replay.lost}
        await sub.send(message_frame(stands))
        for start in range(0, len(replay.events), REPLAY_PART):
            await self.check()
            await sub.send(encode_events(replay.events[start : start + REPLAY_PART], sub.id))
            await trio.lowlevel.checkpoint()

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
