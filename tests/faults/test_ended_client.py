"""A client that ended in a pane under a shell, over restarts of the daemon."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.process import eventually
from tests.field.box import UUID, Box, box

PROMPTED = {"session_id": UUID, "hook_event_name": "UserPromptSubmit", "cwd": "/w", "prompt": "go on"}


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Box]:
    """A box with the recorded session alpha, in whose pane a shell waits."""
    with box(tmp_path) as made:
        made.tmux.run("new-session", "-d", "-s", "alpha", "-x", "100", "-y", "30", "--", "bash", "--norc")
        entry = {"name": "alpha", "uuid": UUID, "mode": "yolo", "workdir": str(tmp_path),
                 "created_at": "2026-11-01T10:00:00Z"}  # fmt: skip
        (made.daemon.root / "sessions.json").write_text(json.dumps({"schema_version": 1, "sessions": {"alpha": entry}}))
        yield made


def view(here: Box) -> dict[str, Any]:
    """What is shown of it."""
    found: dict[str, Any] = here.daemon.get("/api/sessions/alpha")
    return found


def becomes(here: Box, state: str) -> dict[str, Any]:
    """Wait until it is so; its status then."""
    eventually(lambda: view(here)["status"]["state"] == state, within_s=30, what=state)
    status: dict[str, Any] = view(here)["status"]
    return status


def runs_in_the_pane(here: Box) -> int:
    """A program in front of the shell, and its status file: as far as files tell it is a busy client."""
    here.tmux.run("send-keys", "-t", "=alpha:", "sleep 1000 & echo $! >pid; fg", "Enter")
    file = here.daemon.home / "pid"
    here.tmux.run("send-keys", "-t", "=alpha:", "", "")
    eventually(lambda: file.exists() and file.read_text().strip() != "", what="the program")
    pid = int(file.read_text())
    begun = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    now = int(time.time() * 1000)
    told = {"pid": pid, "sessionId": UUID, "cwd": "/w", "startedAt": now, "procStart": begun, "entrypoint": "cli",
            "status": "busy", "statusUpdatedAt": now}  # fmt: skip
    directory = here.daemon.home / ".claude" / "sessions"
    directory.mkdir(parents=True, exist_ok=True)
    (directory / f"{pid}.json").write_text(json.dumps(told))
    return pid


@pytest.mark.parametrize("daemon_runs", [True, False], ids=["seen", "while no daemon ran"])
def test_a_restart_wakes_nobody(here: Box, daemon_runs: bool) -> None:
    """Killed at work, it has told no hook of its end: it stays ended, since when it was, and takes no prompt."""
    here.tmux.run("send-keys", "-t", "=alpha:", f"cd {here.daemon.home}", "Enter")
    here.daemon.start()
    pid = runs_in_the_pane(here)
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    here.hooks(json.dumps({**PROMPTED, "ctm_timestamp": stamp, "ctm_pid": str(pid)}).encode())
    becomes(here, "working")
    if daemon_runs:
        os.kill(pid, signal.SIGKILL)
        since = becomes(here, "exited")["since"]
        here.daemon.kill()
        here.daemon.start()
        assert becomes(here, "exited")["since"] == since
    else:
        here.daemon.kill()
        os.kill(pid, signal.SIGKILL)
        here.daemon.start()
        since = becomes(here, "exited")["since"]
    time.sleep(3)  # longer than tmux, the clients and the logs take to be looked at
    shown = view(here)
    assert (shown["status"]["state"], shown["status"]["since"]) == ("exited", since)
    assert (shown["blocked"], shown["can_type"]) == (True, False)
    refused = here.daemon.request("POST", "/api/sessions/alpha/prompt", json={"text": "x", "key": "k"})
    assert (refused.status_code, refused.json()["error"]) == (409, "exited")


def test_a_shell_shows_no_first_run_dialog(here: Box) -> None:
    """No client ever ran there."""
    here.daemon.start()
    status = becomes(here, "exited")
    assert "shell" in status["reason"]
    assert not view(here)["can_type"]
