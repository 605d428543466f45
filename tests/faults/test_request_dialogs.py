"""Dialogs that no hook tells of, over restarts and the ends of their sessions."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
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
        made.tmux.run("new-session", "-d", "-s", "alpha", "-x", "100", "-y", "30", "--", *command)
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
