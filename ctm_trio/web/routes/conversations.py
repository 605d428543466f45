"""Conversations: pages, exports, images, usage of a session; and all that are on the machine.

Source: PROTOCOL.md, Conversations.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace
from quart import Response, request
from quart_trio import QuartTrio

from ctm_trio.errors.conversations import UnknownEntry
from ctm_trio.errors.requests import InvalidQuery
from ctm_trio.model.conversation.asked import Conversation, Page, Usage, WantedEntries, WantedList
from ctm_trio.model.conversation.costs import cost_of, summed
from ctm_trio.model.conversation.markdown import entry_markdown, heading_markdown
from ctm_trio.model.sound import sound_json
from ctm_trio.web.conversations_of import read_of, uuids_of
from ctm_trio.web.ends import WebEnds
from ctm_trio.web.http import add_route, json_answer, positive
from ctm_trio.web.views import sessions_of_conversations

DEFAULT_LIMIT, MAX_LIMIT = 100, 500
LIST_LIMIT, MAX_LIST = 50, 200
MAX_QUERY = 500

SHOWN = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
"""Types of images that a browser may show; others are only given as a file."""


def register(app: QuartTrio, ends: WebEnds) -> None:
    """Add the routes."""

    def wanted(uuids: tuple[str, ...]) -> WantedEntries:
        args = request.args
        before, after = args.get("before", ""), args.get("after", "")
        if before and after:
            raise InvalidQuery("Give `before` or `after`, not both.")
        limit = positive(args.get("limit"), DEFAULT_LIMIT, MAX_LIMIT)
        return WantedEntries(uuids, args.get("agent", ""), before, after, limit)

    async def oldest(asked: WantedEntries) -> Page:
        """The page that a conversation begins with."""
        entries, key = await ends.conversations.next_entries(asked, 0)
        more = bool(entries and key) or len(entries) > asked.limit
        return Page(entries[: asked.limit], more, (await ends.conversations.page(replace(asked, limit=1))).title)

    async def page_of(uuids: tuple[str, ...], uuid: str) -> Response:
        asked, origin = wanted(uuids), request.args.get("from")
        if origin is not None and (origin != "start" or asked.before or asked.after):
            raise InvalidQuery('`from` is "start", and not beside `before` or `after`.')
        page = await (ends.conversations.page(asked) if origin is None else oldest(asked))
        body: dict[str, Any] = {"entries": page.entries, "has_more": page.has_more, "uuid": uuid}
        if page.title:
            body["title"] = page.title
        return json_answer(body)

    async def export_of(uuids: tuple[str, ...], name: str) -> Response:
        kind = request.args.get("format", "md")
        if kind not in ("md", "json"):
            raise InvalidQuery('`format` is "md" or "json".')
        asked = WantedEntries(uuids, request.args.get("agent", ""))
        first = await ends.conversations.next_entries(asked, 0)  # so that what is wrong has its status
        title = (await ends.conversations.page(WantedEntries(uuids, limit=1))).title
        parts = _markdown if kind == "md" else _json
        body = parts(ends, asked, first, {"uuid": uuids[0] if uuids else "", "title": title})
        type_ = "text/markdown; charset=utf-8" if kind == "md" else "application/json"
        response = Response(body, 200, content_type=type_)
        response.headers["Content-Disposition"] = f'attachment; filename="{_file_name(name)}.{kind}"'
        response.headers["Cache-Control"] = "no-store"
        return response

    async def of_session(name: str) -> Response:
        return await page_of(await read_of(ends, name), next(iter(uuids_of(ends, name)), ""))

    async def of_uuid(uuid: str) -> Response:
        await ends.conversations.one(uuid)
        return await page_of((uuid,), uuid)

    async def export_session(name: str) -> Response:
        return await export_of(await read_of(ends, name), name)

    async def export_uuid(uuid: str) -> Response:
        await ends.conversations.one(uuid)
        return await export_of((uuid,), uuid)

    async def usage(name: str) -> Response:
        found = await ends.conversations.usage(uuids_of(ends, name), ends.attribution.latest.forks)
        return json_answer({"usage": [_usage(one) for one in found], **_cost(ends, found)})

    async def listed() -> Response:
        args = request.args
        query = args.get("q", "")
        if len(query) > MAX_QUERY:
            raise InvalidQuery(f"`q` is longer than {MAX_QUERY} characters.")
        limit = positive(args.get("limit"), LIST_LIMIT, MAX_LIST)
        asked = WantedList(query, args.get("project", ""), args.get("before", ""), limit)
        found, more = await ends.conversations.listed(asked)
        return json_answer({"conversations": await _named(ends, found), "has_more": more})

    async def one(uuid: str) -> Response:
        found = await ends.conversations.one(uuid)
        return json_answer((await _named(ends, [found]))[0])

    async def media(id: str) -> Response:
        entry, _, number = id.partition("-")
        if not (number.isascii() and number.isdecimal() and len(number) < 6):
            raise UnknownEntry
        image = await ends.conversations.image(entry, int(number))
        try:
            data = b64decode(image.data)
        except (binascii.Error, ValueError):
            raise UnknownEntry from None
        shown = image.media_type in SHOWN
        response = Response(data, 200, content_type=image.media_type if shown else "application/octet-stream")
        place = "inline" if shown else "attachment"
        kind = image.media_type.partition("/")[2] if shown else "bin"
        response.headers["Content-Disposition"] = f'{place}; filename="{id}.{kind}"'
        response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
        response.headers["Cache-Control"] = "private, max-age=86400"
        return response

    add_route(app, "/api/sessions/<name>/conversation", of_session)
    add_route(app, "/api/sessions/<name>/conversation/export", export_session)
    add_route(app, "/api/sessions/<name>/usage", usage)
    add_route(app, "/api/conversations", listed)
    add_route(app, "/api/conversations/<uuid>", one)
    add_route(app, "/api/conversations/<uuid>/entries", of_uuid)
    add_route(app, "/api/conversations/<uuid>/export", export_uuid)
    add_route(app, "/api/conversation/media/<id>", media)


async def _named(ends: WebEnds, found: Sequence[Conversation]) -> list[Conversation]:
    """Conversations with their session, and what each used itself: what a fork has from its parent is the parent's."""
    names, forks = sessions_of_conversations(ends), ends.attribution.latest.forks
    used = await ends.conversations.usage_of_each([one.uuid for one in found], forks)
    prices = ends.prices.latest
    told = []
    for one in found:
        usage, session = used.get(one.uuid, ()), names.get(one.uuid)
        micros = cost_of(usage, prices)
        told.append(
            msgspec.structs.replace(
                one,
                tokens=summed(usage),
                session=msgspec.UNSET if session is None else session,
                cost=msgspec.UNSET if micros is None else micros / 1e6,
            )
        )
    return told


def _usage(one: Usage) -> dict[str, Any]:
    return {"agent_id": one.agent_id, "model": one.model, "day": one.day, "tokens": one.tokens}


def _cost(ends: WebEnds, usage: Sequence[Usage]) -> dict[str, Any]:
    micros = cost_of(usage, ends.prices.latest)
    return {} if micros is None else {"cost_usd_micros": micros, "prices_as_of": ends.prices.latest.as_of}


Entries = tuple[list[dict[str, Any]], int]


async def _each(ends: WebEnds, asked: WantedEntries, first: Entries) -> AsyncIterator[dict[str, Any]]:
    entries, key = first
    while True:
        for entry in entries:
            yield entry
        if not key:
            return
        entries, key = await ends.conversations.next_entries(asked, key)


async def _markdown(ends: WebEnds, asked: WantedEntries, first: Entries, about: dict[str, str]) -> AsyncIterator[bytes]:
    yield heading_markdown(about["title"], about["uuid"]).encode(errors="replace")
    async for entry in _each(ends, asked, first):
        yield entry_markdown(entry).encode(errors="replace")


async def _json(ends: WebEnds, asked: WantedEntries, first: Entries, about: dict[str, str]) -> AsyncIterator[bytes]:
    yield sound_json(about)[:-1] + b',"entries":['
    between = b""
    async for entry in _each(ends, asked, first):
        yield between + sound_json(entry)
        between = b",\n"
    yield b"]}\n"


def _file_name(name: str) -> str:
    """A name that is safe in a header and as a file."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in name)[:100] or "conversation"
