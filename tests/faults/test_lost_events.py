"""Events that the hook could not keep: the daemon says so, until events flow again or somebody has taken note."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ctm_trio.model.hook_losses import NAME, told
from ctm_trio.producers import reserve
from ctm_trio.system import hook_losses
from tests.faults.process import Daemon, eventually
from tests.field.watched import HOOK, UUID, hook


@pytest.fixture
def daemon(daemon: Daemon) -> Daemon:
    """A daemon that runs in a fresh HOME."""
    return daemon.start()


def lose(daemon: Daemon) -> None:
    """An event that the file system refuses, by a limit of the user's."""
    data = json.dumps({"session_id": UUID, "tool_name": "Write", "blob": "x" * 200_000}).encode()
    env = {"HOME": str(daemon.home), "PATH": os.environ["PATH"]}
    script = f"ulimit -f 64; exec {' '.join(HOOK)}"
    assert subprocess.run(["/bin/sh", "-c", script], input=data, env=env, timeout=30, check=False).returncode == 0


def hooks(daemon: Daemon) -> str:
    """What /health says of the hooks."""
    return str(daemon.get("/health")["components"]["hooks"])


def check(daemon: Daemon) -> dict[str, Any]:
    """What the doctor says of lost events."""
    (found,) = [c for c in daemon.get("/api/doctor")["checks"] if c["name"] == "hooks:lost"]
    return dict(found)


def test_losses_are_said_until_events_flow(daemon: Daemon) -> None:
    """/health and the doctor name them with number and reason, over a restart; then events arrive, and all is well."""
    hook(daemon, json.dumps({"session_id": UUID, "tool_name": "Bash"}).encode())
    assert hooks(daemon) == "ok"
    lose(daemon)
    lose(daemon)
    eventually(lambda: "2 hook events were lost from one session" in hooks(daemon), what="the two")
    assert "File too large" in hooks(daemon)
    assert daemon.get("/health")["status"] == "degraded"
    eventually(lambda: check(daemon)["status"] == "warn", what="the doctor's word")
    daemon.stop()
    daemon.start()
    eventually(lambda: "2 hook events" in hooks(daemon), what="the two after a restart")
    hook(daemon, json.dumps({"session_id": UUID, "tool_name": "Bash"}).encode())
    eventually(lambda: hooks(daemon) == "ok", within_s=30, what="all is well")
    eventually(lambda: check(daemon)["status"] == "ok", what="the doctor's all clear")
    assert "Events arrive again" in check(daemon)["message"]


def test_losses_are_said_until_somebody_takes_note(daemon: Daemon) -> None:
    """Deleting the count is taking note; room for the next losses is made again."""
    lose(daemon)
    eventually(lambda: "1 hook event was lost" in hooks(daemon), what="the one")
    (daemon.logs / NAME).unlink()
    eventually(lambda: hooks(daemon) == "ok", what="all is well")
    eventually((daemon.logs / NAME).exists, what="new room")
    assert (daemon.logs / NAME).stat().st_size == reserve.RESERVE_BYTES


def test_hook_and_daemon_agree(tmp_path: Path) -> None:
    """Both know the same file by the same size; what is no count of ours is none."""
    assert (NAME, hook_losses.RESERVE_BYTES) == (reserve.LOST_NAME, reserve.RESERVE_BYTES)
    assert hook_losses.read_losses(tmp_path) == {}
    path = tmp_path / NAME
    assert path.stat().st_size == reserve.RESERVE_BYTES
    path.write_bytes(b"\xff\xfe nonsense\n7 half\nx y z a b\n")
    assert hook_losses.read_losses(tmp_path) == {}
    path.unlink()
    os.mkfifo(path)
    assert hook_losses.read_losses(tmp_path) == {}
    assert told({}) == ""
