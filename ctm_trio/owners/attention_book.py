"""Every session's attention: what is known, and what changes. Synchronous; the attention task alone drives it."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import msgspec

from ctm_trio.core.clock import Clock
from ctm_trio.messages.journal import Draft
from ctm_trio.messages.quota import QuotaSnapshot
from ctm_trio.messages.sessions import SessionsSnapshot
from ctm_trio.model.activity import Activity, LiveStatus, Remembered
from ctm_trio.model.attention import Attention, Inputs, Limit, Transition, next_due, step, yolo_due
from ctm_trio.model.config import Thresholds
from ctm_trio.model.event import Event, HookFacts
from ctm_trio.model.line_order import RACE_S, Line
from ctm_trio.model.quota import Quota, Usage
from ctm_trio.model.session import successors
from ctm_trio.model.times import parse_time

CHECKPOINT_S = 60.0
"""A session in yolo mode is asked for its checkpoints at most this often."""

MAX_PENDING = 1000
"""Announcements that wait for the journal. When they are so many, states stop changing until it has taken some."""

NEW_S = 5.0
"""A session that was just recorded is not called dead before this: its record and what tmux says come one by one."""

MAX_STRANGERS = 4096
"""Summaries of sessions that are not recorded (yet). Past it they are forgotten."""


@dataclass(slots=True)
class Yolo:
    """A session in yolo mode. Seconds of the clock that never jumps; None: not asked yet, or no checkpoint.

    `commit_at`: the newest checkpoint's own time, in unix seconds.
    """

    since: float
    checkpoint_at: float | None = None
    checked_at: float | None = None
    asked_at: float = -math.inf
    commit_at: float | None = None


class AttentionBook:
    """The states of all sessions and what they come from.

    All waits are in seconds of a clock that never jumps. The wall clock only dates what is announced, and says how far
    off the end of a limit is and how long ago a commit was made.

    Args:
        clock: unix seconds. steady: seconds of a clock that never jumps.

    Attributes:
        states: by session name; sessions that need nobody are not in it.
        pending: announcements in order, for the owner to send.
        overdue: sessions in yolo mode whose checkpoint should be asked for now.
        due: when time alone may change a session next, by the steady clock.
        soonest: no later than the first of them, so that whoever waits for that sees when he must not wait so long.
        live: the logs have been read to their ends; what comes now is new.
        deferred: sessions that must be looked at again once `pending` is shorter.
        dirty: a state has changed since the owner published.
    """

    def __init__(
        self, clock: Clock, thresholds: Thresholds, sessions: SessionsSnapshot, steady: Callable[[], float]
    ) -> None:
        self.clock = clock
        self.steady = steady
        self.started = steady()
        self.live = False
        self.thresholds = thresholds
        self.sessions = sessions
        self.quota = QuotaSnapshot()
        self._limits = (Limit(), Limit())
        self.activities: dict[str, Activity] = {}
        self.states: dict[str, Attention] = {}
        self.yolo: dict[str, Yolo] = {}
        self._new: dict[str, float] = {}
        self._live: Mapping[str, LiveStatus] = {}
        self._past: dict[str, str] = {}
        """Claude session id → the name of a session that had it and is gone: what it still says is the past's."""
        self._past_usage: dict[str, Usage] = {}
        self.due: dict[str, float] = {}
        self.soonest = math.inf
        self.pending: deque[Draft] = deque()
        self.deferred: set[str] = set()
        self.overdue: dict[str, None] = {}
        self.dirty = False
        self._note_modes()

    # ------------------------------------------------------------ what is known

    def fold(self, event: Event, wall: float) -> None:
        """Take in a tool call or a hook event that has just come, at `wall` in unix seconds."""
        if self._past.get(event.uuid) == event.session:
            return
        name = event.session if event.session in self.sessions.records else _stranger(event.uuid) or event.session
        activity = self.activities.get(name)
        if activity is None:
            if len(self.activities) > MAX_STRANGERS + len(self.sessions.records):
                self.activities = {n: a for n, a in self.activities.items() if n in self.sessions.records}
            activity = self.activities[name] = Activity()
        written = parse_time(event.ts)
        came = min(wall, event.id / 1e9)  # an id may lie ahead, after the clock was set back
        ts = came if written is None else written
        line = Line(ts, _file(event.uuid, event.hook is not None), came - ts > RACE_S, self.live)
        waits = self.still_waiting(event.uuid)
        fold(activity, line, event.hook, event.is_error, event.tool, event.agent_id, self.steady(), still_waiting=waits)

    def recall(self, name: str, events: Iterable[Remembered], taken: int) -> None:
        """Take a session's past from the event log, in place of what was known.

        Args:
            taken: id of the last event that was folded before: what is newer came meanwhile.
        """
        old = self.activities.get(name)
        activity = self.activities[name] = Activity(last_sign=old.last_sign if old else 0.0)
        now = self.steady()
        for event in events:
            line = Line(event.written, _file(event.uuid, event.hook is not None), event.late, live=False)
            at = now if event.id > taken > 0 else 0.0
            waits = self.still_waiting(event.uuid)
            fold(activity, line, event.hook, event.is_error, event.tool, event.agent_id, at, still_waiting=waits)

    def wants_word(self, event: Event) -> bool:
        """True if the client's own word is needed before this event can be folded: does it still wait?"""
        activity = self.activities.get(event.session)
        return activity is not None and activity.agent_asks and not event.agent_id

    def still_waiting(self, uuid: str) -> bool:
        """True if that client said, when it was heard last, that a dialog is open."""
        status = self._live.get(uuid)
        return status is not None and status.status == "waiting"

    def use_sessions(self, new: SessionsSnapshot) -> list[str]:
        """Take over the sessions; the names of those that came, went, changed, or whose tmux session did."""
        old, self.sessions = self.sessions, new
        now = self.steady()
        if old.records is not new.records:
            came_from = successors(old.records, new.records)
            self._new |= {n: now for n in new.records if came_from.get(n) != n and not self._is_dead(came_from.get(n))}
            self._carry_over(old, new, came_from)
        self._note_modes()
        return [
            name
            for name in {**old.records, **new.records}
            if old.records.get(name) != new.records.get(name) or alive(old, name) != alive(new, name)
        ]

    def use_quota(self, new: QuotaSnapshot) -> list[str]:
        """Take over the figures; the sessions that they may change: all, if a limit of the account may matter."""
        old, self.quota = self.quota, new
        self._past_usage = {n: usage for n, usage in self._past_usage.items() if new.sessions.get(n) is usage}
        if old.account != new.account:
            self._limits = _limits(new.account)
            if self._near_limit(old.account) or self._near_limit(new.account):
                return list(self.sessions.records)
        return [n for n in {**old.sessions, **new.sessions} if old.sessions.get(n) is not new.sessions.get(n)]

    def asking(self) -> list[str]:
        """The sessions that wait for an approval, as far as is known."""
        return [name for name, activity in self.activities.items() if activity.asking and name in self.sessions.records]

    def hear(self, live: Mapping[str, LiveStatus]) -> None:
        """Keep what the clients say, by Claude session id, for the events that come next."""
        self._live = live

    def use_live(self, live: Mapping[str, LiveStatus]) -> list[str]:
        """Take over what the clients say, by Claude session id; the sessions that this changes."""
        self.hear(live)
        changed, now = [], self.clock()
        for name in self.asking():
            activity = self.activities[name]
            status = live.get(activity.asking_uuid) or live.get(self.sessions.records[name].uuid)
            if status is not None and activity.live(status, now):
                changed.append(name)
        return changed

    def _near_limit(self, account: Quota | None) -> bool:
        if account is None:
            return False
        return max(account.weekly_pct or 0, account.five_hr_pct or 0) >= self.thresholds.quota_pct

    def _carry_over(self, old: SessionsSnapshot, new: SessionsSnapshot, came_from: Mapping[str, str]) -> None:
        """Let a renamed session keep its state, and what belonged to a session that is gone end with it.

        The latter also if there is another session of its name now.

        A session that was recorded after its first lines takes over what they said under their provisional name.
        """
        activities, states, yolo = self.activities, self.states, self.yolo
        went_to = {was: name for name, was in came_from.items()}
        strangers = {n: a for n, a in activities.items() if n not in old.records}
        self.activities = {went_to[n]: a for n, a in activities.items() if n in went_to}
        self.states = {n: state for n, state in states.items() if n not in old.records}
        self.yolo = {went_to[n]: y for n, y in yolo.items() if n in went_to}
        for name, record in old.records.items():
            if name in went_to:
                if name in states:
                    self.states[went_to[name]] = states[name]
                    self.dirty = self.dirty or went_to[name] != name
                continue
            self._past[record.uuid] = name
            if name in states:
                self.dirty = True
                self.pending.append(_draft(name, Transition(False, states[name]), record.uuid))
            if name in self.quota.sessions:
                self._past_usage[name] = self.quota.sessions[name]
        for name, record in new.records.items():
            self._past.pop(record.uuid, None)
            if name not in came_from and _stranger(record.uuid) in strangers:
                self.activities[name] = strangers.pop(_stranger(record.uuid))
        self.activities |= {n: a for n, a in strangers.items() if n not in self.activities and n not in new.records}
        while len(self._past) > MAX_STRANGERS:
            del self._past[next(iter(self._past))]

    def _note_modes(self) -> None:
        now, records = self.steady(), self.sessions.records
        for name, record in records.items():
            if record.mode == "yolo":
                self.yolo.setdefault(name, Yolo(now))
        for name in [n for n in self.yolo if n not in records or records[n].mode != "yolo"]:
            del self.yolo[name]

    def note_checkpoint(self, name: str, commit_at: float | None) -> None:
        """What was found when a session was asked for its newest checkpoint, whose time is in unix seconds.

        How long ago that was is worked out once for each checkpoint: the clock may be set before the next look.
        """
        yolo = self.yolo.get(name)
        if yolo is None:
            return
        now = yolo.checked_at = self.steady()
        if commit_at is None:
            yolo.checkpoint_at = None
        elif commit_at != yolo.commit_at:
            yolo.checkpoint_at = now - max(0.0, self.clock() - commit_at)
        yolo.commit_at = commit_at

    # ------------------------------------------------------------ what changes

    def look_at(self, names: Iterable[str]) -> None:
        """Apply the rules to these sessions; what changes is in `states` and `pending` then."""
        now, wall = self.steady(), self.clock()
        for name in names:
            if len(self.pending) >= MAX_PENDING:
                self.deferred.add(name)
                continue
            state, inputs = self.states.get(name), self._inputs(name, now, wall)
            if inputs is None:
                self.due.pop(name, None)
                if state is not None:
                    self._change(name, None, (Transition(False, state),))
                continue
            new, transitions = step(state, inputs, now, wall)
            self._note_due(name, inputs, now)
            if new is not state:
                self._change(name, new, transitions)

    def _note_due(self, name: str, inputs: Inputs, now: float) -> None:
        new = self._new.get(name)
        times = (next_due(inputs, now), self._ask_at(name, inputs, now), None if new is None else new + NEW_S)
        due = min((time for time in times if time is not None), default=None)
        if due is None:
            self.due.pop(name, None)
        else:
            self.due[name] = due
            self.soonest = min(self.soonest, due)

    def _ask_at(self, name: str, inputs: Inputs, now: float) -> float | None:
        """Have an overdue checkpoint asked for, at once or when it was asked for long enough ago."""
        yolo, overdue = self.yolo.get(name), yolo_due(inputs)
        if yolo is None or overdue is None or now < overdue or not inputs.alive:
            return None
        if now - yolo.asked_at < CHECKPOINT_S:
            return yolo.asked_at + CHECKPOINT_S
        yolo.asked_at = now
        self.overdue[name] = None
        return now + CHECKPOINT_S

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
        return name in self.states and self.states[name].state == "tmux_dead"

    def _inputs(self, name: str, now: float, wall: float) -> Inputs | None:
        """What the rules look at; None for a session that is not recorded."""
        if name not in self.sessions.records:
            self._new.pop(name, None)
            return None
        activity = self.activities.get(name) or Activity()
        usage, yolo = self.quota.sessions.get(name), self.yolo.get(name)
        if name in self._past_usage:
            usage = None  # of the one that had the name before
        window = self.thresholds.error_rate_window
        return Inputs(
            thresholds=self.thresholds,
            alive=self._alive(name, now),
            asking=activity.asking,
            waiting=activity.waiting,
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

    def _change(self, name: str, new: Attention | None, transitions: tuple[Transition, ...]) -> None:
        self.dirty = True
        if new is None:
            del self.states[name]
        else:
            self.states[name] = new
        record = self.sessions.records.get(name)
        self.pending.extend(_draft(name, t, record.uuid if record is not None else "") for t in transitions)


def fold(
    activity: Activity,
    line: Line,
    hook: HookFacts | None,
    is_error: bool,
    tool: str,
    agent_id: str,
    at: float,
    *,
    still_waiting: bool = False,
) -> None:
    """Take an event into a summary.

    Args:
        at: when it came, by the steady clock.
        still_waiting: the client itself says that a dialog is open.
    """
    if hook is None:
        activity.call(is_error, tool=tool, agent_id=agent_id, line=line, at=at, still_waiting=still_waiting)
    else:
        activity.hook(hook, line=line, at=at, still_waiting=still_waiting)


def _file(uuid: str, is_hook: bool) -> str:
    """A name for a log file among those of a session: it has one of each kind for each Claude session."""
    return uuid + "/hooks" if is_hook else uuid


def _from_now(limit: Limit, now: float, wall: float) -> Limit:
    """A limit whose end is in unix seconds, with its end by the steady clock; nothing once it is over."""
    if not limit.resets_at:
        return limit
    left = limit.resets_at - wall
    return Limit(limit.pct, now + left) if left > 0 else Limit()


def _stranger(uuid: str) -> str:
    """The name under which the summary of a log that no session has (yet) is kept."""
    return f"uuid:{uuid}" if uuid else ""


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
    kind = "attention_raised" if transition.raised else "attention_cleared"
    return Draft(kind, session, msgspec.json.encode(fields), uuid=uuid)
