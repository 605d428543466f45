"""`/api/sessions`, `/api/sessions/{name}`, `/api/quota`: reads, straight from the snapshots.

Source: PROTOCOL.md, Session views.
"""

from __future__ import annotations

from quart import Response
from quart_trio import QuartTrio

from ctm_trio.errors.sessions import SessionNotFound
from ctm_trio.web.ends import WebEnds
from ctm_trio.web.http import add_route, json_answer, no_content
from ctm_trio.web.views import session_view


def register(app: QuartTrio, ends: WebEnds) -> None:
    """Add the routes."""

    async def sessions() -> Response:
        return json_answer([session_view(ends, record) for record in ends.sessions.latest.records.values()])

    async def session(name: str) -> Response:
        record = ends.sessions.latest.records.get(name)
        if record is None:
            raise SessionNotFound(name)
        return json_answer(session_view(ends, record))

    async def quota() -> Response:
        account = ends.quota.latest.account
        if account is None:
            return no_content()
        return json_answer(account)  # the same object as in a quota_update

    add_route(app, "/api/sessions", sessions)
    add_route(app, "/api/sessions/<name>", session)
    add_route(app, "/api/quota", quota)
