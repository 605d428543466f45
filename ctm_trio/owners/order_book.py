"""The order book's owner: follows orders that outlast their request, and keeps their answers.

Source: PROTOCOL.md, Orders.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import NoReturn

import outcome
import trio
from msgspec.structs import replace

from ctm_trio.core.channels import StateSender
from ctm_trio.errors.base import CtmError
from ctm_trio.messages.order_book import FollowOrder, OrdersSnapshot, OrderState

INBOX = 16
"""Orders on their way into the book; whoever sends the next one waits for a moment."""

KEEP_S = 600.0
"""How long an answer is kept after it came."""

MAX_ORDERS = 256
"""Orders in the book; past it the oldest answer is forgotten, and of those under way the oldest one."""


async def run_order_book(
    inbox: trio.MemoryReceiveChannel[FollowOrder],
    state: StateSender[OrdersSnapshot],
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> NoReturn:
    """Own the book until cancelled; closes `inbox`.

    Args:
        inbox: orders that are under way.
        state: the book; an order is in it soon after its sender goes on.
    """
    book = _OrderBook(state)
    with inbox:
        async with trio.open_nursery() as nursery:
            task_status.started()
            while True:
                order = await inbox.receive()
                book.put(OrderState(order.id, order.kind, order.pending.deadline))
                nursery.start_soon(book.follow, order)
    raise AssertionError("it is only ever cancelled")


class _OrderBook:
    def __init__(self, state: StateSender[OrdersSnapshot]) -> None:
        self._state = state
        self._orders: OrderedDict[str, OrderState] = OrderedDict(
            (order.id, order)
            for order in state.latest.orders.values()
            if order.status  # the others nobody follows
        )

    def put(self, order: OrderState) -> None:
        """Note an order, and forget the oldest when there are too many."""
        self._orders[order.id] = order
        while len(self._orders) > MAX_ORDERS:
            done = (known.id for known in self._orders.values() if known.status)
            self._orders.pop(next(done, next(iter(self._orders))))
        self._publish()

    async def follow(self, order: FollowOrder) -> None:
        """Wait for an order's answer, keep it for its time, forget it."""
        try:
            answer: outcome.Outcome[object] = outcome.Value(await order.pending.answer())
        except CtmError as error:
            answer = outcome.Error(error)
        status, body = order.render(answer)
        known = self._orders.get(order.id)
        if known is not None:
            self._orders[order.id] = replace(known, status=status, body=body)
            self._publish()
            await trio.sleep(KEEP_S)
            self._orders.pop(order.id, None)
            self._publish()

    def _publish(self) -> None:
        self._state.publish(OrdersSnapshot(dict(self._orders)))
