"""One request to the daemon and its answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import httpx
import msgspec
import trio

from ctm_trio.client.errors import BadInput, NoDaemon, Refused, Stranger
from ctm_trio.client.given import check_token, parse_address
from ctm_trio.client.trust import check_connection, check_listener
from ctm_trio.model.decoding import BAD_JSON

T = TypeVar("T")

TIMEOUT_S = 15.0
"""For one exchange; a login waits for the password to be hashed."""

NOT_OURS = ("not_json", "What answers there is not a ctm daemon.")
"""Code and message of an answer that no daemon gives."""


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
    kind: type[T], method: str, url: str, path: str, *, body: Mapping[str, object] | None = None, token: str = ""
) -> T:
    """Send a request and decode what is answered.

    Args:
        kind: of the answer; an answer without a body is taken for `{}`.
        url, path, body, token: see `send`.

    Raises:
        ClientError: as `send`; Refused with `not_json` also for an answer of another shape.
    """
    _, data = await send(method, url, path, body=body, token=token)
    try:
        return msgspec.json.decode(data or b"{}", type=kind)
    except BAD_JSON:
        raise Refused(200, *NOT_OURS) from None


async def send(
    method: str, url: str, path: str, *, body: Mapping[str, object] | None = None, token: str = ""
) -> tuple[int, bytes]:
    """Send a request: the status of the answer, which is below 400, and its body.

    Args:
        url: where the daemon is, one of its own origins.
        path: below it, quoted where it must be, with the query if there is one.
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
            async with httpx.AsyncClient(
                base_url=url,
                headers=headers,
                timeout=TIMEOUT_S,
                trust_env=False,
                verify=parse_address(url).secure,  # without TLS the certificates need not be read, which takes long
            ) as client:
                answer = await client.request(method, path, json=body, extensions={"trace": _look})
    except httpx.InvalidURL as error:
        raise BadInput(f"{url!r} is not an address: {error}") from error
    except (httpx.HTTPError, trio.TooSlowError) as error:
        raise NoDaemon(f"No daemon answers at {url}.") from error
    if answer.status_code < 400:
        return answer.status_code, answer.content
    try:
        refusal = msgspec.json.decode(answer.content or b"{}", type=dict[str, Any])
    except BAD_JSON:
        raise Refused(answer.status_code, *NOT_OURS) from None
    raise refused(answer.status_code, refusal)


def refused(status: int, body: Mapping[str, Any]) -> Refused:
    """The error for an answer that says no. `status`: of HTTP."""
    rest = {key: value for key, value in body.items() if key not in ("error", "message")}
    return Refused(status, str(body.get("error", "")), str(body.get("message", "")), rest)
