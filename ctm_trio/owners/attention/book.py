"""Every session's attention: its state, and what changes it. Synchronous; the attention task alone drives it.

What is known of a session is in `heard.py`, and for yolo mode in `yolo.py`.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping

import msgspec

from ctm_trio.core.clock import Clock
from ctm_trio.messages.attention import AttentionSnapshot
from ctm_trio.messages.journal import Draft
from ctm_trio.messages.quota import QuotaSnapshot
from ctm_trio.messages.sessions import SessionsSnapshot
from ctm_trio.model.attention import (
    APART,
    WARNINGS,
    Holding,
    Inputs,
    Limit,
    Transition,
    asking_by,
    next_due,
    step,
    waiting_by,
)
from ctm_trio.model.config import Thresholds
from ctm_trio.model.event import Event
from ctm_trio.model.quota import Quota, Usage
from ctm_trio.model.session import successors
from ctm_trio.model.status import Status
from ctm_trio.model.times import parse_time
from ctm_trio.owners.attention.heard import Heard
from ctm_trio.owners.attention.yolo import YoloSessions

MAX_PENDING = 1000
"""Announcements that wait for the journal. When they are so many, states stop changing until it has taken some."""

NEW_S = 5.0
"""A session that was just recorded is not called dead before this: its record and what tmux says come one by one."""


class AttentionBook:
    """The states of all sessions and what they come from.

    All waits are in seconds of a clock that never jumps. The wall clock only dates what is announced, and says how far
    off the end of a limit is and how long ago a commit was made.

    Args:
        clock: unix seconds. steady: seconds of a clock that never jumps.

    Attributes:
        states: what holds of each session, by its name; sessions that need nobody are not in it.
        pending: announcements in order, for the owner to send.
        heard: what the logs and the clients have told.
        yolo: the sessions in yolo mode.
        due: when time alone may change a session next, by the steady clock.
        soonest: no later than the first of them, so that whoever waits for that sees when he must not wait so long.
        deferred: sessions that must be looked at again once `pending` is shorter.
        dirty: a state has changed since the owner published.
    """

    def __init__(
        self, clock: Clock, thresholds: Thresholds, sessions: SessionsSnapshot, steady: Callable[[], float]
    ) -> None:
        self.clock = clock
        self.steady = steady
        self.started = steady()
        self.thresholds = thresholds
        self.sessions = sessions
        self.quota = QuotaSnapshot()
        self._limits = (Limit(), Limit())
        self.heard = Heard(clock, steady, sessions.records)
        self.states: dict[str, Holding] = {}
        self.yolo = YoloSessions(clock, steady)
        self.statuses: Mapping[str, Status] = {}
        self.by_client: frozenset[str] = frozenset()
        self._new: dict[str, float] = {}
        self._past_usage: dict[str, Usage] = {}
        self._past_status: dict[str, Status] = {}
        self.due: dict[str, float] = {}
        self.soonest = math.inf
        self.pending: deque[Draft] = deque()
        self.deferred: set[str] = set()
        self.dirty = False
        self.yolo.note_modes(self.sessions.records)

    def use_sessions(self, new: SessionsSnapshot) -> list[str]:
        """Take over the sessions; the names of those that came, went, changed, or whose tmux session did."""
        old, self.sessions = self.sessions, new
        now = self.steady()
        if old.records is not new.records:
            came_from = successors(old.records, new.records)
            self._new |= {n: now for n in new.records if came_from.get(n) != n and not self._is_dead(came_from.get(n))}
            self._carry_over(old, new, came_from)
        self.yolo.note_modes(self.sessions.records)
        return [
            name
            for name in {**old.records, **new.records}
            if old.records.get(name) != new.records.get(name) or alive(old, name) != alive(new, name)
        ]

    def use_statuses(self, new: Mapping[str, Status], by_client: frozenset[str]) -> list[str]:
        """Take over the statuses, and which sessions have a client whose own word is known; those that differ."""
        old, was, self.statuses, self.by_client = self.statuses, self.by_client, new, by_client
        self._past_status = {n: status for n, status in self._past_status.items() if new.get(n) is status}
        return [
            name
            for name in self.sessions.records
            if old.get(name) != new.get(name) or (name in was) != (name in by_client)
        ]

    def snapshot(self) -> AttentionSnapshot:
        """What holds: the state of each session, and its warnings."""
        warnings = {n: tuple(w for w in holding if w.state in WARNINGS) for n, holding in self.states.items()}
        return AttentionSnapshot(
            {name: holding[0] for name, holding in self.states.items()}, {n: w for n, w in warnings.items() if w}
        )

    def use_quota(self, new: QuotaSnapshot) -> list[str]:
        """Take over the figures; the sessions that they may change: all, if a limit of the account may matter."""
        old, self.quota = self.quota, new
        self._past_usage = {n: usage for n, usage in self._past_usage.items() if new.sessions.get(n) is usage}
        if old.account != new.account:
            self._limits = _limits(new.account)
            if self._near_limit(old.account) or self._near_limit(new.account):
                return list(self.sessions.records)
        return [n for n in {**old.sessions, **new.sessions} if old.sessions.get(n) is not new.sessions.get(n)]

    def _near_limit(self, account: Quota | None) -> bool:
        if account is None:
            return False
        return max(account.weekly_pct or 0, account.five_hr_pct or 0) >= self.thresholds.quota_pct

    def _carry_over(self, old: SessionsSnapshot, new: SessionsSnapshot, came_from: Mapping[str, str]) -> None:
        """Let a renamed session keep its state, and what belonged to a session that is gone end with it.

        The latter also if there is another session of its name now.
        """
        states = self.states
        went_to = {was: name for name, was in came_from.items()}
        self.heard.carry_over(new.records, came_from)
        self.yolo.carry_over(went_to)
        self.states = {n: state for n, state in states.items() if n not in old.records}
        for name, record in old.records.items():
            if name in went_to:
                if name in states:
                    self.states[went_to[name]] = states[name]
                    self.dirty = self.dirty or went_to[name] != name
                continue
            if name in states:
                self.dirty = True
                self.pending.append(_draft(name, Transition(False, states[name][0]), record.uuid))
            if name in self.quota.sessions:
                self._past_usage[name] = self.quota.sessions[name]
            if name in self.statuses:
                self._past_status[name] = self.statuses[name]

    def look_at(self, names: Iterable[str]) -> None:
        """Apply the rules to these sessions; what changes is in `states` and `pending` then."""
        now, wall = self.steady(), self.clock()
        for name in names:
            if len(self.pending) >= MAX_PENDING:
                self.deferred.add(name)
                continue
            holding, inputs = self.states.get(name, ()), self._inputs(name, now, wall)
            if inputs is None:
                self.due.pop(name, None)
                if holding:
                    self._change(name, (), (Transition(False, holding[0]),))
                continue
            new, transitions = step(holding, inputs, now, wall)
            self._note_due(name, inputs, now)
            if new is not holding:
                self._change(name, new, transitions)

    def is_calm(self, event: Event) -> bool:
        """True if an event that was just folded cannot have changed the state of its session.

        Most are calls that succeed where nothing is the matter. When to look again is noted since the first call, if
        too soon.
        """
        name = event.session
        if event.hook is not None or event.is_error:
            return False
        holding = self.states.get(name, ())
        if any(state.state not in APART for state in holding) if holding else name not in self.due:
            return False
        return self.heard.is_calm(name, self.thresholds.error_rate_window)

    def _note_due(self, name: str, inputs: Inputs, now: float) -> None:
        new = self._new.get(name)
        times = (next_due(inputs, now), self.yolo.ask_at(name, inputs, now), None if new is None else new + NEW_S)
        due = min((time for time in times if time is not None), default=None)
        if due is None:
            self.due.pop(name, None)
        else:
            self.due[name] = due
            self.soonest = min(self.soonest, due)

    def _alive(self, name: str, now: float) -> bool | None:
        """What tmux says, but a session that was just recorded is at worst unknown."""
        found = alive(self.sessions, name)
        if name in self._new:
            if found is not True and now - self._new[name] < NEW_S:
                return None
            del self._new[name]
        return found

    def _is_dead(self, name: str | None) -> bool:
        """True if it was announced that tmux no longer has this session; a new name does not change that."""
        return name in self.states and self.states[name][0].state == "tmux_dead"

    def _inputs(self, name: str, now: float, wall: float) -> Inputs | None:
        """What the rules look at; None for a session that is not recorded."""
        if name not in self.sessions.records:
            self._new.pop(name, None)
            return None
        activity = self.heard.of(name)
        usage, yolo = self.quota.sessions.get(name), self.yolo.get(name)
        if name in self._past_usage:
            usage = None  # of the one that had the name before
        told = self.statuses.get(name)
        if name in self._past_status:
            told = None  # the same
        status = told if name in self.by_client or (told is not None and told.request_id) else None
        window = self.thresholds.error_rate_window
        return Inputs(
            thresholds=self.thresholds,
            alive=self._alive(name, now),
            asking=activity.asking if status is None else asking_by(status, activity.asking),
            waiting=activity.waiting if status is None else waiting_by(status, activity.waiting),
            by_client=status is not None,
            request_id="" if told is None else told.request_id,
            calls_seen=activity.calls_seen,
            last_failed=activity.last_failed,
            window_seen=min(len(activity.results), window),
            window_errors=activity.errors(window),
            week=_from_now(self._limits[0], now, wall),
            five_hours=_from_now(self._limits[1], now, wall),
            context_pct=None if usage is None else usage.context_pct,
            quiet_since=max(self.started, activity.last_sign),
            yolo_since=None if yolo is None else yolo.since,
            checkpoint_at=None if yolo is None else yolo.checkpoint_at,
            checked_at=None if yolo is None else yolo.checked_at,
        )

    def _change(self, name: str, new: Holding, transitions: tuple[Transition, ...]) -> None:
        self.dirty = True
        if new:
            self.states[name] = new
        else:
            del self.states[name]
        record = self.sessions.records.get(name)
        self.pending.extend(_draft(name, t, record.uuid if record is not None else "") for t in transitions)


def _from_now(limit: Limit, now: float, wall: float) -> Limit:
    """A limit whose end is in unix seconds, with its end by the steady clock; nothing once it is over."""
    if not limit.resets_at:
        return limit
    left = limit.resets_at - wall
    return Limit(limit.pct, now + left) if left > 0 else Limit()


def alive(sessions: SessionsSnapshot, name: str) -> bool | None:
    """What tmux says of a session, None while it cannot be asked. tmux writes `_` for a dot."""
    if not sessions.tmux_known:
        return None
    return name in sessions.alive or name.replace(".", "_") in sessions.alive


def _limits(account: Quota | None) -> tuple[Limit, Limit]:
    if account is None:
        return Limit(), Limit()
    return (
        Limit(account.weekly_pct, parse_time(account.weekly_resets_at) or 0.0),
        Limit(account.five_hr_pct, parse_time(account.five_hr_resets_at) or 0.0),
    )


def _draft(session: str, transition: Transition, uuid: str) -> Draft:
    """The announcement, filed with the log of that session: one of the same name later has no part in it."""
    attention = transition.attention
    fields = {"session": session, "state": attention.state}
    if transition.raised:
        fields |= {"since": attention.since, "details": attention.details, "trigger_rule": attention.state}
        if attention.request_id:
            fields["request_id"] = attention.request_id
    kind = "attention_raised" if transition.raised else "attention_cleared"
    return Draft(kind, session, msgspec.json.encode(fields), uuid=uuid)
