"""Branch, index and files go together: where one of them cannot be moved, the others are where they were."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
import trio

from ctm_trio.errors.git import GitFailed, RevertFailed
from ctm_trio.system import git_checkpoint, git_index
from ctm_trio.system.git_checkpoint import make_checkpoint
from ctm_trio.system.git_lock import IndexLock
from ctm_trio.system.git_revert import revert_to
from ctm_trio.system.git_revert_killed import mend
from ctm_trio.system.git_tree import GitTree
from tests.git_owner import revert, tree_of
from tests.git_repo import Repo, two_checkpoints_and_more
from tests.integration.test_revert_killed import files, killed_at

FULL = "The disk is full; make room first."

pytestmark = pytest.mark.usefixtures("own_git_config")


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """Two checkpoints of three files, and a change and a new file on top."""
    return two_checkpoints_and_more(Repo(tmp_path / "r"))


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> None:
    """The index cannot be written."""

    async def fails(self: IndexLock, index: str) -> None:
        raise GitFailed(FULL)

    monkeypatch.setattr(IndexLock, "install", fails)


async def test_a_checkpoint_whose_index_cannot_be_written(repo: Repo, full: None) -> None:
    """HEAD is where it was, and so is all that is staged."""
    before = repo.state()
    with pytest.raises(GitFailed, match="The disk is full"):
        await make_checkpoint(str(repo.path), "x")
    assert repo.state() == before


async def test_a_first_checkpoint_whose_index_cannot_be_written(tmp_path: Path, full: None) -> None:
    """There is no commit, as before."""
    repo = Repo(tmp_path / "first")
    repo.write("a", "a\n")
    with pytest.raises(GitFailed, match="The disk is full"):
        await make_checkpoint(str(repo.path), "x")
    assert (repo.git("for-each-ref"), repo.git("status", "--porcelain")) == ("", "?? a")
    assert repo.git("branch", "--show-current") == "main"


async def test_a_checkpoint_that_is_cut_off(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deadline between HEAD and index waits for the index."""
    real, moved = git_index.move_head, trio.Event()

    async def cut_off(tree: GitTree, to: str, *, was: str, why: str) -> None:
        await real(tree, to, was=was, why=why)
        moved.set()
        scope.cancel()

    monkeypatch.setattr(git_index, "move_head", cut_off)
    with trio.CancelScope() as scope:
        await make_checkpoint(str(repo.path), "x")
    assert moved.is_set()
    assert (repo.git("log", "-1", "--format=%s"), repo.git("status", "--porcelain")) == ("checkpoint: x", "")


@pytest.mark.parametrize("since", [False, True])
async def test_a_checkpoint_after_a_killed_revert(repo: Repo, monkeypatch: pytest.MonkeyPatch, since: bool) -> None:
    """What the revert had put aside is in the checkpoint, also if it was killed after we looked for such a one."""
    before = files(repo)
    killed_at(repo, "moved")
    assert "new" not in files(repo)
    if since:

        async def too_early(tree: GitTree) -> None:
            pass

        monkeypatch.setattr(git_checkpoint, "mend", too_early)
    await make_checkpoint(str(repo.path), "x")
    assert files(repo) == before
    assert (repo.git("show", "HEAD:new"), repo.git("show", "HEAD:b")) == ("new", "mine")
    assert [repo.git("log", "-1", "--format=%s", f"HEAD~{n}") for n in (0, 1)] == ["checkpoint: x", "checkpoint: two"]
    assert repo.git("status", "--porcelain") == ""


async def test_a_revert_after_a_killed_one(repo: Repo) -> None:
    """HEAD was left on the older checkpoint: the newer one can be gone back to all the same."""
    two = repo.head()
    killed_at(repo, "moved")
    assert repo.head() != two
    done = await revert(repo.path, two, stash_first=True)
    assert (repo.head(), repo.git("status", "--porcelain")) == (two, "")
    assert repo.git("show", f"{done.stashed_as}:b") == "mine"


async def test_a_revert_whose_branch_cannot_be_moved_back(
    repo: Repo, full: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files are put back all the same, and the message says where HEAD is, and the way back."""
    real, moves, head, before = git_index.move_head, 0, repo.head(), files(repo)

    async def once(tree: GitTree, to: str, *, was: str, why: str) -> None:
        nonlocal moves
        moves += 1
        if moves > 1:
            raise GitFailed("git update-ref took longer than 10 s and was stopped.")
        await real(tree, to, was=was, why=why)

    monkeypatch.setattr(git_index, "move_head", once)
    one = repo.git("rev-parse", "HEAD^")
    with pytest.raises(RevertFailed, match=f"{FULL} HEAD is on {one}.*longer than 10 s.*git reset --soft {head}"):
        await revert_to(await tree_of(repo), one, stash_first=True)
    assert (files(repo), repo.head()) == (before, one)
    repo.git("reset", "-q", "--soft", head)
    assert repo.git("status", "--porcelain").splitlines() == ["M b", "?? new"]


@pytest.mark.parametrize("end", ["done", "failed", "killed"])
async def test_directories_keep_their_modes(repo: Repo, monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    """One that is emptied and filled again, and one that goes with its files: as the user made them."""
    repo.write("gone/deep/k", "k\n")
    repo.commit("work")
    modes = {"d": 0o700, "gone": 0o710, "gone/deep": 0o750}
    for name, mode in modes.items():
        (repo.path / name).chmod(mode)
    one = repo.git("rev-parse", "HEAD~2")
    if end == "killed":
        killed_at(repo, "moved", one)
        await mend(await tree_of(repo))
    elif end == "done":
        await revert_to(await tree_of(repo), one, stash_first=True)
        del modes["gone"], modes["gone/deep"]
        assert not (repo.path / "gone").exists()
    else:

        async def fails(self: IndexLock, index: str) -> None:
            raise GitFailed(FULL)

        monkeypatch.setattr(IndexLock, "install", fails)
        with pytest.raises(RevertFailed, match="full"):
            await revert_to(await tree_of(repo), one, stash_first=True)
    assert (repo.git("rev-parse", "HEAD") == one) is (end == "done")
    assert {name: stat.S_IMODE((repo.path / name).stat().st_mode) for name in modes} == modes
