"""One request to the daemon and its answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import httpx
import msgspec
import trio

from ctm_trio.client.errors import BadInput, NoDaemon, Refused, Stranger
from ctm_trio.client.given import check_token
from ctm_trio.client.trust import check_connection, check_listener
from ctm_trio.model.decoding import BAD_JSON

T = TypeVar("T")

TIMEOUT_S = 15.0
"""For one exchange; a login waits for the password to be hashed."""


class _Refusal(msgspec.Struct):
    error: str = ""
    message: str = ""


async def _look(event: str, info: Mapping[str, Any]) -> None:
    """Httpx tells its steps: once it is connected, and before it sends, it is looked who is at the other end."""
    if event == "connection.connect_tcp.complete":
        stream = info["return_value"]
        try:
            check_connection(stream.get_extra_info("client_addr"), stream.get_extra_info("server_addr"))
        except Stranger:
            await stream.aclose()  # nobody else has it yet
            raise


async def exchange(
    kind: type[T], method: str, url: str, path: str, *, body: dict[str, str] | None = None, token: str = ""
) -> T:
    """Send a request and decode what is answered.

    Args:
        kind: of the answer; an answer without a body is taken for `{}`.
        url: where the daemon is, one of its own origins.
        body: sent as JSON.
        token: "" for none.

    Raises:
        NoDaemon: nothing answers there.
        Stranger: another user's program does; it was told nothing.
        BadInput: `url` or `token` cannot be one.
        Refused: the daemon says no, or what answers is not the daemon (`not_json`).
    """
    check_token(token)
    check_listener(url)
    headers = {"Origin": url.rstrip("/")}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    try:
        with trio.fail_after(TIMEOUT_S):  # the client's own limit is for each step
            async with httpx.AsyncClient(base_url=url, headers=headers, timeout=TIMEOUT_S, trust_env=False) as client:
                answer = await client.request(method, path, json=body, extensions={"trace": _look})
    except httpx.InvalidURL as error:
        raise BadInput(f"{url!r} is not an address: {error}") from error
    except (httpx.HTTPError, trio.TooSlowError) as error:
        raise NoDaemon(f"No daemon answers at {url}.") from error
    try:
        if answer.status_code < 400:
            return msgspec.json.decode(answer.content or b"{}", type=kind)
        refusal = msgspec.json.decode(answer.content or b"{}", type=_Refusal)
    except BAD_JSON:
        refusal = _Refusal("not_json", "What answers there is not a ctm daemon.")
    raise Refused(answer.status_code, refusal.error, refusal.message)
