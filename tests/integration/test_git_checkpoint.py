"""The automatic checkpoint takes what is meant to be committed, and nothing else."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from ctm_trio.errors.git import GitFailed
from ctm_trio.errors.sessions import SpawnFailed
from ctm_trio.model.secret_names import looks_secret
from ctm_trio.owners.checkpoints import checkpoint_before_yolo
from ctm_trio.system import git_checkpoint
from ctm_trio.system.git_checkpoint import make_checkpoint
from tests.git_repo import Repo

pytestmark = pytest.mark.usefixtures("own_git_config")


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """A repository with one commit."""
    made = Repo(tmp_path / "r")
    made.write("a.txt", "one\n")
    made.commit("start")
    return made


def committed(repo: Repo) -> list[str]:
    """The paths in HEAD."""
    return repo.git("ls-tree", "-r", "--name-only", "HEAD").splitlines()


async def test_nested_repositories_are_left_out(repo: Repo) -> None:
    """An agent's worktree and a repository without a commit: no gitlink, no failure, and the commit says so."""
    repo.git("worktree", "add", "-q", ".claude/worktrees/agent-one", "-b", "wt1")
    Repo(repo.path / "app").write("index.js", "//\n")
    repo.write("b.txt", "b\n")
    note = await make_checkpoint(str(repo.path), "x")
    assert committed(repo) == ["a.txt", "b.txt"]
    assert note == "Left out of the checkpoint, nested repositories: .claude/worktrees/agent-one/, app/."
    assert repo.git("log", "-1", "--format=%B") == f"checkpoint: x\n\n{note}"
    head = repo.head()
    await make_checkpoint(str(repo.path), "again")
    assert repo.head() == head


async def test_a_submodule_is_taken_as_ever(repo: Repo, tmp_path: Path) -> None:
    """A submodule that is tracked moves on with its new commit."""
    inner = Repo(tmp_path / "inner")
    inner.write("i.txt", "i\n")
    inner.commit("inner")
    repo.git("submodule", "add", "-q", str(inner.path), "mod")
    repo.commit("with module")
    Repo(repo.path / "mod").write("new", "n\n")
    sha = Repo(repo.path / "mod").commit("in the module")
    await make_checkpoint(str(repo.path), "x")
    assert sha in repo.git("ls-tree", "HEAD", "mod")


async def test_secrets_are_left_out(repo: Repo) -> None:
    """New files that look like keys are not committed; what is tracked or a template is; the note names them."""
    repo.write(".env", "TRACKED=1\n")
    repo.git("add", "-f", ".env")
    repo.git("commit", "-q", "-m", "tracks it")
    repo.write(".env", "TRACKED=2\n")
    for name in ("deploy/id_rsa", "tls/server.pem", ".env.local", ".env.example", "secrets.py"):
        repo.write(name, "x\n")
    note = await make_checkpoint(str(repo.path), "x")
    assert committed(repo) == [".env", ".env.example", "a.txt", "secrets.py"]
    assert repo.git("show", "HEAD:.env") == "TRACKED=2"
    said = "Left out of the checkpoint, files whose names say that they hold secrets"
    assert note == f"{said}: .env.local, deploy/id_rsa, tls/server.pem."
    assert (repo.path / "deploy" / "id_rsa").exists()


@pytest.mark.parametrize(
    ("name", "secret"),
    [("id_rsa", True), ("id_rsa.pub", False), ("a/.ENV", True), (".env.production", True), ("prod.env", True),
     (".env.example", False), ("x.pem", True), ("src/keys.py", False), ("monkey.txt", False), ("api.key", True),
     (".ssh/config", True), ("home/.aws/config", True), ("credentials.json", True), ("secrets.yaml", True),
     ("docs/secrets.md", False), ("terraform.tfvars", True), ("README", False), ("environment.ts", False),
     (".env~", True), ("id_rsa.old", True), ("id_rsa.pub.old", False), ("prod.env.bak", True), ("x.key.orig", True),
     ("api.key.save.1", True), (".id_rsa.swp", True), ("a.pem.~3~", True), ("#id_rsa#", True), ("a.key (copy)", True),
     ("prod.env.bak-20260131", True), (".env.example~", False), ("secrets.py.bak", False), ("notes.txt.old", False),
     ("~", False), ("1", False), ("secrets.example.yaml.1", False), ("terraform.tfstate", True),
     ("terraform.tfstate.backup", True), ("terraform.tfstate.1732600000.backup", True), ("state.tf", False),
     ("app-firebase-adminsdk-x1.json", True), ("service-account-prod.json", True), (".bash_history", True),
     (".psql_history", True), ("fish/fish_history", True), ("history.md", False), ("git_history", False)],
)  # fmt: skip
def test_names_of_secrets(name: str, secret: bool) -> None:
    """Keys by their usual names, not what only sounds like one."""
    assert looks_secret(name) is secret


@pytest.mark.parametrize("where", ["home", "above"])
async def test_no_checkpoint_of_home(repo: Repo, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """A repository that is HOME, or holds it: none is made, and the reason is said."""
    monkeypatch.setenv("HOME", str(repo.path / "me" if where == "above" else repo.path))
    repo.write(".ssh/id_ed25519", "key\n")
    repo.write("scratch/x", "x\n")
    before = repo.state()
    note = await make_checkpoint(str(repo.path / "scratch"), "x")
    assert note.startswith(f"No checkpoint is made in {repo.path}")
    assert repo.state() == before


async def test_new_files_that_git_does_not_show_are_left_out(repo: Repo) -> None:
    """Where git is told not to show new files, changes are committed, and new files are not; that is said."""
    repo.git("config", "status.showUntrackedFiles", "no")
    repo.write("a.txt", "changed\n")
    repo.write("new", "n\n")
    note = await make_checkpoint(str(repo.path), "x")
    assert "status.showUntrackedFiles" in note
    assert committed(repo) == ["a.txt"]
    assert repo.git("show", "HEAD:a.txt") == "changed"


@pytest.mark.parametrize("kind", ["merge", "rebase", "cherry-pick", "revert", "bisect", "am"])
async def test_nothing_under_way_is_concluded(repo: Repo, kind: str) -> None:
    """A merge, rebase, cherry-pick, revert, bisection, am: refused with the way out, and it can be gone on with."""
    repo.git("checkout", "-q", "-b", "side")
    repo.write("a.txt", "side\n")
    side = repo.commit("side")
    patch = repo.git("format-patch", "-1", "--stdout") + "\n"
    repo.git("checkout", "-q", "main")
    repo.write("a.txt", "main\n")
    repo.commit("main")
    more = {"merge": ("side",), "rebase": ("side",), "cherry-pick": (side,), "revert": ("--no-edit", "HEAD~1"),
            "bisect": ("start",), "am": ("../patch",)}  # fmt: skip
    (repo.path.parent / "patch").write_text(patch)
    try:
        repo.git(kind, *more[kind])
    except AssertionError:
        assert kind != "bisect"
    if kind in ("merge", "cherry-pick", "revert"):
        repo.git("add", "-A")  # resolved, and only to be committed
    before = repo.state()
    with pytest.raises(SpawnFailed, match=rf"under way.*git {kind} (--abort|reset)") as caught:
        await checkpoint_before_yolo(str(repo.path))
    assert "git_checkpoint_before_yolo" in caught.value.message
    assert repo.state() == before


async def test_too_many_new_files_are_refused(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    """More new files, or more bytes, than the bound: refused with the cure, the crowded directory named."""
    for number in range(6):
        repo.write(f"node_modules/f{number}", "0123456789")
    before = repo.state()
    monkeypatch.setattr(git_checkpoint, "MAX_NEW_FILES", 5)
    with pytest.raises(GitFailed, match=r"more than 5 new files.*node_modules/.*gitignore"):
        await make_checkpoint(str(repo.path), "x")
    monkeypatch.setattr(git_checkpoint, "MAX_NEW_FILES", 6)
    monkeypatch.setattr(git_checkpoint, "MAX_BYTES", 50)
    with pytest.raises(GitFailed, match="gitignore"):
        await make_checkpoint(str(repo.path), "x")
    assert repo.state() == before


async def test_a_huge_file_costs_nothing(repo: Repo) -> None:
    """A new file of 4 GB is left out and named, not read."""
    (repo.path / "huge.bin").touch()
    os.truncate(repo.path / "huge.bin", 4 * 1024**3)
    repo.write("b.txt", "b\n")
    note = await make_checkpoint(str(repo.path), "x")
    assert committed(repo) == ["a.txt", "b.txt"]
    assert note == "Left out of the checkpoint, files over 100 MB: huge.bin."


async def test_all_kinds_of_changes_are_taken(repo: Repo) -> None:
    """Changed, deleted, renamed, executable, a link, odd names, a file where a directory was: the tree is clean."""
    repo.write("d/f", "f\n")
    repo.write("gone", "g\n")
    repo.commit("more")
    (repo.path / "gone").unlink()
    (repo.path / "d" / "f").unlink()
    (repo.path / "d").rmdir()
    repo.write("d", "a file now\n")
    repo.write(":(glob)*.x\nline", "odd\n")
    repo.write("a.txt", "changed\n")
    (repo.path / "a.txt").chmod(0o755)
    (repo.path / "l").symlink_to("a.txt")
    assert await make_checkpoint(str(repo.path), "x") == ""
    assert repo.git("status", "--porcelain") == ""
    assert repo.git("log", "-g", "-1", "--format=%gs") == "commit: checkpoint: x"


async def test_a_failure_changes_nothing(repo: Repo) -> None:
    """With index.lock, or a filter that fails: what is staged stays staged, and git's own reason is said."""
    repo.write("staged", "s\n")
    repo.git("add", "staged")
    repo.write("staged", "changed again\n")
    before = repo.state()
    lock = repo.path / ".git" / "index.lock"
    lock.touch()
    with pytest.raises(GitFailed, match=r"index\.lock exists: another git runs there, or one crashed.*remove"):
        await make_checkpoint(str(repo.path), "x")
    lock.unlink()
    repo.git("config", "filter.bad.clean", "false")
    repo.git("config", "filter.bad.required", "true")
    (repo.path / ".git" / "info").mkdir(exist_ok=True)
    (repo.path / ".git" / "info" / "attributes").write_text("a.txt filter=bad\n")
    repo.write("a.txt", "changed\n")
    with pytest.raises(GitFailed, match="filter"):
        await make_checkpoint(str(repo.path), "x")
    (repo.path / ".git" / "info" / "attributes").unlink()
    repo.git("checkout", "-q", "a.txt")
    assert repo.state() == before
    assert not lock.exists()
    assert list((repo.path / ".git").glob("ctm-*")) == []


async def test_a_hook_that_refuses_is_not_asked(repo: Repo) -> None:
    """The user's pre-commit hook neither runs nor refuses."""
    hook = repo.path / ".git" / "hooks" / "pre-commit"
    hook.write_text("#!/bin/sh\ntouch ../ran\nexit 1\n")
    hook.chmod(0o755)
    repo.write("b.txt", "b\n")
    await make_checkpoint(str(repo.path), "x")
    assert committed(repo) == ["a.txt", "b.txt"]
    assert not (repo.path.parent / "ran").exists()


async def test_a_subject_in_another_encoding_can_be_read(repo: Repo) -> None:
    """Whatever encoding the repository writes its commits in, ours is read back as a checkpoint."""
    repo.git("config", "i18n.commitEncoding", "UTF-16")
    repo.write("b.txt", "b\n")
    await make_checkpoint(str(repo.path), "grüße")
    assert repo.git("-c", "i18n.logOutputEncoding=UTF-8", "log", "-1", "--format=%s") == "checkpoint: grüße"
    assert "encoding" not in repo.git("cat-file", "commit", "HEAD")
    head = repo.head()
    await make_checkpoint(str(repo.path), "again")
    assert repo.head() == head


async def test_the_daemon_logs_what_is_left_out(repo: Repo, caplog: pytest.LogCaptureFixture) -> None:
    """What a checkpoint leaves out can be read in the log."""
    repo.write("id_rsa", "key\n")
    with caplog.at_level(logging.INFO):
        await checkpoint_before_yolo(str(repo.path))
    assert "id_rsa" in caplog.text
