"""`/api/sessions`, `/api/sessions/{name}`, `/api/quota`: reads, straight from the snapshots.

Source: PROTOCOL.md, Session views.
"""

from __future__ import annotations

import trio
from quart import Response
from quart_trio import QuartTrio

from ctm_trio.core.channels import ask
from ctm_trio.errors.sessions import SessionNotFound
from ctm_trio.messages.status import Explain, Explained
from ctm_trio.model.status import status_fields
from ctm_trio.model.times import format_time
from ctm_trio.web.ends import WebEnds
from ctm_trio.web.http import add_route, json_answer, no_content
from ctm_trio.web.views import session_view

FIRST_STATUS_S = 1.0
"""After a start, how long an answer waits for what the sessions do: without it each would look as if it did nothing."""

EXPLAIN_S = 5.0
"""How long the status owner may take to say why; it does not wait for anything."""


def register(app: QuartTrio, ends: WebEnds) -> None:
    """Add the routes."""

    async def begun() -> None:
        with trio.move_on_after(FIRST_STATUS_S):
            await ends.status.when(lambda known: known.begun)

    async def sessions() -> Response:
        await begun()
        return json_answer([session_view(ends, record) for record in ends.sessions.latest.records.values()])

    async def session(name: str) -> Response:
        await begun()
        record = ends.sessions.latest.records.get(name)
        if record is None:
            raise SessionNotFound(name)
        return json_answer(session_view(ends, record))

    async def explain(name: str) -> Response:
        why: Explained = await ask(ends.status_send, lambda reply: Explain(name, reply), timeout_s=EXPLAIN_S)
        evidence = [{"ts": format_time(p.at), "source": p.source, "what": p.what} for p in why.evidence]
        rejected = [{"state": state, "why": because} for state, because in why.rejected]
        shown = {**status_fields(why.status), "blocked": why.status.blocked}
        return json_answer({"status": shown, "evidence": evidence, "rejected": rejected})

    async def quota() -> Response:
        account = ends.quota.latest.account
        if account is None:
            return no_content()
        return json_answer(account)  # the same object as in a quota_update

    add_route(app, "/api/sessions", sessions)
    add_route(app, "/api/sessions/<name>", session)
    add_route(app, "/api/sessions/<name>/explain", explain)
    add_route(app, "/api/quota", quota)
