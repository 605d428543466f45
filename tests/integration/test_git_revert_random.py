"""Random trees, random mischief: after going back the tree is the checkpoint's, and every content is somewhere."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pytest

from ctm_trio.system.git_revert import revert_to
from ctm_trio.system.git_tree import find_tree
from tests.git_repo import Repo

pytestmark = pytest.mark.usefixtures("own_git_config")

NAMES = ("a", "b", "d", "d/x", "d/y", "d/e/z", "out", "out/1", "out/2/3", "l")
"""Names that are files in one state and directories in the next."""


class Mischief:
    """Changes a work tree at random, and remembers every content that it wrote."""

    def __init__(self, repo: Repo, seed: int) -> None:
        self.repo, self.random, self.count = repo, random.Random(seed), 0

    def change(self) -> None:
        """Write, remove, link or replace one thing, whatever stands there."""
        name = self.random.choice(NAMES)
        path = self.repo.path / name
        for parent in reversed(path.relative_to(self.repo.path).parents):
            at = self.repo.path / parent
            if at.is_symlink() or at.is_file():
                at.unlink()
            at.mkdir(exist_ok=True)
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif os.path.lexists(path):
            path.unlink()
        what = self.random.choice(("write", "write", "write", "link", "gone", "run"))
        self.count += 1
        if what == "link":
            path.symlink_to(f"to {self.count}")
        elif what != "gone":
            path.write_text(f"content {self.count}\n")
            path.chmod(0o755 if what == "run" else 0o644)

    def stage(self) -> None:
        """Do something to the index alone."""
        tracked = self.repo.git("ls-files").splitlines()
        what = self.random.choice(("add", "rm", "intend", "hide", "skip", "nothing"))
        if what == "add":
            self.repo.git("add", "-A", "--sparse")
        elif what == "rm" and tracked:
            self.repo.git("update-index", "--force-remove", self.random.choice(tracked))
        elif what == "intend":
            self.repo.git("add", "-N", "--sparse", ".")
        elif what in ("hide", "skip") and tracked:
            flag = "--assume-unchanged" if what == "hide" else "--skip-worktree"
            self.repo.git("update-index", flag, self.random.choice(tracked))


def contents(root: Path) -> dict[str, str]:
    """Path → content of every file and link of a work tree."""
    found = {}
    for here, below, names in os.walk(root):
        below[:] = [name for name in below if name != ".git"]
        for name in (*names, *(name for name in below if os.path.islink(os.path.join(here, name)))):
            path = Path(here, name)
            found[str(path.relative_to(root))] = os.readlink(path) if path.is_symlink() else path.read_text()
    return found


def everywhere(repo: Repo, kept_in: str) -> set[str]:
    """Every content that git has, or that was kept."""
    objects = repo.git("cat-file", "--batch-all-objects", "--batch-check=%(objecttype) %(objectname)").splitlines()
    found = {repo.git("cat-file", "blob", row.split()[1]).strip() for row in objects if row.startswith("blob")}
    return found | ({text.strip() for text in contents(Path(kept_in)).values()} if kept_in else set())


@pytest.mark.parametrize("seed", [0, 1, 2, 3, 5, 7, 18, 20, 46, 106, 122, 284])
async def test_nothing_is_lost(tmp_path: Path, seed: int) -> None:
    """The tree becomes the checkpoint's, what git ignores and nobody needs stays, and no content is gone."""
    repo = Repo(tmp_path / "r")
    mischief = Mischief(repo, seed)
    for _ in range(8):
        mischief.change()
    one = repo.commit("checkpoint: 1")
    for _ in range(8):
        mischief.change()
    if seed % 2:
        repo.write(".gitignore", "out\nl\n")
        repo.git("rm", "-rq", "--cached", "--ignore-unmatch", "out", "l")
    repo.commit("later")
    for _ in range(6):
        mischief.change()
        mischief.stage()
    before = contents(repo.path)
    hidden = {row[2:] for row in repo.git("ls-files", "-v").splitlines() if row[0] != "H"}
    same = hidden - set(repo.git("diff", "--name-only", "--no-renames", "HEAD", one).splitlines())
    tree = await find_tree(str(repo.path))
    assert tree is not None
    done = await revert_to(tree, one, stash_first=True)
    assert repo.head() == one
    after = contents(repo.path)
    wanted = repo.git("ls-tree", "-r", "--name-only", one).splitlines()
    # What git was told not to look at, and is the same in both commits, is not touched.
    assert {path: after.get(path) for path in wanted if path not in same} == {
        path: text for path, text in expected(repo, one).items() if path not in same
    }
    assert all(
        after.get(path) in (before.get(path), text) for path, text in expected(repo, one).items() if path in same
    )
    assert {text.strip() for text in before.values()} <= everywhere(repo, done.kept_in) | {
        text.strip() for text in after.values()
    }
    assert done.kept == ()  # nobody wrote meanwhile
    assert not (repo.path / ".git" / "index.lock").exists()


def expected(repo: Repo, commit: str) -> dict[str, str]:
    """What a commit has, as `contents` shows it."""
    rows = repo.git("ls-tree", "-r", commit).splitlines()
    found = {}
    for row in rows:
        head, path = row.split("\t")
        text = repo.git("cat-file", "blob", head.split()[2])
        found[path] = text if head.startswith("120000") else f"{text}\n"
    return found
