"""From a name and a password to a session token, and back."""

from __future__ import annotations

import msgspec

from ctm_trio.client.exchange import exchange


class _Login(msgspec.Struct):
    token: str


class _Nothing(msgspec.Struct):
    pass


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
    body = {"username": username, "password": password}
    return (await exchange(_Login, "POST", url, "/api/auth/login", body=body)).token


async def logout(url: str, token: str) -> None:
    """Revoke a token. Raises like `login`."""
    await exchange(_Nothing, "POST", url, "/api/auth/logout", token=token)
