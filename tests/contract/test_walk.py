"""The walk of a newcomer: from an empty HOME to a watched session, with a real tmux and a fake `claude`."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

import ctm_trio
from ctm_trio.cli.link import probe
from tests.fixtures import CLAUDE_CODE, recorded
from tests.ports import free_port

CODE = Path(ctm_trio.__file__).parent.parent
FAKE = CODE / "tests" / "fakes" / "claude.py"
LIMIT_S = 30.0


class Machine:
    """A new user's machine: an empty HOME, a tmux server of its own, `claude` on PATH."""

    def __init__(self, root: Path) -> None:
        self.root, self.port = root, free_port()
        self.conf = root / ".config" / "ctm"
        bin_ = root / "bin"
        for directory in (bin_, root / "t", root / "project"):
            directory.mkdir()
        (bin_ / "claude").write_text(f'#!/bin/sh\nexec "{sys.executable}" "{FAKE}" "$@"\n')
        (bin_ / "claude").chmod(0o755)
        keep = {key: value for key, value in os.environ.items() if not key.startswith(("CTM_", "TMUX", "CLAUDE"))}
        self.env = {
            **keep,
            "HOME": str(root),
            "TMUX_TMPDIR": str(root / "t"),
            "PATH": f"{bin_}{os.pathsep}{os.environ['PATH']}",
            "SHELL": "/bin/sh",
            "TERM": "xterm-256color",
            "PYTHONPATH": str(CODE),
            "FAKE_CLAUDE_RECORDED": str(CLAUDE_CODE),
        }

    def ctm(self, *words: str, code: int = 0, where: str = "project") -> subprocess.CompletedProcess[str]:
        """Run a command as the newcomer would, in the project's directory or another one of HOME."""
        done = subprocess.run(
            [sys.executable, "-m", "ctm_trio", *words],
            env=self.env,
            cwd=self.root / where,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def sign_up(self) -> str:
        """Wait until the daemon answers (`new` waits only two seconds for it), sign up, and return the token."""
        end = time.monotonic() + LIMIT_S
        while probe(self.port) is None:
            assert time.monotonic() < end, (self.conf / "ctm-trio.log").read_text()
            select.select((), (), (), 0.05)
        body = {"username": "a@example.com", "password": "long enough"}
        return str(self.call("POST", "/api/auth/signup", body)["token"])

    def call(self, method: str, path: str, body: object = None, token: str = "") -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT_S)
        headers = {"Origin": f"http://127.0.0.1:{self.port}", "Authorization": f"Bearer {token}"}
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        assert answer.status < 300, f"{method} {path}: {answer.status} {data!r}"
        return json.loads(data) if data else None

    def events(self, path: str, token: str) -> Generator[tuple[str, Any], None, None]:
        """The events of a stream, the replay first."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT_S)
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        assert answer.status == 200
        kind = ""
        with answer, contextlib.closing(connection):
            while line := answer.readline():
                if line.startswith(b"event: "):
                    kind = line[7:].strip().decode()
                elif line.startswith(b"data: "):
                    yield kind, json.loads(line[6:])

    def daemons(self) -> list[int]:
        """The processes that serve this HOME."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                mine = f"HOME={self.root}\0".encode() in (process / "environ").read_bytes()
                if mine and b"\0serve\0" in (process / "cmdline").read_bytes():
                    found.append(int(process.name))
            except OSError:
                continue  # it ended meanwhile, or is somebody else's
        return found

    def close(self) -> None:
        subprocess.run(["tmux", "kill-server"], env=self.env, capture_output=True, check=False)
        for pid in self.daemons():
            os.kill(pid, signal.SIGTERM)
        shutil.rmtree(self.root, ignore_errors=True)


@pytest.fixture
def machine() -> Iterator[Machine]:
    # A tmux socket's path must be short, shorter than pytest's own directories are.
    machine = Machine(Path(tempfile.mkdtemp(prefix="walk-")))
    yield machine
    machine.close()


def test_from_an_empty_home_to_a_watched_session(machine: Machine) -> None:
    """setup, new: the daemon runs, `claude` runs in tmux, and what its hooks say is on the stream and on the screen."""
    machine.ctm("setup")
    config = json.loads((machine.conf / "config.json").read_text())
    config["serve"].update(port=machine.port, statusline_dump_dir=str(machine.root / "dumps"))
    config["hooks"] = {"on_new": 'echo "$CTM_EVENT $CTM_SESSION $CTM_MODE" >> ~/hooks-ran'}
    (machine.conf / "config.json").write_text(json.dumps(config))

    started = machine.ctm("new", "demo", "--json")
    record = json.loads(started.stdout)
    assert record["tmux_alive"] is True
    (daemon,) = machine.daemons()
    assert started.stderr.splitlines()[0] == f"Started the daemon (process {daemon}); `ctm-trio serve --stop` ends it."
    assert (machine.root / "hooks-ran").read_text() == "on_new demo safe\n"

    token = machine.sign_up()
    calls = [r for r in recorded("hooks", "print") if r["event"] in ("PostToolUse", "PostToolUseFailure")]
    seen = []
    with contextlib.closing(machine.events("/events/session/demo", token)) as stream:
        for kind, payload in stream:
            if kind == "tool_call":
                seen.append((payload["tool"], payload["is_error"]))
            if len(seen) == len(calls):
                break
    assert seen == [(r["payload"]["tool_name"], r["event"] == "PostToolUseFailure") for r in calls]

    (view,) = machine.call("GET", "/api/sessions", token=token)
    assert (view["name"], view["uuid"], view["tmux_alive"]) == ("demo", record["uuid"], True)
    (call,) = [json.loads(text) for text in (machine.root / "claude-calls.jsonl").read_text().splitlines()]
    assert call["session"] == "demo"
    assert call["cwd"] == str(machine.root / "project")
    assert "--dangerously-skip-permissions" not in call["argv"]
    events = (machine.conf / "hook-events" / f"{record['uuid']}.jsonl").read_text().splitlines()
    assert all(json.loads(line)["ctm_session"] == "demo" for line in events)
    assert not (machine.conf / "logs" / ".hook-errors.log").exists()

    shown = json.loads(machine.ctm("status", "--json").stdout)
    assert (shown["daemon"]["running"], shown["daemon"]["pid"]) == (True, daemon)
    assert f", process {daemon}\n" in machine.ctm("status").stdout
    assert "Exit code 3" in machine.ctm("logs", "demo", "--tool", "Bash").stdout

    made = machine.ctm("new", "typo", "../wrok/x", "-d")
    assert "Started" not in made.stderr
    assert made.stdout == f"Made {machine.root}/wrok/x (it did not exist).\n"
    assert machine.ctm("new", "again", "../wrok/x", "-d").stdout == ""
    assert json.loads(machine.ctm("new", "third", "../wrok/y", "--json").stdout)["workdir"].endswith("/wrok/y")
    for name in ("typo", "again", "third"):
        machine.ctm("kill", name, "-y")
        machine.ctm("forget", name, "-y")

    machine.ctm("rename", "demo", "other")
    assert [s["name"] for s in json.loads(machine.ctm("ls", "--json").stdout)] == ["other"]
    machine.ctm("kill", "other", "-y")
    assert json.loads(machine.ctm("ls", "--json").stdout)[0]["tmux_alive"] is False
    machine.ctm("forget", "other", "-y")
    assert json.loads(machine.ctm("ls", "--json").stdout) == []
    machine.ctm("attach", "other", code=3)
    assert "has ended" in machine.ctm("serve", "--stop").stderr
    assert machine.ctm("serve", "--stop").stderr == "No daemon is running.\n"


def test_yolo_restarts_with_the_conversation(machine: Machine) -> None:
    """A session in safe mode becomes one in yolo mode: a checkpoint, the same id, resumed as it has a transcript."""
    machine.conf.mkdir(parents=True)
    (machine.conf / "config.json").write_text(json.dumps({"serve": {"port": machine.port}}))
    record = json.loads(machine.ctm("new", "demo", "--json").stdout)
    transcript = machine.root / ".claude" / "projects" / "-x" / f"{record['uuid']}.jsonl"
    transcript.parent.mkdir(parents=True)
    transcript.write_text("{}\n")
    machine.ctm("yolo", "demo", code=1)
    subprocess.run(["git", "init", "-q"], cwd=machine.root / "project", env=machine.env, check=True)
    (machine.root / "project" / "work.txt").write_text("half done\n")
    machine.ctm("yolo", "demo", "--yes")
    log = subprocess.run(
        ["git", "log", "--format=%s", "--name-only"],
        cwd=machine.root / "project",
        env=machine.env,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert log.startswith("checkpoint: pre-yolo ")
    assert "work.txt" in log
    (view,) = json.loads(machine.ctm("ls", "--json").stdout)
    assert (view["mode"], view["uuid"], view["tmux_alive"]) == ("yolo", record["uuid"], True)
    told = subprocess.run(
        ["tmux", "display-message", "-p", "-t", "=demo:", "#{pane_start_command}"],
        env=machine.env,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert f"--resume {record['uuid']}" in told
    assert "--dangerously-skip-permissions" in told


def test_attach_and_detach(machine: Machine) -> None:
    """In a terminal: the daemon hears of it, the record has the time, the user's hook runs; detach lets go again."""
    machine.conf.mkdir(parents=True)
    hooks = {"on_attach": "echo $CTM_SESSION >> ~/attached"}
    (machine.conf / "config.json").write_text(json.dumps({"serve": {"port": machine.port}, "hooks": hooks}))
    machine.ctm("new", "demo", "-d")
    token = machine.sign_up()
    ours, theirs = os.openpty()
    client = subprocess.Popen(
        [sys.executable, "-m", "ctm_trio", "attach", "demo"],
        env=machine.env,
        cwd=machine.root / "project",
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        with contextlib.closing(machine.events("/events/session/demo", token)) as stream:
            attached = next(payload for kind, payload in stream if kind == "session_attached")
        assert attached["name"] == "demo"
        assert "at" in attached
        while os.read(ours, 65536).find(b"demo") < 0:  # tmux has drawn its status line
            pass
        assert (machine.root / "attached").read_text() == "demo\n"
        (view,) = json.loads(machine.ctm("ls", "--json").stdout)
        assert view["last_attached_at"]
        machine.ctm("detach", "demo")
        assert client.wait(LIMIT_S) == 0
        assert json.loads(machine.ctm("ls", "--json").stdout)[0]["tmux_alive"] is True
    finally:
        client.kill()
        client.wait()
        os.close(ours)
