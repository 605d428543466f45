"""Checkpoints are listed in long histories at once: no walk of the whole, and still the right list."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest
import trio

from ctm_trio.core.channels import ask
from ctm_trio.errors.git import CheckpointNotFound, InvalidSha
from ctm_trio.messages.checkpoints import DiffCheckpoint, ListCheckpoints
from ctm_trio.model.checkpoint import PREFIX, Checkpoint, Checkpoints
from ctm_trio.model.checkpoint_history import History, Step, carried, decode_history, encode_history, parse_step
from ctm_trio.system import checkpoint_index
from ctm_trio.system.checkpoint_index import CheckpointIndex
from tests.git_owner import Send, answer, list_checkpoints, owner, revert, tree_of
from tests.git_repo import IDENTITY, Repo

pytestmark = pytest.mark.usefixtures("own_git_config")


def imported(repo: Repo, subjects: Iterable[str], *, branch: str = "main") -> None:
    """A history of empty commits, a minute apart, made at once."""
    lines = []
    for number, subject in enumerate(subjects):
        text = subject.encode()
        head = f"commit refs/heads/{branch}\ncommitter T <t@e> {1_600_000_000 + number * 60} +0000\ndata {len(text)}\n"
        lines.append(head.encode() + text + b"\n\n")
    subprocess.run(["git", "fast-import", "--quiet", "--force"], cwd=repo.path, input=b"".join(lines), check=True)


@pytest.fixture
def long_repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repo:
    """300 commits where 100 are looked through at once; checkpoints near both ends and in the middle."""
    monkeypatch.setattr(checkpoint_index, "QUICK_COMMITS", 100)
    repo = Repo(tmp_path / "long")
    marks = {3: "checkpoint: old", 150: "checkpoint: middle", 295: "checkpoint: new"}
    imported(repo, (marks.get(number, f"commit {number}\n\ncheckpoint: in the body") for number in range(300)))
    repo.git("reset", "-q", "--hard")
    return repo


def commit_at(repo: Repo, subject: str, at: int) -> str:
    """A commit of what is staged with this time; the sha."""
    words = ["git", *IDENTITY, "commit", "-q", "--allow-empty", "-m", subject]
    env = {**os.environ, "GIT_COMMITTER_DATE": f"{at} +0000", "GIT_AUTHOR_DATE": f"{at} +0000"}
    subprocess.run(words, cwd=repo.path, env=env, check=True)
    return repo.head()


def sha256_repo(path: Path) -> Repo:
    """A repository whose shas have 64 digits."""
    path.mkdir()
    subprocess.run(["git", "init", "-q", "-b", "main", "--object-format=sha256", str(path)], check=True)
    return Repo(path)


@dataclass
class Traced:
    """What git was told to do, from its own trace."""

    path: Path

    def walks(self) -> list[list[str]]:
        """The `git log` commands so far, without their settings."""
        rows = [json.loads(line) for line in self.path.read_text().splitlines()] if self.path.exists() else []
        commands = [row["argv"] for row in rows if row["event"] == "start"]
        return [argv[argv.index("log") :] for argv in commands if "log" in argv]


@pytest.fixture
def traced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Traced:
    """Git writes down what it runs."""
    config = tmp_path / "gitconfig"
    config.write_text(config.read_text() + f"[trace2]\n\teventTarget = {tmp_path / 'trace'}\n")
    return Traced(tmp_path / "trace")


async def subjects(index: CheckpointIndex, repo: Repo) -> list[str]:
    """What the index lists now, without the prefix."""
    return [one.subject.removeprefix(f"{PREFIX} ") for one in (await index.history(await tree_of(repo))).listed]


def by_git(repo: Repo) -> list[str]:
    """What a walk through all of it finds."""
    rows = repo.git("log", "--format=%s").splitlines()
    return [row.removeprefix(f"{PREFIX} ") for row in rows if row.startswith(PREFIX)]


async def ask_list(send: Send, repo: Repo) -> Checkpoints:
    """What the owner lists."""
    found: Checkpoints = await ask(send, lambda reply: ListCheckpoints(str(repo.path), reply), timeout_s=20)
    return found


async def until_complete(send: Send, repo: Repo) -> Checkpoints:
    """The first list that is complete."""
    with trio.fail_after(20):
        while (found := await ask_list(send, repo)).incomplete:  # noqa: ASYNC110  # each question is one look
            await trio.sleep(0.02)
    return found


async def test_a_long_history_is_walked_once(long_repo: Repo, traced: Traced) -> None:
    """The first list has the newest and says that it is incomplete; later ones walk what is new, and nothing else."""
    ticks = iter(range(0, 100_000, 6))  # each question finds its list too old
    async with owner(lambda: float(next(ticks))) as send:
        first = await ask_list(send, long_repo)
        assert ([one.subject for one in first.listed], first.incomplete) == (["checkpoint: new"], True)
        found = await until_complete(send, long_repo)
        assert [one.subject for one in found.listed] == ["checkpoint: new", "checkpoint: middle", "checkpoint: old"]
        before = len(traced.walks())
        long_repo.commit("more")
        long_repo.commit("checkpoint: newest")
        for _ in range(5):
            found = await ask_list(send, long_repo)
        assert [one.subject for one in found.listed][:2] == ["checkpoint: newest", "checkpoint: new"]
        steps = traced.walks()[before:]
        assert len(steps) == 1, steps
        assert "--left-right" in steps[0]
    assert sum(not any(word.startswith("--max-count=101") for word in walk) for walk in traced.walks()[:before]) == 1


async def test_a_short_history_needs_one_walk(tmp_path: Path, traced: Traced) -> None:
    """A history that fits is complete at once, and nothing of it is written down."""
    repo = Repo(tmp_path / "short")
    repo.commit("checkpoint: 1")
    index = tmp_path / "index"
    found = await list_checkpoints(repo.path, index)
    assert not found.incomplete
    assert len(traced.walks()) == 1
    assert not index.exists()


async def test_what_is_known_survives_a_restart(long_repo: Repo, tmp_path: Path, traced: Traced) -> None:
    """After a restart the list is complete at once, also if HEAD has moved on; a damaged file is only walked again."""
    directory = tmp_path / "index"
    index = CheckpointIndex(directory)
    await index.walk(await tree_of(long_repo))
    (file,) = directory.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    long_repo.commit("checkpoint: newest")
    before = len(traced.walks())
    history = await CheckpointIndex(directory).history(await tree_of(long_repo))
    assert history.complete
    assert [one.subject for one in history.listed][::3] == ["checkpoint: newest", "checkpoint: old"]
    assert len(traced.walks()) - before == 1
    for damage in (b"", b"{}", b"\xff", file.read_bytes().replace(b"checkpoint: old", b"x" * 5_000_000)):
        file.write_bytes(damage)
        assert not (await CheckpointIndex(directory).history(await tree_of(long_repo))).complete


async def test_another_repository_at_the_same_place(long_repo: Repo, tmp_path: Path) -> None:
    """What was known of a repository is not believed of the one that took its place."""
    index = CheckpointIndex(tmp_path / "index")
    await index.walk(await tree_of(long_repo))
    (long_repo.path / ".git").rename(tmp_path / "old.git")
    again = Repo(long_repo.path)
    again.commit("checkpoint: other")
    assert await subjects(index, again) == ["other"]
    assert await subjects(CheckpointIndex(tmp_path / "index"), again) == ["other"]


async def test_rewritten_history(tmp_path: Path) -> None:
    """Reset, amend, rebase, branch switch, merge, an orphan branch: only what HEAD reaches, in git's order."""
    repo = Repo(tmp_path / "r")
    index = CheckpointIndex()
    clock = iter(range(1_700_000_000, 1_800_000_000, 60))

    def commit(subject: str) -> str:
        repo.write(f"f{subject}", subject)
        repo.git("add", "-A")
        return commit_at(repo, subject, next(clock))

    async def same() -> None:
        assert await subjects(index, repo) == by_git(repo)

    assert await subjects(index, repo) == []
    commit("checkpoint: 1")
    await same()
    two = commit("checkpoint: 2")
    commit("work")
    commit("checkpoint: 3")
    await same()
    repo.git("reset", "-q", "--hard", two)
    await same()
    repo.git("checkout", "-q", "-b", "side", "HEAD~1")
    await same()
    commit("checkpoint: side 1")
    commit("checkpoint: side 2")
    await same()
    repo.git("checkout", "-q", "main")
    commit("checkpoint: 4")
    await same()
    repo.git("merge", "-q", "--no-ff", "-m", "checkpoint: merge", "side")
    await same()
    repo.git("checkout", "-q", "side")
    repo.git("rebase", "-q", "main~1")
    await same()
    repo.git("commit", "-q", "--amend", "--allow-empty", "-m", "checkpoint: amended")
    await same()
    repo.git("checkout", "-q", "--orphan", "fresh")
    commit("checkpoint: fresh")
    await same()
    repo.git("checkout", "-q", "--detach", two)
    await same()


async def test_a_clock_that_goes_back_changes_no_order(tmp_path: Path) -> None:
    """On one line of commits the newest is first, whatever the times say."""
    repo = Repo(tmp_path / "r")
    index = CheckpointIndex()
    for number, at in enumerate((1_700_000_900, 1_700_000_600, 1_700_000_300)):
        commit_at(repo, f"checkpoint: {number}", at)
        assert await subjects(index, repo) == by_git(repo)


async def test_a_shallow_clone_that_is_deepened(tmp_path: Path) -> None:
    """Older commits that a fetch brings are listed, though HEAD is where it was."""
    origin = Repo(tmp_path / "origin")
    for number in range(5):
        origin.commit(f"checkpoint: {number}")
    origin.git("clone", "-q", "--depth", "2", f"file://{origin.path}", str(tmp_path / "clone"))
    clone = Repo(tmp_path / "clone")
    index = CheckpointIndex()
    assert await subjects(index, clone) == ["4", "3"]
    clone.git("fetch", "-q", "--unshallow")
    assert await subjects(index, clone) == by_git(clone)


async def test_an_old_checkpoint_before_the_walk_has_reached_it(
    long_repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its diff and a revert to it work while the list is incomplete; another commit is still none."""
    old = long_repo.git("log", "--format=%H", "--grep=^checkpoint: old")
    other = long_repo.git("rev-parse", "HEAD~250")

    async def hangs(*_: object) -> None:
        await trio.sleep_forever()

    monkeypatch.setattr(CheckpointIndex, "walk", hangs)
    assert await answer(lambda reply: DiffCheckpoint(str(long_repo.path), old, reply)) == ""
    with pytest.raises(CheckpointNotFound):
        await answer(lambda reply: DiffCheckpoint(str(long_repo.path), other, reply))
    assert (await revert(long_repo.path, old, stash_first=False)).sha == old


async def test_sha256(tmp_path: Path) -> None:
    """In a sha256 repository shas of 64 digits are listed, shown, and gone back to; elsewhere 64 digits are refused."""
    path = tmp_path / "r"
    repo = sha256_repo(path)
    repo.write("a", "1\n")
    one = repo.commit("checkpoint: 1")
    repo.write("a", "2\n")
    repo.commit("later")
    repo.write("a", "mine\n")
    assert len(one) == 64
    assert (await list_checkpoints(path)).has(one)
    assert "+1" in await answer(lambda reply: DiffCheckpoint(str(path), one, reply))
    with pytest.raises(CheckpointNotFound):
        await answer(lambda reply: DiffCheckpoint(str(path), "0" * 40, reply))
    assert len((await revert(path, one, stash_first=True)).stashed_as) == 64
    plain = Repo(tmp_path / "plain")
    plain.commit("checkpoint: 1")
    with pytest.raises(InvalidSha):
        await answer(lambda reply: DiffCheckpoint(str(plain.path), one, reply))


def checkpoints(*numbers: int) -> tuple[Checkpoint, ...]:
    """Checkpoints, one for each number."""
    return tuple(Checkpoint(f"{number:040x}", f"checkpoint: {number}", number) for number in numbers)


def test_what_is_forgotten_takes_a_walk(monkeypatch: pytest.MonkeyPatch) -> None:
    """If so much is reset away that older ones would be listed, which are not remembered, nothing is made up."""
    monkeypatch.setattr("ctm_trio.model.checkpoint_history.MAX_KNOWN", 5)
    monkeypatch.setattr("ctm_trio.model.checkpoint_history.MAX_CHECKPOINTS", 3)
    known = History("h", checkpoints(9, 8, 7, 6, 5), True, True)
    two = Step((), frozenset(one.sha for one in known.listed[:2]), True)
    three = Step((), frozenset(one.sha for one in known.listed[:3]), True)
    after = carried(known, "n", two)
    assert after is not None
    assert after.listed == checkpoints(7, 6, 5)
    assert carried(known, "n", three) is None
    grown = carried(known, "n", Step(checkpoints(11, 10), frozenset(), True))
    assert grown is not None
    assert grown.listed == checkpoints(11, 10, 9, 8, 7)


def test_a_step_and_a_kept_history() -> None:
    """A step is read to its bound; a history is read back for its own place alone."""
    rows = "".join(f">\0{number:040x}\0p\0{number}\0checkpoint: {number}\0" for number in range(3))
    step = parse_step((rows + "<\0gone\0p q\0" + "1\0x\0").encode(), 4)
    assert step == Step(checkpoints(0, 1, 2), frozenset({"gone"}), True)
    assert parse_step(rows.encode(), 2) is None
    merge = parse_step(f">\0{1:040x}\0p q\0{1}\0merge\0".encode(), 4)
    assert merge is not None
    assert not merge.straight
    known = History("a" * 40, checkpoints(2, 1), True, True, "7:41")
    assert decode_history("place", encode_history("place", known)) == known
    assert decode_history("other", encode_history("place", known)) is None
