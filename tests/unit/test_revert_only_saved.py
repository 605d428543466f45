"""What a revert removes is in a commit or in a stash on the list, byte for byte; all else is kept and named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ctm_trio.model.checkpoint import Reverted
from ctm_trio.system import git_revert
from ctm_trio.system.git_lock import IndexLock
from ctm_trio.system.git_revert import revert_to
from ctm_trio.system.git_revert_look import Found, look_at
from ctm_trio.system.git_tree import find_tree
from tests.git_repo import Repo

pytestmark = pytest.mark.usefixtures("own_git_config")


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """A clean repository with two checkpoints of two files."""
    made = Repo(tmp_path / "r")
    for text in ("one", "two"):
        made.write("a.txt", f"{text}\n")
        made.write("b.txt", f"{text}\n")
        made.commit(f"checkpoint: {text}")
    return made


async def back(repo: Repo, *, stash_first: bool) -> Reverted:
    """Go back to the first checkpoint."""
    tree = await find_tree(str(repo.path))
    assert tree is not None
    return await revert_to(tree, repo.git("rev-parse", "HEAD^"), stash_first=stash_first)


def after_the_look(monkeypatch: pytest.MonkeyPatch, work: Callable[[], object]) -> None:
    """Do something between the look at the tree and all that follows."""

    async def look(locked: IndexLock, sha: str) -> Found:
        found = await look_at(locked, sha)
        work()
        return found

    monkeypatch.setattr(git_revert, "look_at", look)


@pytest.mark.parametrize("stash_first", [False, True])
async def test_what_is_written_after_the_look_is_kept(
    repo: Repo, monkeypatch: pytest.MonkeyPatch, stash_first: bool
) -> None:
    """The tree was clean, so no stash is made: what a program wrote since is in none, and is kept and named."""

    def agent() -> None:
        repo.write("a.txt", "precious\n")
        (repo.path / "b.txt").unlink()
        repo.write("b.txt", "made anew\n")

    after_the_look(monkeypatch, agent)
    done = await back(repo, stash_first=stash_first)
    assert (done.stashed_as, done.kept) == ("", ("files/a.txt", "files/b.txt"))
    assert (Path(done.kept_in) / "files" / "a.txt").read_text() == "precious\n"
    assert (Path(done.kept_in) / "files" / "b.txt").read_text() == "made anew\n"
    assert (repo.path / "a.txt").read_text() == "one\n"
    assert repo.git("status", "--porcelain") == ""


async def test_what_the_stash_took_after_the_look_is_saved(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a stash is made, it has what was written up to then, and nothing need be kept twice."""
    repo.write("b.txt", "dirty\n")
    after_the_look(monkeypatch, lambda: repo.write("a.txt", "precious\n"))
    done = await back(repo, stash_first=True)
    assert repo.git("show", f"{done.stashed_as}:a.txt") == "precious"
    assert repo.git("show", f"{done.stashed_as}:b.txt") == "dirty"
    assert done.kept == ()
