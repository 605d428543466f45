"""What the sessions ask, and the answers. Source: PROTOCOL.md, Requests.

Each function raises as `exchange.send` does: NoDaemon, Stranger, BadInput, Refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from ctm_trio.client.exchange import exchange
from ctm_trio.client.orders import TRIES, place


class _Requests(msgspec.Struct):
    requests: list[dict[str, Any]]


async def list_requests(url: str, token: str, *, session: str = "", closed: bool = False) -> list[dict[str, Any]]:
    """The requests, oldest first.

    Args:
        session: only of this one, "" for all.
        closed: with those that are not open any more, as far as the daemon still has them.
    """
    query = urlencode({"state": "all" if closed else "open", **({"session": session} if session else {})})
    return (await exchange(_Requests, "GET", url, f"/api/requests?{query}", token=token)).requests


async def get_request(url: str, token: str, id_: str) -> dict[str, Any]:
    """One request, by its whole id; Refused: `request_not_found`."""
    return await exchange(dict[str, Any], "GET", url, f"/api/requests/{quote(id_, safe='')}", token=token)


async def answer_request(url: str, token: str, id_: str, body: Mapping[str, object]) -> dict[str, Any]:
    """Answer a request: the request as it is then.

    It is sent again if the connection breaks; the key in it makes that safe.

    Args:
        id_: the whole id. body: `choice`, `key`, `where`, and what belongs to the choice.

    Raises:
        Refused: also `invalid_choice`, `invalid_answers`, `invalid_input`, `request_not_found`, `request_closed` and
            `not_taken` (both with the field `request`), `not_answerable`.
        StillUnderWay: see `orders.place`.
    """
    path = f"/api/requests/{quote(id_, safe='')}/answer"
    return await place("POST", url, path, body=body, token=token, tries=TRIES)
