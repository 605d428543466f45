"""`/api/requests`: what the sessions ask, and the answers. Source: PROTOCOL.md, Requests.

The routes check what was sent; the requests owner decides, once for each request.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec
import trio
from quart import Response, request
from quart_trio import QuartTrio

from ctm_trio.core.channels import ask
from ctm_trio.errors.base import CtmError
from ctm_trio.errors.requests import InvalidBody
from ctm_trio.messages.requests import AnswerRequest, GetRequest, ListRequests, NotePresence
from ctm_trio.model.answer import Given, given_of
from ctm_trio.model.deadlines import ANSWER, LIMITS
from ctm_trio.model.request_record import WHERES, Request, public_request
from ctm_trio.web.answers import answer_of
from ctm_trio.web.ends import WebEnds
from ctm_trio.web.http import add_route, json_answer, json_body, no_content, positive
from ctm_trio.web.orders import carry_out

MAX_BODY_BYTES = 1 << 20
"""An answer may replace a whole file that is written."""

MAX_KEY = 128
"""Characters of an idempotency key."""

MAX_IDS = 200
"""Requests that one answer may be for."""

DEFAULT_LIMIT, MAX_LIMIT = 200, 1000

MAX_PAGE = 32
"""Characters of the name that a page gives itself; more are left out."""

LOOK_S = 5.0
"""How long the owner may take to look one up."""


class Presence(msgspec.Struct):
    """The body of presence."""

    visible: bool
    session: str | None = None
    page: str = ""


def key_of(body: dict[str, Any]) -> str:
    """The idempotency key of a body.

    Raises:
        InvalidBody: there is none, or it is too long.
    """
    key = body.get("key")
    if not isinstance(key, str) or not key or len(key) > MAX_KEY:
        raise InvalidBody(f"Send a `key` of 1 to {MAX_KEY} characters: by it a repeat of this answer is known.")
    return key


def where_of(body: dict[str, Any]) -> str:
    """Where an answer comes from, as its client says."""
    where = body.get("where")
    return where if isinstance(where, str) and where in WHERES else "page"


def register(app: QuartTrio, ends: WebEnds) -> None:
    """Add the routes."""

    async def listed() -> Response:
        session = request.args.get("session", "")
        found: tuple[Request, ...]
        limit = positive(request.args.get("limit"), DEFAULT_LIMIT, MAX_LIMIT)
        if request.args.get("state", "open") == "open":
            found = tuple(r for r in ends.requests.latest.open if session in ("", r.session))[:limit]
        else:
            found = await ask(ends.requests_send, lambda reply: ListRequests(session, limit, reply), timeout_s=LOOK_S)
        return json_answer({"requests": [public_request(r) for r in found]})

    async def one(id: str) -> Response:
        found: Request = await ask(ends.requests_send, lambda reply: GetRequest(id, reply), timeout_s=LOOK_S)
        return json_answer(public_request(found))

    async def answer(id: str) -> Response:
        body: dict[str, Any] = await json_body(dict, max_bytes=MAX_BODY_BYTES)
        key, given, where = key_of(body), given_of(body), where_of(body)
        return await carry_out(
            ends, ANSWER, ends.requests_send, lambda reply: AnswerRequest(id, given, key, where, "", reply),
            public_request,
        )  # fmt: skip

    async def answer_several() -> Response:
        body: dict[str, Any] = await json_body(dict, max_bytes=MAX_BODY_BYTES)
        key, where, ids = key_of(body), where_of(body), body.get("ids")
        if not isinstance(ids, list) or not all(isinstance(id_, str) for id_ in ids) or len(ids) > MAX_IDS:
            raise InvalidBody(f"Send `ids`: a list of at most {MAX_IDS} ids of requests.")
        results: list[dict[str, object]] = [{} for _ in ids]
        given = Given(body.get("choice"))
        async with trio.open_nursery() as nursery:
            for number, id_ in enumerate(ids):
                nursery.start_soon(
                    partial(_answer_one, ends, results, number, id_, given, key, where), name=f"answer to {id_[:8]}"
                )
        return json_answer({"results": results})

    async def presence() -> Response:
        body = await json_body(Presence, max_bytes=4096)
        page = request.headers.get("Authorization", "")[-16:] + body.page[:MAX_PAGE]
        with trio.move_on_after(LOOK_S):
            await ends.requests_send.send(NotePresence(page, body.visible))
        return no_content()

    add_route(app, "/api/requests", listed)
    add_route(app, "/api/requests/<id>", one)
    add_route(app, "/api/requests/answer", answer_several, ["POST"])
    add_route(app, "/api/requests/<id>/answer", answer, ["POST"])
    add_route(app, "/api/presence", presence, ["POST"])


async def _answer_one(
    ends: WebEnds, results: list[dict[str, object]], number: int, id_: str, given: Given, key: str, where: str
) -> None:
    """Answer one of several, and put what becomes of it into the results."""
    try:
        found: Request = await ask(
            ends.requests_send,
            lambda reply: AnswerRequest(id_, given, key, where, "", reply),
            timeout_s=LIMITS[ANSWER].answer_s,
        )
    except CtmError as error:
        status = answer_of(error)[0]
        shown = {"id": id_, "status": status, "error": error.code, "message": error.message}
        if "request" in error.fields:
            shown["request"] = error.fields["request"]
        results[number] = shown
    else:
        results[number] = {"id": id_, "status": 200, "request": public_request(found)}
