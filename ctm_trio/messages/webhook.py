"""Between the webhook owner and the web. Everything in here is frozen."""

from __future__ import annotations

import msgspec

from ctm_trio.core.channels import Reply
from ctm_trio.model.webhook import Answer, Delivery


class WebhookSnapshot(msgspec.Struct, frozen=True):
    """What became of the alerts: delivered, given up, not sent again within 60 s; and how many wait."""

    delivered: int = 0
    failed: int = 0
    suppressed: int = 0
    pending: int = 0
    problem: str = ""
    """Which setting keeps it from sending anything, as the last try found; "" while nothing does."""


class ListDeliveries(msgspec.Struct, frozen=True):
    """What became of the newest alerts, newest first."""

    reply: Reply[tuple[Delivery, ...]]


class TestWebhook(msgspec.Struct, frozen=True):
    """Send a test alert once, now, and say what the endpoint answered."""

    __test__ = False  # no test case, whatever its name

    reply: Reply[Answer]


WebhookMessage = ListDeliveries | TestWebhook
