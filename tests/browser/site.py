"""A daemon with a HOME of its own, as a process, and everything a journey needs around it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
import uuid
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.ports import free_port
from tests.tmux_server import PrivateTmux

ROOT = Path(__file__).resolve().parents[2]
START_LIMIT_S = 60.0
STOP_LIMIT_S = 30.0
EMAIL = "ada@example.org"
PASSWORD = "correct horse"


def stamp(ago_s: float = 0.0) -> str:
    """RFC 3339, `ago_s` seconds before now."""
    return (datetime.now(UTC) - timedelta(seconds=ago_s)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Site:
    """A HOME below `home`, a private tmux, and the daemon that serves them.

    Use it with `add_session`, `append`, then `start`; `stop` ends the daemon, and `start` again is a restart. What
    `at_end` has is ended with the test.
    """

    def __init__(self, home: Path, tmux: PrivateTmux) -> None:
        self.home = home
        self.tmux = tmux
        self.port = free_port()
        self.conf = home / ".config" / "ctm"
        self.logs = self.conf / "logs"
        self.dumps = home / "dumps"
        self.records: dict[str, dict[str, Any]] = {}
        self.token = ""
        self.at_end = ExitStack()
        self._process: subprocess.Popen[bytes] | None = None
        for directory in (self.logs, self.dumps):
            directory.mkdir(parents=True, mode=0o700)
        settings = {"schema_version": 1, "serve": {"statusline_dump_dir": str(self.dumps), "tmux_socket": tmux.socket}}
        (self.conf / "config.json").write_text(json.dumps(settings))
        (home / ".gitconfig").write_text(
            "[user]\n\tname = Ada\n\temail = ada@example.org\n[init]\n\tdefaultBranch = main\n"
        )

    @property
    def url(self) -> str:
        """Where the dashboard is."""
        return f"http://127.0.0.1:{self.port}"

    def environment(self) -> dict[str, str]:
        """The daemon's environment: nothing of the person who runs the tests."""
        kept = {
            key: value for key, value in os.environ.items() if not key.startswith(("CTM_", "TMUX", "CLAUDE", "XDG_"))
        }
        return {
            **kept,
            "HOME": str(self.home),
            "PATH": f"{self.tmux.bin}{os.pathsep}{kept.get('PATH', os.defpath)}",
            "PYTHONPATH": str(ROOT),
            "GIT_CONFIG_NOSYSTEM": "1",
        }

    # ------------------------------------------------------------ what the daemon reads

    def add_session(self, name: str, *, mode: str = "yolo", tmux: tuple[str, ...] | None = ("cat",)) -> dict[str, Any]:
        """A session with a work directory and, unless `tmux` is None, a tmux session that runs that command."""
        workdir = self.home / "src" / name
        workdir.mkdir(parents=True, exist_ok=True)
        record = {
            "name": name,
            "uuid": str(uuid.uuid4()),
            "mode": mode,
            "workdir": str(workdir),
            "created_at": stamp(3600),
            "last_attached_at": "0001-01-01T00:00:00Z",
            "last_health_status": "",
            "last_health_at": "0001-01-01T00:00:00Z",
        }
        self.records[name] = record
        if tmux is not None:
            self.tmux.new(name, *tmux)
        target = self.conf / "sessions.json"
        draft = target.with_suffix(".new")
        draft.write_text(json.dumps({"schema_version": 1, "sessions": self.records}))
        draft.replace(target)
        return record

    def line(self, name: str, tool: str = "Bash", ago_s: float = 0.0, **more: Any) -> dict[str, Any]:
        """A hook payload as Claude Code sends it; `more` overrides its fields."""
        return {
            "session_id": self.records[name]["uuid"],
            "hook_event_name": "PostToolUse",
            "tool_name": tool,
            "tool_input": {"command": "make test"},
            "tool_response": {"stdout": "all green", "stderr": "", "interrupted": False},
            "tool_use_id": f"toolu_{uuid.uuid4().hex[:20]}",
            "duration_ms": 120,
            "ctm_timestamp": stamp(ago_s),
            **more,
        }

    def append(self, name: str, *lines: dict[str, Any]) -> None:
        """Lines at the end of a session's log, in one write."""
        text = "".join(json.dumps(line) + "\n" for line in lines)
        with open(self.logs / f"{self.records[name]['uuid']}.jsonl", "a") as log:
            log.write(text)

    def hook(self, name: str, event: str, **more: Any) -> None:
        """A hook event that is not a tool call."""
        folder = self.conf / "hook-events"
        folder.mkdir(exist_ok=True, mode=0o700)
        uuid_ = self.records[name]["uuid"]
        payload = {"session_id": uuid_, "hook_event_name": event, "ctm_timestamp": stamp(), "ctm_session": name, **more}
        with open(folder / f"{uuid_}.jsonl", "a") as log:
            log.write(json.dumps(payload) + "\n")

    def dump(self, name: str, *, context: int, cost: float, five_hour: float = 41.0, tokens: int = 60_000) -> None:
        """A status line dump."""
        record = self.records[name]
        payload = {
            "session_id": record["uuid"],
            "cwd": record["workdir"],
            "model": {"id": "claude-opus-5-5", "display_name": "Opus 5.5"},
            "cost": {"total_cost_usd": cost, "total_duration_ms": 1, "total_api_duration_ms": 1},
            "context_window": {
                "used_percentage": context,
                "total_input_tokens": tokens,
                "total_output_tokens": 1200,
                "current_usage": {
                    "input_tokens": 20,
                    "output_tokens": 1200,
                    "cache_creation_input_tokens": 900,
                    "cache_read_input_tokens": 30_000,
                },
            },
            "rate_limits": {
                "five_hour": {"used_percentage": five_hour, "resets_at": int(time.time()) + 7200},
                "seven_day": {"used_percentage": 23.0, "resets_at": int(time.time()) + 300_000},
            },
        }
        draft = self.dumps / f".{record['uuid']}"
        draft.write_text(json.dumps(payload))
        draft.replace(self.dumps / f"{record['uuid']}.json")

    def git(self, name: str, *words: str) -> str:
        """Git in a session's work directory."""
        argv = ["git", "-C", self.records[name]["workdir"], *words]
        return subprocess.run(argv, capture_output=True, text=True, check=True, env=self.environment()).stdout

    def repository(self, name: str, subjects: tuple[str, ...] = ("first", "before the rounding")) -> list[str]:
        """A git repository with a checkpoint a subject; their ids, oldest first."""
        self.git(name, "init", "-q")
        shas = []
        for number, subject in enumerate(subjects):
            (Path(self.records[name]["workdir"]) / "total.ts").write_text(
                f"const total = {number}\nexport default total\n"
            )
            self.git(name, "add", "-A")
            self.git(name, "commit", "-q", "-m", f"checkpoint: {subject}")
            shas.append(self.git(name, "rev-parse", "HEAD").strip())
        return shas

    # ------------------------------------------------------------ the daemon

    def start(self) -> None:
        """Start it and wait until it answers. Raises RuntimeError with its last words if it does not."""
        with open(self.home / "daemon.log", "ab") as log:
            argv = [sys.executable, "-m", "ctm_trio", "serve", "--port", str(self.port)]
            self._process = subprocess.Popen(
                argv, env=self.environment(), cwd=self.home, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        end = time.monotonic() + START_LIMIT_S
        while time.monotonic() < end and self._process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.url}/healthz", timeout=1):
                    return
            except OSError:
                time.sleep(0.03)  # another process is starting: nothing to wait on
        raise RuntimeError(f"the daemon does not answer: {self.last_words()}")

    def stop(self) -> None:
        """End it the way a service manager does."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(5)
        self._process = None

    def last_words(self) -> str:
        """The end of its log."""
        return (self.home / "daemon.log").read_text(errors="replace")[-1500:]

    def request(self, method: str, path: str, body: object = None) -> Any:
        """A request as the dashboard makes it, with its token."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Origin": self.url, "Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        asked = urllib.request.Request(self.url + path, data=data, method=method, headers=headers)
        with urllib.request.urlopen(asked, timeout=START_LIMIT_S) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def sign_up(self) -> None:
        """Create the account without the browser; `token` is its login."""
        self.token = self.request("POST", "/api/auth/signup", {"username": EMAIL, "password": PASSWORD})["token"]
