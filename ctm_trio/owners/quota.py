"""The quota owner: status-line dumps in, one snapshot, `quota_update` events and points of the cost curve out."""

from __future__ import annotations

import os
import time
from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import NoReturn

import msgspec
import trio

from ctm_trio.core.bell import Bell
from ctm_trio.core.channels import StateReceiver, StateSender
from ctm_trio.messages.attribution import AttributionSnapshot
from ctm_trio.messages.config import ConfigSnapshot
from ctm_trio.messages.cost import CostTotals
from ctm_trio.messages.journal import Draft, JournalMessage, Publish
from ctm_trio.messages.quota import QuotaSnapshot
from ctm_trio.messages.sessions import SessionsSnapshot
from ctm_trio.model.limits import Limits
from ctm_trio.model.quota import (
    CostPoint,
    Dump,
    Meter,
    Quota,
    Usage,
    merge_meter,
    parse_dump,
    round_half_up,
    session_meter,
)
from ctm_trio.model.times import format_time
from ctm_trio.system.dumps import DEFAULT_DIRECTORY, read_dumps
from ctm_trio.system.watch import Changes, DirectoryWatch

MAX_METERS = 5_000
"""Claude sessions remembered; past it those that were heard of longest ago are forgotten."""

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
        quota = _QuotaBook(sessions, attribution, state, costs)

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
            version = -1
            while True:
                version = await costs.wait_newer(version)
                quota.use_costs()
                await announce()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(send_points)
            nursery.start_soon(resolve)
            if costs is not None:
                nursery.start_soon(follow_costs, costs)
            while True:
                version = settings.version
                directory = _directory(settings)
                async with trio.open_nursery() as current:
                    current.start_soon(follow, directory)
                    while _directory(settings) == directory:
                        version = await settings.wait_newer(version)
                    current.cancel_scope.cancel()
    raise AssertionError("unreachable")


def _thin(points: deque[CostPoint]) -> None:
    """While the cost owner is down: of too many points keep the newest of each Claude session."""
    if len(points) > MAX_UNSENT:
        newest = list({point.uuid: point for point in points}.values())[-MAX_UNSENT // 2 :]
        points.clear()
        points.extend(newest)


def _directory(settings: StateReceiver[ConfigSnapshot]) -> Path:
    chosen = settings.latest.settings.statusline_dump_dir
    return Path(os.path.expanduser(chosen)) if chosen else DEFAULT_DIRECTORY


async def _ring(snapshots: StateReceiver[SessionsSnapshot] | StateReceiver[AttributionSnapshot], bell: Bell) -> None:
    version = snapshots.version
    while True:
        version = await snapshots.wait_newer(version)
        bell.ring()


@dataclass(slots=True)
class _Heard:
    """What a Claude session's dumps have said, when last, and the point that was sent last.

    `turn`: the place of its last news among those of all, for the clock may be set between two dumps.
    """

    meter: Meter = field(default_factory=Meter)
    seen: float = 0.0
    turn: int = 0
    session: str = ""
    sent: tuple[int | None, ...] = ()


class _QuotaBook:
    """State of the owner's task. It sends nothing: `changes` says what there is to send."""

    def __init__(
        self,
        sessions: StateReceiver[SessionsSnapshot],
        attribution: StateReceiver[AttributionSnapshot],
        state: StateSender[QuotaSnapshot],
        costs: StateReceiver[CostTotals] | None,
    ) -> None:
        self._costs = costs
        self._totals: Mapping[str, int] = {} if costs is None else costs.latest.micros
        self._sessions = sessions
        self._attribution = attribution
        self._state = state
        self._limits = Limits()
        self._heard: OrderedDict[str, _Heard] = OrderedDict()
        self._turn = 0
        self._of: dict[str, list[str]] = {}
        self._changed: set[str] = set()
        self._read_records()
        self._usages = dict(state.latest.sessions)
        self._account = state.latest.account

    def take(self, dump: Dump, mtime: float) -> None:
        """Take in one dump."""
        news = self._limits.take(dump, mtime)
        heard = self._heard.get(dump.uuid)
        if heard is None:
            heard = self._heard[dump.uuid] = _Heard()
            self._place(dump.uuid, heard)
            if len(self._heard) > MAX_METERS:
                self._forget(*self._heard.popitem(last=False))
                self.resolve()
        heard.meter = merge_meter(heard.meter, dump.meter)
        heard.seen = min(mtime, time.time())
        if news:
            self._turn += 1
            heard.turn = self._turn
        self._heard.move_to_end(dump.uuid)
        self._changed.add(heard.session)

    def use_costs(self) -> None:
        """Take over what the Claude sessions have cost."""
        if self._costs is not None:
            old, self._totals = self._totals, self._costs.latest.micros
            self._changed |= {h.session for u, h in self._heard.items() if old.get(u) != self._totals.get(u)}

    def _meter(self, uuid: str) -> Meter:
        """The figures of a Claude session, with all that it has cost: its client's counter may have begun anew."""
        meter = self._heard[uuid].meter
        total = self._totals.get(uuid)
        return meter if total is None or meter.cost_usd_micros is None else replace(meter, cost_usd_micros=total)

    def resolve(self) -> None:
        """Find every Claude session's session anew. Not before the attribution is of these records: it rings then."""
        if not self._fits():
            return
        self._of.clear()
        self._read_records()
        for uuid, heard in self._heard.items():
            self._place(uuid, heard)
        self._changed |= self._of.keys() | self._usages.keys()

    def _place(self, uuid: str, heard: _Heard) -> None:
        if self._sessions.latest.records is not self._records:
            self._read_records()
        known = self._attribution.latest.sessions if self._fits() else {}
        name = self._recorded.get(uuid) or known.get(uuid, "")
        heard.session = name if name in self._records else ""
        if heard.session:
            self._of.setdefault(heard.session, []).append(uuid)

    def _forget(self, uuid: str, heard: _Heard) -> None:
        """Leave out a Claude session of which nothing is kept any more."""
        mine = self._of.get(heard.session, [])
        if uuid in mine:
            mine.remove(uuid)
            if not mine:
                del self._of[heard.session]
            self._changed.add(heard.session)

    def _fits(self) -> bool:
        """False while the attribution was decided on other records: a name there may be another session's."""
        records = self._attribution.latest.records
        return records is None or records is self._sessions.latest.records

    def _read_records(self) -> None:
        self._records = self._sessions.latest.records
        self._recorded = {record.uuid: record.name for record in self._records.values() if record.uuid}

    def changes(self) -> tuple[list[Draft], list[CostPoint]]:
        """Publish the snapshot; the events and cost points that say what has changed since the last call."""
        drafts: list[Draft] = []
        points: list[CostPoint] = []
        account = self._quota()
        if account is not None and account != self._account:
            self._account = account
            drafts.append(Draft("quota_update", "", msgspec.json.encode(account)))
        for session in self._changed - {""}:
            if session not in self._of:
                self._usages.pop(session, None)
                continue
            mine = sorted(self._of[session], key=lambda uuid: (self._heard[uuid].turn, uuid))
            for uuid in mine:
                points += self._point(session, uuid)
            old = self._usages.get(session, Usage())
            new = _usage(session_meter([self._meter(uuid) for uuid in mine]), self._heard[mine[-1]].seen)
            if replace(old, seen_at=new.seen_at) != new:
                self._usages[session] = new
            if _figures(new) not in (_figures(old), NOTHING):
                drafts.append(Draft("quota_update", session, _payload(session, new), uuid=mine[-1]))
        self._changed.clear()
        self._state.publish(QuotaSnapshot(self._account, dict(self._usages)))
        return drafts, points

    def _quota(self) -> Quota | None:
        week, five = self._limits.week, self._limits.five_hours
        if week.pct is None and five.pct is None:
            return None
        return Quota(
            weekly_pct=None if week.pct is None else round_half_up(week.pct),
            five_hr_pct=None if five.pct is None else round_half_up(five.pct),
            weekly_resets_at="" if week.resets_at is None else format_time(week.resets_at),
            five_hr_resets_at="" if five.resets_at is None else format_time(five.resets_at),
        )

    def _point(self, session: str, uuid: str) -> list[CostPoint]:
        heard, meter = self._heard[uuid], self._heard[uuid].meter
        figures = (meter.input_tokens, meter.output_tokens, meter.cache_tokens, meter.cost_usd_micros)
        if figures == heard.sent or not (meter.any_token or meter.cost_usd_micros is not None):
            return []
        heard.sent = figures
        return [
            CostPoint(
                session, uuid, format_time(heard.seen), meter.model,
                meter.input_tokens or 0, meter.output_tokens or 0, meter.cache_tokens or 0, meter.cost_usd_micros,
                curve=meter.any_token, forked=uuid in self._attribution.latest.forks,
            )
        ]  # fmt: skip


NOTHING = (None, None, None, None)


def _figures(usage: Usage) -> tuple[int | None, ...]:
    return usage.context_pct, usage.input_tokens, usage.output_tokens, usage.cache_tokens


def _usage(meter: Meter, seen: float) -> Usage:
    return Usage(
        meter.context_pct, meter.input_tokens, meter.output_tokens, meter.cache_tokens,
        meter.cost_usd_micros, meter.model, format_time(seen),
    )  # fmt: skip


def _payload(session: str, usage: Usage) -> bytes:
    context, tokens_in, tokens_out, cache = _figures(usage)
    return msgspec.json.encode(
        {
            "session": session, "context_pct": context,
            "input_tokens": tokens_in, "output_tokens": tokens_out, "cache_tokens": cache,
        }
    )  # fmt: skip
