"""Field case 23: a session in yolo mode is started while a merge or a rebase is under way."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.field.repositories import GIT_USER, git, git_box, steps, yolo


def test_a_merge_is_not_concluded(tmp_path: Path) -> None:
    """The session is refused with the reason and the way out; the merge is still under way."""
    with git_box(tmp_path) as box:
        work = tmp_path / "work"
        steps("23", work)
        head = git(work, "rev-parse", "HEAD")
        answer = yolo(box, "alpha", work)
        assert (answer.status_code, answer.json()["error"]) == (500, "spawn_failed")
        assert "A merge is under way" in answer.json()["message"]
        assert "git merge --abort" in answer.json()["message"]
        assert git(work, "rev-parse", "HEAD") == head
        assert (work / ".git" / "MERGE_HEAD").exists()
        assert box.daemon.get("/api/sessions") == []


def test_nothing_is_committed_in_the_middle_of_a_rebase(tmp_path: Path) -> None:
    """Stopped for an edit, with nothing in conflict: refused, and `git rebase --continue` goes on."""
    with git_box(tmp_path) as box:
        work = tmp_path / "work"
        steps("23", work)
        git(work, "merge", "--abort")
        subprocess.run(
            ["git", "rebase", "-q", "-i", "--exec", "false", "HEAD~1"], cwd=work, check=False, capture_output=True,
            env={**os.environ, **GIT_USER, "GIT_SEQUENCE_EDITOR": "true"},
        )  # fmt: skip
        (work / "half").write_text("half done\n")
        head = git(work, "rev-parse", "HEAD")
        answer = yolo(box, "alpha", work)
        assert answer.status_code == 500
        assert "A rebase is under way" in answer.json()["message"]
        assert git(work, "rev-parse", "HEAD") == head
        git(work, "rebase", "--abort")
        assert yolo(box, "alpha", work).status_code == 201
        assert git(work, "log", "-1", "--format=%s").startswith("checkpoint: pre-yolo")
