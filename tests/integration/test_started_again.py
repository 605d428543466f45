"""The command line starts a session again: no client is ended unasked, and the record never says too much."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trio

from ctm_trio.cli.common import CliError
from ctm_trio.cli.spawning import Starter
from ctm_trio.errors.files import FileLocked
from ctm_trio.errors.tmux import TmuxFailed
from ctm_trio.model.config import Settings
from ctm_trio.model.paths import paths_under
from ctm_trio.model.session import Session
from ctm_trio.system import running_twice, spawn
from ctm_trio.system.process_tree import process_fields
from ctm_trio.system.sessions_file import SessionsFile
from ctm_trio.system.tmux import Tmux
from tests.tmux_server import PrivateTmux, private_tmux, until


@dataclass
class Started:
    """A session `demo` of a private tmux server, and the command line's hands."""

    server: PrivateTmux
    starter: Starter
    file: Path
    overlay: Path

    def record(self, mode: str) -> Session:
        table = {"demo": {"name": "demo", "uuid": "u-demo", "mode": mode, "workdir": str(self.server.root)}}
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_text(json.dumps({"schema_version": 1, "sessions": table}))
        return Session("demo", "u-demo", mode, str(self.server.root))

    def mode(self) -> str:
        return str(json.loads(self.file.read_bytes())["sessions"]["demo"]["mode"])

    def pane(self, what: str) -> str:
        return self.server.run("display-message", "-p", "-t", "=demo:", f"#{{pane_{what}}}").strip()

    def runs(self) -> None:
        self.server.new("demo", "cat")
        self.server.run("set-option", "-w", "-t", "=demo:", "remain-on-exit", "on")

    def ended(self) -> None:
        self.runs()
        self.server.run("respawn-pane", "-k", "-t", "=demo:", "--", "true")
        trio.run(until, lambda: self.pane("dead") == "1")
        with suppress(trio.TooSlowError):  # tmux hears of the end of the process later, and would close the pane
            trio.run(until, lambda: self.pane("dead_status") != "", 1.0)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[Started]:
    """See `Started`; a client that was just started is looked after for a moment only."""
    monkeypatch.setattr(spawn, "LOOK_AFTER_S", 0.01)
    monkeypatch.setattr(spawn, "LOOK_EVERY_S", 0.01)
    with private_tmux() as server:
        monkeypatch.setenv("PATH", f"{server.bin}:{os.environ['PATH']}")
        paths = paths_under(server.root)
        yield Started(server, Starter(paths, Settings(tmux_socket=server.socket)), paths.sessions, paths.overlay)


def test_a_client_that_runs_by_now_is_not_ended(started: Started) -> None:
    """Two terminals attach to a session that has ended: the second one finds it running, and leaves it."""
    record = started.record("safe")
    started.runs()
    pid = started.pane("pid")
    assert started.starter.again(record, "safe", end=False) is None
    assert started.pane("pid") == pid


def test_nor_one_that_is_started_this_very_moment(started: Started, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other terminal starts it after our look: tmux itself refuses, and the record stays the other one's."""
    record = started.record("yolo")
    started.ended()
    real = Tmux.respawn
    pids: list[str] = []

    async def second(self: Tmux, *rest: Any, **more: Any) -> None:
        assert started.mode() == "safe"
        started.server.run("respawn-pane", "-t", "=demo:", "--", "cat")
        pids.append(started.pane("pid"))
        await real(self, *rest, **more)

    monkeypatch.setattr(Tmux, "respawn", second)
    assert started.starter.again(record, "safe", end=False) is None
    assert [started.pane("pid")] == pids
    assert started.mode() == "yolo"


def test_nor_one_that_appears_while_a_new_one_is_made(started: Started, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same where tmux had no such session left."""
    record = started.record("safe")
    real = Tmux.new_session

    async def second(self: Tmux, *rest: Any, **more: Any) -> str:
        started.runs()
        return await real(self, *rest, **more)

    monkeypatch.setattr(Tmux, "new_session", second)
    assert started.starter.again(record, "safe", end=False) is None


def test_an_ended_client_is_started_again(started: Started) -> None:
    """In its pane, in the mode that is wanted, which is recorded."""
    record = started.record("safe")
    started.ended()
    again = started.starter.again(record, "yolo", end=False)
    assert again is not None
    assert (again.mode, started.mode(), started.pane("dead")) == ("yolo", "yolo", "0")


def test_its_hooks_are_wired_though_the_overlay_was_deleted(started: Started) -> None:
    """The overlay is made again, as for a new session; without it nothing would be logged."""
    record = started.record("safe")
    started.ended()
    started.overlay.unlink(missing_ok=True)
    assert started.starter.again(record, "safe", end=False) is not None
    assert json.loads(started.overlay.read_bytes())["hooks"]
    assert str(started.overlay) in started.pane("start_command")


def test_a_yolo_client_that_cannot_be_recorded_is_ended(started: Started, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would skip permissions while its record says safe."""
    record = started.record("safe")
    started.runs()

    async def locked(self: SessionsFile, step: object) -> None:
        raise FileLocked("the file is locked")

    monkeypatch.setattr(SessionsFile, "change", locked)
    with pytest.raises(CliError, match="locked"):
        started.starter.again(record, "yolo", end=True)
    assert "demo" not in started.server.names()
    assert started.mode() == "safe"


def test_a_safe_client_is_recorded_first(started: Started, monkeypatch: pytest.MonkeyPatch) -> None:
    """At no time does it run while its record says yolo; if it does not start, the record is as it was."""
    record = started.record("yolo")
    started.runs()
    pid = started.pane("pid")

    async def refuses(self: Tmux, *rest: object, **more: object) -> None:
        assert started.mode() == "safe"
        raise TmuxFailed("it refuses")

    monkeypatch.setattr(Tmux, "respawn", refuses)
    with pytest.raises(CliError, match="refuses"):
        started.starter.again(record, "safe", end=True)
    assert (started.mode(), started.pane("pid")) == ("yolo", pid)


@pytest.mark.parametrize("mode", ["yolo", "safe"])
def test_a_start_whose_answer_never_came(started: Started, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    """Tmux has done it all the same: the client is ended, so that the record is right."""
    other = "safe" if mode == "yolo" else "yolo"
    record = started.record(other)
    started.runs()
    real = Tmux.respawn

    async def lost(self: Tmux, *rest: Any, **more: Any) -> None:
        await real(self, *rest, **more)
        raise TmuxFailed("tmux did not answer within 5 s.")

    monkeypatch.setattr(Tmux, "respawn", lost)
    with pytest.raises(CliError, match="did not answer"):
        started.starter.again(record, mode, end=True)
    assert "demo" not in started.server.names()
    assert started.mode() == other


@pytest.mark.parametrize("kept", [True, False], ids=["a pane that the user keeps", "another pane"])
def test_a_client_that_ends_at_once_is_said(started: Started, monkeypatch: pytest.MonkeyPatch, *, kept: bool) -> None:
    """With its last words, as for a new session; the record and the pane are as they were."""
    monkeypatch.setattr(spawn, "LOOK_AFTER_S", 8)
    record = started.record("safe")
    started.ended()
    if not kept:
        started.server.run("set-option", "-w", "-u", "-t", "=demo:", "remain-on-exit")
    claude = started.server.bin / "claude"
    claude.write_text("#!/bin/sh\necho No conversation found\nexit 1\n")
    with pytest.raises(CliError, match=r"recorded as it was.*No conversation found"):
        started.starter.again(record, "yolo", end=False)
    assert (started.mode(), started.pane("dead")) == ("safe", "1")
    assert started.server.run("show-options", "-p", "-v", "-t", "=demo:", "remain-on-exit") == ""


def test_one_that_goes_on_closes_its_pane_as_the_user_wants_it(started: Started) -> None:
    """Its pane is kept only while it is looked after."""
    record = started.record("safe")
    started.ended()
    started.server.run("set-option", "-p", "-t", "=demo:", "remain-on-exit", "on")
    assert started.starter.again(record, "safe", end=False) is not None
    assert started.server.run("show-options", "-p", "-v", "-t", "=demo:", "remain-on-exit") == "on\n"
    started.server.run("set-option", "-p", "-u", "-t", "=demo:", "remain-on-exit")
    assert started.starter.again(record, "safe", end=True) is not None
    assert started.server.run("show-options", "-p", "-v", "-t", "=demo:", "remain-on-exit") == ""


def open_in(started: Started, pid: int) -> None:
    """A client of this process says that it has the session's conversation open."""
    directory = started.server.root / ".claude" / "sessions"
    directory.mkdir(parents=True)
    begun = process_fields(pid)[19]
    told = {"pid": pid, "sessionId": "u-demo", "procStart": begun, "status": "idle", "cwd": "/elsewhere"}
    (directory / f"{pid}.json").write_text(json.dumps(told))


@pytest.mark.parametrize("end", [True, False])
@pytest.mark.parametrize("in_tmux", [True, False])
def test_a_conversation_that_is_open_elsewhere_is_left_alone(
    started: Started, monkeypatch: pytest.MonkeyPatch, *, end: bool, in_tmux: bool
) -> None:
    """In an IDE or another terminal: no second client writes into its transcript."""
    monkeypatch.setattr(running_twice, "ENDS_S", 0.05)
    record = started.record("safe")
    if in_tmux:
        started.ended()
    open_in(started, os.getpid())
    with pytest.raises(CliError, match=f"process {os.getpid()} in /elsewhere"):
        started.starter.again(record, "safe", end=end)
    assert started.server.notes() == []


def test_the_client_that_is_to_be_ended_is_not_in_the_way(started: Started) -> None:
    """It runs in the session's own pane."""
    record = started.record("safe")
    started.runs()
    open_in(started, int(started.pane("pid")))
    assert started.starter.again(record, "safe", end=True) is not None
