"""The event loop never looks at a work directory itself: on a file system that hangs it would stand still."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ctm_trio.system.checkpoint_index import CheckpointIndex
from ctm_trio.system.git_checkpoint import make_checkpoint
from ctm_trio.system.git_revert import revert_to
from ctm_trio.system.git_tree import find_tree
from tests.git_repo import Repo, two_checkpoints_and_more

pytestmark = pytest.mark.usefixtures("own_git_config")


@pytest.fixture
def looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What this thread looks at below `tmp_path / "r"`, from now on."""
    found: list[str] = []
    here = threading.get_ident()

    def watched(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(path: Any, *words: Any, **more: Any) -> Any:
            name = "" if isinstance(path, int) else os.fsdecode(path)
            if threading.get_ident() == here and name.startswith(str(tmp_path / "r")):
                found.append(f"{real.__name__} {name}")
            return real(path, *words, **more)

        return call

    for name in ("stat", "lstat", "open", "listdir", "scandir", "readlink", "access"):
        monkeypatch.setattr(os, name, watched(getattr(os, name)))
    return found


async def test_a_whole_round(tmp_path: Path, looks: list[str]) -> None:
    """A list, a walk, a revert with a stash, a checkpoint; and a directory that is not there."""
    repo = two_checkpoints_and_more(Repo(tmp_path / "r"))
    one = repo.git("rev-parse", "HEAD^")
    looks.clear()
    tree = await find_tree(str(repo.path))
    assert tree is not None
    index = CheckpointIndex()
    assert len((await index.history(tree)).listed) == 2
    await index.walk(tree)
    assert (await revert_to(tree, one, stash_first=True)).stashed_as
    (repo.path / "later").write_text("l\n")
    await make_checkpoint(str(repo.path), "x")
    assert await find_tree(str(repo.path / "none")) is None
    assert looks == []
    assert repo.git("log", "-1", "--format=%s") == "checkpoint: x"
    assert os.stat(repo.path)
    assert looks
