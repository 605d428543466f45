"""What a checkpoint cannot hold is kept beside it: staged content, and changes that git is told not to look at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ctm_trio.errors.git import GitFailed
from ctm_trio.system import git_command, git_keep
from ctm_trio.system.git_checkpoint import make_checkpoint
from ctm_trio.system.git_lock import IndexLock
from ctm_trio.system.process import Done
from tests.git_repo import Repo

pytestmark = pytest.mark.usefixtures("own_git_config")


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """A repository with two files in one commit."""
    made = Repo(tmp_path / "r")
    made.write("conf", "default\n")
    made.write("x", "one\n")
    made.commit("start")
    return made


def kept(repo: Repo) -> list[dict[str, str]]:
    """What each kept commit has: path → content. None of them has a parent, and git's own cleaning leaves them."""
    repo.git("reflog", "expire", "--expire=now", "--all")
    repo.git("gc", "-q", "--prune=now")
    found = []
    for commit in repo.git("for-each-ref", "--format=%(objectname)", git_keep.REFS).splitlines():
        assert repo.git("log", "--format=%P", commit) == ""
        names = repo.git("ls-tree", "-r", "-z", "--name-only", commit).split("\0")[:-1]
        found.append({name: repo.git("show", f"{commit}:{name}") for name in names})
    return sorted(found, key=str)


def commit_of(repo: Repo, content: str) -> str:
    """The kept commit that has one file of this content."""
    commits = repo.git("for-each-ref", "--format=%(objectname)", git_keep.REFS).splitlines()
    return next(commit for commit in commits if content in repo.git("grep", "", commit))


@pytest.mark.parametrize("flag", ["skip-worktree", "assume-unchanged"])
async def test_a_change_that_git_is_told_not_to_look_at(repo: Repo, flag: str) -> None:
    """It is in no checkpoint: named, and kept, also after the file has been written over and git has cleaned up."""
    repo.git("update-index", f"--{flag}", "conf")
    repo.write("conf", "MY LOCAL SETTINGS\n")
    repo.write("x", "two\n")
    note = await make_checkpoint(str(repo.path), "y")
    assert "told not to look at" in note
    assert f": conf. They are kept in commit {commit_of(repo, 'MY LOCAL')}." in note
    assert repo.git("log", "-1", "--format=%b") == note
    assert (repo.git("show", "HEAD:conf"), repo.git("show", "HEAD:x")) == ("default", "two")
    assert repo.git("ls-files", "-v", "conf")[0] == ("S" if flag == "skip-worktree" else "h")
    repo.write("conf", "the agent's\n")
    assert kept(repo) == [{"conf": "MY LOCAL SETTINGS"}]


async def test_such_a_change_alone_makes_a_checkpoint_once(repo: Repo) -> None:
    """On a clean checkpoint: one more for each new content, none for one that is kept, and it is named each time."""
    await make_checkpoint(str(repo.path), "first")
    repo.git("update-index", "--skip-worktree", "conf")
    assert await make_checkpoint(str(repo.path), "unchanged") == ""
    repo.write("conf", "mine\n")
    first = await make_checkpoint(str(repo.path), "second")
    head = repo.head()
    assert repo.git("log", "--format=%s").splitlines() == ["checkpoint: second", "checkpoint: first", "start"]
    assert await make_checkpoint(str(repo.path), "third") == first != ""
    assert repo.head() == head
    repo.write("conf", "mine again\n")
    await make_checkpoint(str(repo.path), "fourth")
    assert kept(repo) == [{"conf": "mine again"}, {"conf": "mine"}]


async def test_what_was_staged_and_then_changed(repo: Repo) -> None:
    """Staged and then changed or deleted on the disk: kept as it was staged; what stays the same is not."""
    for name, text in (("gone", "ONLY STAGED\n"), ("x", "STAGED VERSION\n"), ("plain", "staged\n"), ("né\nw", "odd\n")):
        repo.write(name, text)
    repo.git("add", "-A")
    for name in ("gone", "né\nw"):
        (repo.path / name).unlink()
    repo.write("x", "disk version\n")
    note = await make_checkpoint(str(repo.path), "y")
    assert "what was staged and then changed or deleted on the disk: gone, né" in note
    assert f"It is kept in commit {commit_of(repo, 'ONLY STAGED')}." in note
    assert repo.git("log", "-1", "--format=%b") == note
    assert repo.git("status", "--porcelain") == ""
    assert repo.git("show", "HEAD:x") == "disk version"
    assert kept(repo) == [{"gone": "ONLY STAGED", "x": "STAGED VERSION", "né\nw": "odd"}]


async def test_what_was_staged_before_the_first_commit(tmp_path: Path) -> None:
    """Where there is no commit yet it is kept too."""
    repo = Repo(tmp_path / "first")
    repo.write("a", "staged\n")
    repo.git("add", "a")
    repo.write("a", "on disk\n")
    assert "staged" in await make_checkpoint(str(repo.path), "y")
    assert (repo.git("show", "HEAD:a"), kept(repo)) == ("on disk", [{"a": "staged"}])


async def test_nothing_is_kept_without_need(repo: Repo) -> None:
    """Staged as on the disk, staged deletions, and hidden files that are as in the index or not there."""
    repo.write("new", "n\n")
    repo.git("add", "new")
    repo.git("rm", "-q", "--cached", "x")
    for name in ("here", "away"):
        repo.write(name, "h\n")
        repo.git("add", name)
        repo.git("update-index", "--skip-worktree", name)
    (repo.path / "away").unlink()
    (repo.path / "here").touch()
    assert await make_checkpoint(str(repo.path), "y") == ""
    assert repo.git("for-each-ref", git_keep.REFS) == ""


async def test_a_checkpoint_that_fails_keeps_nothing(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    """The index cannot be written: HEAD and the index are as before, and there is no ref of ours."""

    async def fails(self: IndexLock, index: str) -> None:
        raise GitFailed("The disk is full; make room first.")

    monkeypatch.setattr(IndexLock, "install", fails)
    repo.git("update-index", "--assume-unchanged", "conf")
    repo.write("conf", "mine\n")
    repo.write("x", "staged\n")
    repo.git("add", "x")
    repo.write("x", "on disk\n")
    before = repo.state()
    with pytest.raises(GitFailed, match="The disk is full"):
        await make_checkpoint(str(repo.path), "y")
    assert repo.state() == before
    assert repo.git("for-each-ref", git_keep.REFS) == ""


async def test_the_error_is_the_checkpoints_own(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if the ref that was made beside it cannot be removed any more: that does no harm."""
    real = git_command.git

    async def git(directory: str, *words: str, **more: Any) -> Done:
        if words[:2] == ("update-ref", "-d"):
            raise GitFailed("git update-ref took longer than 10 s and was stopped.")
        return await real(directory, *words, **more)

    async def fails(self: IndexLock, index: str) -> None:
        raise GitFailed("The disk is full; make room first.")

    monkeypatch.setattr(IndexLock, "install", fails)
    monkeypatch.setattr("ctm_trio.system.git_keep.git", git)
    repo.git("update-index", "--assume-unchanged", "conf")
    repo.write("conf", "mine\n")
    with pytest.raises(GitFailed, match="The disk is full"):
        await make_checkpoint(str(repo.path), "y")


async def test_too_much_to_keep_is_refused(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    """More bytes than the bound in files that git does not look at: refused, and nothing has changed."""
    monkeypatch.setattr(git_keep, "MAX_BYTES", 10)
    repo.git("update-index", "--skip-worktree", "conf")
    repo.write("conf", "more than ten bytes\n")
    before = repo.state()
    with pytest.raises(GitFailed, match="told not to look at"):
        await make_checkpoint(str(repo.path), "y")
    assert repo.state() == before
