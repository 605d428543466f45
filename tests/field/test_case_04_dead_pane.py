"""Field case 4: `remain-on-exit on` keeps the pane of a client that has ended."""

from __future__ import annotations

import os
import pty
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from tests.faults.process import Daemon, eventually
from tests.field.lines import FIXTURES, attention, with_tmux
from tests.tmux_server import PrivateTmux


def test_it_counts_as_ended_and_starts_again(tmp_path: Path, server: PrivateTmux) -> None:
    """Within seconds it is tmux_dead, input is refused, and `yolo NAME` and `attach NAME` start it again."""
    with Daemon(tmp_path) as daemon:
        with_tmux(daemon, server)
        shutil.copy(FIXTURES / "04" / "tmux.conf", daemon.root / "tmux.conf")
        daemon.start()
        made = daemon.request("POST", "/api/sessions", json={"workdir": str(tmp_path / "w"), "name": "alpha"})
        assert made.status_code == 201, made.text
        for command in ("yolo", "attach"):
            eventually(lambda: daemon.get("/api/sessions/alpha")["tmux_alive"], what="the life of it")
            os.kill(int(server.run("display-message", "-p", "-t", "=alpha:", "#{pane_pid}")), signal.SIGTERM)
            eventually(lambda: not daemon.get("/api/sessions/alpha")["tmux_alive"], within_s=30, what="its end")
            assert "alpha" in server.names(), "its pane is kept"
            answer = daemon.request("POST", "/api/sessions/alpha/input", json={"text": "x"})
            assert (answer.status_code, answer.json()["error"]) == (409, "tmux_dead")
            eventually(lambda: attention(daemon, "alpha") == "tmux_dead", what="the alarm")
            starts = len([note for note in server.notes() if "argv" in note])
            run(daemon, command, "alpha")
            eventually(lambda n=starts: len([o for o in server.notes() if "argv" in o]) > n, what="a start")  # type: ignore[misc]
        eventually(lambda: attention(daemon, "alpha") == "", what="the end of the alarm")


def run(daemon: Daemon, command: str, name: str) -> None:
    """A command of the CLI in a terminal of its own, which is closed then."""
    env = {"HOME": str(daemon.home), "TERM": "xterm-256color", "PYTHONPATH": str(Path(__file__).parents[2]),
           "TMUX_TMPDIR": str(daemon.home / "tmux"), **daemon.environment}  # fmt: skip
    detached = ["-d"] if command == "yolo" else []
    ours, theirs = pty.openpty()
    argv = [sys.executable, "-m", "ctm_trio", command, name, *detached]
    process = subprocess.Popen(argv, env=env, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
    os.close(theirs)
    try:
        if detached:
            assert process.wait(30) == 0
        else:
            eventually(lambda: daemon.get("/api/sessions/alpha")["tmux_alive"], what="the session's life")
    finally:
        os.close(ours)
        process.terminate()
        process.wait(10)
