"""`/api/search`: every tool call ever logged and all that was said, by any part of its text.

Source: PROTOCOL.md, History, search, details.
"""

from __future__ import annotations

from msgspec.structs import replace
from quart import Response, request
from quart_trio import QuartTrio

from ctm_trio.errors.base import CtmError
from ctm_trio.model.event import cursor_ns, parse_event_id
from ctm_trio.model.search import ENTRIES_A_MS, MAX_MS, MAX_QUERY, MIN_QUERY, SearchQuery
from ctm_trio.web.conversations_of import parent_of
from ctm_trio.web.ends import WebEnds
from ctm_trio.web.http import add_route, json_answer, positive
from ctm_trio.web.routes.history import BadCursor, time_of
from ctm_trio.web.views import sessions_of_conversations

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
    before, before_key = 0, None
    if text_before := args.get("before"):
        found = parse_event_id(text_before)
        if found is None:
            raise BadCursor
        before = cursor_ns(found) or -1  # nothing is older than the id 0; as a number that would be the first page
        if 0 < found[1] <= ENTRIES_A_MS:
            before_key = min(found[0] // 1_000_000, MAX_MS) * ENTRIES_A_MS + found[1] - 1
    where, role = args.get("in", "all"), args.get("role", "")
    if where not in ("calls", "conversation", "all"):
        raise BadQuery('`in` is "calls", "conversation" or "all".')
    if role not in ("", "prompt", "answer", "tool"):
        raise BadQuery('`role` is "prompt", "answer" or "tool".')
    of_calls = bool(args.get("tool")) or FLAGS[error] is not None  # filters that only calls have
    since, until = args.get("since"), args.get("until")
    conversation = args.get("conversation", "")
    return SearchQuery(
        text=text,
        session=args.get("session", ""),
        conversation=conversation,
        tool=args.get("tool", ""),
        error=FLAGS[error],
        since=time_of(since) if since else None,
        until=time_of(until) if until else None,
        before=before,
        before_key=before_key,
        limit=positive(args.get("limit"), DEFAULT_LIMIT, MAX_LIMIT),
        calls=where != "conversation" and role in ("", "tool") and not conversation,
        entries=where != "calls" and not of_calls,
        role=role,
    )


def register(app: QuartTrio, ends: WebEnds) -> None:
    """Add the route."""

    async def search() -> Response:
        query = query_of(request.args.to_dict())
        names = sessions_of_conversations(ends)
        if parent := await parent_of(ends, query.session):  # what its pages show is found, and there
            names = {**names, parent: query.session}
        found = await ends.archive.search(query, names)
        behind = query.entries and not ends.transcripts.latest.complete
        if not ends.caught_up() or behind:
            found = replace(found, complete=False)
        return json_answer(found)

    add_route(app, "/api/search", search)
