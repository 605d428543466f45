"""`/api/auth/*`: sign-up, login, logout, status. Source: PROTOCOL.md, Sign-up and login."""

from __future__ import annotations

import re

import msgspec
from quart import Response, request
from quart_trio import QuartTrio

from ctm_trio.errors.requests import InvalidBody
from ctm_trio.web.auth import bearer
from ctm_trio.web.ends import WebEnds
from ctm_trio.web.http import add_route, json_answer, json_body, no_content, who_asks

MAX_BODY_BYTES = 1024
MAX_USERNAME = 254
MIN_PASSWORD = 8

_EMAIL = re.compile(r"[a-zA-Z0-9._%+-]+@[a-zA-Z0-9-]+(\.[a-zA-Z0-9-]+)*\.[a-zA-Z]{2,}", re.ASCII)


class Credentials(msgspec.Struct):
    """The body of login."""

    username: str
    password: str


class NewUser(Credentials):
    """The body of sign-up. `code`: the one-time code, for those who need one."""

    code: str | None = None


def _check_new(credentials: Credentials) -> None:
    if len(credentials.username) > MAX_USERNAME or _EMAIL.fullmatch(credentials.username) is None:
        raise InvalidBody("The username must be an e-mail address of at most 254 characters.")
    if len(credentials.password) < MIN_PASSWORD or not credentials.password.strip():
        raise InvalidBody("The password needs at least 8 characters that are not all blank.")


def register(app: QuartTrio, ends: WebEnds) -> None:
    """Add the routes."""

    async def status() -> Response:
        token = bearer(request.headers.get("Authorization", ""))
        known = bool(token) and ends.auth.check(token)
        return json_answer({"registered": ends.auth.is_registered(), "authenticated": known})

    async def signup() -> Response:
        credentials = await json_body(NewUser, max_bytes=MAX_BODY_BYTES)
        _check_new(credentials)
        asker = await who_asks(ends.early.peers)
        token = await ends.auth.signup(credentials.username, credentials.password, asker, credentials.code or "")
        return json_answer({"token": token, "username": credentials.username}, 201)

    async def login() -> Response:
        credentials = await json_body(Credentials, max_bytes=MAX_BODY_BYTES)
        asker = await who_asks(ends.early.peers)
        token = await ends.auth.login(credentials.username, credentials.password, asker)
        return json_answer({"token": token, "username": credentials.username})

    async def logout() -> Response:
        await ends.auth.logout(bearer(request.headers.get("Authorization", "")))
        return no_content()

    add_route(app, "/api/auth/status", status, token=False)
    add_route(app, "/api/auth/signup", signup, ["POST"], token=False)
    add_route(app, "/api/auth/login", login, ["POST"], token=False)
    add_route(app, "/api/auth/logout", logout, ["POST"], origin="if_sent")
