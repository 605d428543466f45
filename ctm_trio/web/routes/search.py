"""`/api/search`: every tool call ever logged, by any part of its text.

Source: PROTOCOL.md, History, search, details.
"""

from __future__ import annotations

from msgspec.structs import replace
from quart import Response, request
from quart_trio import QuartTrio

from ctm_trio.errors.base import CtmError
from ctm_trio.model.event import cursor_ns, parse_event_id
from ctm_trio.model.search import MAX_QUERY, MIN_QUERY, SearchQuery
from ctm_trio.web.ends import WebEnds
from ctm_trio.web.http import add_route, json_answer, positive
from ctm_trio.web.routes.history import BadCursor, time_of

DEFAULT_LIMIT, MAX_LIMIT = 50, 500

FLAGS = {"": None, "true": True, "1": True, "false": False, "0": False}


class QueryTooShort(CtmError):
    """Less than three characters."""

    code, status = "query_too_short", 400

    def __init__(self) -> None:
        super().__init__(f"Give at least {MIN_QUERY} characters to look for.")


class BadQuery(CtmError):
    """A query that is too long, or an invalid filter."""

    code, status = "invalid_query", 400


def query_of(args: dict[str, str]) -> SearchQuery:
    """The search that a request asks for.

    Raises:
        QueryTooShort, BadQuery, BadCursor, BadSince: 400.
    """
    text = args.get("q", "")
    if len(text) < MIN_QUERY or not text.strip():
        raise QueryTooShort
    if len(text) > MAX_QUERY:
        raise BadQuery(f"The query is longer than {MAX_QUERY} characters.")
    error = args.get("error", "")
    if error not in FLAGS:
        raise BadQuery("`error` is `true` for failed calls, `false` for the others.")
    before = 0
    if text_before := args.get("before"):
        found = parse_event_id(text_before)
        if found is None:
            raise BadCursor
        before = cursor_ns(found) or -1  # nothing is older than the id 0; as a number that would be the first page
    since, until = args.get("since"), args.get("until")
    return SearchQuery(
        text=text,
        session=args.get("session", ""),
        tool=args.get("tool", ""),
        error=FLAGS[error],
        since=time_of(since) if since else None,
        until=time_of(until) if until else None,
        before=before,
        limit=positive(args.get("limit"), DEFAULT_LIMIT, MAX_LIMIT),
    )


def register(app: QuartTrio, ends: WebEnds) -> None:
    """Add the route."""

    async def search() -> Response:
        found = await ends.archive.search(query_of(request.args.to_dict()))
        if not ends.caught_up():
            found = replace(found, complete=False)
        return json_answer(found)

    add_route(app, "/api/search", search)
