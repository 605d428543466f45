"""What the accept loop sees of Hypercorn: one worker, which speaks HTTP on connections that it is given."""

from __future__ import annotations

import logging
import sys

from hypercorn.config import Config
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.utils import wrap_app

from ctm_trio.web.asgi import AsgiApp
from ctm_trio.web.hypercorn_adapter.connection import Connection
from ctm_trio.web.request_head import MAX_HEAD_BYTES
from ctm_trio.web.wire import Wire

MAX_WS_MESSAGE = 64 * 1024
"""A longer WebSocket message closes with 1009. Source: PROTOCOL.md, Connections and limits."""


class Worker:
    """Hypercorn without its sockets.

    Args:
        app: the ASGI app. Its scopes carry the connection's `Wire`, see `straight.wire_of`.
        log: told what Hypercorn calls errors.
    """

    def __init__(self, app: AsgiApp, log: logging.Logger) -> None:
        self._config = _settings(log)
        self._app = wrap_app(app, self._config.wsgi_max_body_size, None)  # type: ignore[arg-type]  # any ASGI callable
        self._context = WorkerContext(None)

    def connection(self, wire: Wire) -> Connection:
        """A connection that was accepted; `Connection.run` serves it."""
        return Connection(self._app, self._config, self._context, wire)

    async def stop(self) -> None:
        """From now on no connection waits for another request."""
        await self._context.terminated.set()


def _settings(log: logging.Logger) -> Config:
    config = Config()
    config.accesslog = None
    config.errorlog = log
    config.include_server_header = False
    config.h11_max_incomplete_size = MAX_HEAD_BYTES
    config.websocket_max_message_size = MAX_WS_MESSAGE
    config.keep_alive_max_requests = sys.maxsize  # 1,000 by default; a proxy, a script or a page keeps its connection
    return config
