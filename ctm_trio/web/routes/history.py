"""A session's past: pages of its feed, one call in full, sub-agents and teams.

Source: PROTOCOL.md, History, search, details.
"""

from __future__ import annotations

import msgspec
from quart import Response, request
from quart_trio import QuartTrio

from ctm_trio.errors.base import CtmError
from ctm_trio.errors.sessions import SessionNotFound
from ctm_trio.model.event import MAX_ID, Event, cursor_ns, parse_event_id
from ctm_trio.model.times import parse_time
from ctm_trio.web.ends import WebEnds
from ctm_trio.web.http import add_route, json_answer, positive

DEFAULT_LIMIT, MAX_LIMIT = 100, 500


class BadCursor(CtmError):
    """`before` is missing or not an event id."""

    code, status = "invalid_cursor", 400

    def __init__(self) -> None:
        super().__init__("`before` must be the id of an event, such as the last one of the page before.")


class BadSince(CtmError):
    """`since` is not an RFC 3339 time."""

    code, status = "invalid_since", 400

    def __init__(self) -> None:
        super().__init__("`since` must be an RFC 3339 time, such as 2026-04-21T14:33:09Z.")


def cursor(text: str | None) -> int:
    """`before` as nanoseconds: what is strictly older has a smaller id. A larger id than any event has is the newest.

    Raises:
        BadCursor: it is not an event id.
    """
    found = parse_event_id(text) if text else None
    if found is None:
        raise BadCursor
    ns = cursor_ns(found)
    return min(ns + 1, MAX_ID) if found[1] else ns  # our ids end in -0, so `<ns>-0` is older than `<ns>-1`


def time_of(text: str) -> float:
    """A time of the query in unix seconds.

    Raises:
        BadSince: it is not an RFC 3339 time.
    """
    at = parse_time(text)
    if at is None:
        raise BadSince
    return at


def event_json(event: Event) -> bytes:
    """One event of a history page."""
    return b'{"id":"%d-0","session":%b,"type":"%b","ts":"%b","payload":%b}' % (
        event.id,
        msgspec.json.encode(event.session),
        event.type.encode(),
        event.ts.encode(),
        event.payload,
    )


def register(app: QuartTrio, ends: WebEnds) -> None:
    """Add the routes."""

    def known(name: str) -> None:
        """Raises SessionNotFound for a name that no record and no log has."""
        if name not in ends.sessions.latest.records and name not in ends.attribution.latest.sessions.values():
            raise SessionNotFound(name)

    async def history(name: str) -> Response:
        known(name)
        before = cursor(request.args.get("before"))
        limit = positive(request.args.get("limit"), DEFAULT_LIMIT, MAX_LIMIT)
        events, more = await ends.archive.history(name, before, limit)
        body = b",".join([event_json(event) for event in events])
        return json_answer(b'{"events":[%b],"has_more":%b}' % (body, b"true" if more else b"false"))

    async def detail(name: str, call: str) -> Response:
        known(name)
        found = parse_event_id(call)
        id_ = found[0] if found is not None and not found[1] and found[0] <= MAX_ID else -1  # -1 matches no event
        return json_answer(await ends.archive.detail(name, id_))

    async def subagents(name: str) -> Response:
        known(name)
        since = request.args.get("since")
        found = await ends.archive.subagents(name, time_of(since) if since is not None else None)
        return json_answer({"subagents": found})

    async def teams(name: str) -> Response:
        known(name)
        return json_answer({"teams": await ends.archive.teams(name)})

    add_route(app, "/api/sessions/<name>/feed/history", history)
    add_route(app, "/api/sessions/<name>/tool_calls/<call>/detail", detail)
    add_route(app, "/api/sessions/<name>/subagents", subagents)
    add_route(app, "/api/sessions/<name>/teams", teams)
