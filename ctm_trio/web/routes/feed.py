"""`/api/feed`, `/api/sessions/{name}/feed`: the newest tool calls, from the ring. Source: PROTOCOL.md, Routes."""

from __future__ import annotations

import trio
from quart import Response, request
from quart_trio import QuartTrio

from ctm_trio.errors.orders import Unavailable
from ctm_trio.journal.view import EventView, Ring
from ctm_trio.web.ends import WebEnds
from ctm_trio.web.http import add_route, json_answer, positive

DEFAULT_LIMIT, MAX_LIMIT = 200, 500

REPLAY_TIMEOUT_S = 2.0
"""How long reading the ring may take; then 503."""

TOOL_CALLS = frozenset({"tool_call"})


async def ring(ends: WebEnds, session: str) -> list[bytes]:
    """Payloads of the tool calls in the ring, oldest first."""
    view = EventView(frozenset({session}) if session else None, TOOL_CALLS)
    try:
        with trio.fail_after(REPLAY_TIMEOUT_S):
            batch = await ends.events.replay(view, Ring())
    except trio.TooSlowError:
        raise Unavailable("The event log does not answer; try again in a moment.") from None
    return [event.payload for event in batch.events]


def register(app: QuartTrio, ends: WebEnds) -> None:
    """Add the routes."""

    async def feed(name: str = "") -> Response:
        limit = positive(request.args.get("limit"), DEFAULT_LIMIT, MAX_LIMIT)
        payloads = (await ring(ends, name))[-limit:]
        return json_answer(b"[" + b",".join(reversed(payloads)) + b"]")

    add_route(app, "/api/feed", feed)
    add_route(app, "/api/sessions/<name>/feed", feed)
