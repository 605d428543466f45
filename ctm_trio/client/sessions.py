"""The sessions as the daemon knows them, what is sent to them, and why they have their status.

Each function raises as `exchange.send` does: NoDaemon, Stranger, BadInput, Refused; the code of Refused is one
of `errors.NO_SESSION` for a session that the daemon does not know, and `invalid_token` for such a token.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from ctm_trio.client.exchange import exchange
from ctm_trio.client.orders import TRIES, place


class _View(msgspec.Struct):
    name: str


class _Prompts(msgspec.Struct):
    prompts: list[dict[str, Any]]


async def session_names(url: str, token: str) -> list[str]:
    """The names of the sessions, in the daemon's order."""
    return [view.name for view in await exchange(list[_View], "GET", url, "/api/sessions", token=token)]


async def session_view(url: str, token: str, name: str) -> Mapping[str, Any]:
    """One session. Source: PROTOCOL.md, Session views."""
    return await exchange(dict[str, Any], "GET", url, _path(name), token=token)


async def explain(url: str, token: str, name: str) -> Mapping[str, Any]:
    """Why a session has its status: `{"status","evidence":[…],"rejected":[…]}`. Source: PROTOCOL.md, Status."""
    return await exchange(dict[str, Any], "GET", url, f"{_path(name)}/explain", token=token)


async def send_prompt(url: str, token: str, name: str, text: str, key: str, when: str) -> Mapping[str, Any]:
    """Give a session a prompt: `{"id","state"}`. Source: PROTOCOL.md, Prompts and keys.

    It is sent again if the connection breaks, which types nothing twice.

    Args:
        key: of this prompt, 1 to 128 characters. when: "now", or "idle" for when the turn is over.

    Raises:
        Refused: also `dialog_open` (with the field `request_id`), `draft_in_the_way`, `not_typeable`, `exited`,
            `tmux_dead`: nothing was typed.
    """
    body = {"text": text, "key": key, "when": when}
    return await place("POST", url, f"{_path(name)}/prompt", body=body, token=token, tries=TRIES)


async def prompts(url: str, token: str, name: str) -> list[dict[str, Any]]:
    """The last prompts of a session, each with `id`, `state` and more."""
    return (await exchange(_Prompts, "GET", url, f"{_path(name)}/prompts", token=token)).prompts


async def interrupt(url: str, token: str, name: str) -> bool:
    """Send Esc to a session once: True if its turn has ended by it.

    Raises:
        Refused: also why nothing can be sent to it. StillUnderWay: see `orders.place`.
    """
    return (await place("POST", url, f"{_path(name)}/interrupt", token=token)).get("ended") is True


def _path(name: str) -> str:
    return f"/api/sessions/{quote(name, safe='')}"
