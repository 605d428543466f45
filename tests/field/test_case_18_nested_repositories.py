"""Field case 18: agents' worktrees and new repositories inside of the one that a session works in."""

from __future__ import annotations

from pathlib import Path

from tests.field.repositories import git, git_box, go_back, steps, yolo


def test_an_agents_worktree_is_left_out(tmp_path: Path) -> None:
    """It is neither in the checkpoint nor in the list of changes, and a revert without a stash works and leaves it."""
    with git_box(tmp_path) as box:
        work = tmp_path / "work"
        steps("18", work)
        one = git(work, "rev-parse", "HEAD~1")
        assert yolo(box, "alpha", work).status_code == 201
        assert git(work, "ls-tree", "-r", "--name-only", "HEAD") == "a"
        answer = go_back(box, "alpha", one, stash=False)
        assert answer.json() == {"ok": True, "reverted_to": one}
        assert (work / "a").read_text() == "1\n"
        assert (work / ".claude" / "worktrees" / "agent-one" / "a").read_text() == "2\n"
        assert len(git(work, "worktree", "list").splitlines()) == 2


def test_a_repository_without_a_commit_is_no_obstacle(tmp_path: Path) -> None:
    """The checkpoint is made without it, and the session starts."""
    with git_box(tmp_path) as box:
        work = tmp_path / "work"
        steps("18", work)
        (work / "app").mkdir()
        git(work / "app", "init", "-q")
        (work / "app" / "index.js").write_text("//\n")
        answer = yolo(box, "alpha", work)
        assert answer.status_code == 201, answer.text
        assert git(work, "log", "-1", "--format=%s").startswith("checkpoint: pre-yolo")
        assert git(work, "ls-tree", "-r", "--name-only", "HEAD") == "a"
