"""What a revert removes is in a commit or in a stash on the list, byte for byte; all else is kept and named."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ctm_trio.errors.git import GitFailed
from ctm_trio.system import git_revert
from ctm_trio.system.git_lock import IndexLock
from ctm_trio.system.git_revert_look import Found, look_at
from ctm_trio.system.git_saved import same_content
from tests.git_owner import back
from tests.git_repo import Repo, two_checkpoints

pytestmark = pytest.mark.usefixtures("own_git_config")


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """A clean repository with two checkpoints of two files."""
    return two_checkpoints(tmp_path / "r")


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


@pytest.mark.parametrize("stash_first", [False, True])
async def test_what_a_filter_throws_away_is_kept(repo: Repo, stash_first: bool) -> None:
    """Git finds a notebook unchanged although its output is in no commit; and a stash has it without, too."""
    repo.git("config", "filter.strip.clean", "sed /OUT/d")
    repo.git("config", "filter.strip.smudge", "cat")
    repo.write(".gitattributes", "*.nb filter=strip\n")
    for text in ("one", "two"):
        for name in ("n.nb", "plain.nb"):
            repo.write(name, f"{text}\n")
        repo.commit(f"checkpoint: {text}")
    repo.write("n.nb", "two\nOUT of five hours\n")
    repo.git("add", "n.nb")
    if stash_first:
        repo.write("new.nb", "new\nOUT too\n")
    else:
        assert repo.git("status", "--porcelain") == ""
    done = await back(repo, stash_first=stash_first)
    assert bool(done.stashed_as) == stash_first
    assert done.kept == (("files/n.nb", "files/new.nb") if stash_first else ("files/n.nb",))
    assert (Path(done.kept_in) / "files" / "n.nb").read_text() == "two\nOUT of five hours\n"
    assert (repo.path / "n.nb").read_text() == "one\n"
    assert repo.git("status", "--porcelain") == ""


async def test_line_ends_that_a_checkout_does_not_write(repo: Repo) -> None:
    """With `core.autocrlf=input` a file with CRLF is kept as it is; one that a checkout writes so is not."""
    for number in (1, 2):
        repo.write(".gitattributes", "f.crlf text eol=crlf\n")
        for name in ("f.crlf", "f.mixed", "f.lf"):
            ends = {"f.crlf": b"\r\n\r\n", "f.mixed": b"\r\n\n", "f.lf": b"\n\n"}[name]
            (repo.path / name).write_bytes(b"%d" % number + ends)
        repo.git("config", "core.autocrlf", "input")
        repo.commit(f"checkpoint: {number}")
    done = await back(repo, stash_first=False)
    assert done.kept == ("files/f.mixed",)
    assert (Path(done.kept_in) / "files" / "f.mixed").read_bytes() == b"2\r\n\n"


async def test_a_filter_that_fails_keeps_what_it_would_write(repo: Repo) -> None:
    """What cannot be checked out again is not taken for saved; other files are."""
    repo.git("config", "filter.odd.clean", "tr A-Z a-z")
    repo.git("config", "filter.odd.smudge", "tr a-z A-Z")
    repo.git("config", "filter.odd.required", "true")
    repo.write(".gitattributes", "*.odd filter=odd\n")
    for text in ("ONE", "TWO"):
        repo.write("f.odd", f"{text}\n")
        repo.write("a.txt", f"{text}\n")
        repo.commit(f"checkpoint: {text}")
    repo.git("config", "filter.odd.smudge", "sed -n -e '/one/!q1' -e s/one/ONE/p")
    done = await back(repo, stash_first=False)
    assert done.kept == ("files/f.odd",)
    assert (Path(done.kept_in) / "files" / "f.odd").read_text() == "TWO\n"
    assert (repo.path / "f.odd").read_text() == "ONE\n"


def test_the_same_content(tmp_path: Path) -> None:
    """A longer file, a shorter one, a missing one and a link are not the same; two links to the same are."""
    names = [os.fsencode(tmp_path / name) for name in ("one", "same", "longer", "link", "missing")]
    for name, text in zip(names, ("text", "text", "text and more"), strict=False):
        Path(os.fsdecode(name)).write_text(text)
    (tmp_path / "link").symlink_to("same")
    (tmp_path / "again").symlink_to("same")
    assert [same_content(names[0], name) for name in names] == [True, True, False, False, False]
    assert not same_content(names[2], names[0])
    assert same_content(names[3], os.fsencode(tmp_path / "again"))


@pytest.mark.parametrize("error", [OSError(errno.EIO, "Input/output error"), GitFailed("git was stopped.")])
async def test_a_comparison_that_fails_is_no_failed_revert(
    repo: Repo, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """HEAD has moved by then: it is said where all that was set aside is, and in which stash."""

    async def fails(locked: IndexLock, saved: str, aside: str) -> None:
        raise error

    monkeypatch.setattr("ctm_trio.system.git_exchange.not_saved", fails)
    repo.write("a.txt", "mine\n")
    first = repo.git("rev-parse", "HEAD^")
    done = await back(repo, stash_first=True)
    assert repo.git("rev-parse", "HEAD") == first
    assert done.stashed_as == repo.git("rev-parse", "stash@{0}")
    assert done.kept == ("files/a.txt", "files/b.txt")
    assert (Path(done.kept_in) / "files" / "a.txt").read_text() == "mine\n"
