"""Names that are not UTF-8, of files and of the repository itself: every answer can be encoded, and notes read back."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import trio
from quart import Response
from quart_trio import QuartTrio

from ctm_trio.errors.base import CtmError
from ctm_trio.errors.git import GitFailed, RevertRefused
from ctm_trio.messages.checkpoints import RevertTo
from ctm_trio.model.checkpoint import Checkpoint, Reverted
from ctm_trio.model.checkpoint_history import History, decode_history, encode_history
from ctm_trio.model.sound import sound_json
from ctm_trio.system import git_stash
from ctm_trio.system.git_checkpoint import make_checkpoint
from ctm_trio.system.git_thread import in_thread
from ctm_trio.web.answers import error_body
from ctm_trio.web.ends import WebEnds
from ctm_trio.web.errors import register_errors
from ctm_trio.web.orders import carry_out
from ctm_trio.web.routes.git import reverted_view
from tests.git_owner import owner, revert
from tests.git_repo import Repo, two_checkpoints_and_more
from tests.integration.test_revert_killed import files, killed_at, next_one

LATIN = os.fsdecode(b"caf\xe9.txt")
"""A name as Latin-1 has it: Python reads it with a lone surrogate."""

TOLD = "caf\ufffd.txt"


pytestmark = pytest.mark.usefixtures("own_git_config")


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """A repository with a checkpoint, a commit, and a change of a file whose name is not UTF-8."""
    made = Repo(tmp_path / "r")
    for text, message in (("old", "checkpoint: one"), ("new", "work"), ("dirty", "")):
        made.write(LATIN, text)
        if message:
            made.commit(message)
    return made


async def post(repo: Repo, *, stash_first: bool) -> tuple[int, dict[str, Any]]:
    """How the web answers a revert to the checkpoint: status and body."""
    sha = repo.git("rev-parse", "HEAD^")
    app = QuartTrio("test")
    register_errors(app)
    async with owner() as send:

        @app.post("/revert")
        async def view() -> Response:
            ends: WebEnds = None  # type: ignore[assignment]  # only an order that takes long needs it
            make = lambda reply: RevertTo(str(repo.path), sha, stash_first, reply)  # noqa: E731
            return await carry_out(ends, "revert", send, make, reverted_view)

        response = await app.test_client().post("/revert")
        return response.status_code, json.loads(await response.get_data())


async def test_a_dirty_file_is_named(repo: Repo) -> None:
    """The refusal is 409 and names it, as far as it can be read."""
    status, body = await post(repo, stash_first=False)
    assert (status, body["error"], body["dirty_files"]) == (409, "dirty_workdir", [TOLD])


async def test_the_stash_is_named_after_success(repo: Repo) -> None:
    """A revert that keeps such a file aside answers with its stash and the file."""
    with (repo.path / LATIN).open("a"):  # open to be written, so it stays aside
        status, body = await post(repo, stash_first=True)
    assert (status, body["kept"]) == (200, [f"files/{TOLD}"])
    assert body["stashed_as"] == repo.git("rev-parse", "stash@{0}")


async def test_what_is_in_the_way_is_named(repo: Repo) -> None:
    """A pipe where the checkpoint has such a file."""
    (repo.path / LATIN).unlink()
    repo.git("rm", "-q", LATIN)
    repo.commit("work without it")
    os.mkfifo(repo.path / LATIN)
    with pytest.raises(RevertRefused) as caught:
        await revert(repo.path, repo.git("rev-parse", "HEAD~2"), stash_first=True)
    assert caught.value.fields == {"files": [TOLD]}


async def test_what_is_too_much_is_named(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stash that would be too large names its files."""
    monkeypatch.setattr(git_stash, "MAX_FILES", 0)
    with pytest.raises(RevertRefused) as caught:
        await revert(repo.path, repo.git("rev-parse", "HEAD^"), stash_first=True)
    assert caught.value.fields == {"files": [TOLD]}


async def test_what_a_checkpoint_leaves_out_is_named(repo: Repo) -> None:
    """A secret with such a name."""
    repo.write(os.fsdecode(b"\xe9.pem"), "key\n")
    assert (await make_checkpoint(str(repo.path), "x")).endswith("hold secrets: \ufffd.pem.")


async def test_a_file_that_fails_is_named() -> None:
    """An error of the system with such a name, as text or as bytes."""

    def fail(name: str | bytes) -> None:
        raise OSError(5, "Input/output error", name)

    for name in (LATIN, os.fsencode(LATIN)):
        with pytest.raises(GitFailed) as caught:
            await in_thread(lambda name=name: fail(name))  # type: ignore[misc]
        assert TOLD in caught.value.message


def test_no_answer_fails_for_its_text() -> None:
    """The last net: lone surrogates anywhere in an error or a result."""
    error = CtmError(f"In {LATIN}.", fields={"files": [LATIN], LATIN: {"deep": (LATIN, 1)}})
    body = json.loads(error_body(error.code, error.message, error.fields))
    assert body == {
        "error": "internal", "message": f"In {TOLD}.", "files": [TOLD], TOLD: {"deep": [TOLD, 1]}
    }  # fmt: skip
    assert json.loads(sound_json(Reverted("sha", kept=(LATIN,))))["kept"] == [TOLD]
    assert json.loads(sound_json({"n": 1.5, "none": None, "fine": "é\U0001f600"})) == {
        "n": 1.5, "none": None, "fine": "é\U0001f600"
    }  # fmt: skip


def test_a_history_of_such_a_place() -> None:
    """It is kept and known again, and not taken for the one of another name that looks the same."""
    known = History("0" * 40, (Checkpoint("1" * 40, "checkpoint: x", 5),), True, True, "")
    data = encode_history(f"1:2:/r/{LATIN}/.git", known)
    assert decode_history(f"1:2:/r/{LATIN}/.git", data) == known
    assert decode_history(f"1:2:/r/{TOLD}/.git", data) is None


async def test_a_killed_revert_in_such_a_place_is_taken_back(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The note of the exchange can be read by the next one."""
    repo = two_checkpoints_and_more(Repo(tmp_path / os.fsdecode(b"r\xe9")))
    before = files(repo)
    killed_at(repo, "moved")
    assert files(repo) != before
    with trio.fail_after(60):
        await next_one(repo)
    assert files(repo) == before
    assert "taken back" in caplog.text
