"""The command line, a daemon a hook that waits, each as a process: what is answered is what the hook prints."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.process import Daemon, eventually

UUID = "5f0c1b1e-9a2b-4c3d-8e4f-001122334455"
BASE = {"session_id": UUID, "cwd": "/w/alpha", "permission_mode": "default"}
ASKS = {**BASE, "hook_event_name": "PermissionRequest", "tool_name": "Bash", "tool_input": {"command": "make lint"}}


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """One that knows a session, whose client is this process."""
    made = Daemon(tmp_path)
    session = {"name": "alpha", "uuid": UUID, "mode": "safe", "workdir": "/w/alpha"}
    (made.root / "sessions.json").write_text(json.dumps({"schema_version": 1, "sessions": {"alpha": session}}))
    clients = tmp_path / ".claude" / "sessions"
    clients.mkdir(parents=True)
    begun = Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]
    told = {"sessionId": UUID, "status": "waiting", "waitingFor": "permission prompt", "entrypoint": "cli"}
    (clients / f"{os.getpid()}.json").write_text(json.dumps({"pid": os.getpid(), "procStart": begun, **told}))
    with made:
        yield made.start()


def environment(daemon: Daemon, token: str) -> dict[str, str]:
    """Of a process of the daemon's user."""
    private = {"HOME": str(daemon.home), "TMUX_TMPDIR": str(daemon.home / "tmux"), "CLAUDE_PID": str(os.getpid())}
    coverage = {key: value for key, value in os.environ.items() if key.startswith("COVERAGE")}
    code = {"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": os.environ["PATH"], "NO_COLOR": "1"}
    return {**private, **coverage, **code, "CTM_TOKEN": token}


def run(daemon: Daemon, *words: str, token: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command."""
    return subprocess.run(
        [sys.executable, "-m", "ctm_trio", *words], env=environment(daemon, daemon.token if token is None else token),
        cwd=daemon.home, capture_output=True, text=True, timeout=60, check=False, input="",
    )  # fmt: skip


@contextmanager
def waiting_hook(daemon: Daemon) -> Iterator[subprocess.Popen[str]]:
    """A hook that asks for an approval; it is ended with the block."""
    hook = subprocess.Popen(
        [sys.executable, "-m", "ctm_trio", "hook"], env=environment(daemon, ""), cwd=daemon.home, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    with hook:
        assert hook.stdin is not None
        hook.stdin.write(json.dumps(ASKS))
        hook.stdin.close()
        hook.stdin = None
        try:
            eventually(lambda: bool(daemon.get("/api/requests")["requests"]), what="the request")
            yield hook
        finally:
            hook.kill()


def test_from_the_request_to_what_the_hook_prints(daemon: Daemon) -> None:
    """It is listed and shown in `ls`, `status` and `explain`; the answer reaches the hook; a second one is refused."""
    with waiting_hook(daemon) as hook:
        listed = run(daemon, "requests")
        assert listed.returncode == 0
        id_, session, kind = listed.stdout.splitlines()[1].split()[:3]
        assert (session, kind) == ("alpha", "permission")
        assert listed.stdout.rstrip().endswith("make lint")
        eventually(lambda: "asks permission" in run(daemon, "ls", token="").stdout, what="the status")
        assert "alpha  asks permission, " in run(daemon, "status", token="").stdout
        why = run(daemon, "explain", "alpha")
        assert why.stdout.startswith("alpha  asks permission (permission), for ")
        assert "\nWhy it is nothing else:\n  terminal gone (gone) " in why.stdout
        assert run(daemon, "answer", "nobody", "yes").returncode == 3
        answered = run(daemon, "answer", id_[:8], "no", "--message", "Not on a Friday; ask $USER.")
        assert (answered.returncode, answered.stderr) == (0, "alpha: permission, answered: Deny.\n")
        out, _ = hook.communicate(timeout=30)
        decision = json.loads(out)["hookSpecificOutput"]["decision"]
        assert decision == {"behavior": "deny", "message": "Not on a Friday; ask $USER."}
    request = daemon.get(f"/api/requests/{id_}")
    assert (request["state"], request["answer"]["where"]) == ("answered", "cli")
    again = run(daemon, "answer", id_[:8], "allow")
    assert again.returncode == 1
    assert again.stderr.startswith("ctm-trio: ")
    assert "answered: Deny" in run(daemon, "requests", "--all").stdout
    assert run(daemon, "explain", "nobody").returncode == 3


def test_without_the_daemon(daemon: Daemon) -> None:
    """All of them say with 4 that it is not there, and how to start it."""
    assert daemon.stop()[0] == 0
    for words in (
        ["requests"], ["answer", "alpha", "yes"], ["send", "alpha", "x"], ["interrupt", "alpha"], ["explain", "alpha"],
        ["watch"],
    ):  # fmt: skip
        for token in (daemon.token, ""):
            done = run(daemon, *words, token=token)
            assert done.returncode == 4, words
            assert "Start it with `ctm-trio serve`." in done.stderr, words
