"""Field case 48: HOME is a repository of dotfiles, and a session in yolo mode is started below it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.field.repositories import git, git_box, yolo


@pytest.mark.parametrize("hidden", [True, False], ids=["new files not shown", "new files shown"])
def test_home_is_not_committed(tmp_path: Path, hidden: bool) -> None:
    """The session starts, and no key, no password and no file of ours is in any commit."""
    with git_box(tmp_path) as box:
        git(tmp_path, "init", "-q", "-b", "main")
        if hidden:
            git(tmp_path, "config", "status.showUntrackedFiles", "no")
        (tmp_path / ".profile").write_text("p\n")
        git(tmp_path, "add", ".profile")
        git(tmp_path, "commit", "-q", "-m", "dotfiles")
        (tmp_path / ".ssh").mkdir()
        (tmp_path / ".ssh" / "id_ed25519").write_text("key\n")
        head = git(tmp_path, "rev-parse", "HEAD")
        (tmp_path / "scratch").mkdir()
        assert yolo(box, "alpha", tmp_path / "scratch").status_code == 201
        assert git(tmp_path, "rev-parse", "HEAD") == head
        assert git(tmp_path, "ls-files") == ".profile"
        assert box.daemon.get("/api/sessions/alpha/checkpoints") == {"git_workdir": True, "checkpoints": []}
        assert "No checkpoint is made" in box.daemon.said()
