"""`/api/config`: the settings that may be seen and changed while the daemon runs.

Source: PROTOCOL.md, Configuration.
"""

from __future__ import annotations

import msgspec
import trio
from quart import Response
from quart_trio import QuartTrio

from ctm_trio.errors.settings import BadPatch
from ctm_trio.messages.config import ConfigSnapshot, PatchConfig
from ctm_trio.model.config_patch import check_patch
from ctm_trio.model.deadlines import CONFIG
from ctm_trio.web.ends import WebEnds
from ctm_trio.web.http import add_route, json_answer, json_body
from ctm_trio.web.orders import carry_out

MAX_BODY_BYTES = 32768


def restarting(_: ConfigSnapshot) -> dict[str, str]:
    """The answer that older clients expect; nothing restarts. Source: PROTOCOL.md, Configuration."""
    return {"status": "restarting"}


def register(app: QuartTrio, ends: WebEnds) -> None:
    """Add the routes."""

    async def read() -> Response:
        settings = ends.settings.latest.settings
        return json_answer(
            {
                "webhook_url": settings.webhook_url,
                "webhook_auth": settings.webhook_auth,
                "attention": msgspec.to_builtins(settings.attention),
            }
        )

    async def change() -> Response:
        patch = check_patch(await json_body(dict, max_bytes=MAX_BODY_BYTES))
        began = trio.current_time()  # the look-up may take seconds of the answer's time
        url = patch.get("webhook_url")
        if isinstance(url, str) and url != ends.settings.latest.settings.webhook_url:
            fault = await ends.webhook_fault(url)
            if fault:
                raise BadPatch("invalid_webhook_url", fault)
        return await carry_out(
            ends, CONFIG, ends.config_send, lambda reply: PatchConfig(patch, reply), restarting,
            status=202, since=began,
        )  # fmt: skip

    add_route(app, "/api/config", read)
    add_route(app, "/api/config", change, ["PATCH"])
