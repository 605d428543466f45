"""Orders that outlast their request, and what became of them. Everything in here is frozen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec
from outcome import Outcome

from ctm_trio.core.channels import Pending


class Render(Protocol):
    """Turns the outcome of an order into the status and the JSON of its answer; b"" for none. Never raises."""

    def __call__(self, answer: Outcome[Any], /) -> tuple[int, bytes]:
        """Status and body."""


class FollowOrder(msgspec.Struct, frozen=True):
    """Keep the answer of an order that is still under way for those who ask later. Source: PROTOCOL.md, Orders.

    Args:
        id: unguessable; whoever placed the order was told it.
        kind: one of `model.deadlines.LIMITS`.
        pending: its answer, ours to take.
        render: makes the HTTP answer of it.
    """

    id: str
    kind: str
    pending: Pending[Any]
    render: Render


class OrderState(msgspec.Struct, frozen=True):
    """What is known of an order. `status` is 0 while it is under way; `ends_at` is its deadline, on Trio's clock."""

    id: str
    kind: str
    ends_at: float
    status: int = 0
    body: bytes = b""


class OrdersSnapshot(msgspec.Struct, frozen=True):
    """The orders that took longer than an answer may, by id."""

    orders: Mapping[str, OrderState] = msgspec.field(default_factory=dict)
