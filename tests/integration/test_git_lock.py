"""Our hold on git's lock: who waits for it is never taken for dead, and no lock stays that nobody knows."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path
from typing import Any

import pytest

from ctm_trio.errors.git import GitFailed
from ctm_trio.system.git_lock import IndexLock, locked_index, somebody_was_killed
from ctm_trio.system.git_tree import GitTree, find_tree
from tests.git_repo import two_checkpoints

pytestmark = pytest.mark.usefixtures("own_git_config")


@pytest.fixture
async def tree(tmp_path: Path) -> GitTree:
    """A repository as our code sees it."""
    found = await find_tree(str(two_checkpoints(tmp_path / "r").path))
    assert found is not None
    return found


def ours(tree: GitTree) -> list[str]:
    """What is there of ours, and git's lock."""
    return [name for name in os.listdir(tree.git_dir) if "ctm" in name or name == "index.lock"]


async def test_one_that_is_just_beginning_is_not_dead(tree: GitTree, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another of our processes looks at each step of one that makes its directory and its mark."""
    steps: list[str] = []
    looking: list[str] = []

    def then_look(module: Any, name: str) -> None:
        real = getattr(module, name)

        def step(*words: Any, **more: Any) -> Any:
            done = real(*words, **more)
            if name not in steps and not looking:
                looking.append(name)
                steps.append(name)
                assert not somebody_was_killed(tree)
                other = IndexLock(tree, os.path.join(tree.git_dir, "ctm-scratch-other"))
                assert other._take()
                other._give_back()
                looking.clear()
            return done

        monkeypatch.setattr(module, name, step)

    for module, name in ((os, "mkdir"), (os, "open"), (fcntl, "flock"), (os, "rename")):
        then_look(module, name)
    async with locked_index(tree) as locked:
        assert locked.left == ""
        assert os.path.isdir(locked.scratch)
    assert {"mkdir", "open", "flock"} <= set(steps)
    assert ours(tree) == []


async def test_a_lock_that_gets_no_word_is_not_left(tree: GitTree, monkeypatch: pytest.MonkeyPatch) -> None:
    """No links, and the disk is full: an empty `index.lock` would lock git for ever."""

    def no_links(*words: object, **more: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    def full(fd: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "link", no_links)
    monkeypatch.setattr(os, "write", full)
    with pytest.raises(GitFailed):
        async with locked_index(tree):
            pass
    monkeypatch.undo()
    assert ours(tree) == []


async def test_a_lock_that_cannot_be_given_back(
    tree: GitTree, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What was done under it is done all the same; the next one of ours takes the lock over."""
    real = os.unlink

    def refused(path: str, **more: Any) -> None:
        if str(path).endswith("index.lock"):
            raise OSError(errno.EIO, "Input/output error")
        real(path, **more)

    monkeypatch.setattr(os, "unlink", refused)
    async with locked_index(tree):
        pass
    assert "could not be given back" in caplog.text
    monkeypatch.undo()
    async with locked_index(tree) as locked:
        await locked.mended()
    assert ours(tree) == []
