"""Orders on a real daemon whose git is slow, or whose tmux does not answer at all."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import msgspec

from tests.faults.process import Daemon, eventually
from tests.faults.rig import line
from tests.git_repo import Repo
from tests.tmux_server import PrivateTmux, private_tmux

UUID = "11111111-2222-4333-8444-555555555555"

SLOW_GIT = """#!/bin/sh
[ -e "{slow}" ] && sleep 2.2
exec {git} "$@"
"""


@contextmanager
def running(root: Path, tmux: PrivateTmux, *names: str) -> Iterator[Daemon]:
    """A daemon on that tmux server, with sessions of these names in its file."""
    git = tmux.bin / "git"
    git.write_text(SLOW_GIT.format(slow=root / "slow", git=shutil.which("git")))
    git.chmod(0o755)
    with Daemon(root, environment={"PATH": f"{tmux.bin}:{os.environ['PATH']}"}) as daemon:
        config = {"serve": {"tmux_socket": tmux.socket, "statusline_dump_dir": str(root / "dumps")}}
        (daemon.root / "config.json").write_bytes(msgspec.json.encode(config))
        records = {
            name: {"name": name, "uuid": UUID if name == "alpha" else f"u-{name}", "mode": "yolo", "workdir": "/"}
            for name in names
        }
        (daemon.root / "sessions.json").write_bytes(msgspec.json.encode({"schema_version": 1, "sessions": records}))
        yield daemon.start()


def test_a_create_that_outlasts_its_request(tmp_path: Path) -> None:
    """With a slow checkpoint the answer is 202 at first, then 201 where it says; the session is made once."""
    with private_tmux() as tmux:
        repo = Repo(tmp_path / "work")
        repo.write("a", "1")
        with running(tmp_path, tmux) as daemon:
            (tmp_path / "slow").touch()
            answer = daemon.request("POST", "/api/sessions", json={"workdir": str(repo.path), "name": "slow"})
            assert (answer.status_code, answer.json()["status"]) == (202, "under_way"), answer.text
            where = answer.json()["look"]
            assert daemon.get(where)["status"] == "under_way"
            eventually(lambda: daemon.get(where)["status"] == "done", within_s=60, what="the end of the order")
            end = daemon.get(where)["answer"]
            assert (end["status"], end["body"]["name"]) == (201, "slow")
            assert [s["name"] for s in daemon.get("/api/sessions")] == ["slow"]
            assert tmux.names() == {"slow"}
            assert repo.git("log", "--format=%s").startswith("checkpoint: pre-yolo")


def test_what_failed_in_a_hung_tmux_does_not_happen_later(tmp_path: Path) -> None:
    """A kill, a rename, a text and a new session that have failed stay undone when tmux goes on.

    Meanwhile the state of tmux is in /health and the doctor's findings.
    """
    with private_tmux() as tmux:
        tmux.new("alpha")
        tmux.new("beta")
        server = int(tmux.run("display-message", "-p", "#{pid}"))
        with running(tmp_path, tmux, "alpha", "beta") as daemon:
            eventually(lambda: daemon.get("/api/sessions/alpha")["tmux_alive"], what="alpha")
            os.kill(server, signal.SIGSTOP)
            try:
                for path, body in (
                    ("alpha/kill", {"confirm": "alpha"}),
                    ("beta/rename", {"to": "gamma"}),
                    ("beta/input", {"text": "too late"}),
                ):
                    answer = daemon.request("POST", f"/api/sessions/{path}", json=body, timeout=30)
                    assert (answer.status_code, answer.json()["error"]) == (500, "tmux_failed"), (path, answer.text)
                new = {"name": "new", "workdir": str(tmp_path)}
                assert daemon.request("POST", "/api/sessions", json=new, timeout=30).status_code == 500
                eventually(
                    lambda: "tmux did not answer" in daemon.get("/health")["components"]["sessions"], what="/health"
                )
                found = {check["name"]: check["status"] for check in daemon.get("/api/doctor")["checks"]}
                assert found["tmux:server"] == "err"
            finally:
                os.kill(server, signal.SIGCONT)
            eventually(lambda: daemon.get("/health")["components"]["sessions"] == "ok", what="tmux's answer")
            assert tmux.names() == {"alpha", "beta"}
            assert "too late" not in tmux.screen("beta")
            assert [s["tmux_alive"] for s in daemon.get("/api/sessions")] == [True, True]


def test_a_tmux_that_does_not_answer(tmp_path: Path) -> None:
    """It costs only the orders that need it: logs are followed, other orders and every read are served as ever."""
    with private_tmux() as tmux, ThreadPoolExecutor(12) as pool:
        tmux.new("alpha", "sh", "-c", "echo ready; exec cat")  # nothing is typed into a blank screen
        tmux.new("beta")
        server = int(tmux.run("display-message", "-p", "#{pid}"))
        with running(tmp_path, tmux, "alpha", "beta", "gamma", "delta") as daemon:
            eventually(lambda: daemon.get("/api/sessions/alpha")["tmux_alive"], what="alpha")

            def order(what: str, name: str, body: object) -> httpx.Response:
                return daemon.request("POST", f"/api/sessions/{name}/{what}", json=body, timeout=30)

            os.kill(server, signal.SIGSTOP)
            try:
                stuck: list[Future[httpx.Response]] = [
                    pool.submit(order, "input", "alpha", {"text": f"line {n}"}) for n in range(8)
                ]
                killed = pool.submit(order, "kill", "beta", {"confirm": "beta"})
                for n in range(5):
                    daemon.log(UUID).append(line(UUID, f"m{n}"))
                    eventually(lambda n=n: len(daemon.stored()) == n + 1, within_s=30, what="a line")  # type: ignore[misc]
                assert len(daemon.get("/api/sessions/alpha/feed")) == 5
                stuck.append(pool.submit(order, "input", "alpha", {"text": "line 8"}))
                answer = order("forget", "gamma", {"confirm": "gamma"})
                assert answer.status_code == 200, answer.text
                assert {s["name"] for s in daemon.get("/api/sessions")} == {"alpha", "beta", "delta"}
                assert daemon.get("/health")["components"]["logs"] == "ok"
                assert not stuck[-1].done(), "what needs no tmux was answered after what waits for it"
                ends = [future.result(40) for future in (*stuck, killed)]
            finally:
                os.kill(server, signal.SIGCONT)
            for answer in ends:
                # failed in tmux's own time; under way when the request's time was over; or not begun by then
                assert answer.status_code in (500, 202, 503), answer.text
                if answer.status_code == 202:
                    where = answer.json()["look"]
                    eventually(lambda where=where: daemon.get(where)["status"] == "done", what="its end")  # type: ignore[misc]
            assert ends[-1].json()["error"] == "tmux_failed"
            answer = order("input", "alpha", {"text": "the last line"})  # behind all that tmux has not done yet
            assert answer.status_code == 204, answer.text
            eventually(lambda: tmux.screen("alpha").count("the last line") == 2, what="the last line and its echo")
            typed = tmux.screen("alpha").splitlines()
            refused = [f"line {n}" for n, answer in enumerate(ends) if answer.status_code == 503]
            assert refused, "nine orders of five seconds each cannot all begin within ten"
            assert len({answer.status_code for answer in ends}) > 1
            eventually(lambda: daemon.get("/api/sessions/delta")["tmux_alive"] is False, what="tmux's answer")
            answer = order("kill", "alpha", {"confirm": "alpha"})
            assert answer.status_code == 200, answer.text
            assert not set(refused) & set(typed), typed  # what was refused as busy was never typed
            assert all(typed.count(f"line {n}") <= 2 for n in range(9)), typed
