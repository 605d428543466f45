"""A daemon's HTTP interface that answers by a table: for commands whose every path is tested, in this process."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

DROP = -1
"""As a status: the connection is closed without an answer."""

Answers = list[tuple[int, Any]]


@dataclass
class PlayedApi:
    """What it answers, and what it was asked.

    Attributes:
        port: where it listens on 127.0.0.1.
        routes: `"METHOD /path"`, with the query if there is one, → statuses and bodies in their order; the last one
            stays. All else is 404 `not_found`, as the daemon's.
        asked: method and path, and the decoded body, in the order in which they came.
    """

    port: int = 0
    routes: dict[str, Answers] = field(default_factory=dict)
    asked: list[tuple[str, Any]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def bodies(self, route: str) -> list[Any]:
        """What was sent to a route."""
        return [body for asked, body in self.asked if asked == route]

    def answer(self, route: str, body: Any) -> tuple[int, Any]:
        """Note a request, and what it is answered."""
        self.asked.append((route, body))
        answers = self.routes.get(route)
        if not answers:
            return 404, {"error": "not_found", "message": "There is nothing at this address."}
        return answers.pop(0) if len(answers) > 1 else answers[0]


@contextmanager
def played_api() -> Iterator[PlayedApi]:
    """Such a daemon, until the block ends."""
    api = PlayedApi()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            data = self.rfile.read(size)
            status, body = api.answer(f"{self.command} {self.path}", json.loads(data) if data else None)
            if status == DROP:
                self.close_connection = True
                return
            answer = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("X-Ctm-Serve", "9.9.9")
            self.send_header("Content-Length", str(len(answer)))
            with suppress(BrokenPipeError, ConnectionResetError):  # who asked may have given up
                self.end_headers()
                self.wfile.write(answer)

        do_POST = do_GET  # noqa: N815  # the name is the server's

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing is logged."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        api.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, name="played api")
        thread.start()
        try:
            yield api
        finally:
            server.shutdown()
            thread.join()
