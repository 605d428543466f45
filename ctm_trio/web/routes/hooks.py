"""`POST /api/hooks/{event}`: what the command line tells the daemon.

Source: PROTOCOL.md, Lifecycle events from the command line.

It takes no token, so it is for programs of our own user on this machine, it is bounded, and what it says of sessions
that nobody knows leaves nothing behind.
"""

from __future__ import annotations

import io
from typing import Any
from urllib.parse import parse_qsl

import trio
from quart import Response, request
from quart_trio import QuartTrio
from werkzeug.formparser import FormDataParser

from ctm_trio.errors.access import ForbiddenPeer
from ctm_trio.errors.requests import InvalidBody, UnknownHook
from ctm_trio.messages.sessions import Lifecycle
from ctm_trio.model.asker import is_loopback
from ctm_trio.model.attempts import Attempts
from ctm_trio.model.deadlines import HOOK
from ctm_trio.web.ends import WebEnds
from ctm_trio.web.http import add_route, who_asks
from ctm_trio.web.orders import carry_out, nothing

EVENTS = frozenset({"session_new", "session_attached", "session_killed", "on_yolo"})

MAX_WORD_CHARS = 256
MAX_PATH_CHARS = 4096
"""Longer than any path; more is refused."""

FIELDS = {
    "name": MAX_WORD_CHARS,
    "uuid": MAX_WORD_CHARS,
    "mode": MAX_WORD_CHARS,
    "workdir": MAX_PATH_CHARS,
}
"""What is taken, and how many characters of it at most. Other fields are left out."""

MAX_FIELDS = 32
"""In one form, also those that are left out; more is refused before it is taken apart."""

MULTIPART, MAX_PARTS = "multipart/form-data", 1000
"""More parts are 413."""

HOOKS, WINDOW_S = 600, 60.0
"""So many in so many seconds from one user; then 429. A script that starts a session each second needs a fifth."""


async def _fields() -> dict[str, str]:
    """The fields of the form that we know. Raises InvalidBody."""
    data: Any = await request.get_data(cache=False)
    if request.mimetype == MULTIPART:
        sent = _parts(data, request.mimetype_params)
    else:
        try:
            sent = parse_qsl(data.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MAX_FIELDS)
        except ValueError:
            raise InvalidBody(f"The form has more than {MAX_FIELDS} fields.") from None
    fields: dict[str, str] = {}
    for key, value in sent:
        if key in FIELDS:
            fields.setdefault(key, value)
    for key, value in fields.items():
        if len(value) > FIELDS[key] or "\0" in value:
            raise InvalidBody(f"{key} must be a text of at most {FIELDS[key]} characters.")
    return fields


def _parts(data: bytes, options: dict[str, str]) -> list[tuple[str, str]]:
    """The fields of a multipart form. Not `request.form`: that takes one that is broken or cut off for an empty one.

    Raises:
        InvalidBody: it is not such a form, to its end.
    """
    if not data:
        return []
    parser = FormDataParser(max_form_parts=MAX_PARTS, silent=False)
    try:
        _, form, _ = parser.parse(io.BytesIO(data), MULTIPART, len(data), options)
    except (ValueError, KeyError):  # a part without the header that names it is a KeyError
        raise InvalidBody("The multipart form is broken, or does not reach its end.") from None
    return list(form.items(multi=True))


def register(app: QuartTrio, ends: WebEnds) -> None:
    """Add the route."""
    limit = Attempts(HOOKS, WINDOW_S)

    async def hook(event: str) -> Response:
        asker = await who_asks(ends.early.peers)
        if asker.is_other_user or asker.gone or not asker.direct or not is_loopback(asker.address):
            raise ForbiddenPeer
        if event not in EVENTS:
            raise UnknownHook
        limit.take(asker.key, trio.current_time())
        fields = await _fields()
        return await carry_out(ends, HOOK, ends.sessions_send, lambda reply: Lifecycle(event, fields, reply), nothing)

    add_route(app, "/api/hooks/<event>", hook, ["POST"], token=False, origin="if_sent")
