"""The daemon as a process of its own, in a fresh HOME on a free port, and a client that reads its streams."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx
import msgspec

from tests.faults.rig import LogFile, marker_of, stored
from tests.ports import free_port

HOST = "127.0.0.1"
READY_S = 60.0
"""For a start on a busy machine; in peace it takes half a second."""

USER = {"username": "tester@example.com", "password": "correct horse battery"}


def _client(timeout_s: float) -> httpx.Client:
    # No TLS here: reading the certificates would take longer than all the rest.
    return httpx.Client(timeout=timeout_s, verify=False, trust_env=False)


def eventually(condition: Callable[[], bool], *, within_s: float = 30.0, what: str = "it") -> None:
    """Look until a condition holds. Another process cannot be awaited, only looked at."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen within {within_s} s"
        time.sleep(0.02)


@dataclass
class Daemon:
    """One HOME, and the daemon that runs on it again and again."""

    home: Path
    port: int = field(default_factory=free_port)
    token: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    prefix: tuple[str, ...] = ()
    """Words before the command, e.g. to take rights away."""
    module: str = "ctm_trio"
    """What is run with `python -m`."""

    def __post_init__(self) -> None:
        self.root = self.home / ".config" / "ctm"
        self.logs = self.root / "logs"
        self.database = self.root / "ctm-trio.db"
        self.output = self.home / "daemon.log"
        for directory in (self.logs, self.root / "hook-events", self.home / "tmux", self.home / "dumps"):
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not (self.root / "config.json").exists():
            config = {"schema_version": 1, "serve": {"statusline_dump_dir": str(self.home / "dumps")}}
            (self.root / "config.json").write_bytes(msgspec.json.encode(config))

    # -- life

    def start(self, *, ready: bool = True) -> Self:
        """Start it and wait until it answers."""
        env = {k: v for k, v in os.environ.items() if not k.startswith(("CTM_", "TMUX", "CLAUDE", "XDG_"))}
        env |= {"HOME": str(self.home), "TMUX_TMPDIR": str(self.home / "tmux"), **self.environment}
        env["PYTHONPATH"] = str(Path(__file__).parents[2])
        with open(self.output, "ab") as log:
            self.process = subprocess.Popen(
                [*self.prefix, sys.executable, "-m", self.module, "serve", "--port", str(self.port)],
                env=env, cwd=self.home, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        if ready:
            eventually(self.answers, within_s=READY_S, what="the first answer")
            if not self.token:
                answer = self.request("POST", "/api/auth/signup", json=USER)
                assert answer.status_code == 201, answer.text
                self.token = answer.json()["token"]
        return self

    def answers(self) -> bool:
        """True if /healthz says ok, and the owners have begun: other requests wait for them."""
        assert self.process is not None
        assert self.process.poll() is None, f"it ended with {self.process.returncode}: {self.said()[-2000:]}"
        try:
            with _client(5) as client:
                alive = client.get(f"http://{HOST}:{self.port}/healthz").status_code == 200
                return alive and client.get(f"http://{HOST}:{self.port}/api/bootstrap").status_code == 401
        except httpx.TransportError:
            return False

    def kill(self) -> None:
        """Kill -9."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def stop(self) -> tuple[int, float]:
        """SIGTERM; exit code and seconds it took."""
        assert self.process is not None
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        return code, time.monotonic() - began

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()  # gracefully, so that what it ran is counted
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)

    # -- what it says

    def said(self) -> str:
        """Everything it has logged."""
        return self.output.read_text(errors="replace")

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        """One request, with our Origin and token."""
        headers = {"Origin": f"http://{HOST}:{self.port}", **more.pop("headers", {})}
        if self.token:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        with _client(15) as client:
            return client.request(method, f"http://{HOST}:{self.port}{path}", headers=headers, **more)

    def send(self, method: str, path: str, body: object = None) -> socket.socket:
        """Send a request whose answer nobody waits for; the caller closes the connection, or leaves it."""
        data = b"" if body is None else msgspec.json.encode(body)
        head = [
            f"{method} {path} HTTP/1.1", f"Host: {HOST}:{self.port}", f"Origin: http://{HOST}:{self.port}",
            f"Authorization: Bearer {self.token}", "Content-Type: application/json", f"Content-Length: {len(data)}",
        ]  # fmt: skip
        sock = self.connect()
        sock.sendall("\r\n".join([*head, "", ""]).encode() + data)
        return sock

    def get(self, path: str) -> Any:
        """The JSON of a GET that must be 200."""
        answer = self.request("GET", path)
        assert answer.status_code == 200, (path, answer.status_code, answer.text)
        return answer.json()

    def rss_mb(self) -> float:
        """Resident memory in MB."""
        assert self.process is not None
        for row in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if row.startswith("VmRSS:"):
                return int(row.split()[1]) * 1024 / 1e6
        return 0.0

    def log(self, uuid: str = "11111111-2222-4333-8444-555555555555") -> LogFile:
        """A log of that Claude session."""
        return LogFile(self.logs, uuid)

    def stored(self) -> list[tuple[int, str]]:
        """(id, marker) of every tool call that is committed."""
        return stored(self.database)

    def connect(self) -> socket.socket:
        """A bare connection."""
        return socket.create_connection((HOST, self.port), timeout=10)

    @contextlib.contextmanager
    def stream(self, path: str = "/events/all", last_id: str = "") -> Iterator[Stream]:
        """An open event stream."""
        with self.connect() as sock:
            head = [f"GET {path} HTTP/1.1", f"Host: {HOST}:{self.port}", f"Authorization: Bearer {self.token}"]
            head += [f"Last-Event-ID: {last_id}"] if last_id else []
            sock.sendall("\r\n".join([*head, "", ""]).encode())
            yield Stream(sock)


class Stream:
    """Reads an event stream, chunks taken off."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.raw = b""
        self.body = b""
        self.heard = b""
        """Everything that came."""
        self.headed = False
        self.events: list[tuple[int, str]] = []
        """(id, marker) of the tool calls so far."""
        self.payloads: list[tuple[str, bytes]] = []
        """Type and payload of all events so far."""
        self.lost = 0
        self.ended = False

    def read(self, timeout_s: float = 0.2) -> bool:
        """Take what has come; False if nothing came within the time, or at the end."""
        self.sock.settimeout(timeout_s)
        try:
            data = self.sock.recv(1 << 16)
        except TimeoutError:
            return False
        except OSError:
            data = b""
        if not data:
            self.ended = True
            return False
        self.raw += data
        self.heard += data
        self._unpack()
        return True

    def until(self, count: int, within_s: float = 30.0) -> None:
        """Read until so many tool calls have come."""
        deadline = time.monotonic() + within_s
        while len(self.events) < count:
            assert not self.ended, f"the stream ended after {len(self.events)} of {count} events"
            assert time.monotonic() < deadline, f"{len(self.events)} of {count} events within {within_s} s"
            self.read()

    def _unpack(self) -> None:
        if not self.headed:
            head, split, rest = self.raw.partition(b"\r\n\r\n")
            if not split:
                return
            assert b" 200 " in head.split(b"\r\n")[0], head
            self.headed, self.raw = True, rest
        while b"\r\n" in self.raw:
            size, _, rest = self.raw.partition(b"\r\n")
            length = int(size, 16)
            if len(rest) < length + 2:
                return
            self.body += rest[:length]
            self.raw = rest[length + 2 :]
            *frames, self.body = self.body.split(b"\n\n")
            for frame in frames:
                self._frame(frame)

    def _frame(self, frame: bytes) -> None:
        if frame.startswith(b":"):
            self.lost += frame == b": lost"
            return
        fields = dict(row.split(b": ", 1) for row in frame.split(b"\n"))
        self.payloads.append((fields[b"event"].decode(), fields[b"data"]))
        if fields[b"event"] == b"tool_call":
            self.events.append((int(fields[b"id"].split(b"-")[0]), marker_of(fields[b"data"])))
