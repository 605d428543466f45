"""More vocabulary between tasks: what the web asks of git, the panes and the webhook. See `messages` for the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import trio
from outcome import Outcome

from ctm_trio.core.channels import Pending, Reply
from ctm_trio.model.checkpoint import Checkpoints, Reverted
from ctm_trio.model.webhook import Answer, Delivery


@dataclass(frozen=True, slots=True)
class ListCheckpoints:
    """The checkpoints of a work directory, at most 5 s old. Source: contract A9."""

    workdir: str
    reply: Reply[Checkpoints]


@dataclass(frozen=True, slots=True)
class DiffCheckpoint:
    """The unified diff of a listed checkpoint; `sha` is 40 hex digits."""

    workdir: str
    sha: str
    reply: Reply[str]


@dataclass(frozen=True, slots=True)
class RevertTo:
    """Reset a work directory to a listed checkpoint; `sha` is as the client sent it."""

    workdir: str
    sha: str
    stash_first: bool
    reply: Reply[Reverted]


CheckpointsMessage = ListCheckpoints | DiffCheckpoint | RevertTo


# ---------------------------------------------------------------- panes


@dataclass(frozen=True, slots=True)
class PaneFrame:
    """What a pane shows, as a JSON string with its quotes; `end`: it is gone, and nothing follows."""

    data: bytes
    end: bool = False


@dataclass(frozen=True, slots=True)
class WatchPane:
    """Send what a session's pane shows, now and whenever it changes, until the receiving end of `to` is closed.

    Args:
        name: of a tmux session, checked to be a session name.
        history: lines above the screen, 0 to 10000.
        to: capacity 1. The owner never waits: while it is full, what comes between is skipped, never the newest.
            Closed by the owner after a frame with `end`.
    """

    name: str
    history: int
    to: trio.MemorySendChannel[PaneFrame]


# ---------------------------------------------------------------- webhook


@dataclass(frozen=True, slots=True)
class ListDeliveries:
    """What became of the newest alerts, newest first."""

    reply: Reply[tuple[Delivery, ...]]


@dataclass(frozen=True, slots=True)
class TestWebhook:
    """Send a test alert once, now, and say what the endpoint answered."""

    __test__ = False  # no test case, whatever its name

    reply: Reply[Answer]


WebhookMessage = ListDeliveries | TestWebhook


# ---------------------------------------------------------------- orders that take longer than an answer may


class Render(Protocol):
    """Turns the outcome of an order into the status and the JSON of its answer; b"" for none. Never raises."""

    def __call__(self, answer: Outcome[Any], /) -> tuple[int, bytes]: ...


@dataclass(frozen=True, slots=True)
class FollowOrder:
    """Keep the answer of an order that is still under way for those who ask later. Source: contract C11.

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


@dataclass(frozen=True, slots=True)
class OrderState:
    """What is known of an order. `status` is 0 while it is under way; `ends_at` is its deadline, on Trio's clock."""

    id: str
    kind: str
    ends_at: float
    status: int = 0
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class OrdersSnapshot:
    """The orders that took longer than an answer may, by id."""

    orders: Mapping[str, OrderState] = field(default_factory=dict)
