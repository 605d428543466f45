"""A program that opened a file before a revert put it aside writes into it afterwards: none of that is lost."""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import ExitStack
from pathlib import Path

import pytest

from ctm_trio.errors.git import GitFailed, RevertFailed
from ctm_trio.system import swap
from ctm_trio.system.discard import discard, discard_names, mark_of
from ctm_trio.system.git_exchange import Exchange
from ctm_trio.system.git_revert import revert_to
from ctm_trio.system.git_tree import find_tree
from tests.git_repo import Repo, two_checkpoints

pytestmark = pytest.mark.usefixtures("own_git_config")


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """A clean repository with two checkpoints of two files."""
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


def test_what_cannot_be_told_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without leases (NFS, a file of another user) nobody knows who has a file open to write."""
    real = fcntl.fcntl

    def no_leases(fd: int, what: int, value: int = 0) -> int:
        if what == fcntl.F_SETLEASE:
            raise OSError(errno.EACCES, "Permission denied")
        return real(fd, what, value)

    monkeypatch.setattr(fcntl, "fcntl", no_leases)
    path = tmp_path / "f"
    path.write_text("1")
    name = os.fsencode(path)
    assert not discard(name, mark_of(name))
    assert path.read_text() == "1"


def exchange_in(root: Path) -> swap.Swap:
    """One of the files below `root/top`."""
    top, new, aside, late, keep = (os.fsencode(root / part) for part in ("top", "new", "files", "late", "keep"))
    return swap.Swap(top, new, aside, late, keep)


@pytest.mark.parametrize("links", [True, False])
def test_the_way_back_writes_over_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool) -> None:
    """A file that comes into being in the last moment stays, and the old one stays aside; else the old one returns."""
    top, aside = tmp_path / "top", tmp_path / "files"
    for part in (top, aside, tmp_path / "new"):
        part.mkdir()
    for name in ("a", "b"):
        (top / name).write_text("old")
    exchange = exchange_in(tmp_path)
    exchange.run([b"a", b"b"], [], [])
    real = os.link

    def link(source: bytes, to: bytes, **more: bool) -> None:
        if to.endswith(b"/a"):
            (top / "a").write_text("somebody's")
        if not links:
            raise OSError(errno.EPERM, "Operation not permitted")
        real(source, to, **more)

    monkeypatch.setattr(os, "link", link)
    exchange.take_back()
    assert (top / "a").read_text() == "somebody's"
    assert (aside / "a").read_text() == "old"
    assert (top / "b").read_text() == "old"
    assert not (aside / "b").exists()


def test_a_way_back_that_was_cut_off_goes_on(tmp_path: Path) -> None:
    """The file has both names after a kill between link and unlink: then only the place counts; a directory returns."""
    aside, top = tmp_path / "files", tmp_path / "top"
    aside.mkdir()
    top.mkdir()
    (aside / "a").write_text("old")
    (top / "a").hardlink_to(aside / "a")
    (aside / "d").mkdir()
    (aside / "d" / "x").write_text("x")
    exchange = exchange_in(tmp_path)
    exchange._moved = [(os.fsencode(top / name), os.fsencode(aside / name)) for name in ("a", "d")]
    exchange.take_back()
    assert (top / "a").read_text() == "old"
    assert (top / "d" / "x").read_text() == "x"
    assert list(aside.iterdir()) == []
