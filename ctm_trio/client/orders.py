"""An order that may outlast its request: sent, sent again if the connection broke, and followed to its end.

Source: PROTOCOL.md, Orders.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import trio

from ctm_trio.client.errors import NoDaemon, Refused, StillUnderWay
from ctm_trio.client.exchange import NOT_OURS, refused, send
from ctm_trio.model.decoding import BAD_JSON

TRIES = 3
"""So often an order is sent that the daemon knows by its key: a repeat is answered and not done again."""

PAUSE_S = 0.5
"""Before it is sent again."""

LOOK_EVERY_S = 0.5
"""Between two looks at an order that is under way."""

LATEST_S = 120.0
"""No order takes longer, whatever the daemon says of it."""

LOST_S = 5.0
"""The last look comes so long after the order must have ended."""


async def place(
    method: str, url: str, path: str, *, body: Mapping[str, object] | None = None, token: str = "", tries: int = 1
) -> dict[str, Any]:
    """Send an order and wait for its end: the object that is answered, `{}` for none.

    Args:
        url, path, body, token: see `exchange.send`.
        tries: how often it may be sent if nobody answers; more than one only for an order with a key.

    Raises:
        NoDaemon: nothing answers there, or not any more.
        Refused: the daemon says no, at once or at the order's end.
        StillUnderWay: it took it, and has not told the end in time.
        ClientError: as `exchange.send`.
    """
    for left in range(tries - 1, -1, -1):
        try:
            status, data = await send(method, url, path, body=body, token=token)
            break
        except NoDaemon:
            if not left:
                raise
            await trio.sleep(PAUSE_S)
    answer = _object(status, data)
    look = answer.get("look")
    if status == 202 and isinstance(look, str) and look.startswith("/"):
        return await _follow(url, look, token, answer)
    return answer


async def _follow(url: str, look: str, token: str, answer: Mapping[str, Any]) -> dict[str, Any]:
    ends = answer.get("ends_within_s")
    wait_s = min(LATEST_S, (ends if isinstance(ends, int | float) else 0.0) + LOST_S)
    with trio.move_on_after(wait_s):
        while True:
            await trio.sleep(LOOK_EVERY_S)
            order = _object(*await send("GET", url, look, token=token))
            if order.get("status") == "done":
                return _ended(order.get("answer"))
    raise StillUnderWay("The daemon still works on it and has not said how it ended.")


def _ended(answer: object) -> dict[str, Any]:
    """What the order's request would have been answered; a refusal is raised."""
    status = answer.get("status") if isinstance(answer, dict) else None
    body = answer.get("body") if isinstance(answer, dict) else None
    found: dict[str, Any] = body if isinstance(body, dict) else {}
    if not isinstance(status, int):
        raise Refused(200, *NOT_OURS)
    if status < 400:
        return found
    raise refused(status, found)


def _object(status: int, data: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(data or b"{}", type=dict[str, Any])
    except BAD_JSON:
        raise Refused(status, *NOT_OURS) from None
