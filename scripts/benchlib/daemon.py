"""A fresh HOME and the daemon that runs in it, with what /proc says about it."""

from __future__ import annotations

import http.client
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Self

from benchlib.lines import log_id

HOST = "127.0.0.1"
TICK = os.sysconf("SC_CLK_TCK")
START_S = 120.0


class Daemon:
    """One HOME under the system's temporary directory, removed at the end; the daemon may run in it several times.

    Args:
        command: with `{port}` where the port goes.
        sessions: how many sessions it knows.
    """

    def __init__(self, command: str, *, sessions: int = 1) -> None:
        self.command = command
        self.home = Path(tempfile.mkdtemp(prefix="ctm-bench-"))
        self.root = self.home / ".config" / "ctm"
        self.logs = self.root / "logs"
        for directory in (self.logs, self.home / "tmux", self.home / "dumps"):
            directory.mkdir(parents=True)
        with socket.socket() as sock:
            sock.bind((HOST, 0))
            self.port: int = sock.getsockname()[1]
        self.token = ""
        self.started = 0.0
        self.process: subprocess.Popen[bytes]
        self.names = [f"s{i}" for i in range(sessions)]
        self._settle(sessions)

    def _settle(self, sessions: int) -> None:
        settings = {"schema_version": 1, "serve": {"statusline_dump_dir": str(self.home / "dumps")}}
        (self.root / "config.json").write_text(json.dumps(settings))
        records = {}
        for i in range(sessions):
            workdir = self.home / "work" / f"s{i}"
            workdir.mkdir(parents=True)
            records[f"s{i}"] = {
                "name": f"s{i}", "uuid": log_id(i), "mode": "safe", "workdir": str(workdir),
                "created_at": "2026-01-01T00:00:00Z",
            }  # fmt: skip
        (self.root / "sessions.json").write_text(json.dumps({"schema_version": 1, "sessions": records}))

    def log(self, index: int) -> Path:
        """The log of a session."""
        return self.logs / f"{log_id(index)}.jsonl"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if hasattr(self, "process") and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.home, ignore_errors=True)

    # -- life

    def start(self) -> float:
        """Start it; seconds from exec to the first 200 of /healthz."""
        env = {k: v for k, v in os.environ.items() if not k.startswith(("CTM_", "TMUX", "CLAUDE", "XDG_"))}
        env |= {"HOME": str(self.home), "TMUX_TMPDIR": str(self.home / "tmux")}
        words = [word.replace("{port}", str(self.port)) for word in shlex.split(self.command)]
        with open(self.home / "daemon.log", "ab") as log:
            self.started = time.monotonic()
            self.process = subprocess.Popen(words, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        while not self._healthy():
            if self.process.poll() is not None or time.monotonic() - self.started > START_S:
                raise SystemExit(f"the daemon does not start: {self.said()[-1000:]}")
            time.sleep(0.003)
        ready_s = time.monotonic() - self.started
        if not self.token:
            user = {"username": "bench@example.com", "password": "a password for the bench"}
            self.token = self.request("POST", "/api/auth/signup", user)["token"]
        return ready_s

    def _healthy(self) -> bool:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=5)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    # -- what it says

    def said(self) -> str:
        """Its log."""
        return (self.home / "daemon.log").read_text(errors="replace")

    def head(self, method: str, path: str) -> str:
        """Request line and headers of a request with our token."""
        return (
            f"{method} {path} HTTP/1.1\r\nHost: {HOST}:{self.port}\r\nOrigin: http://{HOST}:{self.port}\r\n"
            f"Authorization: Bearer {self.token}\r\n"
        )

    def request(self, method: str, path: str, body: object = None) -> Any:
        """The JSON of an answer that must be 2xx."""
        headers = {"Origin": f"http://{HOST}:{self.port}", "Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        connection = http.client.HTTPConnection(HOST, self.port, timeout=60)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            data = answer.read()
        finally:
            connection.close()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {data[:300]!r}")
        return json.loads(data) if data else None

    def published(self) -> int:
        """Events it has published since it started."""
        try:
            return int(self.request("GET", "/health")["hub"]["published"])
        except OSError:
            return -1

    def wait_published(self, count: int, limit_s: float = 120.0) -> float:
        """Wait until so many events are published; seconds since the start of the process."""
        end = time.monotonic() + limit_s
        while self.published() < count:
            if time.monotonic() > end:
                raise RuntimeError(f"{self.published()} of {count} events after {limit_s} s")
            time.sleep(0.02)
        return time.monotonic() - self.started

    # -- /proc

    def cpu_s(self) -> float:
        """CPU seconds used so far, by the daemon itself."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def memory_mb(self) -> tuple[float, float]:
        """Resident memory now and at its highest, in MB (10^6 bytes)."""
        found = {}
        for row in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if row.startswith(("VmRSS:", "VmHWM:")):
                found[row[:5]] = round(int(row.split()[1]) * 1024 / 1e6, 1)
        return found["VmRSS"], found["VmHWM"]


class Noise:
    """How much of the machine other programs use during a measure, in percent."""

    def __init__(self) -> None:
        self.busy, self.all = self._read()
        self.own = sum(os.times()[:4])

    @staticmethod
    def _read() -> tuple[float, float]:
        fields = [int(x) / TICK for x in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
        return sum(fields) - fields[3] - fields[4], sum(fields)

    def percent(self, daemon_cpu_s: float) -> float:
        """Everything that was neither the daemon nor this program and its clients."""
        busy, whole = self._read()
        own = sum(os.times()[:4]) - self.own
        return round(100 * max(0.0, busy - self.busy - own - daemon_cpu_s) / max(whole - self.all, 0.01), 1)
