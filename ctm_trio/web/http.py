"""What every route module uses: guarded routes, JSON answers, JSON bodies."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar, cast

import msgspec
from quart import Response, request
from quart_trio import QuartTrio

from ctm_trio.errors.base import CtmError
from ctm_trio.errors.requests import InvalidBody
from ctm_trio.model.asker import Asker
from ctm_trio.model.sound import sound_json
from ctm_trio.web.asgi import Scope
from ctm_trio.web.asker import Peers, asker_of

View = Callable[..., Awaitable[Response]]
B = TypeVar("B")

SAFE_METHODS = frozenset({"GET", "HEAD"})


class Guard(msgspec.Struct, frozen=True):
    """What a route asks of a request before its view runs.

    Attributes:
        token: a valid bearer token.
        origin: "need": an allowed Origin must be there; "if_sent": one that is there must be allowed; "": any.
    """

    token: bool = True
    origin: str = ""


GUARDS: dict[str, Guard] = {}
"""Endpoint → guard. An endpoint that is not in here is guarded as strictly as can be."""


def add_route(
    app: QuartTrio,
    rule: str,
    view: View,
    methods: Iterable[str] = ("GET",),
    *,
    token: bool = True,
    origin: str | None = None,
) -> None:
    """Register a view with its guard.

    Args:
        rule: Quart's rule, e.g. `/api/sessions/<name>/kill`; `<name>` arrives as a keyword argument.
        view: ``async def view(**parts) -> Response``; it raises `CtmError` for what goes wrong.
        methods: HTTP methods; GET brings HEAD along.
        token: whether a session token is needed.
        origin: see `Guard`; by default "need" for everything but GET.
    """
    methods = list(methods)
    endpoint = f"{'+'.join(methods)} {rule}".replace(".", "_")
    if origin is None:
        origin = "" if set(methods) <= SAFE_METHODS else "need"
    GUARDS[endpoint] = Guard(token=token, origin=origin)
    app.add_url_rule(rule, endpoint, view, methods=methods, provide_automatic_options=False)


async def who_asks(peers: Peers) -> Asker:
    """Who sends the request at hand."""
    return await asker_of(cast(Scope, request.scope), peers)


def json_answer(value: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer that nobody caches. `value`: anything that msgspec encodes, or encoded bytes."""
    body = value if isinstance(value, bytes) else sound_json(value)
    response = Response(body, status, headers, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response


def no_content() -> Response:
    """204."""
    response = Response(b"", 204)
    del response.headers["Content-Type"]
    response.headers["Cache-Control"] = "no-store"
    return response


async def json_body(kind: type[B], *, max_bytes: int, error: Callable[[str], CtmError] = InvalidBody) -> B:
    """The request's JSON body as `kind`.

    Args:
        kind: a msgspec Struct, or `dict`.
        max_bytes: more is an error too.
        error: makes the error from a message.

    Raises:
        CtmError: what `error` makes, if the body is too long, not JSON, or of another shape.
    """
    data: Any = await request.get_data(cache=False)
    if len(data) > max_bytes:
        raise error(f"The body is longer than {max_bytes} bytes.")
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
        raise error(f"The body is not what this address takes: {problem}.") from problem


def positive(text: str | None, default: int, at_most: int) -> int:
    """A `limit` of the query: anything but a positive whole number means the default.

    Source: PROTOCOL.md, Routes.
    """
    if text is None or not text.isascii() or not text.isdecimal() or len(text) > 18 or int(text) == 0:
        return default
    return min(int(text), at_most)
