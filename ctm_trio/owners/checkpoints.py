"""The checkpoints owner: runs git for the web, remembers lists for a moment, and never works twice on one directory."""

from __future__ import annotations

import logging
import os
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import NoReturn

import trio

from ctm_trio.core.channels import ask, fulfil
from ctm_trio.core.confine import confined
from ctm_trio.core.desk import Desk
from ctm_trio.errors.base import CtmError
from ctm_trio.errors.git import CheckpointNotFound, CheckpointNotListed, GitFailed, InvalidSha, RevertFailed
from ctm_trio.errors.orders import OrderTooLate, Unavailable
from ctm_trio.messages.checkpoints import CheckpointsMessage, DiffCheckpoint, ListCheckpoints, RevertTo
from ctm_trio.model.checkpoint import MAX_CHECKPOINTS, Checkpoints, Reverted
from ctm_trio.system.checkpoint_index import CheckpointIndex, is_checkpoint
from ctm_trio.system.git import diff_of
from ctm_trio.system.git_checkpoint import checkpoint_for_yolo
from ctm_trio.system.git_revert import revert_to
from ctm_trio.system.git_revert_killed import mend
from ctm_trio.system.git_tree import GitTree, find_tree
from ctm_trio.system.places import in_place

log = logging.getLogger("ctm.checkpoints")

INBOX = 16
"""Requests that may wait; whoever sends more waits, and gives up after 10 s."""

MAX_AT_ONCE = 4
"""Requests worked on at the same time, each with one git process."""

MAX_WAITING = 64
"""Requests at work or waiting for their directory; whoever sends one more is told to come back."""

CACHE_S = 5.0
"""How old a list may be. Source: PROTOCOL.md, Checkpoints and revert."""

MAX_WALKS = 1
"""Long histories that are looked through at the same time, each by one git process."""

WALK_AGAIN_S = 600.0
"""When a walk that failed is tried again."""

TREE_S = 60.0
"""How long a directory that was a git work tree counts as one in lists; a revert always looks."""

MAX_CACHED = 256
"""Work directories whose list, and whose tree, are remembered; the one not asked for longest is forgotten first."""

ASK_LIMIT_S = 25.0
"""How long the attention rules wait for a list. It takes three git commands and more, each of which may take `LIMIT_S`;
where they are that slow the rules do without the newest checkpoint until they ask again."""


async def run_checkpoints(
    inbox: trio.MemoryReceiveChannel[CheckpointsMessage],
    *,
    clock: Callable[[], float] = time.monotonic,
    index_dir: Path | None = None,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> NoReturn:
    """Answer requests about checkpoints. Runs until it is cancelled; closes `inbox`.

    Requests for one work directory are worked on one after the other, so those that come together share one answer.

    Args:
        inbox: capacity `INBOX`.
        clock: seconds, for the age of a list.
        index_dir: where what is known of long histories is kept over a restart; None keeps nothing.
    """
    with inbox:
        async with trio.open_nursery() as nursery:
            owner = _CheckpointsOwner(clock, index_dir, nursery)
            task_status.started()
            while True:
                message = await inbox.receive()
                if owner.desk.full:
                    message.reply.fail(Unavailable("Too many requests wait for git; try again in a moment."))
                else:
                    nursery.start_soon(confined, "checkpoints: an order", partial(owner.work, message))
    raise AssertionError("it is only ever cancelled")


def last_checkpoint(send: trio.MemorySendChannel[CheckpointsMessage]) -> Callable[[str], Awaitable[float | None]]:
    """For the attention rules: work directory → unix time of its newest checkpoint, None if there is none."""

    async def newest(workdir: str) -> float | None:
        try:
            found: Checkpoints = await ask(send, lambda reply: ListCheckpoints(workdir, reply), timeout_s=ASK_LIMIT_S)
        except CtmError:
            return None
        return float(found.listed[0].at) if found.listed else None

    return newest


async def checkpoint_before_yolo(workdir: str) -> None:
    """The commit before a session in yolo mode begins, where there is git.

    Raises:
        SpawnFailed: it cannot be made; the session must not start then.
    """
    if note := await checkpoint_for_yolo(workdir):
        log.info("checkpoints: %s", note)


class _CheckpointsOwner:
    def __init__(self, clock: Callable[[], float], index_dir: Path | None, nursery: trio.Nursery) -> None:
        self._clock = clock
        self._nursery = nursery
        self._index = CheckpointIndex(index_dir)
        self.desk = Desk(at_once=MAX_AT_ONCE, waiting=MAX_WAITING)
        self._trees: dict[str, tuple[float, GitTree]] = {}  # when a directory was found to be in which tree
        self._cache: OrderedDict[str, tuple[float, Checkpoints]] = OrderedDict()
        self._walks: dict[str, float] = {}  # git directory → when its walk began
        self._walking = trio.Semaphore(MAX_WALKS)

    async def work(self, message: CheckpointsMessage) -> None:
        """One request, when its directory and a place are free."""
        async with self.desk.place(message.workdir):
            if isinstance(message, ListCheckpoints):
                await fulfil(message.reply, partial(self._list, message.workdir))
            elif isinstance(message, DiffCheckpoint):
                await fulfil(message.reply, partial(self._diff, message))
            else:
                stashes: list[str] = []
                await fulfil(message.reply, partial(self._revert, message, stashes), partial(_cut_off, stashes))

    async def _list(self, workdir: str) -> Checkpoints:
        now = self._clock()
        known = self._cache.get(workdir)
        if known is not None and now - known[0] < CACHE_S:
            self._cache.move_to_end(workdir)
            return known[1]
        looked_at, tree = self._trees.get(workdir, (-TREE_S, None))
        if tree is None or now - looked_at >= TREE_S or not await in_place(os.path.isdir, tree.git_dir):
            tree = await find_tree(workdir)
            if tree is not None:
                self._trees.pop(workdir, None)
                self._trees[workdir] = (now, tree)
                if len(self._trees) > MAX_CACHED:
                    del self._trees[next(iter(self._trees))]
                await mend(tree)
        found = Checkpoints(False) if tree is None else await self._listed(tree)
        self._cache[workdir] = (now, found)
        if len(self._cache) > MAX_CACHED:
            self._cache.popitem(last=False)
        return found

    async def _listed(self, tree: GitTree) -> Checkpoints:
        history = await self._index.history(tree)
        if not history.complete and self._clock() - self._walks.get(tree.git_dir, -WALK_AGAIN_S) >= WALK_AGAIN_S:
            now = self._clock()
            self._walks = {git_dir: at for git_dir, at in self._walks.items() if now - at < WALK_AGAIN_S}
            self._walks[tree.git_dir] = now
            self._nursery.start_soon(confined, "checkpoints: a walk", partial(self._walk, tree))
        return Checkpoints(True, history.listed[:MAX_CHECKPOINTS], not history.complete, tree.sha_digits)

    async def _walk(self, tree: GitTree) -> None:
        """Look through a long history beside all else; lists are incomplete until then."""
        async with self._walking:
            try:
                await self._index.walk(tree)
            except GitFailed as error:
                log.warning("checkpoints: the history of %s stays incomplete: %s", tree.top, error.message)
                return
        self._walks.pop(tree.git_dir, None)
        self._cache.clear()

    async def _diff(self, message: DiffCheckpoint) -> str:
        found = await self._list(message.workdir)
        if len(message.sha) not in (40, found.sha_digits):
            raise InvalidSha
        if not found.has(message.sha):
            self._cache.pop(message.workdir, None)  # it may be newer than the list
            found = await self._list(message.workdir)
            if not found.has(message.sha) and not (found.incomplete and await self._is_old(message)):
                raise CheckpointNotFound
        return await diff_of(message.workdir, message.sha)

    async def _is_old(self, message: DiffCheckpoint) -> bool:
        tree = await find_tree(message.workdir)
        return tree is not None and await is_checkpoint(tree, message.sha)

    async def _revert(self, message: RevertTo, stashes: list[str]) -> Reverted:
        """Go back. A stash that was made is put into `stashes` at once: whatever becomes of the rest, it is named."""
        try:
            tree = await find_tree(message.workdir)
            if tree is None:
                raise CheckpointNotListed
            await mend(tree)  # else HEAD may be on an older checkpoint than it is said to be
            found = await self._listed(tree)
            if not found.has(message.sha) and not (found.incomplete and await is_checkpoint(tree, message.sha)):
                raise CheckpointNotListed

            def note(stash: str) -> None:
                stashes.append(stash)
                log.info(
                    "checkpoints: before going back to %s in %s, changes went to stash %s", message.sha, tree.top, stash
                )

            return await revert_to(tree, message.sha, stash_first=message.stash_first, on_stash=note)
        finally:
            self._cache.clear()  # other directories may be in the same repository
            self._trees.clear()


def _cut_off(stashes: list[str]) -> CtmError:
    """What a revert is answered that its deadline cut off."""
    late = OrderTooLate()
    return RevertFailed(late.message, stashes[-1]) if stashes else late
