"""Dialogs that no hook tells of, over restarts and the ends of their sessions."""

from __future__ import annotations

import json
import os
import shlex
import signal
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import tests.fakes.dialog_program
from tests.faults.process import eventually
from tests.field.box import UUID, Box, box

TRUST = {"head": ["Accessing workspace:", "/w", "Do you trust it?"], "rows": ["Yes, I trust it", "No, exit"]}


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Box]:
    """A box with the session alpha, whose first screen is a dialog."""
    with box(tmp_path) as made:
        (tmp_path / "dialogs.json").write_text(json.dumps([TRUST]))
        command = (sys.executable, tests.fakes.dialog_program.__file__, str(tmp_path))
        under_a_shell = (
            "sh",
            "-c",
            f"{shlex.join(command)}; exit",
        )  # tmux continues its own child when that is stopped
        made.tmux.run("new-session", "-d", "-s", "alpha", "-x", "100", "-y", "30", "--", *under_a_shell)
        entry = {"name": "alpha", "uuid": UUID, "mode": "safe", "workdir": str(tmp_path),
                 "created_at": "2026-11-01T10:00:00Z"}  # fmt: skip
        (made.daemon.root / "sessions.json").write_text(json.dumps({"schema_version": 1, "sessions": {"alpha": entry}}))
        made.daemon.start()
        yield made


def dialog(here: Box) -> dict[str, Any]:
    """The open request, once it can be answered."""
    found: list[dict[str, Any]] = []

    def look() -> bool:
        found[:] = here.daemon.get("/api/requests")["requests"]
        return [request["answerable"] for request in found] == ["keys"]

    eventually(look, within_s=30, what="the dialog")
    return found[0]


def test_it_is_answered_after_a_restart(here: Box) -> None:
    """The next daemon finds it on the screen again; it is the same request, and its rows can be chosen."""
    id_ = dialog(here)["id"]
    here.daemon.kill()
    here.daemon.start()
    assert dialog(here)["id"] == id_
    done = here.daemon.request("POST", f"/api/requests/{id_}/answer", json={"choice": "row_1", "key": "k"})
    assert (done.status_code, done.json()["state"]) == (200, "answered")
    notes = [json.loads(line) for line in (here.daemon.home / "notes.jsonl").read_text().splitlines()]
    assert [note["chose"] for note in notes if "chose" in note] == ["Yes, I trust it"]


def test_it_ends_with_its_session(here: Box) -> None:
    """No client has told of itself yet, so no process ends: tmux says that the session is gone."""
    id_ = dialog(here)["id"]
    here.tmux.run("kill-session", "-t", "=alpha")
    eventually(lambda: here.daemon.get(f"/api/requests/{id_}")["state"] == "withdrawn", what="the end")


def says(here: Box, status: str) -> int:
    """Have the program in alpha's pane say of itself what a client says; its process."""
    shell = here.tmux.run("display-message", "-p", "-t", "=alpha:", "#{pane_pid}").strip()
    pid = int(Path(f"/proc/{shell}/task/{shell}/children").read_text())
    now = int(time.time() * 1000)
    begun = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    entry = {"pid": pid, "sessionId": UUID, "cwd": str(here.daemon.home), "startedAt": now, "procStart": begun,
             "entrypoint": "cli", "status": status, "waitingFor": "dialog open", "statusUpdatedAt": now}  # fmt: skip
    file = here.daemon.home / ".claude" / "sessions" / f"{pid}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.with_suffix(".new").write_text(json.dumps(entry))
    file.with_suffix(".new").replace(file)
    return pid


def heard_of_client(here: Box) -> bool:
    """The client's status file is among the evidence."""
    evidence = here.daemon.get("/api/sessions/alpha/explain")["evidence"]
    return any(one["source"] == "client" for one in evidence)


def test_a_suspended_client_gets_no_key(here: Box) -> None:
    """Another program may have its terminal meanwhile; it is refused with the reason, and possible again afterwards."""
    pid = says(here, "waiting")
    request = dialog(here)
    answer = {"choice": request["choices"][0]["id"], "key": "k"}
    eventually(partial(heard_of_client, here), what="the client's own word")
    os.kill(pid, signal.SIGSTOP)
    try:
        done = here.daemon.request("POST", f"/api/requests/{request['id']}/answer", json=answer)
        assert (done.status_code, done.json()["error"]) == (422, "not_answerable")
        assert "suspended" in done.json()["message"]
    finally:
        os.kill(pid, signal.SIGCONT)
    notes = [json.loads(line) for line in (here.daemon.home / "notes.jsonl").read_text().splitlines()]
    assert not [note for note in notes if "key" in note]
    done = here.daemon.request("POST", f"/api/requests/{request['id']}/answer", json=answer)
    assert (done.status_code, done.json()["state"]) == (200, "answered")
