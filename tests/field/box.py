"""A box as in the field: a real daemon, a tmux server of its own with the sessions in it, and a webhook's endpoint."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.faults.process import HOST, Daemon
from tests.tmux_server import PrivateTmux, private_tmux

FIXTURES = Path(__file__).parents[1] / "fixtures" / "field"
UUID = "0a1b2c3d-0000-4000-8000-000000000001"
"""The Claude session that the field cases are about."""


@dataclass
class Box:
    """A daemon that is not started yet, and what it follows."""

    daemon: Daemon
    tmux: PrivateTmux

    def session(self, name: str = "alpha", uuid: str = UUID, mode: str = "safe") -> None:
        """Record a session whose tmux session lives."""
        self.tmux.new(name)
        path = self.daemon.root / "sessions.json"
        book: dict[str, Any] = {"schema_version": 1, "sessions": {}}
        if path.exists():
            book = json.loads(path.read_text())
        book["sessions"][name] = {
            "name": name, "uuid": uuid, "mode": mode, "workdir": str(self.daemon.home),
            "created_at": "2026-11-01T10:00:00Z",
        }  # fmt: skip
        path.write_text(json.dumps(book))

    def serve(self, **settings: object) -> None:
        """Set keys of `serve` in the configuration."""
        path = self.daemon.root / "config.json"
        config = json.loads(path.read_text())
        config["serve"].update(settings)
        path.write_text(json.dumps(config))

    def hooks(self, *lines: bytes, uuid: str = UUID) -> None:
        """Append lines to a session's hook events."""
        path = self.daemon.root / "hook-events" / f"{uuid}.jsonl"
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(fd, b"".join(line.rstrip(b"\n") + b"\n" for line in lines))
        finally:
            os.close(fd)

    def dump(self, data: bytes, uuid: str = UUID) -> None:
        """Leave a dump of the status line, whole at once."""
        path = self.daemon.home / "dumps" / f"{uuid}.json"
        temporary = path.with_suffix(".part")
        temporary.write_bytes(data)
        temporary.rename(path)

    def status(self) -> Any:
        """What `ctm-trio status --json` says."""
        env = {k: v for k, v in os.environ.items() if not k.startswith(("CTM_", "TMUX", "CLAUDE", "XDG_"))}
        env |= {"HOME": str(self.daemon.home), "PYTHONPATH": str(Path(__file__).parents[2])}
        found = subprocess.run(
            [sys.executable, "-m", "ctm_trio", "status", "--json"], env=env, capture_output=True, check=True, timeout=30
        )
        return json.loads(found.stdout)

    def attention(self, name: str = "alpha") -> str:
        """The state that a session's view shows, "" for none."""
        return str(self.daemon.get(f"/api/sessions/{name}").get("attention", {}).get("state", ""))


@contextmanager
def box(home: Path, **environment: str) -> Iterator[Box]:
    """A box with nothing in it; afterwards the daemon and the tmux server are gone."""
    with private_tmux() as tmux, Daemon(home, environment=environment) as daemon:
        made = Box(daemon, tmux)
        made.serve(tmux_socket=tmux.socket, port=daemon.port)
        yield made


class Endpoint(ThreadingHTTPServer):
    """A webhook's endpoint: notes each body with its time, and answers with the next of `script`, else 204."""

    daemon_threads = True

    def __init__(self) -> None:
        self.got: list[tuple[float, Any]] = []
        self.script: list[Callable[[BaseHTTPRequestHandler], None]] = []
        super().__init__((HOST, 0), _Handler)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{HOST}:{self.server_address[1]}/hook"


class _Handler(BaseHTTPRequestHandler):
    server: Endpoint

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        at = time.monotonic()  # before the answer: with that a pause begins
        answer = self.server.script.pop(0) if self.server.script else None
        if answer is None:
            self.send_response(204)
            self.end_headers()
        else:
            answer(self)
        self.server.got.append((at, json.loads(body) if body[:1] == b"{" else body.decode()))

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def endpoint() -> Iterator[Endpoint]:
    """An endpoint on a port of its own."""
    with Endpoint() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
