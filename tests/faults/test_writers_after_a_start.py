"""Whose process is whose is known after a restart too, where the client has no status file of its own."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ctm_trio.ingest.last_stamps import Stamp, running_writers
from ctm_trio.model.times import format_time
from tests.faults.process import eventually
from tests.faults.rig import line as rig_line
from tests.field.box import Box, box

OWN, NEXT, NESTED = (f"0a1b2c3d-0000-4000-8000-00000000000{n}" for n in (1, 2, 3))


@pytest.fixture
def program() -> Iterator[subprocess.Popen[bytes]]:
    """A process that runs."""
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process
        process.kill()


def line(uuid: str, at: str, pid: int, pane: str = "%0", **more: object) -> bytes:
    """A hook event with the stamps of the hook command, which stand last."""
    stamps = {"ctm_timestamp": at, "ctm_session": "alpha", "ctm_pane": pane, "ctm_pid": str(pid)}
    return json.dumps({"session_id": uuid, "hook_event_name": "Stop", **more, **stamps}).encode()


def now() -> str:
    """This moment, as the hook writes it."""
    return format_time(time.time())


def test_who_wrote_last(tmp_path: Path, program: subprocess.Popen[bytes]) -> None:
    """The newest line of two files; not a cut one, nor of a process that is gone or is another."""
    logs, hooks = tmp_path / "logs", tmp_path / "hooks"
    for directory in (logs, hooks):
        directory.mkdir()
    at = now()
    (logs / f"{OWN}.jsonl").write_bytes(line(OWN, "2020-01-01T00:00:00Z", 1) + b"\n")
    (hooks / f"{OWN}.jsonl").write_bytes(line(OWN, at, program.pid, "%3") + b'\n{"a": 1}\n' + b'{"ctm_pid": "7')
    (logs / f"{NEXT}.jsonl").write_bytes(line(NEXT, "2020-01-01T00:00:00Z", program.pid) + b"\n")
    found = running_writers([logs, hooks], [OWN, NEXT, NESTED])
    assert {uuid: (stamp.pid, stamp.pane) for uuid, stamp in found.items()} == {OWN: (str(program.pid), "%3")}
    assert isinstance(found[OWN], Stamp)
    program.kill()
    program.wait()
    assert running_writers([logs, hooks], [OWN]) == {}


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[Box, int, str]]:
    """A box with one session, renamed after its client wrote a line, and a daemon that was killed; pid and pane."""
    with box(tmp_path) as made:
        made.session("alpha", OWN)
        made.daemon.start()
        pane, pid = made.tmux.run("list-panes", "-a", "-F", "#{pane_id} #{pane_pid}").split()
        made.hooks(line(OWN, now(), int(pid), pane), uuid=OWN)
        eventually(lambda: made.daemon.database.exists())
        assert made.daemon.request("POST", "/api/sessions/alpha/rename", json={"to": "renamed"}).status_code == 200
        made.daemon.kill()
        made.daemon.start()
        yield made, int(pid), pane


def record(made: Box) -> str:
    """The uuid that the session has now."""
    return str(made.daemon.get("/api/sessions/renamed")["uuid"])


def test_another_process_with_its_name_takes_nothing(
    running: tuple[Box, int, str], program: subprocess.Popen[bytes]
) -> None:
    """The session's own process goes on under another uuid and is followed, whatever name it inherited; no other is."""
    made, pid, pane = running
    start = {"hook_event_name": "SessionStart"}
    made.hooks(line(NESTED, now(), program.pid, "%77", **start, source="clear"), uuid=NESTED)
    made.hooks(line(NEXT, now(), pid, pane, **start, source="fork"), uuid=NEXT)
    eventually(lambda: record(made) == NEXT)
    made.daemon.log(NESTED).append(rig_line(NESTED, "nested"))
    eventually(lambda: [marker for _, marker in made.daemon.stored()] == ["nested"])
    assert record(made) == NEXT
    assert "nested" not in made.daemon.request("GET", "/api/sessions/renamed/feed").text
