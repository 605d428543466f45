"""A directory that the checkpoint has too stays the very one: programs that work in it do not lose it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ctm_trio.system.git_revert import revert_to
from ctm_trio.system.git_tree import find_tree
from ctm_trio.system.swap_paths import parents
from tests.git_repo import Repo

pytestmark = pytest.mark.usefixtures("own_git_config")


async def test_a_directory_in_which_every_file_changes(tmp_path: Path) -> None:
    """The same inode, also above and where a file comes in a directory below; one that nobody needs goes."""
    repo = Repo(tmp_path / "r")
    for name in ("all/f", "above/one/f", "below/deep/f"):
        repo.write(name, "one\n")
    one = repo.commit("checkpoint: one")
    repo.git("rm", "-rq", "above", "below")
    for name in ("all/f", "above/two/f", "below/f"):
        repo.write(name, "two\n")
    repo.commit("checkpoint: two")
    inodes = {name: (repo.path / name).stat().st_ino for name in ("all", "above", "below")}
    tree = await find_tree(str(repo.path))
    assert tree is not None
    descriptor = os.open(repo.path / "all", os.O_RDONLY)  # as a program that works there has it
    try:
        await revert_to(tree, one, stash_first=False)
        assert os.listdir(descriptor) == ["f"]
    finally:
        os.close(descriptor)
    assert {name: (repo.path / name).stat().st_ino for name in inodes} == inodes
    assert not (repo.path / "above" / "two").exists()
    assert (repo.path / "below" / "deep" / "f").read_text() == "one\n"
    assert repo.git("status", "--porcelain") == ""


async def test_a_directory_that_becomes_a_file(tmp_path: Path) -> None:
    """It goes, and so do those below it."""
    repo = Repo(tmp_path / "r")
    repo.write("d", "a file\n")
    one = repo.commit("checkpoint: one")
    repo.git("rm", "-q", "d")
    repo.write("d/deep/f", "two\n")
    repo.commit("checkpoint: two")
    tree = await find_tree(str(repo.path))
    assert tree is not None
    await revert_to(tree, one, stash_first=False)
    assert (repo.path / "d").read_text() == "a file\n"


def test_the_directories_above_paths() -> None:
    """A file's own, and all above; a path that ends in a slash is one itself; the top is none."""
    assert parents([b"a/b/c", b"a/d", b"e/f/", b"g"]) == {b"a", b"a/b", b"e", b"e/f"}
