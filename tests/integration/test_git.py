"""Checkpoints, diffs and reverts in real repositories, also in hostile ones."""

from __future__ import annotations

import os
import stat
import time
from functools import partial
from pathlib import Path

import pytest
import trio

from ctm_trio.core.channels import ask
from ctm_trio.errors.git import CheckpointNotFound, CheckpointNotListed, DirtyWorkdir, GitFailed
from ctm_trio.errors.sessions import SpawnFailed
from ctm_trio.messages.checkpoints import CheckpointsMessage, DiffCheckpoint, ListCheckpoints, RevertTo
from ctm_trio.model.checkpoint import Checkpoints, ago, parse_log
from ctm_trio.model.checkpoint_history import History
from ctm_trio.owners import checkpoints
from ctm_trio.owners.checkpoints import checkpoint_before_yolo, last_checkpoint
from ctm_trio.system import git as git_module
from ctm_trio.system import git_command
from ctm_trio.system.checkpoint_index import CheckpointIndex
from ctm_trio.system.git import diff_of
from ctm_trio.system.git_checkpoint import make_checkpoint
from ctm_trio.system.git_tree import GitTree, find_tree
from tests.git_owner import list_checkpoints, owner, revert
from tests.git_repo import Repo

pytestmark = pytest.mark.usefixtures("own_git_config")


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """A repository whose path has blanks and letters beyond ASCII."""
    return Repo(tmp_path / "my repo, grüße 世界")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0s"), (0, "0s"), (30, "30s"), (59.9, "59s"), (60, "1m"), (3599, "59m"), (3600, "1h"), (2 * 86400, "2d"),
     (7 * 86400, "1w"), (29 * 86400, "4w"), (30 * 86400, "1mo"), (364 * 86400, "12mo"), (800 * 86400, "2y")],
)  # fmt: skip
def test_ago(seconds: float, text: str) -> None:
    """Ages read as on the wire."""
    assert ago(seconds) == text


def test_a_cut_log() -> None:
    """What git printed may be cut anywhere: whole records count, and only subjects that start with the prefix."""
    sha = b"a" * 40
    data = sha + b"\0" + b"7\0checkpoint: one\0" + sha + b"\0" + b"6\0fix checkpoint: no\0" + sha + b"\0" + b"5"
    assert [c.subject for c in parse_log(data)] == ["checkpoint: one"]


async def test_listed(repo: Repo) -> None:
    """Only subjects that start with the prefix, newest first; the word elsewhere in a message does not count."""
    assert await list_checkpoints(str(repo.path)) == Checkpoints(True)
    one = repo.commit("checkpoint: é one")
    repo.commit("fix: the checkpoint: loader\n\ncheckpoint: in the body")
    two = repo.commit("checkpoint:")
    found = await list_checkpoints(str(repo.path))
    assert [(c.sha, c.subject) for c in found.listed] == [(two, "checkpoint:"), (one, "checkpoint: é one")]
    assert abs(found.listed[0].at - time.time()) < 60


async def test_where_there_is_no_git(tmp_path: Path) -> None:
    """A plain directory, one that is gone, a relative one, a bare repository: no git work tree, no error."""
    bare = tmp_path / "bare"
    bare.mkdir()
    Repo(tmp_path / "other").git("init", "-q", "--bare", str(bare))
    for workdir in (str(tmp_path), str(tmp_path / "gone"), "relative", "", str(bare)):
        assert await list_checkpoints(workdir) == Checkpoints(False)


async def test_subdirectories_worktrees_detached_and_symlinked(repo: Repo, tmp_path: Path) -> None:
    """Each of them lists and reverts its own tree."""
    repo.write("sub/a.txt", "one\n")
    first = repo.commit("checkpoint: 1")
    repo.write("sub/a.txt", "two\n")
    repo.commit("later")
    tree = tmp_path / "tree"
    repo.git("worktree", "add", "-q", "--detach", str(tree))
    link = tmp_path / "link"
    link.symlink_to(repo.path)
    for workdir in (repo.path / "sub", tree, link):
        assert (await list_checkpoints(str(workdir))).has(first)
        assert (await revert(str(workdir), first, stash_first=False)).sha == first
    for root in (repo.path, tree):
        assert (root / "sub" / "a.txt").read_text() == "one\n"
    assert Repo(tree).git("branch", "--show-current") == ""


async def test_diff(repo: Repo) -> None:
    """A unified diff with a/ and b/, renames and unicode names readable, whatever the config would make of it."""
    repo.write("old name.txt", "same\n" * 20)
    repo.commit("start")
    (repo.path / "old name.txt").rename(repo.path / "grüße.txt")
    repo.write("b.txt", "new\n")
    sha = repo.commit("checkpoint: x")
    for setting in ("diff.noprefix", "diff.mnemonicPrefix", "color.ui"):
        repo.git("config", setting, "always" if setting == "color.ui" else "true")
    text = await diff_of(str(repo.path), sha)
    assert "rename from old name.txt\nrename to grüße.txt\n" in text
    assert "+++ b/b.txt\n" in text
    assert "\x1b" not in text


async def test_diff_of_root_and_merge(repo: Repo) -> None:
    """The first commit shows all of it, a merge what it brought to its first parent."""
    repo.write("a.txt", "a\n")
    root = repo.commit("checkpoint: root")
    repo.git("checkout", "-q", "-b", "side")
    repo.write("side.txt", "s\n")
    repo.commit("side")
    repo.git("checkout", "-q", "main")
    repo.git("merge", "-q", "--no-ff", "-m", "checkpoint: merge", "side")
    assert "+++ b/a.txt" in await diff_of(str(repo.path), root)
    assert "+++ b/side.txt" in await diff_of(str(repo.path), repo.head())


async def test_a_long_diff_is_cut(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    """A diff beyond the bound ends at a line and says that it is cut."""
    repo.write("a.txt", "line\n" * 50_000)
    sha = repo.commit("checkpoint: big")
    monkeypatch.setattr(git_module, "MAX_DIFF_BYTES", 10_000)
    text = await diff_of(str(repo.path), sha)
    assert len(text) < 10_200
    assert text.splitlines()[-1].startswith("\\ The diff is cut")
    assert text.splitlines()[-2] == "+line"


async def test_revert_refused(repo: Repo, tmp_path: Path) -> None:
    """Not a listed checkpoint, or a dirty tree: nothing changes, and the paths are named."""
    one = repo.commit("checkpoint: 1")
    other = repo.commit("other")
    for sha in (other, one[:12], one.upper(), "HEAD~1", "0" * 40, "--help", "--upload-pack=touch x", ""):
        with pytest.raises(CheckpointNotListed):
            await revert(str(repo.path), sha, stash_first=True)
    with pytest.raises(CheckpointNotListed):
        await revert(str(tmp_path), one, stash_first=True)
    repo.write("new dir/ü.txt", "x")
    before = repo.state()
    with pytest.raises(DirtyWorkdir) as caught:
        await revert(str(repo.path), one, stash_first=False)
    assert caught.value.fields == {"dirty_files": ["new dir/ü.txt"]}
    assert repo.state() == before


async def test_dirty_files(repo: Repo) -> None:
    """Changed, staged, renamed, deleted and new files are all named, from a subdirectory too."""
    for name in ("changed", "staged", "gone", "moved"):
        repo.write(f"sub/{name}", name * 9)
    one = repo.commit("checkpoint: start")
    repo.write("sub/changed", "x")
    repo.write("sub/staged", "x")
    repo.git("add", "sub/staged")
    (repo.path / "sub" / "gone").unlink()
    repo.git("mv", "sub/moved", "top -> level")
    repo.write("new", "x")
    with pytest.raises(DirtyWorkdir) as caught:
        await revert(repo.path / "sub", one, stash_first=False)
    files = ["new", "sub/changed", "sub/gone", "sub/moved", "sub/staged", "top -> level"]
    assert caught.value.fields == {"dirty_files": files}


async def test_revert_with_stash(repo: Repo) -> None:
    """Changes and new files go into a stash with a name; a clean tree needs none."""
    repo.write("a.txt", "one\n")
    one = repo.commit("checkpoint: 1")
    repo.write("a.txt", "two\n")
    repo.commit("checkpoint: 2")
    repo.write("a.txt", "mine\n")
    repo.write("new.txt", "new\n")
    done = await revert(str(repo.path), one, stash_first=True)
    assert (done.sha, repo.head()) == (one, one)
    assert done.stashed_as == repo.git("rev-parse", "stash@{0}")
    assert f"ctm-revert pre-{one}" in repo.git("stash", "list")
    assert not (repo.path / "new.txt").exists()
    assert (await revert(str(repo.path), one, stash_first=True)).stashed_as == ""
    repo.git("stash", "drop", "-q")
    assert repo.git("stash", "list") == ""


async def test_a_submodule_is_left_alone(repo: Repo, tmp_path: Path) -> None:
    """What has changed inside a submodule neither blocks a revert nor is lost by it."""
    inner = Repo(tmp_path / "inner")
    inner.write("i.txt", "i\n")
    inner.commit("inner")
    repo.git("submodule", "add", "-q", str(inner.path), "mod")
    one = repo.commit("checkpoint: with module")
    repo.write("a.txt", "x")
    repo.commit("later")
    (repo.path / "mod" / "i.txt").write_text("mine\n")
    await revert(str(repo.path), one, stash_first=False)
    assert (repo.path / "mod" / "i.txt").read_text() == "mine\n"
    tree = await find_tree(str(repo.path / "mod"))
    assert tree is not None
    assert tree.top == str(repo.path / "mod")


def hostile(repo: Repo, mark: Path) -> None:
    """A repository whose hooks and config run a program wherever git lets them."""
    program = repo.path.parent / "program"
    program.write_text(f"#!/bin/sh\ntouch '{mark}'\nexit 0\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    for hook in ("pre-commit", "post-commit", "post-checkout", "post-index-change", "reference-transaction",
                 "pre-auto-gc", "commit-msg", "prepare-commit-msg", "post-rewrite"):  # fmt: skip
        target = repo.path / ".git" / "hooks" / hook
        target.write_text(program.read_text())
        target.chmod(0o755)
    keys = ("core.fsmonitor", "core.pager", "core.editor", "diff.external", "diff.evil.command", "diff.evil.textconv",
            "gpg.program", "core.sshCommand", "core.askPass", "pager.log", "pager.show", "pager.diff")  # fmt: skip
    for key in keys:
        repo.git("config", key, str(program))
    for key in ("log.showSignature", "commit.gpgSign"):
        repo.git("config", key, "true")
    repo.git("config", "core.hooksPath", str(repo.path / ".git" / "hooks"))
    repo.git("config", "alias.log", f"!{program}")
    (repo.path / ".gitattributes").write_text("* diff=evil\n")


async def test_a_hostile_repository_runs_nothing(repo: Repo, tmp_path: Path) -> None:
    """Hooks, fsmonitor, pager, external diff, textconv, gpg: none of them runs, in reading or in reverting."""
    repo.write("a.txt", "one\n")
    one = repo.commit("checkpoint: 1")
    repo.write("a.txt", "two\n")
    repo.commit("checkpoint: 2")
    mark = tmp_path / "RAN"
    hostile(repo, mark)
    repo.write("a.txt", "mine\n")
    workdir = str(repo.path)
    assert len((await list_checkpoints(workdir)).listed) == 2
    assert "+two" in await diff_of(workdir, (await list_checkpoints(workdir)).listed[0].sha)
    await make_checkpoint(workdir, "now")
    repo.write("a.txt", "mine again\n")
    assert (await revert(workdir, one, stash_first=True)).stashed_as
    assert not mark.exists()
    assert (repo.path / "a.txt").read_text() == "one\n"


async def test_a_work_tree_that_is_elsewhere(repo: Repo, tmp_path: Path) -> None:
    """A repository whose config points its work tree at another directory is none: nothing there is overwritten."""
    repo.write("a.txt", "one\n")
    one = repo.commit("checkpoint: 1")
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "a.txt").write_text("mine\n")
    repo.git("config", "core.worktree", str(victim))
    assert await list_checkpoints(str(repo.path)) == Checkpoints(False)
    with pytest.raises(CheckpointNotListed):
        await revert(str(repo.path), one, stash_first=True)
    assert (victim / "a.txt").read_text() == "mine\n"


async def test_the_environment_does_not_lead_astray(
    repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GIT_DIR and its kind in the daemon's environment do not send git to another repository."""
    repo.commit("checkpoint: mine")
    other = Repo(tmp_path / "other")
    other.commit("checkpoint: not mine")
    for key, value in (("GIT_DIR", other.path / ".git"), ("GIT_WORK_TREE", other.path), ("GIT_INDEX_FILE", "/x")):
        monkeypatch.setenv(key, str(value))
    assert [c.subject for c in (await list_checkpoints(str(repo.path))).listed] == ["checkpoint: mine"]


async def test_make_checkpoint(repo: Repo, tmp_path: Path) -> None:
    """Everything is committed, also without an identity; a clean checkpoint stays the only one; no git is fine."""
    await make_checkpoint(str(tmp_path), "x")
    await make_checkpoint(str(repo.path), "nothing to commit yet")
    repo.write("sub/a.txt", "a\n")
    await make_checkpoint(str(repo.path / "sub"), "pre-yolo")
    assert repo.git("log", "-1", "--format=%s|%an") == "checkpoint: pre-yolo|ctm"
    assert repo.git("status", "--porcelain") == ""
    await make_checkpoint(str(repo.path), "again")
    assert repo.git("rev-list", "--count", "HEAD") == "1"
    repo.commit("work")
    await make_checkpoint(str(repo.path), "marks the place")
    assert repo.git("log", "-1", "--format=%s") == "checkpoint: marks the place"


async def test_no_checkpoint_of_a_conflict(repo: Repo) -> None:
    """In the middle of a merge with conflicts nothing is committed, and the session must not start."""
    repo.write("a.txt", "base\n")
    repo.commit("base")
    repo.git("checkout", "-q", "-b", "side")
    repo.write("a.txt", "side\n")
    repo.commit("side")
    repo.git("checkout", "-q", "main")
    repo.write("a.txt", "main\n")
    head = repo.commit("main")
    with pytest.raises(AssertionError):
        repo.git("merge", "-q", "side")
    with pytest.raises(SpawnFailed, match="merge is under way"):
        await checkpoint_before_yolo(str(repo.path))
    assert repo.head() == head


async def test_time_limit(repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A git that hangs is stopped, and the failure says so."""
    slow = tmp_path / "bin" / "git"
    slow.parent.mkdir()
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{slow.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(git_command, "LIMIT_S", 0.1)
    with trio.fail_after(5), pytest.raises(GitFailed, match="longer"):
        await list_checkpoints(str(repo.path))


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def listed(send: trio.MemorySendChannel[CheckpointsMessage], repo: Repo) -> list[str]:
    found: Checkpoints = await ask(send, lambda reply: ListCheckpoints(str(repo.path), reply), timeout_s=9)
    return [checkpoint.subject for checkpoint in found.listed]


async def test_owner_remembers_for_5_seconds(repo: Repo) -> None:
    """A list is at most 5 s old; a diff of a newer commit looks again; a revert forgets."""
    repo.commit("checkpoint: 1")
    clock = Clock()
    async with owner(clock) as send:
        assert await listed(send, repo) == ["checkpoint: 1"]
        newer = repo.commit("checkpoint: 2")
        clock.now += 4.9
        assert await listed(send, repo) == ["checkpoint: 1"]
        text: str = await ask(send, lambda reply: DiffCheckpoint(str(repo.path), newer, reply), timeout_s=9)
        assert text == ""
        assert await listed(send, repo) == ["checkpoint: 2", "checkpoint: 1"]
        repo.commit("checkpoint: 3")
        clock.now += 5.1
        assert (await listed(send, repo))[0] == "checkpoint: 3"
        await ask(send, lambda reply: RevertTo(str(repo.path), newer, False, reply), timeout_s=9)
        assert await listed(send, repo) == ["checkpoint: 2", "checkpoint: 1"]
        with pytest.raises(CheckpointNotFound):
            await ask(send, lambda reply: DiffCheckpoint(str(repo.path), "0" * 40, reply), timeout_s=9)


async def test_requests_at_once_share_one_git(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty requests for one directory that come together look at the history once."""
    repo.commit("checkpoint: 1")
    runs = 0
    real = CheckpointIndex.history

    async def counted(self: CheckpointIndex, tree: GitTree) -> History:
        nonlocal runs
        runs += 1
        return await real(self, tree)

    monkeypatch.setattr(CheckpointIndex, "history", counted)
    async with owner(Clock()) as send, trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(listed, send, repo)
    assert runs == 1


async def test_newest_for_attention(repo: Repo, tmp_path: Path) -> None:
    """The time of the newest checkpoint, and None where there is none or no git."""
    async with owner(Clock()) as send:
        newest = last_checkpoint(send)
        assert await newest(str(tmp_path)) is None
        repo.commit("checkpoint: 1")
        assert abs((await newest(str(repo.path)) or 0) - time.time()) < 60


async def test_what_is_remembered_is_bounded(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trees of directories whose list fails, and those whose list was forgotten, are forgotten in their turn."""
    repo.commit("checkpoint: 1")
    monkeypatch.setattr(checkpoints, "MAX_CACHED", 2)
    looked: list[str] = []
    real = find_tree

    async def noted(workdir: str) -> GitTree | None:
        looked.append(Path(workdir).name)
        return await real(workdir)

    async def fails(self: CheckpointIndex, tree: GitTree) -> History:
        raise GitFailed("git took longer than 10 s and was stopped.")

    monkeypatch.setattr(checkpoints, "find_tree", noted)
    monkeypatch.setattr(CheckpointIndex, "history", fails)
    for name in "abc":
        (repo.path / name).mkdir()
    async with owner(Clock()) as send:
        for name in "abcca":
            with pytest.raises(GitFailed):
                await ask(send, partial(ListCheckpoints, str(repo.path / name)), timeout_s=9)
    assert looked == ["a", "b", "c", "a"]  # the second "c" was known, the second "a" no more


async def test_a_repository_that_goes_and_comes(repo: Repo) -> None:
    """A list follows a directory that stops being a repository and becomes one again."""
    repo.commit("checkpoint: 1")
    clock = Clock()
    async with owner(clock) as send:
        for hidden in (False, True, False):
            if hidden:
                (repo.path / ".git").rename(repo.path / "hidden")
            elif (repo.path / "hidden").exists():
                (repo.path / "hidden").rename(repo.path / ".git")
            clock.now += 6
            found: Checkpoints = await ask(send, lambda reply: ListCheckpoints(str(repo.path), reply), timeout_s=9)
            assert found.git_workdir is not hidden
            assert len(found.listed) == (0 if hidden else 1)
