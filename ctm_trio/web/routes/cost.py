"""`/api/cost`: what the sessions cost, over time and in all. Source: PROTOCOL.md, Quota and cost."""

from __future__ import annotations

from quart import Response, request
from quart_trio import QuartTrio

from ctm_trio.errors.base import CtmError
from ctm_trio.model.cost import WINDOWS_S
from ctm_trio.web.ends import WebEnds
from ctm_trio.web.http import add_route, json_answer


class UnknownWindow(CtmError):
    """`window` is not one of those that there are."""

    code, status = "unknown_window", 400

    def __init__(self) -> None:
        hint = f"one of {', '.join(WINDOWS_S)}"
        super().__init__(f"`window` must be {hint}.", fields={"hint": hint})


def register(app: QuartTrio, ends: WebEnds) -> None:
    """Add the route."""

    async def cost() -> Response:
        window = request.args.get("window", "day")
        if window not in WINDOWS_S:
            raise UnknownWindow
        names = ends.attribution.latest.sessions
        as_of = ends.prices.latest.as_of
        return json_answer(await ends.archive.cost(window, request.args.get("session", ""), names, as_of))

    add_route(app, "/api/cost", cost)
