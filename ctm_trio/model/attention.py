"""When a session needs its person: nine rules in one order, and one pure step from state to state.

The order is the precedence: a session has one state, the first whose rule holds. Source: PROTOCOL.md, Attention.

    tmux_dead           tmux has no such session
    permission_request  it waits for an approval
    last_error_call     its last tool call failed
    error_burst         too many of its last calls failed, and that many were seen
    quota_high          a limit of the account is nearly used up (a limit whose time has passed is none)
    context_imminent    its context window is nearly full
    yolo_unchecked      in yolo mode for long, and no checkpoint meanwhile
    stuck               alive, has called tools, and shows no sign of work for long; not while it waits for its person
    waiting_input       it finished and waits for its person
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from ctm_trio.model.config import Thresholds
from ctm_trio.model.status import ASKING, FAILED_, LIMITED, WAITING, Status
from ctm_trio.model.times import format_time


class Attention(msgspec.Struct, frozen=True):
    """Why a session needs its person. `since` is RFC 3339 and never moves while the state lasts.

    `request_id`: the open request that it is about, or "".
    """

    state: str
    since: str
    details: str = ""
    request_id: str = ""


class Limit(msgspec.Struct, frozen=True):
    """A limit of the account: whole percents or None, and when it starts anew in seconds, 0 if unknown."""

    pct: int | None = None
    resets_at: float = 0.0

    def at(self, now: float) -> int | None:
        """The percentage, None once the limit's time has passed."""
        return None if self.resets_at and self.resets_at <= now else self.pct


class Inputs(msgspec.Struct, frozen=True):
    """All that the rules may look at, of one session. Times are seconds of one clock, the same as that of `now`.

    Attributes:
        alive: what tmux says, None while it cannot be asked.
        asking / waiting: what to say about the approval or the input that it waits for, "" if it does not. By its
            client's own word where that is known (`by_client`), else by its hooks.
        by_client: its client's status is known; one that is busy is not stuck, one that is not waits for its person.
        request_id: what it asks, if that is known.
        calls_seen: tool calls ever seen.
        last_failed: the last one failed.
        window_seen / window_errors: of the last `error_rate_window` calls, how many were seen and how many failed.
        quiet_since: the last sign of work, or the daemon's start if that is later.
        yolo_since: when the daemon first saw it in yolo mode, None in another mode.
        checkpoint_at: its newest checkpoint, None if there is none; checked_at: when that was looked up, None if never.
    """

    thresholds: Thresholds = msgspec.field(default_factory=Thresholds)
    alive: bool | None = True
    asking: str = ""
    waiting: str = ""
    by_client: bool = False
    request_id: str = ""
    calls_seen: int = 0
    last_failed: bool = False
    window_seen: int = 0
    window_errors: int = 0
    week: Limit = Limit()
    five_hours: Limit = Limit()
    context_pct: int | None = None
    quiet_since: float = 0.0
    yolo_since: float | None = None
    checkpoint_at: float | None = None
    checked_at: float | None = None


class Transition(msgspec.Struct, frozen=True):
    """An `attention_raised` (`raised`) or `attention_cleared` of this state."""

    raised: bool
    attention: Attention


Holding = tuple[Attention, ...]
"""The states whose rules hold now, most urgent first: the first is the session's state."""


def step(
    holding: Holding, inputs: Inputs, now: float, wall: float | None = None
) -> tuple[Holding, tuple[Transition, ...]]:
    """What holds after these inputs, and what to announce: the end of the old state, then the start of the new one.

    A state keeps its `since` as long as its rule holds, also while a more urgent one passes over it. New details change
    it without an announcement. Equal inputs at the same time change nothing. Pure. Source: PROTOCOL.md, Attention.

    Args:
        holding: what held before, () for nothing.
        now: seconds of the clock of the inputs.
        wall: unix seconds, for `since`; None if `now` is in those.
    """
    found: list[Attention] = []
    for name, rule in RULES:
        details = rule(inputs, now)
        if details is None:
            continue
        id_ = inputs.request_id if name == "permission_request" else ""
        old = next((state for state in holding if state.state == name), None)
        if old is None:
            found.append(Attention(name, format_time(now if wall is None else wall), details, id_))
        elif (old.details, old.request_id) == (details, id_):
            found.append(old)
        else:
            found.append(Attention(name, old.since, details, id_))
    new = holding if list(holding) == found else tuple(found)
    before, after = holding[0] if holding else None, new[0] if new else None
    if before is not None and after is not None and before.state == after.state:
        return new, ()
    ended = () if before is None else (Transition(False, before),)
    started = () if after is None else (Transition(True, after),)
    return new, ended + started


def asking_by(status: Status, by_hooks: str) -> str:
    """What to say about the approval that it waits for, by its status; "" if it waits for none.

    Args:
        by_hooks: what its hooks say, which name the call.
    """
    return (by_hooks or status.reason) if status.state in ASKING else ""


def waiting_by(status: Status, by_hooks: str) -> str:
    """What to say about the input that it waits for, by its status; "" if it waits for none."""
    return (by_hooks or status.reason) if status.state in (WAITING, FAILED_, LIMITED) else ""


def first_rule(inputs: Inputs, now: float) -> tuple[str, str] | None:
    """The first rule of the order that holds, as (state, details)."""
    for name, rule in RULES:
        details = rule(inputs, now)
        if details is not None:
            return name, details
    return None


def next_due(inputs: Inputs, now: float) -> float | None:
    """When time alone may change the answer next; None: never."""
    times = (stuck_at(inputs), yolo_due(inputs), inputs.week.resets_at, inputs.five_hours.resets_at)
    return min((t for t in times if t is not None and t > now), default=None)


def yolo_due(inputs: Inputs) -> float | None:
    """When a checkpoint is overdue; None outside yolo mode."""
    if inputs.yolo_since is None:
        return None
    return max(inputs.yolo_since, inputs.checkpoint_at or 0.0) + inputs.thresholds.yolo_unchecked_minutes * 60


def stuck_at(inputs: Inputs) -> float | None:
    """When it has been quiet for too long; None if that does not count for it."""
    if not inputs.alive or not inputs.calls_seen or inputs.asking or inputs.waiting or inputs.by_client:
        return None
    return inputs.quiet_since + inputs.thresholds.idle_minutes * 60


def _tmux_dead(inputs: Inputs, now: float) -> str | None:
    return "tmux session no longer exists" if inputs.alive is False else None


def _permission_request(inputs: Inputs, now: float) -> str | None:
    return inputs.asking or None


def _last_error_call(inputs: Inputs, now: float) -> str | None:
    return "last tool call returned is_error=true" if inputs.last_failed else None


def _error_burst(inputs: Inputs, now: float) -> str | None:
    window = inputs.thresholds.error_rate_window
    if inputs.window_seen < window or inputs.window_errors * 100 < inputs.thresholds.error_rate_pct * window:
        return None
    return f"{inputs.window_errors} errors in last {window} calls"


def _quota_high(inputs: Inputs, now: float) -> str | None:
    known = [(name, pct) for name, limit in (("weekly", inputs.week), ("5h", inputs.five_hours))
             if (pct := limit.at(now)) is not None]  # fmt: skip
    if all(pct < inputs.thresholds.quota_pct for _, pct in known):
        return None
    return " / ".join(f"{name} {pct}%" for name, pct in known)


def _context_imminent(inputs: Inputs, now: float) -> str | None:
    if inputs.context_pct is None or inputs.context_pct < inputs.thresholds.context_pct:
        return None
    return f"context window {inputs.context_pct}%"


def _yolo_unchecked(inputs: Inputs, now: float) -> str | None:
    due = yolo_due(inputs)
    if due is None or now < due or inputs.checked_at is None or inputs.checked_at < due:
        return None
    return "yolo mode without recent checkpoint"


def _stuck(inputs: Inputs, now: float) -> str | None:
    at = stuck_at(inputs)
    return "no tool call in > idle threshold" if at is not None and now >= at else None


def _waiting_input(inputs: Inputs, now: float) -> str | None:
    return inputs.waiting or None


RULES: tuple[tuple[str, Callable[[Inputs, float], str | None]], ...] = (
    ("tmux_dead", _tmux_dead),
    ("permission_request", _permission_request),
    ("last_error_call", _last_error_call),
    ("error_burst", _error_burst),
    ("quota_high", _quota_high),
    ("context_imminent", _context_imminent),
    ("yolo_unchecked", _yolo_unchecked),
    ("stuck", _stuck),
    ("waiting_input", _waiting_input),
)
"""State and rule, most urgent first. A rule gives the details, or None if it does not hold."""

STATES = tuple(name for name, _ in RULES)

WARNINGS = (
    "last_error_call", "error_burst", "quota_high", "context_imminent", "yolo_unchecked", "stuck",
)  # fmt: skip
"""States that may hold while the session works on: warnings, whatever its status is. Source: PROTOCOL.md, Status."""

APART = frozenset({"tmux_dead", "quota_high", "context_imminent", "yolo_unchecked"})
"""States that do not come from what the session does: no call ends them."""
