"""The app: guards in front of every route, errors as JSON, streams beside Quart, the dashboard for the rest."""

from __future__ import annotations

import trio
from quart import Response, request
from quart_trio import QuartTrio
from werkzeug.exceptions import MethodNotAllowed, NotFound

from ctm_trio.errors.access import ForbiddenOrigin, WrongHost
from ctm_trio.errors.base import CtmError
from ctm_trio.web.answers import answer_of, http_answer
from ctm_trio.web.asgi import Receive, Scope, Send, header_of, send_answer
from ctm_trio.web.auth import bearer, require, subprotocol_token
from ctm_trio.web.body import takes_image
from ctm_trio.web.ends import WebEnds
from ctm_trio.web.errors import client_gone, refuse, register_errors, response_of
from ctm_trio.web.http import GUARDS, Guard, add_route
from ctm_trio.web.hypercorn_adapter.straight import wire_of
from ctm_trio.web.origin import Gate
from ctm_trio.web.pane import PaneEndpoint, pane_of
from ctm_trio.web.routes import ALL_ROUTES
from ctm_trio.web.sse import SseEndpoint, session_of
from ctm_trio.web.static import asset_answer, load_assets, serve_asset
from ctm_trio.web.streams import Streams
from ctm_trio.web.ws import WsEndpoint

BODY_TIMEOUT_S = 15
"""Like `body.BODY_TIMEOUT_S`, for what waits inside Quart."""

RESPONSE_TIMEOUT_S = 60
"""How long the sending of one answer may take, streams aside; a client that takes longer is cut."""

API_PREFIXES = ("/api/", "/events/")
"""Unknown paths under these are 404; all others belong to the dashboard. Source: PROTOCOL.md, Routes."""


class CtmApp(QuartTrio):
    """Quart for the routes; the Host check stands before everything."""

    def __init__(self, ends: WebEnds) -> None:
        super().__init__("ctm_trio.web", static_folder=None, template_folder=None)
        self._auth = ends.auth
        self.gate = Gate(ends.early.port, ends.early.origins)
        self.assets = load_assets()
        self.streams = Streams(ends.auth, ends.events)
        self._sse = SseEndpoint(self.streams)
        self._pane = PaneEndpoint(self.streams, ends.panes_send)
        self._ws = WsEndpoint(self.gate, self.streams, ends.early.version)
        self.config["BODY_TIMEOUT"] = BODY_TIMEOUT_S
        self.config["RESPONSE_TIMEOUT"] = RESPONSE_TIMEOUT_S
        self.url_map.merge_slashes = False
        self.url_map.strict_slashes = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # type: ignore[override]
        """The ASGI app. Quart names the same three things by Hypercorn's own types."""
        known = self.gate.host_ok(header_of(scope, b"host") or "")
        self._note_token(scope)
        if scope["type"] == "websocket":
            await self._ws(scope, receive, send, known_host=known)
            return
        if not known:
            await send_answer(send, answer_of(WrongHost()))
            return
        if session_of(scope["path"]) is not None:
            await self._sse(scope, receive, send)
            return
        if pane_of(scope["path"]) is not None:
            await self._pane(scope, receive, send)
            return
        asset = self.assets.get(scope["path"]) if scope["method"] == "GET" else None
        if asset is not None:  # beside Quart: a page is made of fifty of them, and Quart takes four times as long
            await send_answer(send, asset_answer(asset, header_of(scope, b"if-none-match") or ""))
            return
        if scope["method"] == "POST" and takes_image(scope["path"]):
            try:  # here already: while Quart answers, it would read what a stranger sends, ten megabytes a connection
                require(self._auth, bearer(header_of(scope, b"authorization") or ""))
            except CtmError as error:
                await send_answer(send, answer_of(error))
                return
        try:
            await super().__call__(scope, receive, send)  # type: ignore[arg-type]
        except Exception as error:
            if client_gone(error):
                raise trio.ClosedResourceError from error  # the name that the outer layers know
            raise

    def _note_token(self, scope: Scope) -> None:
        """A connection that has shown a valid token keeps its place when others must go."""
        token = bearer(header_of(scope, b"authorization") or "") or subprotocol_token(scope.get("subprotocols", ()))
        if token:
            wire_of(scope).trusted = self._auth.check(token)


def create_app(ends: WebEnds) -> CtmApp:
    """The ASGI app over the daemon's ends; serve it with `serve.run_http`."""
    app = CtmApp(ends)

    async def guard() -> None:
        if request.routing_exception is not None:
            return  # answered as 404 or 405, whoever asks
        wanted = GUARDS.get(request.endpoint or "", Guard(token=True, origin="need"))
        if wanted.token:
            require(ends.auth, bearer(request.headers.get("Authorization", "")))
        origin = request.headers.get("Origin")
        if wanted.origin == "need" and (origin is None or not app.gate.origin_ok(origin)):
            raise ForbiddenOrigin
        if wanted.origin == "if_sent" and origin is not None and not app.gate.origin_ok(origin):
            raise ForbiddenOrigin

    async def not_upgraded() -> Response:
        status, headers, body = http_answer(426)
        return response_of((status, {**headers, "Upgrade": "websocket"}, body))

    async def not_found(_: NotFound) -> Response:
        if request.path.startswith(API_PREFIXES) or request.path in ("/api", "/events"):
            return response_of(http_answer(404))
        if request.method not in ("GET", "HEAD"):
            return await refuse(MethodNotAllowed(valid_methods=["GET", "HEAD"]))
        return serve_asset(app.assets, request.path)

    async def safe_guard() -> Response | None:
        try:
            await guard()
        except CtmError as error:
            return response_of(answer_of(error))
        return None

    app.before_request(safe_guard)
    add_route(app, "/ws", not_upgraded)
    register_errors(app)
    app.register_error_handler(NotFound, not_found)
    for register in ALL_ROUTES:
        register(app, ends)
    return app
