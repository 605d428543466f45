"""What the checkpoints owner and the modules under it say of a test's repository."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import trio

from ctm_trio.core.channels import Reply, ask
from ctm_trio.errors.base import CtmError
from ctm_trio.messages.checkpoints import CheckpointsMessage, ListCheckpoints, RevertTo
from ctm_trio.model.checkpoint import Checkpoints, Reverted
from ctm_trio.owners.checkpoints import run_checkpoints
from ctm_trio.system.git_revert import revert_to
from ctm_trio.system.git_tree import GitTree, find_tree
from tests.git_repo import Repo

Send = trio.MemorySendChannel[CheckpointsMessage]


@asynccontextmanager
async def owner(clock: Callable[[], float] = time.monotonic, index_dir: Path | None = None) -> AsyncIterator[Send]:
    """The owner, until the block ends."""
    send, inbox = trio.open_memory_channel[CheckpointsMessage](16)
    with send:
        async with trio.open_nursery() as nursery:
            await nursery.start(partial(run_checkpoints, inbox, clock=clock, index_dir=index_dir))
            yield send
            nursery.cancel_scope.cancel()


async def answer(make: Callable[[Reply[Any]], CheckpointsMessage], index_dir: Path | None = None) -> Any:
    """What it answers to one message, or raises: not in an exception group."""
    error: CtmError | None = None
    found = None
    async with owner(index_dir=index_dir) as send:
        try:
            found = await ask(send, make, timeout_s=40)
        except CtmError as raised:
            error = raised
    if error is not None:
        raise error
    return found


async def list_checkpoints(workdir: Path | str, index_dir: Path | None = None) -> Checkpoints:
    """What it lists."""
    found = await answer(lambda reply: ListCheckpoints(str(workdir), reply), index_dir)
    assert isinstance(found, Checkpoints)
    return found


async def revert(workdir: Path | str, sha: str, *, stash_first: bool) -> Reverted:
    """How a revert ends."""
    done = await answer(lambda reply: RevertTo(str(workdir), sha, stash_first, reply))
    assert isinstance(done, Reverted)
    return done


async def tree_of(repo: Repo) -> GitTree:
    """The work tree, as our code sees it."""
    tree = await find_tree(str(repo.path))
    assert tree is not None
    return tree


async def back(repo: Repo, *, stash_first: bool) -> Reverted:
    """Go back from the second checkpoint to the first, without the owner."""
    return await revert_to(await tree_of(repo), repo.git("rev-parse", "HEAD^"), stash_first=stash_first)
