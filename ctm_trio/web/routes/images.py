"""Images for prompts: a page uploads one, and puts the path of its file into the text.

Source: PROTOCOL.md, Prompts and keys.
"""

from __future__ import annotations

from quart import Response, request
from quart_trio import QuartTrio

from ctm_trio.errors.typing import InputSessionNotFound
from ctm_trio.model.image import HEAD_BYTES, check_image
from ctm_trio.web.ends import WebEnds
from ctm_trio.web.http import add_route, json_answer


def register(app: QuartTrio, ends: WebEnds) -> None:
    """Add the route."""

    async def upload(name: str) -> Response:
        if name not in ends.sessions.latest.records:
            raise InputSessionNotFound(f"There is no session named {name!r}.")
        # In parts, which a thread joins: a copy of ten megabytes would hold the event loop. `web/body.py` bounds them.
        parts = [part async for part in request.body]
        head = b"".join(part[:HEAD_BYTES] for part in parts[:HEAD_BYTES])[:HEAD_BYTES]
        extension = check_image(request.headers.get("Content-Type", ""), head)
        return json_answer({"path": await ends.save_image(parts, extension)}, 201)

    add_route(app, "/api/sessions/<name>/images", upload, ["POST"])
