"""`/api/orders/{id}`: how an order ended that outlasted its request. Source: PROTOCOL.md, Orders."""

from __future__ import annotations

import msgspec
import trio
from quart import Response
from quart_trio import QuartTrio

from ctm_trio.errors.orders import OrderNotFound
from ctm_trio.web.ends import WebEnds
from ctm_trio.web.http import add_route, json_answer


def register(app: QuartTrio, ends: WebEnds) -> None:
    """Add the route."""

    async def look(order: str) -> Response:
        known = ends.orders.latest.orders.get(order)
        if known is None:
            raise OrderNotFound
        shown: dict[str, object] = {"order": known.id, "kind": known.kind}
        if known.status:
            body = msgspec.Raw(known.body) if known.body else None
            return json_answer({**shown, "status": "done", "answer": {"status": known.status, "body": body}})
        left = round(known.ends_at - trio.current_time(), 1)
        return json_answer({**shown, "status": "under_way", "ends_within_s": max(0.0, left), "overdue": left < 0})

    add_route(app, "/api/orders/<order>", look)
