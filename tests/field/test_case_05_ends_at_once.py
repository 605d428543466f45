"""Field case 5: sessions that end as soon as they are made."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.process import Daemon, eventually
from tests.field.lines import FIXTURES, with_tmux
from tests.tmux_server import PrivateTmux

ENDS = """#!/bin/sh
echo 'Error: no such licence'
stty -icanon -echo && printf '\\033[6n' && dd bs=1 count=1 >/dev/null 2>&1
exit 1
"""
"""Ends only once tmux has answered its query, and so has read its last words; otherwise a busy tmux might miss them."""


def cli(daemon: Daemon, *words: str) -> subprocess.CompletedProcess[str]:
    """A command of the CLI."""
    env = {"HOME": str(daemon.home), "PYTHONPATH": str(Path(__file__).parents[2]), **daemon.environment,
           "TMUX_TMPDIR": str(daemon.home / "tmux")}  # fmt: skip
    argv = [sys.executable, "-m", "ctm_trio", *words]
    return subprocess.run(
        argv, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60, check=False
    )


def create(daemon: Daemon, name: str) -> tuple[int, dict[str, str]]:
    """`POST /api/sessions`: status and answer."""
    answer = daemon.request("POST", "/api/sessions", json={"workdir": str(daemon.home / "new" / name), "name": name})
    return answer.status_code, answer.json()


@pytest.mark.parametrize("running", [False, True], ids=["in tmux.conf", "in the running server"])
def test_destroy_unattached(tmp_path: Path, server: PrivateTmux, running: bool) -> None:
    """With `destroy-unattached on` a session that nobody is attached to lives all the same, by HTTP and by the CLI."""
    with Daemon(tmp_path) as daemon:
        with_tmux(daemon, server)
        if running:
            server.new("keeper")
            server.run("set-option", "-t", "=keeper:", "destroy-unattached", "off")
            server.run("set-option", "-g", "destroy-unattached", "on")
        else:
            shutil.copy(FIXTURES / "05" / "tmux.conf", daemon.root / "tmux.conf")
        daemon.start()
        assert create(daemon, "alpha")[0] == 201
        done = cli(daemon, "new", "beta", str(tmp_path), "-d")
        assert done.returncode == 0, done.stderr
        eventually(lambda: daemon.get("/api/sessions/beta")["tmux_alive"], what="beta's life")
        assert {"alpha", "beta"} <= server.names()
        assert daemon.get("/api/sessions/alpha")["tmux_alive"]


def test_a_client_that_ends_at_once(tmp_path: Path, server: PrivateTmux) -> None:
    """The create fails with the client's last words, and nothing is left: no record, no tmux session, no directory."""
    (server.bin / "claude").write_text(ENDS)
    with Daemon(tmp_path) as daemon:
        with_tmux(daemon, server)
        daemon.start()
        status, answer = create(daemon, "alpha")
        assert (status, answer["error"]) == (502, "client_ended")
        assert "no such licence" in answer["message"]
        done = cli(daemon, "new", "beta", str(tmp_path / "new" / "beta"), "-d")
        assert done.returncode != 0
        assert "no such licence" in done.stderr
        assert daemon.get("/api/sessions") == []
        assert server.names() == set()
        assert not (tmp_path / "new").exists()


def test_window_size_manual(tmp_path: Path, server: PrivateTmux) -> None:
    """On a server that would end with a new session it is refused with the cure, and the other sessions live on."""
    server.new("precious")
    server.run("set-option", "-g", "window-size", "manual")
    with Daemon(tmp_path) as daemon:
        with_tmux(daemon, server)
        daemon.start()
        status, answer = create(daemon, "alpha")
        version = server.run("display-message", "-p", "#{version}")
        if status == 201:
            assert float(version.strip().strip("abcdef")) >= 3.4
        else:
            assert (status, answer["error"]) == (500, "spawn_failed")
            assert "set-option -g window-size latest" in answer["message"]
        assert "precious" in server.names()


def test_how_it_is_started(tmp_path: Path, server: PrivateTmux) -> None:
    """It has a size of its own, and nothing in its environment says that another client runs it."""
    client = server.bin / "claude"
    client.write_text(client.read_text().replace("note(argv", "note(env=dict(os.environ))\nnote(argv", 1))
    with Daemon(tmp_path) as daemon:
        with_tmux(daemon, server)
        daemon.environment |= {"CLAUDE_CODE_MAX_OUTPUT_TOKENS": "4096"}
        server.new("older")
        for name in ("CLAUDECODE", "CLAUDE_CODE_ENTRYPOINT", "CLAUDE_CODE_SESSION_ID"):
            server.run("set-environment", "-g", name, "1")
        server.run("set-environment", "-g", "CLAUDE_CONFIG_DIR", "/kept")
        daemon.start()
        assert create(daemon, "alpha")[0] == 201
        assert server.run("display-message", "-p", "-t", "=alpha:", "#{window_width}x#{window_height}") == "200x50\n"
        (environment,) = [note["env"] for note in server.notes() if "env" in note]
        assert {"CLAUDECODE", "CLAUDE_CODE_ENTRYPOINT", "CLAUDE_CODE_SESSION_ID"}.isdisjoint(environment)  # type: ignore[arg-type]
        assert environment["CLAUDE_CONFIG_DIR"] == "/kept"  # type: ignore[index]
        assert server.run("show-options", "-pv", "-t", "=alpha:", "remain-on-exit") == ""
        assert json.loads((daemon.root / "sessions.json").read_bytes())["sessions"].keys() == {"alpha"}
