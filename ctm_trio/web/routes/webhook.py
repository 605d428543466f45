"""`/api/webhook/…`: how it sends, what became of its messages, and a test. Source: PROTOCOL.md, Webhooks.

Format, events and secret are set with `PATCH /api/config`, whose GET has the keys of the Go program alone.
"""

from __future__ import annotations

from quart import Response
from quart_trio import QuartTrio

from ctm_trio.core.channels import ask
from ctm_trio.messages.webhook import ListDeliveries, TestWebhook
from ctm_trio.model.deadlines import WEBHOOK_TEST
from ctm_trio.model.webhook import Answer, Delivery
from ctm_trio.web.ends import WebEnds
from ctm_trio.web.http import add_route, json_answer
from ctm_trio.web.orders import carry_out

LIST_S = 5.0
"""How long a request waits for the list."""


def test_view(answer: Answer) -> dict[str, object]:
    """What became of a test alert."""
    return {"ok": answer.ok, "status": answer.status, "error": answer.error, "took_ms": answer.took_ms}


def register(app: QuartTrio, ends: WebEnds) -> None:
    """Add the routes."""

    async def deliveries() -> Response:
        found: tuple[Delivery, ...] = await ask(ends.webhook_send, ListDeliveries, timeout_s=LIST_S)
        return json_answer({"deliveries": found})

    async def test() -> Response:
        return await carry_out(ends, WEBHOOK_TEST, ends.webhook_send, TestWebhook, test_view)

    async def settings() -> Response:
        now = ends.settings.latest.settings
        return json_answer(
            {
                "webhook_format": now.webhook_format,
                "webhook_events": now.webhook_events,
                "has_secret": bool(now.webhook_secret),  # the secret itself stays here
            }
        )

    add_route(app, "/api/webhook/settings", settings)
    add_route(app, "/api/webhook/deliveries", deliveries)
    add_route(app, "/api/webhook/test", test, ["POST"])
