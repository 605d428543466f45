"""Prompts and keys for sessions. Source: PROTOCOL.md, Prompts and keys.

The routes check what was sent; the prompts owner types, or says why not.
"""

from __future__ import annotations

from typing import Any, cast

from quart import Response
from quart_trio import QuartTrio

from ctm_trio.core.channels import ask
from ctm_trio.errors.requests import InvalidBody
from ctm_trio.errors.typing import InputSessionNotFound, InvalidKeys, InvalidText
from ctm_trio.messages.prompts import Interrupt, ListPrompts, SendKeys, SendPrompt, TakeBack
from ctm_trio.model.deadlines import KEYS, PROMPT
from ctm_trio.model.prompt_record import IDLE, NOW, Prompt, When, public_prompt, sent_prompt
from ctm_trio.model.prompt_steps import MAX_ESCAPED, check_prompt
from ctm_trio.model.typing import check_keys
from ctm_trio.web.ends import WebEnds
from ctm_trio.web.http import add_route, json_answer, json_body, no_content
from ctm_trio.web.key_notes import keys_noted
from ctm_trio.web.orders import carry_out, nothing

MAX_BODY_BYTES = MAX_ESCAPED + 8192
"""A text of the greatest length, and a key, both with every character escaped."""

MAX_KEYS_BYTES = 4096

MAX_KEY = 128
"""Characters of an idempotency key."""

LOOK_S = 5.0
"""How long the owner may take to list prompts, or to take one back."""


def prompt_order(body: dict[str, Any]) -> tuple[str, str, When]:
    """Text, key and when of a checked body.

    Raises:
        InvalidText, InvalidBody: see there.
    """
    text, key, when = body.get("text"), body.get("key"), body.get("when", NOW)
    if not isinstance(key, str) or not key or len(key) > MAX_KEY:
        raise InvalidBody(f"Send a `key` of 1 to {MAX_KEY} characters: by it a repeat of this prompt is known.")
    if when not in (NOW, IDLE):
        raise InvalidBody(f"`when` is {NOW!r} or {IDLE!r}.")
    if not isinstance(text, str):
        raise InvalidText("Send a `text`.")
    return check_prompt(text), key, cast("When", when)


def _ended(ended: bool) -> dict[str, bool]:
    return {"ended": ended}


def register(app: QuartTrio, ends: WebEnds) -> None:
    """Add the routes."""

    def known(name: str) -> None:
        if name not in ends.sessions.latest.records:
            raise InputSessionNotFound(f"There is no session named {name!r}.")

    async def send(name: str) -> Response:
        text, key, when = prompt_order(await json_body(dict, max_bytes=MAX_BODY_BYTES))
        known(name)
        return await carry_out(
            ends, PROMPT, ends.prompts_send, lambda reply: SendPrompt(name, text, key, when, reply), sent_prompt,
            status=202,
        )  # fmt: skip

    async def listed(name: str) -> Response:
        known(name)
        found: tuple[Prompt, ...] = await ask(
            ends.prompts_send, lambda reply: ListPrompts(name, reply), timeout_s=LOOK_S
        )
        return json_answer({"prompts": [public_prompt(prompt) for prompt in found]})

    async def take_back(name: str, id: str) -> Response:
        known(name)
        await ask(ends.prompts_send, lambda reply: TakeBack(name, id, reply), timeout_s=LOOK_S)
        return no_content()

    async def interrupt(name: str) -> Response:
        known(name)
        async with keys_noted(ends, name):
            return await carry_out(ends, KEYS, ends.prompts_send, lambda reply: Interrupt(name, reply), _ended)

    async def keys(name: str) -> Response:
        body: dict[str, Any] = await json_body(dict, max_bytes=MAX_KEYS_BYTES, error=InvalidKeys)
        wanted = check_keys(body.get("keys"))
        known(name)
        async with keys_noted(ends, name):
            return await carry_out(ends, KEYS, ends.prompts_send, lambda reply: SendKeys(name, wanted, reply), nothing)

    add_route(app, "/api/sessions/<name>/prompt", send, ["POST"])
    add_route(app, "/api/sessions/<name>/prompts", listed)
    add_route(app, "/api/sessions/<name>/prompts/<id>", take_back, ["DELETE"])
    add_route(app, "/api/sessions/<name>/interrupt", interrupt, ["POST"])
    add_route(app, "/api/sessions/<name>/keys", keys, ["POST"])
