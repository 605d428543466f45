"""The checkpoints owner: runs git for the web, remembers lists for a moment, and never works twice on one directory."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import NoReturn, TypeVar

import trio

from ctm_trio.channels import Reply, ask
from ctm_trio.errors import CheckpointNotFound, CtmError, GitFailed, SpawnFailed
from ctm_trio.model.checkpoint import Checkpoints, Reverted
from ctm_trio.model.times import format_time
from ctm_trio.orders import CheckpointsMessage, DiffCheckpoint, ListCheckpoints, RevertTo
from ctm_trio.system.git import diff_of, list_checkpoints, make_checkpoint, revert
from ctm_trio.system.keyed_locks import KeyedLocks

INBOX = 16
"""Requests that may wait; whoever sends more waits, and gives up after 10 s."""

MAX_AT_ONCE = 4
"""Requests worked on at the same time, each with one git process."""

CACHE_S = 5.0
"""How old a list may be. Source: contract A9."""

TREE_S = 60.0
"""How long a directory that was a git work tree counts as one in lists; a revert always looks."""

MAX_CACHED = 256
"""Work directories whose list is remembered; the one that was not asked for longest is forgotten first."""

ASK_LIMIT_S = 25.0
"""How long the attention rules wait for a list: two git commands at their limit."""

R = TypeVar("R")


async def run_checkpoints(
    inbox: trio.MemoryReceiveChannel[CheckpointsMessage],
    *,
    clock: Callable[[], float] = time.monotonic,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> NoReturn:
    """Answer requests about checkpoints. Runs until it is cancelled; closes `inbox`.

    Requests for one work directory are worked on one after the other, so those that come together share one answer.

    Args:
        inbox: capacity `INBOX`.
        clock: seconds, for the age of a list.
    """
    owner = _Owner(clock)
    slots = trio.Semaphore(MAX_AT_ONCE)
    with inbox:
        async with trio.open_nursery() as nursery:
            task_status.started()
            while True:
                await slots.acquire()
                nursery.start_soon(owner.work, await inbox.receive(), slots)
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
    try:
        await make_checkpoint(workdir, f"pre-yolo {format_time(int(time.time()))}")
    except GitFailed as error:
        text = f"No checkpoint could be made first: {error.message} Or set git_checkpoint_before_yolo to false."
        raise SpawnFailed(text) from error


class _Owner:
    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._busy = KeyedLocks()
        self._tree_at: dict[str, float] = {}  # when a directory was last looked at whether it is a work tree
        self._cache: OrderedDict[str, tuple[float, Checkpoints]] = OrderedDict()

    async def work(self, message: CheckpointsMessage, slots: trio.Semaphore) -> None:
        try:
            async with self._busy.holding(message.workdir):
                if isinstance(message, ListCheckpoints):
                    await _answer(message.reply, self._list(message.workdir))
                elif isinstance(message, DiffCheckpoint):
                    await _answer(message.reply, self._diff(message))
                else:
                    await _answer(message.reply, self._revert(message))
        finally:
            slots.release()

    async def _list(self, workdir: str) -> Checkpoints:
        now = self._clock()
        known = self._cache.get(workdir)
        if known is not None and now - known[0] < CACHE_S:
            self._cache.move_to_end(workdir)
            return known[1]
        is_tree = known is not None and known[1].git_workdir and now - self._tree_at.get(workdir, -TREE_S) < TREE_S
        found = await list_checkpoints(workdir, is_tree=is_tree)
        if not is_tree:
            self._tree_at[workdir] = now
        self._cache[workdir] = (now, found)
        if len(self._cache) > MAX_CACHED:
            self._tree_at.pop(self._cache.popitem(last=False)[0], None)
        return found

    async def _diff(self, message: DiffCheckpoint) -> str:
        if not (await self._list(message.workdir)).has(message.sha):
            self._cache.pop(message.workdir, None)  # it may be newer than the list
            if not (await self._list(message.workdir)).has(message.sha):
                raise CheckpointNotFound
        return await diff_of(message.workdir, message.sha)

    async def _revert(self, message: RevertTo) -> Reverted:
        try:
            return await revert(message.workdir, message.sha, stash_first=message.stash_first)
        finally:
            self._cache.clear()  # other directories may be in the same repository
            self._tree_at.clear()


async def _answer(reply: Reply[R], work: Awaitable[R]) -> None:
    with reply:
        try:
            reply.ok(await work)
        except CtmError as error:
            reply.fail(error)
