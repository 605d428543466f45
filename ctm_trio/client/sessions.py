"""Which sessions the daemon knows."""

from __future__ import annotations

import msgspec

from ctm_trio.client.exchange import exchange


class _View(msgspec.Struct):
    name: str


async def session_names(url: str, token: str) -> list[str]:
    """The names of the sessions, in the daemon's order. Raises like `login`; Refused: `invalid_token`."""
    return [view.name for view in await exchange(list[_View], "GET", url, "/api/sessions", token=token)]
