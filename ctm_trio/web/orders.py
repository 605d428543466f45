"""Placing orders: each within its limits, and what outlasts its request is answered 202.

Source: PROTOCOL.md, Orders.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any, TypeVar

import outcome
import trio
from quart import Response

from ctm_trio.core.channels import Reply, UnderWay, place
from ctm_trio.errors.base import CtmError
from ctm_trio.errors.orders import NotFollowed
from ctm_trio.messages.order_book import FollowOrder
from ctm_trio.model.deadlines import LIMITS
from ctm_trio.model.sound import sound_json
from ctm_trio.web.answers import answer_of
from ctm_trio.web.ends import WebEnds
from ctm_trio.web.http import json_answer, no_content

M = TypeVar("M")
R = TypeVar("R")

LOOK_AGAIN_S = 1
"""What a client is told to wait between two looks."""

BOOK_S = 2.0
"""How long the order book may take to note an order; it needs no time unless it is down and its inbox is full."""


async def carry_out(
    ends: WebEnds,
    kind: str,
    send: trio.MemorySendChannel[M],
    make: Callable[[Reply[R]], M],
    shown: Callable[[R], object],
    *,
    status: int = 200,
    since: float | None = None,
) -> Response:
    """Place an order and answer with its result.

    Args:
        kind: one of `LIMITS`.
        send: the owner's inbox.
        make: builds the message around the reply.
        shown: the JSON of a result; None for no content. It may be called later, when the request has gone.
        status: of success.
        since: monotonic seconds (`trio.current_time`) from which on the client has been waiting, if not from now on.

    Raises:
        CtmError: what the owner answered; Unavailable only for an order that does not happen.
        NotFollowed: it is being carried out, and the order book, where its end would be told, is down.
    """
    limits = LIMITS[kind]
    waited_s = 0.0 if since is None else trio.current_time() - since
    try:
        value = await place(send, make, answer_s=max(0.0, limits.answer_s - waited_s), deadline_s=limits.deadline_s)
    except UnderWay as late:
        return await _later(ends, kind, late, shown, status)
    return _response(*_success(shown(value), status))


async def _later(ends: WebEnds, kind: str, late: UnderWay, shown: Callable[[Any], object], status: int) -> Response:
    order = secrets.token_urlsafe(12)

    def render(answer: outcome.Outcome[Any]) -> tuple[int, bytes]:
        try:
            return _success(shown(answer.unwrap()), status)
        except CtmError as error:
            code, _, body = answer_of(error)
            return code, body

    try:
        with trio.fail_after(BOOK_S):
            await ends.orders_send.send(FollowOrder(order, kind, late.pending, render))
    except trio.TooSlowError:
        late.pending.close()
        raise NotFollowed from None
    look = f"/api/orders/{order}"
    body = {
        "status": "under_way",
        "order": order,
        "kind": kind,
        "look": look,
        "ends_within_s": max(0.0, round(late.pending.deadline - trio.current_time(), 1)),
        "message": "This takes longer than one request may; poll `look` for the result. Do not send it again.",
    }
    return json_answer(body, 202, {"Location": look, "Retry-After": str(LOOK_AGAIN_S)})


def nothing(_: None) -> None:
    """For orders that return no content."""


def _success(value: object, status: int) -> tuple[int, bytes]:
    return (204, b"") if value is None else (status, sound_json(value))


def _response(status: int, body: bytes) -> Response:
    return no_content() if status == 204 else json_answer(body, status)
