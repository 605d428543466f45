"""Field case 20: git refuses, and its reason is said."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.faults.process import eventually
from tests.field.box import Box
from tests.field.repositories import git, git_box, go_back, yolo


def repository(directory: Path) -> str:
    """A repository with a checkpoint and a change; the checkpoint's sha."""
    directory.mkdir()
    git(directory, "init", "-q", "-b", "main")
    (directory / "a").write_text("1\n")
    git(directory, "add", "-A")
    git(directory, "commit", "-q", "-m", "checkpoint: one")
    (directory / "new").write_text("n\n")
    return git(directory, "rev-parse", "HEAD")


def test_a_lock_that_was_left(tmp_path: Path) -> None:
    """A checkpoint and a revert with a stash say which lock it is and what to do; nothing has changed."""
    with git_box(tmp_path) as box:
        work = tmp_path / "work"
        sha = repository(work)
        box.session("alpha")
        (work / ".git" / "index.lock").touch()
        answer = yolo(box, "beta", work)
        assert answer.status_code == 500
        assert "index.lock exists: another git runs there, or one crashed" in answer.json()["message"]
        assert str(work / ".git" / "index.lock") in answer.json()["message"]
        works_in(box, work)
        answer = go_back(box, "alpha", sha, stash=True)
        assert answer.status_code == 500
        assert "index.lock exists: another git runs there, or one crashed" in answer.json()["message"]
        assert "stashed_as" not in answer.json()
        assert (work / "new").read_text() == "n\n"
        assert box.daemon.get("/api/sessions/alpha/checkpoints")["checkpoints"][0]["sha"] == sha


def test_a_directory_of_another_user(tmp_path: Path) -> None:
    """Each of the three says that git does not trust the directory, whose it is, and the command that changes it."""
    if os.geteuid() != 0:
        pytest.skip("only root can give a directory to another user")
    with git_box(tmp_path) as box:
        work = tmp_path / "work"
        sha = repository(work)
        box.session("alpha")
        works_in(box, work)
        for path in (work, *work.rglob("*")):
            os.chown(path, 12345, 12345, follow_symlinks=False)
        said = [yolo(box, "beta", work), box.daemon.request("GET", "/api/sessions/alpha/checkpoints")]
        said.append(go_back(box, "alpha", sha, stash=True))
        for answer in said:
            assert answer.status_code == 500
            text = answer.json()["message"]
            assert f"git does not trust {work}: it belongs to another user" in text
            assert f"git config --global --add safe.directory {work}" in text
            assert text.isprintable()


def works_in(box: Box, workdir: Path) -> None:
    """Let the recorded session work there, and wait until the daemon knows."""
    path = box.daemon.root / "sessions.json"
    book = json.loads(path.read_text())
    book["sessions"]["alpha"]["workdir"] = str(workdir)
    path.write_text(json.dumps(book))

    def known() -> bool:
        return any(view["workdir"] == str(workdir) for view in box.daemon.get("/api/sessions"))

    eventually(known, what="the record")
