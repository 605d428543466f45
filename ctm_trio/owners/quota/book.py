"""What the dumps have said of the account and of each Claude session, and what of it is news.

Synchronous; the quota task alone drives it.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from ctm_trio.core.channels import StateReceiver, StateSender
from ctm_trio.messages.attribution import AttributionSnapshot
from ctm_trio.messages.cost import CostTotals
from ctm_trio.messages.journal import Draft
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
    round_half_up,
    session_meter,
)
from ctm_trio.model.times import format_time

MAX_METERS = 5_000
"""Claude sessions remembered; past it those that were heard of longest ago are forgotten."""


class _Heard(msgspec.Struct):
    """What a Claude session's dumps have said, when last, and the point that was sent last.

    `turn`: the place of its last news among those of all, for the clock may be set between two dumps.
    """

    meter: Meter = msgspec.field(default_factory=Meter)
    seen: float = 0.0
    turn: int = 0
    session: str = ""
    sent: tuple[int | None, ...] = ()


class QuotaBook:
    """State of the owner's task. It publishes its snapshot; of the rest `changes` says what there is to send."""

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
