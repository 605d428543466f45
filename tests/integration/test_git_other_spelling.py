"""Whether two spellings are one file is seen on the disk, whatever `core.ignoreCase` says."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ctm_trio.errors.git import DirtyWorkdir
from ctm_trio.system import swap
from ctm_trio.system.git_in_the_way import in_the_way
from tests.git_owner import back
from tests.git_repo import Repo

pytestmark = pytest.mark.usefixtures("own_git_config")


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """A repository copied from a Mac, in which a file was renamed to the same name in capitals."""
    made = Repo(tmp_path / "r")
    made.git("config", "core.ignoreCase", "true")
    made.write("readme.md", "one\n")
    made.commit("checkpoint: one")
    made.git("mv", "readme.md", "README.md")
    made.commit("checkpoint: two")
    return made


async def test_a_new_file_in_the_other_spelling_is_in_the_way(repo: Repo) -> None:
    """It is refused without a stash, and stashed with one."""
    repo.write("readme.md", "precious\n")
    with pytest.raises(DirtyWorkdir) as caught:
        await back(repo, stash_first=False)
    assert caught.value.fields == {"dirty_files": ["readme.md"]}
    assert (repo.path / "readme.md").read_text() == "precious\n"
    done = await back(repo, stash_first=True)
    assert repo.git("show", f"{done.stashed_as}^3:readme.md") == "precious"
    assert (repo.path / "readme.md").read_text() == "one\n"
    assert not (repo.path / "README.md").exists()
    assert done.kept == ()


async def test_one_that_comes_into_being_meanwhile_is_kept(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison does not take it for the tracked file of the other spelling either."""
    real = swap.Swap.run

    def run(self: swap.Swap, *more: Any) -> None:
        repo.write("readme.md", "precious\n")
        real(self, *more)

    monkeypatch.setattr(swap.Swap, "run", run)
    done = await back(repo, stash_first=False)
    assert done.kept == ("files/readme.md",)
    assert (Path(done.kept_in) / "files" / "readme.md").read_text() == "precious\n"


def test_two_spellings_of_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the disk folds names a tracked file is not in its own way; a second link, or a way by a link, is."""
    real = os.lstat

    def folding(path: Any, **more: Any) -> os.stat_result:
        """As on a disk on which `read` finds `READ`."""
        try:
            return real(path, **more)
        except FileNotFoundError:
            return real(os.path.join(os.path.dirname(path), os.path.basename(path).upper()), **more)

    for name in ("READ", "OTHER", "LINKED", "d/f"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "second").hardlink_to(tmp_path / "LINKED")
    (tmp_path / "e").symlink_to("d")
    top, wanted, known = os.fsencode(tmp_path), [b"READ", b"OTHER", b"second", b"d/f"], {b"read", b"LINKED", b"e/f"}
    assert in_the_way(top, wanted, known, limit=9).files == set(wanted)
    monkeypatch.setattr(os, "lstat", folding)
    assert in_the_way(top, wanted, known, limit=9).files == {b"OTHER", b"second", b"d/f"}


async def test_on_a_disk_that_folds_names(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file goes aside under the name that git knows, so that it is found to be saved."""
    real = swap.Swap.run
    removed: list[bytes] = []

    def run(self: swap.Swap, remove: Any, *more: Any) -> None:
        removed.extend(remove)
        real(self, remove, *more)

    monkeypatch.setattr(swap.Swap, "run", run)
    assert (await back(repo, stash_first=False)).kept == ()
    assert removed == [b"README.md", b"readme.md"]
