"""Who asks: the bearer token of a request, and what the web needs of the store behind it.

Source: PROTOCOL.md, Authentication.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from ctm_trio.errors.access import InvalidToken, MissingToken
from ctm_trio.model.asker import Asker

SUBPROTOCOL_PREFIX = "ctm.bearer."
"""How a browser, which cannot set headers on a WebSocket, hands over its token. Source: PROTOCOL.md, WebSocket."""


class AuthStore(Protocol):
    """The one user and the tokens. `is_registered`, `revision` and `check` look at the user's file now and then.

    They never wait. `known_revision` is `revision` without such a look.
    """

    known_revision: int

    def is_registered(self) -> bool:
        """True if somebody has signed up."""

    def revision(self) -> int:
        """Rises when a token may have become void; long-lived streams then `check` again."""

    def check(self, token: str) -> bool:
        """True if the token is valid now."""

    async def signup(self, username: str, password: str, asker: Asker, code: str = "") -> str:
        """Make the user; the answer is a token. Raises AlreadyRegistered, CodeNeeded, WrongCode, Unavailable."""

    async def login(self, username: str, password: str, asker: Asker) -> str:
        """A token. Raises NotRegistered, InvalidCredentials, RateLimited, Unavailable."""

    async def logout(self, token: str) -> None:
        """Revoke the token."""


def bearer(authorization: str) -> str:
    """The token of an `Authorization` header, "" if it carries none."""
    scheme, _, token = authorization.strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def subprotocol_token(offered: Iterable[str]) -> str:
    """The token among the subprotocols that a browser offers, "" if there is none."""
    return next((p.removeprefix(SUBPROTOCOL_PREFIX) for p in offered if p.startswith(SUBPROTOCOL_PREFIX)), "")


def require(store: AuthStore, token: str) -> str:
    """The token, if it is valid.

    Raises:
        MissingToken, InvalidToken: as PROTOCOL.md names them.
    """
    if not token:
        raise MissingToken
    if not store.check(token):
        raise InvalidToken
    return token
