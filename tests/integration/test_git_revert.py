"""Going back to a checkpoint loses nothing, whatever stands in its way or is written meanwhile."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio

from ctm_trio.errors.git import CheckpointNotListed, DirtyWorkdir, RevertFailed, RevertRefused
from ctm_trio.model.checkpoint import Reverted
from ctm_trio.system import git_exchange, git_lock, git_stash, swap
from ctm_trio.system.git_exchange import Exchange
from ctm_trio.system.git_revert import revert_to
from ctm_trio.system.git_tree import find_tree
from tests.git_owner import list_checkpoints, revert
from tests.git_repo import Repo

pytestmark = pytest.mark.usefixtures("own_git_config")


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """A repository with a file that two checkpoints differ in."""
    made = Repo(tmp_path / "r")
    made.write("a.txt", "one\n")
    return made


def two_checkpoints(repo: Repo, *, ignored: str = "") -> tuple[str, str]:
    """The first has what is there now; the second has another a.txt and ignores `ignored`."""
    one = repo.commit("checkpoint: 1")
    repo.write("a.txt", "two\n")
    if ignored:
        repo.write(".gitignore", ignored)
    return one, repo.commit("checkpoint: 2")


def in_stash(repo: Repo, stash: str, path: str) -> str:
    """The text of a new or ignored file in a stash."""
    return repo.git("show", f"{stash}^3:{path}")


def left_behind(repo: Repo) -> list[str]:
    """Files of ours in git's directory: scratch, locks, what is kept."""
    return sorted(str(path.relative_to(repo.path)) for path in (repo.path / ".git").glob("ctm-*/**/*")) + [
        path.name for path in (repo.path / ".git").glob("index.lock")
    ]


async def both_ways(repo: Repo, sha: str, *named: str) -> Reverted:
    """Without a stash it is refused with these files, and nothing changes; with one it is done."""
    before = repo.state()
    with pytest.raises(DirtyWorkdir) as caught:
        await revert(repo.path, sha, stash_first=False)
    assert caught.value.fields == {"dirty_files": sorted(named)}
    assert repo.state() == before
    assert left_behind(repo) == []
    done = await revert(repo.path, sha, stash_first=True)
    assert repo.head() == sha
    assert left_behind(repo) == []
    return done


async def test_an_ignored_file_that_the_checkpoint_tracks(repo: Repo) -> None:
    """It goes into the stash, and the checkpoint's version takes its place."""
    repo.write("config.local", "of the checkpoint\n")
    one = repo.commit("checkpoint: 1")
    repo.git("rm", "-q", "--cached", "config.local")
    repo.write(".gitignore", "config.local\n")
    repo.commit("checkpoint: 2")
    repo.write("config.local", "mine, and nowhere else\n")
    done = await both_ways(repo, one, "config.local")
    assert in_stash(repo, done.stashed_as, "config.local") == "mine, and nowhere else"
    assert (repo.path / "config.local").read_text() == "of the checkpoint\n"
    assert repo.git("status", "--porcelain") == ""


async def test_an_ignored_file_that_neither_index_nor_checkpoint_has(repo: Repo) -> None:
    """Taken out of the index and ignored (`git rm --cached .env`): it is in nobody's way, and stays."""
    one, _ = two_checkpoints(repo)
    repo.write(".env", "secret\n")
    repo.commit("checkpoint: 3")
    repo.git("rm", "-q", "--cached", ".env")
    (repo.path / ".git" / "info" / "exclude").write_text(".env\n")
    done = await both_ways(repo, one, ".env")
    assert done.kept == ()
    assert (repo.path / ".env").read_text() == "secret\n"
    assert repo.git("status", "--porcelain") == ""


async def test_an_ignored_directory_where_a_file_must_be(repo: Repo) -> None:
    """All that is in it goes into the stash; ignored files that are in nobody's way stay where they are."""
    repo.write("out", "a file once\n")
    one, _ = two_checkpoints(repo)
    (repo.path / "out").unlink()
    repo.write(".gitignore", "out/\nother/\n")
    repo.commit("checkpoint: 2")
    repo.write("out/deep/x", "x\n")
    (repo.path / "out" / "link").symlink_to("nowhere")
    (repo.path / "out" / "empty").mkdir()
    repo.write("other/stays", "s\n")
    done = await both_ways(repo, one, "out/deep/x", "out/link")
    assert in_stash(repo, done.stashed_as, "out/deep/x") == "x"
    assert in_stash(repo, done.stashed_as, "out/link") == "nowhere"
    assert (repo.path / "out").read_text() == "a file once\n"
    assert (repo.path / "other" / "stays").read_text() == "s\n"


@pytest.mark.parametrize("link", [False, True])
async def test_an_ignored_file_where_a_directory_must_be(repo: Repo, tmp_path: Path, link: bool) -> None:
    """A file or a link there goes into the stash; nothing is written through the link."""
    repo.write("d/f", "in a directory\n")
    one, _ = two_checkpoints(repo)
    repo.git("rm", "-rq", "d")
    repo.write(".gitignore", "d\n")
    repo.commit("checkpoint: 2")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "f").write_text("not ours\n")
    if link:
        (repo.path / "d").symlink_to(outside)
    else:
        (repo.path / "d").write_text("a file\n")
    done = await both_ways(repo, one, "d")
    assert in_stash(repo, done.stashed_as, "d") == (str(outside) if link else "a file")
    assert (repo.path / "d" / "f").read_text() == "in a directory\n"
    assert (outside / "f").read_text() == "not ours\n"


async def test_a_tracked_directory_replaced_by_a_link(repo: Repo, tmp_path: Path) -> None:
    """The link is stashed, the directory is back, and what the link led to is untouched."""
    repo.write("d/f", "tracked\n")
    one, _ = two_checkpoints(repo)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "f").write_text("not ours\n")
    (repo.path / "d" / "f").unlink()
    (repo.path / "d").rmdir()
    (repo.path / "d").symlink_to(outside)
    done = await both_ways(repo, one, "d", "d/f")
    assert in_stash(repo, done.stashed_as, "d") == str(outside)
    assert (repo.path / "d" / "f").read_text() == "tracked\n"
    assert (outside / "f").read_text() == "not ours\n"


async def test_a_nested_repository_is_left_alone(repo: Repo) -> None:
    """An agent's worktree and a new repository are not dirty, and a revert leaves them where they are."""
    one, _ = two_checkpoints(repo)
    repo.git("worktree", "add", "-q", ".claude/worktrees/agent-one", "-b", "wt1")
    Repo(repo.path / "app").write("index.js", "//\n")
    repo.write(".claude/worktrees/agent-one/new", "of the agent\n")
    done = await revert(repo.path, one, stash_first=False)
    assert done == Reverted(one)
    assert (repo.path / "a.txt").read_text() == "one\n"
    assert (repo.path / ".claude/worktrees/agent-one/new").read_text() == "of the agent\n"
    assert (repo.path / "app" / "index.js").exists()


async def test_a_nested_repository_in_the_way_is_refused(repo: Repo) -> None:
    """Where the checkpoint has files and a repository stands now, nothing is done, and it is named."""
    repo.write("lib/x.c", "x\n")
    one, _ = two_checkpoints(repo)
    repo.git("rm", "-rq", "lib")
    repo.commit("checkpoint: 2")
    Repo(repo.path / "lib").write("y.c", "y\n")
    before = repo.state()
    for stash_first in (False, True):
        with pytest.raises(RevertRefused, match="lib/") as caught:
            await revert(repo.path, one, stash_first=stash_first)
        assert caught.value.fields == {"files": ["lib/"]}
    assert repo.state() == before
    assert left_behind(repo) == []


async def test_a_pipe_in_the_way_is_refused(repo: Repo) -> None:
    """What is not a file cannot be stashed; nothing waits for it."""
    repo.write("p", "p\n")
    one, _ = two_checkpoints(repo)
    repo.git("rm", "-q", "p")
    repo.commit("checkpoint: 2")
    os.mkfifo(repo.path / "p")
    with trio.fail_after(20), pytest.raises(RevertRefused, match="p"):
        await revert(repo.path, one, stash_first=True)


@pytest.mark.parametrize("flag", ["--assume-unchanged", "--skip-worktree"])
async def test_hidden_changes_are_stashed(repo: Repo, flag: str) -> None:
    """A file that git was told not to look at: its changes are stashed where the checkpoint has another version."""
    repo.write("same.txt", "same\n")
    one, _ = two_checkpoints(repo)
    for name in ("a.txt", "same.txt"):
        repo.git("update-index", flag, name)
        repo.write(name, "mine\n")
    done = await both_ways(repo, one, "a.txt")
    assert repo.git("show", f"{done.stashed_as}:a.txt") == "mine"
    assert (repo.path / "a.txt").read_text() == "one\n"
    assert (repo.path / "same.txt").read_text() == "mine\n"
    assert repo.git("status", "--porcelain") == ""


async def test_hidden_after_it_was_staged(repo: Repo) -> None:
    """A staged change whose file was hidden and changed again, the same in both commits: all of it is stashed."""
    repo.write("same.txt", "same\n")
    one, _ = two_checkpoints(repo)
    repo.write("same.txt", "staged\n")
    repo.git("add", "same.txt")
    repo.git("update-index", "--assume-unchanged", "same.txt")
    repo.write("same.txt", "and changed again\n")
    done = await both_ways(repo, one, "same.txt")
    assert repo.git("show", f"{done.stashed_as}:same.txt") == "and changed again"
    assert repo.git("show", f"{done.stashed_as}^2:same.txt") == "staged"


async def test_a_file_that_is_only_intended(repo: Repo) -> None:
    """`git add --intent-to-add` is no obstacle: the file is stashed."""
    one, _ = two_checkpoints(repo)
    repo.write("n.txt", "n\n")
    repo.git("add", "-N", "n.txt")
    done = await both_ways(repo, one, "n.txt")
    assert repo.git("show", f"{done.stashed_as}:n.txt") == "n"
    assert not (repo.path / "n.txt").exists()


async def test_intended_and_gone_is_no_conflict(repo: Repo) -> None:
    """A file that is out of the index, only intended, and gone looks like a conflict in git's list, and is none."""
    one, _ = two_checkpoints(repo)
    repo.git("rm", "-q", "--cached", "a.txt")
    repo.git("add", "-N", "a.txt")
    (repo.path / "a.txt").unlink()
    assert repo.git("status", "--porcelain") == "DD a.txt"
    await both_ways(repo, one, "a.txt")
    assert (repo.path / "a.txt").read_text() == "one\n"


async def test_what_is_staged_is_stashed_apart(repo: Repo) -> None:
    """The stash holds both versions of a file that was staged and changed again; `git stash pop --index` works."""
    one, two = two_checkpoints(repo)
    repo.write("a.txt", "staged\n")
    repo.git("add", "a.txt")
    repo.write("a.txt", "changed again\n")
    done = await both_ways(repo, one, "a.txt")
    assert repo.git("show", f"{done.stashed_as}^2:a.txt") == "staged"
    assert repo.git("show", f"{done.stashed_as}:a.txt") == "changed again"
    repo.git("reset", "-q", "--hard", two)
    repo.git("stash", "pop", "-q", "--index")
    assert (repo.path / "a.txt").read_text() == "changed again\n"
    assert repo.git("show", ":a.txt") == "staged"


async def test_a_stash_of_everything_can_be_applied(repo: Repo) -> None:
    """Changed, deleted, executable, new and renamed files come back as they were."""
    for name in ("gone", "run", "moved"):
        repo.write(name, f"{name}\n" * 5)
    one, two = two_checkpoints(repo)
    (repo.path / "gone").unlink()
    (repo.path / "run").chmod(0o755)
    (repo.path / "moved").rename(repo.path / "here")
    repo.write("a.txt", "mine\n")
    before = repo.git("status", "--porcelain")
    done = await revert(repo.path, one, stash_first=True)
    assert repo.git("status", "--porcelain") == ""
    repo.git("reset", "-q", "--hard", two)
    repo.git("stash", "apply", "-q", done.stashed_as)
    assert repo.git("status", "--porcelain") == before


@pytest.mark.parametrize(
    ("words", "said"),
    [(("merge", "--no-commit", "--no-ff", "side"), "merge"), (("cherry-pick", "--no-commit", "side"), ""),
     (("bisect", "start"), "bisection"), (("rebase", "--exec", "false", "HEAD~1"), "rebase")],
)  # fmt: skip
async def test_not_while_git_is_in_the_middle_of_something(repo: Repo, words: tuple[str, ...], said: str) -> None:
    """A merge, a rebase, a bisection under way: refused, with the way out; only staged changes are none of these."""
    one, _ = two_checkpoints(repo)
    repo.git("checkout", "-q", "-b", "side")
    repo.write("s.txt", "s\n")
    repo.commit("side")
    repo.git("checkout", "-q", "main")
    try:
        repo.git(*words)
    except AssertionError:
        assert said == "rebase"
    if not said:
        await both_ways(repo, one, "s.txt")
        return
    before = repo.state()
    with pytest.raises(RevertRefused, match=f"{said} is under way.*git {words[0]}"):
        await revert(repo.path, one, stash_first=True)
    assert repo.state() == before


async def test_conflicts_are_refused(repo: Repo) -> None:
    """Conflicts that no operation owns any more (`git stash pop`) cannot be stashed; nothing changes."""
    one, _ = two_checkpoints(repo)
    repo.write("a.txt", "mine\n")
    repo.git("stash", "-q")
    repo.write("a.txt", "three\n")
    repo.commit("three")
    with pytest.raises(AssertionError):
        repo.git("stash", "pop")
    before = repo.state()
    with pytest.raises(RevertRefused, match="conflicts"):
        await revert(repo.path, one, stash_first=True)
    assert repo.state() == before


async def test_a_sparse_checkout_stays_sparse(repo: Repo) -> None:
    """Files outside of it are not written, changes inside are stashed, and the tree is clean afterwards."""
    repo.write("in/x", "x1\n")
    repo.write("out/y", "y1\n")
    one, _ = two_checkpoints(repo)
    repo.write("in/x", "x2\n")
    repo.write("out/y", "y2\n")
    repo.commit("checkpoint: 3")
    repo.git("sparse-checkout", "set", "in")
    repo.write("in/x", "mine\n")
    done = await both_ways(repo, one, "in/x")
    assert repo.git("show", f"{done.stashed_as}:in/x") == "mine"
    assert (repo.path / "in" / "x").read_text() == "x1\n"
    assert not (repo.path / "out").exists()
    assert repo.git("status", "--porcelain") == ""


@pytest.mark.parametrize("kind", ["--no-cone", "--cone"])
async def test_a_file_outside_of_a_sparse_checkout(repo: Repo, kind: str) -> None:
    """Somebody made it there: it is stashed, the checkpoint's is not written in its place, and the tree is clean."""
    repo.write("in/x", "x1\n")
    repo.write("out/same", "same\n")
    repo.write("out/y", "y1\n")
    one, _ = two_checkpoints(repo)
    repo.write("out/y", "y2\n")
    repo.commit("checkpoint: 3")
    repo.git("sparse-checkout", "set", kind, "in")
    for name in ("same", "y", "new"):
        repo.write(f"out/{name}", "mine\n")
    done = await both_ways(repo, one, "out/new", "out/same", "out/y")
    assert [repo.git("show", f"{done.stashed_as}:out/{name}") for name in ("same", "y")] == ["mine", "mine"]
    assert in_stash(repo, done.stashed_as, "out/new") == "mine"
    assert not (repo.path / "out").exists()
    assert repo.git("status", "--porcelain") == ""
    assert repo.git("ls-files", "-t", "out").splitlines() == ["S out/same", "S out/y"]


async def test_filters_and_line_ends(repo: Repo) -> None:
    """A content filter and CRLF work as they do for git: what is on disk is smudged, what is stashed is clean."""
    repo.git("config", "filter.up.clean", "tr A-Z a-z")
    repo.git("config", "filter.up.smudge", "tr a-z A-Z")
    repo.write(".gitattributes", "*.up filter=up\n*.crlf text eol=crlf\n")
    repo.write("f.up", "ONE\n")
    (repo.path / "g.crlf").write_bytes(b"one\r\n")
    one, _ = two_checkpoints(repo)
    repo.write("f.up", "TWO\n")
    (repo.path / "g.crlf").write_bytes(b"two\r\n")
    repo.commit("checkpoint: 3")
    repo.write("f.up", "MINE\n")
    (repo.path / "g.crlf").write_bytes(b"mine\r\n")
    done = await both_ways(repo, one, "f.up", "g.crlf")
    assert (repo.path / "f.up").read_text() == "ONE\n"
    assert (repo.path / "g.crlf").read_bytes() == b"one\r\n"
    assert repo.git("show", f"{done.stashed_as}:f.up") == "mine"
    assert done.kept == ()
    assert repo.git("status", "--porcelain") == ""


async def test_line_ends_that_the_checkpoint_does_not_ask_for(repo: Repo) -> None:
    """The same object in both commits is written with other line ends, so with another size; the tree is clean."""
    repo.write("t", "1\n2\n")
    one, _ = two_checkpoints(repo)
    repo.write(".gitattributes", "t text eol=crlf\n")
    repo.commit("checkpoint: 3")
    (repo.path / "t").unlink()
    repo.git("checkout", "-q", "--", "t")
    assert (repo.path / "t").read_bytes() == b"1\r\n2\r\n"
    repo.write("t", "mine\n")
    done = await revert(repo.path, one, stash_first=True)
    assert repo.git("show", f"{done.stashed_as}:t") == "mine"
    assert (repo.path / "t").read_bytes() == b"1\n2\n"
    assert repo.git("status", "--porcelain") == ""


async def test_the_sessions_directory_stays(repo: Repo) -> None:
    """A session in a directory that the checkpoint does not have: the directory is empty, and still there."""
    one, _ = two_checkpoints(repo)
    repo.write("sub/deep/x", "x\n")
    repo.commit("checkpoint: 3")
    inode = (repo.path / "sub" / "deep").stat().st_ino
    await revert(repo.path / "sub" / "deep", one, stash_first=False)
    assert list((repo.path / "sub" / "deep").iterdir()) == []
    assert (repo.path / "sub" / "deep").stat().st_ino == inode


async def test_a_branch_follows_and_its_log_says_why(repo: Repo) -> None:
    """The branch moves, ORIG_HEAD and the reflog lead back, and a detached HEAD stays detached."""
    one, two = two_checkpoints(repo)
    await revert(repo.path, one, stash_first=False)
    assert repo.git("rev-parse", "main", "ORIG_HEAD").split() == [one, two]
    assert repo.git("log", "-g", "-1", "--format=%gs", "main") == f"reset: moving to {one}"
    repo.git("checkout", "-q", "--detach", two)
    await revert(repo.path, one, stash_first=False)
    assert repo.git("rev-parse", "HEAD", "main").split() == [one, one]
    assert repo.git("branch", "--show-current") == ""


async def test_no_repository_no_commit_no_work_tree(repo: Repo, tmp_path: Path) -> None:
    """Before the first commit and in a bare repository there is no checkpoint to go back to."""
    bare = tmp_path / "bare"
    bare.mkdir()
    repo.git("init", "-q", "--bare", str(bare))
    for directory in (repo.path, bare, tmp_path):
        with pytest.raises(CheckpointNotListed):
            await revert(directory, "0" * 40, stash_first=True)


async def test_in_a_repository_of_home_new_files_stay(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the repository is HOME its keys are neither dirty nor stashed, but one in the way is."""
    monkeypatch.setenv("HOME", str(repo.path))
    repo.write(".profile", "p\n")
    one, _ = two_checkpoints(repo)
    repo.git("rm", "-q", ".profile")
    repo.commit("checkpoint: 2")
    repo.write(".ssh/id_rsa", "key\n")
    repo.write(".profile", "mine\n")
    with pytest.raises(DirtyWorkdir) as caught:
        await revert(repo.path, one, stash_first=False)
    assert caught.value.fields == {"dirty_files": [".profile"]}
    done = await revert(repo.path, one, stash_first=True)
    assert in_stash(repo, done.stashed_as, ".profile") == "mine"
    assert (repo.path / ".ssh" / "id_rsa").read_text() == "key\n"


async def test_too_much_to_stash_is_refused(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than a stash takes is refused before anything is done, by number and by size; not all of it is named."""
    one, _ = two_checkpoints(repo)
    for number in range(5):
        repo.write(f"n{number}", "0123456789")
    before = repo.state()
    for bound, value, said in (("MAX_FILES", 4, "^5 files would"), ("MAX_BYTES", 49, "^5 files with 0 MB would")):
        with monkeypatch.context() as patch:
            patch.setattr(git_stash, bound, value)
            patch.setattr(git_stash, "MAX_NAMED", 2)
            with pytest.raises(RevertRefused, match=said) as caught:
                await revert(repo.path, one, stash_first=True)
            assert caught.value.fields == {"files": ["n0", "n1"]}
    assert repo.state() == before
    assert left_behind(repo) == []


async def test_another_git_is_waited_out_by_the_user(repo: Repo) -> None:
    """With index.lock there nothing happens, and the answer says which file and what to do."""
    one, _ = two_checkpoints(repo)
    repo.write("n", "n\n")
    (repo.path / ".git" / "index.lock").touch()
    with pytest.raises(RevertFailed, match=r"index.lock exists: another git runs there, or one crashed"):
        await revert(repo.path, one, stash_first=True)
    assert (repo.path / ".git" / "index.lock").exists()
    assert (repo.path / "n").exists()


# ---------------------------------------------------------------- somebody writes meanwhile


async def revert_with(repo: Repo, sha: str, *, stash_first: bool = True, stashes: list[str] | None = None) -> Reverted:
    """The same without the owner, for tests that come in between."""
    tree = await find_tree(str(repo.path))
    assert tree is not None
    return await revert_to(tree, sha, stash_first=stash_first, on_stash=(stashes if stashes is not None else []).append)


def before_the_swap(monkeypatch: pytest.MonkeyPatch, work: Callable[[], object]) -> None:
    """Do something between the stash and the exchange of files."""
    real = swap.Swap.run

    def run(self: swap.Swap, *more: object) -> None:
        work()
        real(self, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(swap.Swap, "run", run)


async def test_what_is_written_after_the_stash_is_kept(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    """Changed once more, come into being, in the way: all of it is kept in a named place; the rest is not."""
    repo.write("d/f", "f\n")
    one, _ = two_checkpoints(repo)
    repo.git("rm", "-rq", "d")
    repo.commit("checkpoint: 2")
    repo.write("a.txt", "stashed\n")
    repo.write("new", "stashed too\n")

    def agent() -> None:
        repo.write("a.txt", "too late\n")
        repo.write("d", "in the way, too late\n")
        repo.write("other", "in nobody's way\n")

    before_the_swap(monkeypatch, agent)
    done = await revert_with(repo, one)
    assert repo.git("show", f"{done.stashed_as}:a.txt") == "stashed"
    assert done.kept == ("files/a.txt", "late/1/d")
    place = Path(done.kept_in)
    assert place.parent == repo.path / ".git" / "ctm-kept"
    assert (place / "files" / "a.txt").read_text() == "too late\n"
    assert (place / "late" / "1" / "d").read_text() == "in the way, too late\n"
    assert (repo.path / "other").read_text() == "in nobody's way\n"
    assert (repo.path / "d" / "f").read_text() == "f\n"
    assert sorted(path.name for path in place.rglob("*") if path.is_file()) == ["a.txt", "d"]
    assert (await list_checkpoints(repo.path)).has(one)


async def test_a_clean_tree_that_is_written_to_is_kept_too(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a stash: what is changed after the look is kept, with the same size and time too."""
    one, _ = two_checkpoints(repo)
    status = (repo.path / "a.txt").stat()

    def agent() -> None:
        repo.write("a.txt", "TWO\n")
        os.utime(repo.path / "a.txt", ns=(status.st_atime_ns, status.st_mtime_ns))

    before_the_swap(monkeypatch, agent)
    done = await revert_with(repo, one, stash_first=False)
    assert (Path(done.kept_in) / "files" / "a.txt").read_text() == "TWO\n"
    assert (repo.path / "a.txt").read_text() == "one\n"


async def test_a_commit_meanwhile_takes_all_back(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    """If HEAD moves while files are exchanged, the files are put back and the stash is named."""
    one, two = two_checkpoints(repo)
    repo.write("a.txt", "mine\n")
    repo.write("sub/new", "n\n")
    before_the_swap(monkeypatch, lambda: repo.git("update-ref", "refs/heads/main", one))
    stashes: list[str] = []
    with pytest.raises(RevertFailed, match="committed meanwhile") as caught:
        await revert_with(repo, two, stashes=stashes)
    assert caught.value.fields == {"stashed_as": stashes[0]}
    assert (repo.path / "a.txt").read_text() == "mine\n"
    assert (repo.path / "sub" / "new").read_text() == "n\n"
    assert left_behind(repo) == []


async def test_a_failure_on_the_way_takes_all_back(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that cannot be placed: every file is where it was, and the stash has a name."""
    repo.write("b.txt", "b1\n")
    one, _ = two_checkpoints(repo)
    repo.write("b.txt", "b2\n")
    repo.commit("checkpoint: 3")
    repo.write("a.txt", "mine\n")
    real = os.link
    calls: list[object] = []

    def fails(source: object, target: object, **more: object) -> None:
        if not str(target).endswith("index.lock"):
            calls.append(target)
        if len(calls) == 2:
            raise OSError(5, "Input/output error")
        real(source, target, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "link", fails)
    with pytest.raises(RevertFailed, match="Input/output error") as caught:
        await revert_with(repo, one)
    assert caught.value.fields == {"stashed_as": repo.git("rev-parse", "stash@{0}")}
    assert (repo.path / "a.txt").read_text() == "mine\n"
    assert (repo.path / "b.txt").read_text() == "b2\n"
    assert left_behind(repo) == []


async def test_a_file_system_without_links(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing can be linked files are renamed into their places."""
    one, _ = two_checkpoints(repo)

    def fails(*_: object, **__: object) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", fails)
    await revert_with(repo, one, stash_first=False)
    assert (repo.path / "a.txt").read_text() == "one\n"
    assert repo.git("status", "--porcelain") == ""
    assert left_behind(repo) == []


async def test_nothing_that_a_busy_writer_wrote_is_lost(repo: Repo) -> None:
    """Lines appended and files made without a pause: each is in a stash, in what is kept, or on the disk."""
    repo.write("log", "start\n")
    repo.write("new/.keep", "")
    one, two = two_checkpoints(repo)
    repo.write("log", "start\nsecond\n")
    two = repo.commit("checkpoint: 3")
    stop = threading.Event()
    wrote = 0

    def write() -> None:
        nonlocal wrote
        while not stop.wait(0.001):
            wrote += 1
            with open(repo.path / "log", "a") as log:
                log.write(f"line {wrote}\n")
            (repo.path / "new").mkdir(exist_ok=True)
            (repo.path / "new" / f"file {wrote}").write_text(f"{wrote}")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        done = [await revert_with(repo, sha) for sha in (one, two, one, two)]
    finally:
        stop.set()
        writer.join()
    lines = set((repo.path / "log").read_text().splitlines())
    files = {path.name for path in (repo.path / "new").iterdir()}
    for each in done:
        lines |= set(repo.git("show", f"{each.stashed_as}:log").splitlines())
        files |= {
            Path(name).name for name in repo.git("ls-tree", "-r", "--name-only", f"{each.stashed_as}^3").splitlines()
        }
        for kept in each.kept:
            path = Path(each.kept_in) / kept
            files.add(path.name)
            lines |= set(path.read_text().splitlines()) if path.name == "log" else set()
    assert wrote > 20
    assert {f"line {number}" for number in range(1, wrote + 1)} - lines == set()
    assert {f"file {number}" for number in range(1, wrote + 1)} - files == set()


async def test_a_time_limit_names_the_stash(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ended half-way by whoever asked, the stash was named already, and no lock stays behind."""
    one, _ = two_checkpoints(repo)
    repo.write("a.txt", "mine\n")
    stashes: list[str] = []

    async def hangs(*_: object) -> None:
        await trio.sleep_forever()

    monkeypatch.setattr(Exchange, "make_place", hangs)
    with trio.move_on_after(60) as scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lambda: revert_with(repo, one, stashes=stashes))
            while not stashes:  # noqa: ASYNC110  # a callback tells us
                await trio.sleep(0.01)
            nursery.cancel_scope.cancel()
    assert not scope.cancelled_caught
    assert stashes == [repo.git("rev-parse", "stash@{0}")]
    assert (repo.path / "a.txt").read_text() == "mine\n"
    assert left_behind(repo) == []


# ---------------------------------------------------------------- kinds of repositories


async def test_a_submodule_that_comes_and_goes(repo: Repo, tmp_path: Path) -> None:
    """A checkpoint without the submodule leaves its directory alone; one with it finds it there again."""
    inner = Repo(tmp_path / "inner")
    inner.write("i.txt", "i\n")
    inner.commit("inner")
    one = repo.commit("checkpoint: without")
    repo.git("submodule", "add", "-q", str(inner.path), "mod")
    two = repo.commit("checkpoint: with")
    Repo(repo.path / "mod").write("mine", "not committed\n")
    await revert(repo.path, one, stash_first=False)
    assert (repo.path / "mod" / "mine").read_text() == "not committed\n"
    repo.git("update-ref", "refs/heads/main", two)
    assert (await revert(repo.path, two, stash_first=True)).stashed_as
    assert (repo.path / "mod" / "mine").read_text() == "not committed\n"
    assert repo.git("diff", "HEAD", "--ignore-submodules=dirty", "--name-only") == ""


async def test_a_submodule_where_files_must_be_is_refused(repo: Repo, tmp_path: Path) -> None:
    """Where the checkpoint has plain files and a submodule stands now, nothing is done."""
    inner = Repo(tmp_path / "inner")
    inner.write("i.txt", "i\n")
    inner.commit("inner")
    repo.write("mod/f", "f\n")
    one = repo.commit("checkpoint: files")
    repo.git("rm", "-rq", "mod")
    repo.git("submodule", "add", "-q", str(inner.path), "mod")
    repo.commit("checkpoint: submodule")
    with pytest.raises(RevertRefused, match="mod/"):
        await revert(repo.path, one, stash_first=True)
    assert (repo.path / "mod" / "i.txt").read_text() == "i\n"


@pytest.mark.parametrize("setting", ["core.splitIndex", "core.untrackedCache", "index.sparse", "core.ignoreStat"])
async def test_other_kinds_of_index(repo: Repo, setting: str) -> None:
    """A split index, an untracked cache, a sparse one, one that trusts itself: the same files, and git is content."""
    repo.write("in/x", "x1\n")
    repo.write("out/y", "y1\n")
    one, _ = two_checkpoints(repo)
    repo.git("config", setting, "true")
    if setting == "index.sparse":
        repo.git("sparse-checkout", "set", "--cone", "in")
    repo.git("update-index", "--refresh")
    repo.write("in/x", "mine\n")
    repo.write("new", "n\n")
    done = await revert(repo.path, one, stash_first=True)
    assert (repo.path / "a.txt").read_text() == "one\n"
    assert in_stash(repo, done.stashed_as, "new") == "n"
    assert (repo.path / "in" / "x").read_text() == "x1\n"
    assert repo.git("status", "--porcelain") == ""
    repo.git("fsck", "--strict")
    assert left_behind(repo) == []


async def test_git_directory_on_another_file_system(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing can be renamed into git's directory the place is beside the files, and gone afterwards."""
    one, _ = two_checkpoints(repo)
    real = os.stat

    def elsewhere(path: str, **more: Any) -> os.stat_result:
        found = real(path, **more)
        if str(path).endswith("/.git"):
            return os.stat_result((*found[:2], found.st_dev + 1, *found[3:10]))
        return found

    monkeypatch.setattr(os, "stat", elsewhere)
    repo.write("a.txt", "stashed\n")
    before_the_swap(monkeypatch, lambda: repo.write("a.txt", "too late\n"))
    done = await revert_with(repo, one)
    assert Path(done.kept_in).parent == repo.path / ".ctm-kept"
    assert (Path(done.kept_in) / "files" / "a.txt").read_text() == "too late\n"


@pytest.mark.parametrize("known", [None, "*.o", "*.o\n"])
async def test_what_is_kept_in_the_tree_is_ignored(
    repo: Repo, monkeypatch: pytest.MonkeyPatch, known: str | None
) -> None:
    """It makes the tree neither dirty, nor is it committed; git is told once, and what it was told before stays."""
    one, two = two_checkpoints(repo)
    exclude = repo.path / ".git" / "info" / "exclude"
    exclude.unlink(missing_ok=True)
    if known is None:
        exclude.parent.rmdir()
    else:
        exclude.write_text(known)
    monkeypatch.setattr(git_exchange, "on_one_device", lambda *_: False)
    for sha in (one, two):
        before_the_swap(monkeypatch, lambda: repo.write("a.txt", "too late\n"))
        done = await revert_with(repo, sha, stash_first=False)
        assert (Path(done.kept_in) / "files" / "a.txt").read_text() == "too late\n"
        assert repo.git("status", "--porcelain") == ""
    assert exclude.read_text().split() == [*(["*.o"] if known else []), "/.ctm-kept/"]


async def test_what_a_killed_daemon_left_is_removed(repo: Repo) -> None:
    """Scratch files of one that was killed go with the next revert; what it kept stays."""
    one, _ = two_checkpoints(repo)
    for name in ("ctm-scratch-0", "ctm-kept/x/files"):
        (repo.path / ".git" / name).mkdir(parents=True)
        (repo.path / ".git" / name / "f").write_text("f")
    await revert(repo.path, one, stash_first=False)
    assert not (repo.path / ".git" / "ctm-scratch-0").exists()
    assert (repo.path / ".git" / "ctm-kept" / "x" / "files" / "f").exists()


async def test_a_lock_that_is_let_go_is_waited_for(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another git that is done within a moment is no reason to refuse."""
    tried, real = trio.Event(), trio.sleep

    async def sleep(seconds: float) -> None:
        if seconds == git_lock.LOCK_TRY_S:
            tried.set()
        await real(seconds)

    monkeypatch.setattr(trio, "sleep", sleep)
    monkeypatch.setattr(git_lock, "LOCK_WAIT_S", 60.0)
    one, _ = two_checkpoints(repo)
    lock = repo.path / ".git" / "index.lock"
    lock.touch()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lambda: revert_with(repo, one, stash_first=False))
        with trio.fail_after(30):
            await tried.wait()
        assert (repo.path / "a.txt").read_text() == "two\n"
        lock.unlink()
    assert repo.head() == one


async def test_a_linked_worktree_keeps_beside_the_repository(
    repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is kept of an agent's worktree outlives the worktree; a link in its place is refused."""
    one, _ = two_checkpoints(repo)
    repo.git("worktree", "add", "-q", "--detach", str(tmp_path / "tree"))
    linked = Repo(tmp_path / "tree")
    before_the_swap(monkeypatch, lambda: linked.write("a.txt", "too late\n"))
    done = await revert_with(linked, one)
    repo.git("worktree", "remove", "--force", str(linked.path))
    assert (Path(done.kept_in) / "files" / "a.txt").read_text() == "too late\n"
    (repo.path / ".git" / "ctm-kept").rename(tmp_path / "elsewhere")
    (repo.path / ".git" / "ctm-kept").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RevertFailed, match="it is a link"):
        await revert_with(repo, one)


async def test_a_revert_that_is_cut_off_late_says_where_files_are(
    repo: Repo, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Cut off after the exchange: HEAD and files are the checkpoint's, and what lies aside is named in the log."""
    one, _ = two_checkpoints(repo)
    compares = trio.Event()

    async def hangs(*_: object) -> list[str]:
        compares.set()
        await trio.sleep(3600)
        return []

    monkeypatch.setattr(Exchange, "compare", hangs)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lambda: revert_with(repo, one, stash_first=False))
        with trio.fail_after(30):
            await compares.wait()
        nursery.cancel_scope.cancel()
    assert (repo.head(), repo.git("status", "--porcelain")) == (one, "")
    (aside,) = (repo.path / ".git" / "ctm-kept").glob("*/files/a.txt")
    assert aside.read_text() == "two\n"
    assert str(aside.parent.parent) in caplog.text
    assert not (repo.path / ".git" / "index.lock").exists()
