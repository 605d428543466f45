"""The quota owner: status-line dumps in, one snapshot, `quota_update` events and points of the cost curve out."""

from __future__ import annotations

import os
from collections import deque
from functools import partial
from pathlib import Path
from typing import NoReturn

import trio

from ctm_trio.core.bell import Bell
from ctm_trio.core.channels import StateReceiver, StateSender
from ctm_trio.messages.attribution import AttributionSnapshot
from ctm_trio.messages.config import ConfigSnapshot
from ctm_trio.messages.cost import CostTotals
from ctm_trio.messages.journal import JournalMessage, Publish
from ctm_trio.messages.quota import QuotaSnapshot
from ctm_trio.messages.sessions import SessionsSnapshot
from ctm_trio.model.quota import (
    CostPoint,
    parse_dump,
)
from ctm_trio.owners.quota.book import QuotaBook
from ctm_trio.system.dumps import DEFAULT_DIRECTORY, read_dumps
from ctm_trio.system.watch import Changes, DirectoryWatch

COST_BOUND = 256
"""Points on their way to the cost owner."""

MAX_UNSENT = 20_000
"""Points that wait here when there is no room for them; past it only the newest of each Claude session are kept."""


async def run_quota(
    settings: StateReceiver[ConfigSnapshot],
    sessions: StateReceiver[SessionsSnapshot],
    attribution: StateReceiver[AttributionSnapshot],
    state: StateSender[QuotaSnapshot],
    journal_send: trio.MemorySendChannel[JournalMessage],
    cost_send: trio.MemorySendChannel[CostPoint],
    costs: StateReceiver[CostTotals] | None = None,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> NoReturn:
    """Own the limits and the figures of the status line, until cancelled; closes both ends that it was given.

    Ready once the dumps that exist were read. When the setting of the directory changes, it goes on with the new one;
    what is known stays. Source: PROTOCOL.md, Quota and cost.

    Args:
        journal_send: `quota_update` events, only when something changed; waits when it is full.
        cost_send: a point for each change of tokens or cost; only they wait when it is full.
        costs: what the Claude sessions have cost, as the cost owner keeps it; before that, what their dumps say.
    """
    async with journal_send, cost_send:
        quota = QuotaBook(sessions, attribution, state, costs)

        in_order = trio.Lock()
        ready = False

        unsent: deque[CostPoint] = deque()
        point_bell = Bell()

        async def send_points() -> None:
            """Hand on the points for which there was no room, when there is."""
            while True:
                await point_bell.wait()
                while unsent:
                    await cost_send.send(unsent.popleft())

        async def announce() -> None:
            async with in_order:
                drafts, points = quota.changes()
                for point in points:
                    try:
                        if unsent:
                            raise trio.WouldBlock  # not before the others
                        cost_send.send_nowait(point)
                    except trio.WouldBlock:
                        unsent.append(point)
                        _thin(unsent)
                        point_bell.ring()
                if drafts:
                    await journal_send.send(Publish(tuple(drafts)))

        async def follow(directory: Path) -> None:
            """Read one directory's dumps, now and whenever they change."""
            nonlocal ready
            known: dict[str, tuple[int, int, int]] = {}

            async def read(names: Changes) -> None:
                look = partial(read_dumps, directory, names, known)
                for found in await trio.to_thread.run_sync(look, abandon_on_cancel=True):
                    dump = parse_dump(found.data, found.stem)
                    if dump is not None:
                        quota.take(dump, found.mtime)
                await announce()

            await read(None)
            if not ready:
                ready = True
                task_status.started()
            async with DirectoryWatch(directory) as watch:
                while True:
                    await read(await watch.changes())

        async def resolve() -> None:
            """A session that appears or is renamed takes over what its dumps have said."""
            async with trio.open_nursery() as nursery:
                bell = Bell()
                nursery.start_soon(_ring, sessions, bell)
                nursery.start_soon(_ring, attribution, bell)
                while True:
                    await bell.wait()
                    quota.resolve()
                    await announce()

        async def follow_costs(costs: StateReceiver[CostTotals]) -> None:
            """What a session has cost is told by the cost owner, a moment after its dump."""
            changes = costs.changes()
            while True:
                await changes.next()
                quota.use_costs()
                await announce()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(send_points)
            nursery.start_soon(resolve)
            if costs is not None:
                nursery.start_soon(follow_costs, costs)
            while True:
                directory = _directory(settings.latest)
                async with trio.open_nursery() as current:
                    current.start_soon(follow, directory)
                    await settings.when(lambda new, old=directory: _directory(new) != old)  # type: ignore[misc]
                    current.cancel_scope.cancel()
    raise AssertionError("unreachable")


def _thin(points: deque[CostPoint]) -> None:
    """While the cost owner is down: of too many points keep the newest of each Claude session."""
    if len(points) > MAX_UNSENT:
        newest = list({point.uuid: point for point in points}.values())[-MAX_UNSENT // 2 :]
        points.clear()
        points.extend(newest)


def _directory(config: ConfigSnapshot) -> Path:
    chosen = config.settings.statusline_dump_dir
    return Path(os.path.expanduser(chosen)) if chosen else DEFAULT_DIRECTORY


async def _ring(snapshots: StateReceiver[SessionsSnapshot] | StateReceiver[AttributionSnapshot], bell: Bell) -> None:
    changes = snapshots.changes(from_now=True)
    while True:
        await changes.next()
        bell.ring()
