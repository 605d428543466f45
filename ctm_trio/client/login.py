"""From a name and a password to a session token, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
import msgspec
import trio

from ctm_trio.client.errors import BadInput, NoDaemon, Refused, Stranger
from ctm_trio.client.given import check_token
from ctm_trio.client.trust import check_connection, check_listener
from ctm_trio.model.decoding import BAD_JSON

TIMEOUT_S = 15.0
"""For one exchange; a login waits for the password to be hashed."""


class _Answer(msgspec.Struct):
    token: str = ""
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


async def _post(url: str, path: str, body: dict[str, str] | None, token: str) -> _Answer:
    check_token(token)
    check_listener(url)
    headers = {"Origin": url.rstrip("/")}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    try:
        with trio.fail_after(TIMEOUT_S):  # the client's own limit is for each step
            async with httpx.AsyncClient(base_url=url, headers=headers, timeout=TIMEOUT_S, trust_env=False) as client:
                answer = await client.post(path, json=body, extensions={"trace": _look})
    except httpx.InvalidURL as error:
        raise BadInput(f"{url!r} is not an address: {error}") from error
    except (httpx.HTTPError, trio.TooSlowError) as error:
        raise NoDaemon(f"No daemon answers at {url}.") from error
    try:
        known = msgspec.json.decode(answer.content or b"{}", type=_Answer)
    except BAD_JSON:
        known = _Answer(error="not_json", message="What answers there is not a ctm daemon.")
    if answer.status_code >= 400 or known.error:
        raise Refused(answer.status_code, known.error, known.message)
    return known


async def login(url: str, username: str, password: str) -> str:
    """A session token, valid for 30 days.

    Args:
        url: e.g. `DEFAULT_URL`; one of the daemon's own origins.

    Raises:
        NoDaemon: nothing answers there.
        Stranger: another user's program does; it was told nothing.
        BadInput: `url` is not an address.
        Refused: `not_registered`, `invalid_credentials` or `rate_limited`, for example.
    """
    return (await _post(url, "/api/auth/login", {"username": username, "password": password}, "")).token


async def logout(url: str, token: str) -> None:
    """Revoke a token. Raises like `login`."""
    await _post(url, "/api/auth/logout", None, token)
