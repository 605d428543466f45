"""A revert whose process is killed at any of its steps: the next one takes it back, and nothing is lost or locked."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ctm_trio.errors.git import GitFailed
from ctm_trio.system import git_revert_killed
from ctm_trio.system.git_lock import locked_index
from ctm_trio.system.git_revert import revert_to
from ctm_trio.system.git_revert_killed import take_back_killed
from ctm_trio.system.git_tree import find_tree
from tests.git_owner import list_checkpoints
from tests.git_repo import Repo, two_checkpoints_and_more

pytestmark = pytest.mark.usefixtures("own_git_config")

KILLED = """
import os, signal, sys
import trio
from ctm_trio.system import git_exchange, git_lock, swap
from ctm_trio.system.git_revert import revert_to
from ctm_trio.system.git_tree import find_tree

top, sha, step = sys.argv[1:]
step, _, disk = step.partition(" ")
if disk == "without-links":

    def refuses(*_, **__):
        raise OSError(1, "Operation not permitted")

    os.link = refuses
owner, name, after, *which = {
    "staging": (git_exchange.Exchange, "stage", False),
    "staged": (git_exchange.Exchange, "swap", False),
    "half": (swap.Swap, "_put", True),
    "moved": (git_lock.IndexLock, "install", False),
    "installing": (os, "replace", False, "index"),
    "renamed": (git_lock, "_unlock", False),
    "installed": (git_lock.IndexLock, "install", True),
}[step]
real = getattr(owner, name)

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def plain(*words, **more):
    if which and os.path.basename(words[-1]) != which[0]:
        return real(*words, **more)
    if after:
        real(*words, **more)
    die()

async def slow(*words):
    if after:
        await real(*words)
    die()

setattr(owner, name, slow if name in ("install", "stage") else plain)

async def main():
    await revert_to(await find_tree(top), sha, stash_first=True)

trio.run(main)
"""

GIVES_BACK = """
import os, shutil, signal, sys
import trio
from ctm_trio.system.git_lock import locked_index
from ctm_trio.system.git_tree import find_tree

real = shutil.rmtree

def rmtree(*words, **more):
    real(*words, **more)
    os.kill(os.getpid(), signal.SIGKILL)

async def main():
    async with locked_index(await find_tree(sys.argv[1])):
        shutil.rmtree = rmtree

trio.run(main)
"""


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """Two checkpoints of three files, and a change and a new file on top."""
    return two_checkpoints_and_more(Repo(tmp_path / "r"))


def run(program: str, *words: str) -> subprocess.CompletedProcess[bytes]:
    """Run a program of Python to its end."""
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    argv = [sys.executable, "-c", program, *words]
    return subprocess.run(argv, env=env, capture_output=True, check=False, timeout=60)


def killed_at(repo: Repo, step: str, sha: str = "HEAD^") -> None:
    """Begin to go back to the first checkpoint, or another one, in a process that is killed at this step."""
    words = (str(repo.path), repo.git("rev-parse", sha), step)
    done = run(KILLED, *words)
    assert done.returncode == -9, done.stderr.decode()
    assert (repo.path / ".git" / "ctm-kept").exists()


def files(repo: Repo) -> dict[str, str]:
    """Every file of the tree."""
    found = (path for path in repo.path.rglob("*") if path.is_file() and ".git" not in path.parts)
    return {str(path.relative_to(repo.path)): path.read_text() for path in found}


async def next_one(repo: Repo) -> None:
    """What the next order does first."""
    tree = await find_tree(str(repo.path))
    assert tree is not None
    async with locked_index(tree) as locked:
        await take_back_killed(locked)


@pytest.mark.parametrize(
    "step",
    ["staged", "half", "moved", "installing", "staged without-links", "half without-links", "moved without-links"],
)
async def test_it_is_taken_back(repo: Repo, step: str, caplog: pytest.LogCaptureFixture) -> None:
    """Files, branch and index are as they were, git is not locked, and nothing of ours is left; the log says so."""
    before, state = files(repo), repo.state()[:3]
    killed_at(repo, step)
    assert (repo.path / ".git" / "index.lock").exists()
    await next_one(repo)
    assert (files(repo), repo.state()[:3]) == (before, state)
    assert (
        sorted(path.name for path in (repo.path / ".git").glob("*") if "ctm" in path.name or "lock" in path.name) == []
    )
    assert "taken back" in caplog.text
    tree = await find_tree(str(repo.path))
    assert tree is not None
    done = await revert_to(tree, repo.git("rev-parse", "HEAD^"), stash_first=True)
    assert files(repo)["b"] == "one\n"
    assert repo.git("show", f"{done.stashed_as}:b") == "mine"


async def test_killed_before_anything_was_changed(repo: Repo, caplog: pytest.LogCaptureFixture) -> None:
    """What was being prepared is removed, and git is not locked."""
    before = files(repo)
    killed_at(repo, "staging")
    await next_one(repo)
    assert files(repo) == before
    assert not [path.name for path in (repo.path / ".git").glob("*") if "ctm" in path.name or "lock" in path.name]
    assert "before it changed anything" in caplog.text


async def test_what_was_written_since_is_kept(repo: Repo, caplog: pytest.LogCaptureFixture) -> None:
    """An agent goes on in a tree that is half exchanged: what it wrote stays, in its place or in a named one."""
    killed_at(repo, "moved")
    with (repo.path / "a").open("a") as agent:
        agent.write("late\n")
    (repo.path / "d" / "c").unlink()
    repo.write("d/c", "anew\n")
    await next_one(repo)
    found = files(repo)
    assert (found["a"], found["b"], found["d/c"]) == ("two\n", "mine\n", "anew\n")
    (late,) = (repo.path / ".git" / "ctm-kept").glob("*/late/*/a")
    assert late.read_text() == "one\nlate\n"
    (aside,) = (repo.path / ".git" / "ctm-kept").glob("*/files/d/c")
    assert aside.read_text() == "two\n"
    assert str(late.parents[2]) in caplog.text


async def test_a_file_comes_back_where_a_directory_was_made(repo: Repo) -> None:
    """The checkpoint has a directory there: made by the killed one, it is empty again, and makes room for the file."""
    repo.write("only", "a file\n")
    repo.commit("checkpoint: three")
    before = files(repo)
    killed_at(repo, "moved", "HEAD^^")
    assert (repo.path / "only" / "one").exists()
    await next_one(repo)
    assert files(repo) == before


async def test_what_was_written_into_a_copy_stays(repo: Repo, caplog: pytest.LogCaptureFixture) -> None:
    """Without links the checkpoint's files are copies, known by their bytes: one with others is somebody's work."""
    killed_at(repo, "moved without-links")
    (outside := repo.path.parent / "outside").mkdir()
    (outside / "one").write_text("one\n")
    with (repo.path / "a").open("a") as agent:
        agent.write("late\n")
    (repo.path / "only" / "one").unlink()
    (repo.path / "only").rmdir()
    (repo.path / "only").symlink_to(outside)
    await next_one(repo)
    found = files(repo)
    assert (found["a"], found["b"], found["d/c"]) == ("one\nlate\n", "mine\n", "two\n")
    (aside,) = (repo.path / ".git" / "ctm-kept").glob("*/files/a")
    assert aside.read_text() == "two\n"
    assert str(aside.parents[1]) in caplog.text
    assert (outside / "one").read_text() == "one\n"


@pytest.mark.parametrize("step", ["renamed", "installed", "installed without-links"])
async def test_one_that_was_done_stays_done(repo: Repo, step: str, caplog: pytest.LogCaptureFixture) -> None:
    """Killed after the index: the tree is the checkpoint's, and what lies aside is named; git is not locked."""
    killed_at(repo, step)
    await next_one(repo)
    assert (repo.git("log", "-1", "--format=%s"), repo.git("status", "--porcelain")) == ("checkpoint: one", "")
    (aside,) = (repo.path / ".git" / "ctm-kept").glob("*/files/b")
    assert aside.read_text() == "mine\n"
    assert str(aside.parents[1]) in caplog.text
    assert "was killed at its end" in caplog.text
    assert not [path.name for path in (repo.path / ".git").glob("*") if "scratch" in path.name or "lock" in path.name]


async def test_the_lock_of_another_git_stays(repo: Repo, caplog: pytest.LogCaptureFixture) -> None:
    """The user removed our lock and another git has its own by now: it stays; later what lies aside is named."""
    killed_at(repo, "half")
    lock = repo.path / ".git" / "index.lock"
    lock.rename(repo.path / ".git" / "was.lock")
    lock.touch()
    with pytest.raises(GitFailed, match="another git runs there"):
        await next_one(repo)
    assert lock.exists()
    lock.unlink()
    repo.write("other", "o\n")
    repo.git("add", "other")
    await next_one(repo)
    assert "git has been used since" in caplog.text
    assert list((repo.path / ".git" / "ctm-kept").glob("*/files/b"))
    assert "other" in repo.git("ls-files").splitlines()


async def test_the_lock_of_a_later_git_is_not_ours(repo: Repo) -> None:
    """A file system gives inodes out again: a later git's lock is the file that ours was, and a revert is done."""
    killed_at(repo, "installed")
    repo.write("a", "edited since\n")
    lock = repo.path / ".git" / "index.lock"
    lock.hardlink_to(repo.path / ".git" / "index")
    with pytest.raises(GitFailed, match="another git runs there"):
        await next_one(repo)
    assert lock.exists()
    assert (files(repo)["a"], repo.git("log", "-1", "--format=%s")) == ("edited since\n", "checkpoint: one")


async def test_the_lock_of_a_git_that_came_after_is_left(repo: Repo) -> None:
    """While a revert compares files another git works: its lock stays, though it is the file that ours was."""
    tree = await find_tree(str(repo.path))
    assert tree is not None
    lock = repo.path / ".git" / "index.lock"
    async with locked_index(tree) as locked:
        await locked.install(await locked.copy("mine"))
        assert not lock.exists()
        lock.hardlink_to(repo.path / ".git" / "index")
    assert lock.exists()


def test_killed_while_it_gives_the_lock_back(repo: Repo) -> None:
    """With the mark gone nobody could adopt the lock: so the lock goes first."""
    done = run(GIVES_BACK, str(repo.path))
    assert done.returncode == -9, done.stderr.decode()
    assert [path.name for path in (repo.path / ".git").glob("*") if "scratch" in path.name or "lock" in path.name] == []


async def test_what_cannot_be_taken_back_is_tried_again(
    repo: Repo, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Git fails while a killed revert is taken back: all stays for the next one, which takes it back."""
    before, state = files(repo), repo.state()[:3]
    killed_at(repo, "moved")
    tree = await find_tree(str(repo.path))
    assert tree is not None

    async def fails(*_: object, **__: object) -> None:
        raise GitFailed("git update-ref took longer than 10 s and was stopped.")

    with monkeypatch.context() as patch:
        patch.setattr(git_revert_killed, "move_head", fails)
        await git_revert_killed.mend(tree)
    assert "took longer than 10 s" in caplog.text
    assert (repo.path / ".git" / "index.lock").exists()
    await git_revert_killed.mend(tree)
    assert (files(repo), repo.state()[:3]) == (before, state)
    assert not [path.name for path in (repo.path / ".git").glob("*") if "ctm" in path.name or "lock" in path.name]


async def test_a_list_of_checkpoints_takes_it_back(repo: Repo) -> None:
    """A daemon that starts again mends the tree as soon as somebody looks at its checkpoints."""
    before = files(repo)
    killed_at(repo, "half")
    assert files(repo) != before
    assert len((await list_checkpoints(repo.path)).listed) == 2
    assert files(repo) == before
    assert not (repo.path / ".git" / "index.lock").exists()
