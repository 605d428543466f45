"""`/api/doctor`: what is well on this machine, what is not, and what to do about it. Source: PROTOCOL.md, Routes."""

from __future__ import annotations

from quart import Response
from quart_trio import QuartTrio

from ctm_trio.web.ends import WebEnds
from ctm_trio.web.http import add_route, json_answer


def register(app: QuartTrio, ends: WebEnds) -> None:
    """Add the route."""

    async def doctor() -> Response:
        return json_answer({"checks": [check.wire() for check in await ends.doctor()]})

    add_route(app, "/api/doctor", doctor)
