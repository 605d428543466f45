"""Alerts against a bad endpoint and a daemon that is killed: each arrives exactly once."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec

from tests.faults.process import HOST, Daemon, eventually
from tests.ports import free_port

SESSIONS = ("fine", "refuses", "hangs", "closes", "later")


class Endpoint(ThreadingHTTPServer):
    """Treats each session as its name says, until it is `good`; notes what it accepted."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, port: int, *, good: bool) -> None:
        self.good = good
        self.accepted: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.let_go = threading.Event()
        super().__init__((HOST, port), Handler)


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Endpoint

    def do_POST(self) -> None:
        session = msgspec.json.decode(self.rfile.read(int(self.headers["Content-Length"])))["session"]
        if self.server.good or session == "fine":
            self.server.accepted[session] += 1
            self.send_response(204)
            self.end_headers()
            return
        self.server.refused[session] += 1
        if session == "hangs":
            self.server.let_go.wait(30)
        if session in ("hangs", "closes"):
            self.close_connection = True
            return
        self.send_response(500)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def endpoint(port: int, *, good: bool) -> Iterator[Endpoint]:
    with Endpoint(port, good=good) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.let_go.set()
            server.shutdown()
            thread.join()


def test_bad_endpoint_and_two_kills(tmp_path: Path) -> None:
    """Refused, hanging, closed, then down over two kills: afterwards every alert has been accepted exactly once."""
    port = free_port()
    daemon = Daemon(tmp_path)
    config = {"serve": {"webhook_url": f"http://{HOST}:{port}/hook", "statusline_dump_dir": str(tmp_path / "dumps")}}
    (daemon.root / "config.json").write_bytes(msgspec.json.encode(config))
    # none of them has a tmux session, so each is announced as dead when the daemon starts
    records = {n: {"name": n, "uuid": n, "mode": "safe", "workdir": str(tmp_path)} for n in SESSIONS}
    (daemon.root / "sessions.json").write_bytes(msgspec.json.encode({"schema_version": 1, "sessions": records}))

    def listed() -> dict[str, str]:
        found = daemon.get("/api/webhook/deliveries")["deliveries"]
        return {f"{d['session']}:{d['alert']}": d["status"] for d in found}

    with daemon:
        with endpoint(port, good=False) as bad:
            daemon.start()
            eventually(
                lambda: bad.accepted["fine"] == 1 and all(bad.refused[s] for s in SESSIONS[1:]), what="a try each"
            )
            eventually(lambda: listed().get("fine:tmux_dead") == "delivered", what="the good one's mark")
            daemon.kill()
        daemon.start()
        eventually(lambda: list(listed().values()).count("pending") == 4, what="the list after the first kill")
        daemon.kill()
        with endpoint(port, good=True) as good:
            daemon.start()
            eventually(lambda: set(listed().values()) == {"delivered"}, within_s=30, what="every delivery")
            assert good.accepted == dict.fromkeys(SESSIONS[1:], 1)
            code, _ = daemon.stop()
    assert code == 0
    assert bad.accepted == {"fine": 1}


def test_routes(tmp_path: Path) -> None:
    """A test alert tells what the endpoint answered and needs our Origin; an impossible address is refused."""
    port = free_port()
    with Daemon(tmp_path) as daemon, endpoint(port, good=True) as good:
        daemon.start()
        none = daemon.request("POST", "/api/webhook/test")
        assert (none.status_code, none.json()["error"]) == (409, "no_webhook")
        url = f"http://{HOST}:{port}/hook"
        assert daemon.request("PATCH", "/api/config", json={"webhook_url": url}).status_code == 202
        answer = daemon.request("POST", "/api/webhook/test").json()
        assert (answer["ok"], answer["status"], answer["error"]) == (True, 204, "")
        assert good.accepted == {"ctm": 1}
        foreign = daemon.request("POST", "/api/webhook/test", headers={"Origin": "http://evil.example"})
        assert foreign.status_code == 403
        assert (
            daemon.request("GET", "/api/webhook/deliveries", headers={"Authorization": "Bearer no"}).status_code == 401
        )
        assert daemon.get("/api/webhook/deliveries") == {"deliveries": []}
        for wrong in ("ftp://h/x", "http://u:p@h/", "https://no-such-host.invalid/"):
            refused = daemon.request("PATCH", "/api/config", json={"webhook_url": wrong})
            assert (refused.status_code, refused.json()["error"]) == (400, "invalid_webhook_url")
            assert refused.json()["message"].endswith(".")
        assert daemon.get("/api/config")["webhook_url"] == url
        assert url not in daemon.said(), "an address may hold a secret"
