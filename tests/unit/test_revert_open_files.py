"""A program that opened a file before a revert put it aside writes into it afterwards: none of that is lost."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path

import pytest

from ctm_trio.errors import GitFailed, RevertFailed
from ctm_trio.system import swap
from ctm_trio.system.discard import discard, discard_names, mark_of
from ctm_trio.system.git_exchange import Exchange
from ctm_trio.system.git_revert import revert_to
from ctm_trio.system.git_tree import find_tree
from tests.git_repo import Repo, two_checkpoints

pytestmark = pytest.mark.usefixtures("own_git_config")


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """A repository with two checkpoints."""
    return two_checkpoints(tmp_path / "r")


def write_into(path: Path, text: str) -> None:
    """Write at the end of a file as it is, as an editor or a log does."""
    with open(path, "a") as file:
        file.write(text)


async def test_a_file_that_is_open_to_be_written_is_kept(repo: Repo) -> None:
    """What comes through an open descriptor after the revert is over is in the kept file; a reader keeps nothing."""
    tree = await find_tree(str(repo.path))
    assert tree is not None
    with ExitStack() as stack:
        writer, reader = (
            stack.enter_context((repo.path / n).open(mode)) for n, mode in (("a.txt", "a"), ("b.txt", "r"))
        )
        done = await revert_to(tree, repo.git("rev-parse", "HEAD^"), stash_first=True)
        writer.write("late\n")
        assert reader.read() == "two\n"
    assert done.kept == ("files/a.txt",)
    assert (Path(done.kept_in) / "files" / "a.txt").read_text() == "two\nlate\n"
    assert (repo.path / "a.txt").read_text() == "one\n"


async def test_what_is_written_into_a_new_file_outlives_the_way_back(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exchange is taken back after the agent wrote into the checkpoint's file: the old one returns, both stay."""

    async def settle(self: Exchange, head: str, target: str, exchange: swap.Swap) -> None:
        write_into(repo.path / "a.txt", "late\n")
        exchange.take_back()
        raise GitFailed("HEAD cannot be moved.")

    monkeypatch.setattr(Exchange, "settle", settle)
    tree = await find_tree(str(repo.path))
    assert tree is not None
    with pytest.raises(RevertFailed, match="Files set aside are in") as caught:
        await revert_to(tree, repo.git("rev-parse", "HEAD^"), stash_first=True)
    assert (repo.path / "a.txt").read_text() == "two\n"
    assert repo.git("status", "--porcelain") == ""
    (late,) = (repo.path / ".git" / "ctm-kept").glob("*/late/*/a.txt")
    assert late.read_text() == "one\nlate\n"
    assert str(late.parents[2]) in caught.value.message


async def test_two_names_of_one_file(repo: Repo) -> None:
    """Neither is kept if nobody has it open: that the first one goes is no change of the second. Else both are."""
    for name in ("b.txt", "c.txt"):
        (repo.path / name).unlink(missing_ok=True)
        (repo.path / name).hardlink_to(repo.path / "a.txt")
    tree = await find_tree(str(repo.path))
    assert tree is not None
    one = repo.git("rev-parse", "HEAD^")
    assert (await revert_to(tree, one, stash_first=True)).kept == ()
    repo.git("reset", "-q", "--hard", "ORIG_HEAD")
    (repo.path / "b.txt").unlink()
    (repo.path / "b.txt").hardlink_to(repo.path / "a.txt")
    with (repo.path / "a.txt").open("a"):
        done = await revert_to(tree, one, stash_first=True)
    assert done.kept == ("files/a.txt", "files/b.txt")


def test_names_of_other_files_stay(tmp_path: Path) -> None:
    """Of several names only those of the very file go; links are treated likewise."""
    for name in ("f", "link"):
        names = [tmp_path / f"{name}{number}" for number in range(3)]
        if name == "f":
            names[0].write_text("1")
        else:
            names[0].symlink_to("nowhere")
        os.link(names[0], names[1], follow_symlinks=False)
        names[2].write_text("1")
        paths = [os.fsencode(path) for path in names]
        assert discard_names(paths, mark_of(paths[0])) == paths[:2]
        assert [os.path.lexists(path) for path in paths] == [False, False, True]


def test_what_has_changed_is_not_removed(tmp_path: Path) -> None:
    """Other content, another file in its place, one that was never seen: all stay. A link and an idle file go."""
    path = tmp_path / "f"
    name = os.fsencode(path)
    path.write_text("1")
    mark = mark_of(name)
    path.write_text("22")
    assert not discard(name, mark)
    assert not discard(name, None)
    other = tmp_path / "g"
    other.write_text("22")
    mark = mark_of(name)
    other.rename(path)
    assert not discard(name, mark)
    assert discard(name, mark_of(name))
    path.symlink_to("nowhere")
    assert discard(name, mark_of(name))
    assert not os.path.lexists(path)
