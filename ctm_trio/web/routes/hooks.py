"""`POST /api/hooks/{event}`: what the command line tells the daemon. Source: contract A4, B3."""

from __future__ import annotations

import ipaddress

from quart import Response, request
from quart_trio import QuartTrio

from ctm_trio.channels import ask
from ctm_trio.errors import ForbiddenOrigin, InvalidBody, UnknownHook
from ctm_trio.messages import Lifecycle
from ctm_trio.web.ends import WebEnds
from ctm_trio.web.http import add_route, no_content

EVENTS = frozenset({"session_new", "session_attached", "session_killed", "on_yolo"})
FIELDS = ("name", "uuid", "mode", "workdir")

MAX_FIELD_CHARS = 4096
"""Longer than any path; more is refused."""

TIMEOUT_S = 10.0
"""For the sessions owner to record and publish it; then 503."""


def _from_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def register(app: QuartTrio, ends: WebEnds) -> None:
    """Add the route."""

    async def hook(event: str) -> Response:
        if not _from_loopback((request.scope.get("client") or ("",))[0]):
            raise ForbiddenOrigin  # it takes no token, so it is for this machine alone
        if event not in EVENTS:
            raise UnknownHook
        form = await request.form
        fields = {key: form[key] for key in FIELDS if key in form}
        if any(len(value) > MAX_FIELD_CHARS or "\0" in value for value in fields.values()):
            raise InvalidBody(f"A field is longer than {MAX_FIELD_CHARS} characters or no text.")
        await ask(ends.sessions_send, lambda reply: Lifecycle(event, fields, reply), timeout_s=TIMEOUT_S)
        return no_content()

    add_route(app, "/api/hooks/<event>", hook, ["POST"], token=False, origin="if_sent")
