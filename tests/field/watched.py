"""A daemon that follows one recorded session, whose tmux session lives on a private server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ctm_trio
from tests.faults.process import Daemon, eventually

FIELD = Path(__file__).parents[1] / "fixtures" / "field"
UUID = "0a1b2c3d-0000-4000-8000-000000000001"
"""The Claude session of the inputs."""

FUTURE = "9000000000000000000-0"
HOOK = [sys.executable, "-I", "-S", str(Path(ctm_trio.__file__).parent / "producers" / "start.py"), "hook"]


def given(case: str, name: str) -> bytes:
    """An input of a field case."""
    return (FIELD / case / name).read_bytes()


@contextmanager
def watched(home: Path) -> Iterator[Daemon]:
    """A running daemon with the session `api` (`UUID`), which is alive in tmux."""
    with Daemon(home) as daemon:
        env = {k: v for k, v in os.environ.items() if not k.startswith(("CTM_", "TMUX", "CLAUDE"))}
        env |= {"TMUX_TMPDIR": str(home / "tmux"), "HOME": str(home)}
        tmux = ["tmux", "-f", "/dev/null"]
        subprocess.run([*tmux, "new-session", "-d", "-s", "api", "sleep 600"], env=env, check=True)
        try:
            record = {
                "name": "api",
                "uuid": UUID,
                "mode": "safe",
                "workdir": str(home),
                "created_at": "2026-11-25T09:00:00Z",
            }
            book = {"schema_version": 1, "sessions": {"api": record}}
            (daemon.root / "sessions.json").write_text(json.dumps(book))
            daemon.start()
            yield daemon
        finally:
            subprocess.run([*tmux, "kill-server"], env=env, check=True)


def hook(daemon: Daemon, payload: bytes) -> None:
    """Run the hook as Claude Code does."""
    env = {"HOME": str(daemon.home), "PATH": os.environ["PATH"]}
    done = subprocess.run(HOOK, input=payload, env=env, capture_output=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def calls(daemon: Daemon, count: int) -> list[dict[str, Any]]:
    """The calls of the session's history, newest first, once there are so many."""
    path = f"/api/sessions/api/feed/history?before={FUTURE}&limit=500"
    eventually(lambda: len(daemon.get(path)["events"]) >= count, what=f"{count} calls")
    events: list[dict[str, Any]] = daemon.get(path)["events"]
    return events


def detail(daemon: Daemon, call: dict[str, Any]) -> dict[str, Any]:
    """One call in full."""
    found: dict[str, Any] = daemon.get(f"/api/sessions/api/tool_calls/{call['id']}/detail")
    return found


def attention(daemon: Daemon) -> str:
    """The state that the session is in, "" for none."""
    return str((daemon.get("/api/sessions/api").get("attention") or {}).get("state", ""))
