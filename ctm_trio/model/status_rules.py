"""One believable word for each session: its status, from all that is known of it. Pure; about ten microseconds.

The rules stand in their order; the first that holds is the status, and each of the others can say why it does not
hold. The client's own status file says whether it is busy, idle or waiting. Hooks say what it waits for and how its
turn ended. tmux says what is left when no client runs. Source: PROTOCOL.md, Status.

Two sources that tell of the same moment do so some milliseconds apart. Until the later one has spoken, or would have,
the status stays as it was: it never flickers.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import msgspec

from ctm_trio.model.status import (
    BACKGROUND,
    DIALOG,
    EXITED,
    FAILED_,
    GONE,
    LIMITED,
    PERMISSION,
    PLAN,
    QUESTION,
    STARTING,
    UNHEARD,
    WAITING,
    WORKING_,
    Evidence,
    OpenRequest,
    Status,
)
from ctm_trio.model.turn import ENDED, FAILED, STARTED, STOPPED, WORKING

FIRST_SCREEN_S = 6.0
"""A client that has said nothing for so long after its start shows a first-run dialog."""

UNHEARD_S = 30.0
"""A client that is busy for so long without a hook has none that reach us."""

ASK_SETTLE_S = 0.7
"""The status file says that a dialog is open a little before the hook says which."""

STATUS_S = 6.0
"""A client whose status file is there says in it within so long after its hook that it is ready; an older one never."""

TURN_SETTLE_S = 1.0
"""After a prompt or the end of a turn the status file follows within a tenth of a second; one that does not by then is
right, and the turn went another way (another hook held the prompt or the end back)."""

END_SETTLE_S = 0.5
"""When a client has ended, tmux may still have to say that its pane has."""

CLOSED_SETTLE_S = 1.0
"""After an answer the client's dialog closes within a tenth of a second."""

SETTLES_S = 2.0
"""Nothing takes longer to settle. Where it seems to, the clock was set back, and the times of two sources say nothing
of each other."""

OVER = frozenset({EXITED, GONE})
"""A session in one of these has no client. Only tmux, a client or its hooks can say that there is one again."""

LIMIT_ERROR = "rate_limit"
"""The error of a turn that ended because a limit of the account is reached."""


class Hit(msgspec.Struct, frozen=True):
    """A rule that holds. `since`: when by its evidence, 0 for now. `settles`: until then it is not certain."""

    reason: str
    source: str
    since: float = 0.0
    request_id: str = ""
    resets_at: float = 0.0
    settles: float = 0.0


Rule = Callable[[Evidence, float], "Hit | str"]
"""The status by this rule, or why it does not hold. The second argument is now, in unix seconds."""


def decide(evidence: Evidence, now: float, before: Status | None) -> tuple[Status, float]:
    """The status now, and when time alone may change it (unix seconds, infinity for never).

    Args:
        before: the status until now. One that is the same again keeps its `since`.
    """
    if before is not None and _stays_over(evidence, before):
        return before, math.inf
    for state, rule in RULES:
        found = rule(evidence, now)
        if isinstance(found, str):
            continue
        if (
            now < found.settles <= now + SETTLES_S
            and before is not None
            and (before.state, before.request_id) != (state, found.request_id)
        ):
            return before, found.settles
        since = before.since if before is not None and before.state == state else (found.since or now)
        fault = evidence.client.fault if evidence.client is not None else ""
        reason = f"{found.reason} {fault}" if fault else found.reason
        status = Status(state, since, reason, found.source, found.request_id, found.resets_at)
        return status, math.inf if _stays_over(evidence, status) else _next_due(evidence, now, found.settles)
    raise AssertionError("the last rule always holds")


def _stays_over(e: Evidence, status: Status) -> bool:
    """No client says anything, and tmux cannot be asked: a daemon that has just begun has not asked it yet."""
    return e.alive is None and e.client is None and status.state in OVER and e.turn.at <= status.since


def rejected(evidence: Evidence, now: float, state: str) -> list[tuple[str, str]]:
    """Every other state, and why it is not the one; of two rules that lead to a state both say it."""
    found: dict[str, str] = {}
    for name, rule in RULES:
        if name == state:
            continue
        result = rule(evidence, now)
        why = result if isinstance(result, str) else f"{state} comes before it."
        if name not in found:
            found[name] = why
        elif why != found[name]:
            found[name] += f" {why[:1].upper()}{why[1:]}"
    return list(found.items())


def _next_due(evidence: Evidence, now: float, settles: float) -> float:
    times = [
        settles if settles <= now + SETTLES_S else 0.0,
        evidence.launched + FIRST_SCREEN_S if evidence.launched else 0.0,
    ]
    if _loads(evidence, now):
        times.append(evidence.turn.at + STATUS_S)
    if evidence.says == "busy":
        times.append(evidence.says_since + UNHEARD_S)
    return min((time for time in times if time > now), default=math.inf)


# ------------------------------------------------------------ the rules


def _gone(e: Evidence, now: float) -> Hit | str:
    if e.alive is not False:
        return "tmux has the session." if e.alive else "tmux cannot be asked."
    if e.client is not None:
        return f"its client runs (process {e.client.pid})."
    return Hit("tmux does not have this session any more.", "tmux")


def _exited(e: Evidence, now: float) -> Hit | str:
    if e.client is not None:
        return f"its client runs (process {e.client.pid})."
    if e.pane_dead:
        return Hit("Claude Code has ended; its pane is kept.", "tmux", e.ended_at, settles=e.ended_at + END_SETTLE_S)
    fresh = e.launched > max(e.ended_at, e.turn.at)
    if e.ended and not fresh and e.turn.at <= e.ended_at + SETTLES_S:
        text = "Claude Code has ended; its pane still stands."
        return Hit(text, "client", e.ended_at, settles=e.ended_at + END_SETTLE_S)
    if e.turn.phase == ENDED and not fresh:
        return Hit("Claude Code has ended; its pane still stands.", "hook", e.turn.at, settles=e.turn.at + END_SETTLE_S)
    if not e.at_shell:
        return "another program was started in its pane since." if fresh else "no end of its client was seen."
    if fresh and now < e.launched + FIRST_SCREEN_S:
        return f"its pane was opened less than {FIRST_SCREEN_S:.0f} s ago."
    return Hit("No Claude Code runs in its terminal; a shell waits for a command there.", "tmux")


def _asks(kind: str) -> Rule:
    def rule(e: Evidence, now: float) -> Hit | str:
        first = e.requests[0] if e.requests else None
        if first is not None:
            if first.kind != kind:
                return f"the request that is open is of another kind ({first.kind})."
            return Hit(_asked(first), "screen" if kind == DIALOG else "hook", first.at, first.id)
        if e.says != "waiting" or e.client is None:
            return "no such request is open, and the client does not wait." if e.says else "no such request is open."
        waits_for = e.client.waiting_for
        if _kind_of(waits_for) != kind:
            return f"the client waits for something else ({waits_for or 'unnamed'})."
        settles = max(e.says_since + ASK_SETTLE_S, e.closed_at + CLOSED_SETTLE_S)
        return Hit(_WAITS[kind], "client", e.says_since, settles=settles)

    return rule


def _kind_of(waiting_for: str) -> str:
    """What a client's `waitingFor` is for a person."""
    if waiting_for in ("permission prompt", "sandbox request", "worker request"):
        return PERMISSION
    return QUESTION if waiting_for == "input needed" else DIALOG


_WAITS = {
    PERMISSION: "Waits for your approval in the terminal.",
    QUESTION: "Asks you something in the terminal.",
    PLAN: "Shows a plan in the terminal.",
    DIALOG: "A dialog of Claude Code is open.",
}


def _asked(request: OpenRequest) -> str:
    who = f"Its sub-agent {request.agent} waits" if request.agent else "Waits"
    what = f": {request.summary}" if request.summary else "."
    if request.kind == QUESTION:
        return f"{'Asks you' if not request.agent else f'Its sub-agent {request.agent} asks you'}{what}"
    if request.kind == PLAN:
        return f"{who} for your decision on a plan{what}"
    if request.kind == DIALOG:
        return f"A dialog is open{what}"
    return f"{who} for your approval{what}"


def _first_dialog(e: Evidence, now: float) -> Hit | str:
    """A client that has said nothing since its start: trust, login and the like open before its status file."""
    if e.says or e.turn.phase:
        return "the client has said that it is ready."
    if e.client is not None and e.client.fault:
        return "its status file is there, and not believed."
    if not e.launched:
        return "it is not known when it was launched."
    since = e.launched + FIRST_SCREEN_S
    if now < since:
        return f"it was launched less than {FIRST_SCREEN_S:.0f} s ago."
    return Hit("A first-run dialog is open in the terminal (folder trust, login or a warning).", "screen", since)


def _unheard(e: Evidence, now: float) -> Hit | str:
    if e.client is None or e.says != "busy":
        return "no client of it is busy without being heard."
    if e.turn.heard_at >= e.says_since - TURN_SETTLE_S and e.turn.heard:
        return "its hooks arrive."
    if not e.unheard and now < e.says_since + UNHEARD_S:
        return f"it is busy for less than {UNHEARD_S:.0f} s."
    text = "It works, but none of its hooks arrives; check the settings of Claude Code (`ctm-trio overlay`)."
    return Hit(text, "client", e.says_since)


def _stopped(phase: str, e: Evidence, now: float) -> str:
    """Why the turn is not over in this way; "" if it is."""
    if e.says == "busy":
        return "the client is busy."
    if e.says == "waiting":
        return "a dialog is open."
    if e.turn.phase != phase:
        return f"the last turn did not end so ({e.turn.phase or 'nothing was heard'})."
    return ""


def _failed(e: Evidence, now: float) -> Hit | str:
    if why := _stopped(FAILED, e, now):
        return why
    if e.turn.error == LIMIT_ERROR:
        return "the error is a limit of the account."
    return Hit(f"Stopped by an error: {e.turn.words or e.turn.error}", "hook", e.turn.at)


def _limited(e: Evidence, now: float) -> Hit | str:
    if why := _stopped(FAILED, e, now):
        return why
    if e.turn.error != LIMIT_ERROR:
        return f"the error is no limit ({e.turn.error})."
    return Hit(f"A usage limit is reached: {e.turn.words or e.turn.error}", "hook", e.turn.at, resets_at=e.resets_at)


def _background(e: Evidence, now: float) -> Hit | str:
    over = e.turn.phase == STOPPED
    if e.says == "shell":
        return Hit("Its turn is over; a command runs on in the background.", "client", e.says_since)
    if e.says == "waiting":
        return "a dialog is open."
    if not over:
        return "its last turn is not over."
    if e.turn.background and e.says != "idle":
        what = "one task runs" if e.turn.background == 1 else f"{e.turn.background} tasks run"
        return Hit(f"Its turn is over; {what} on in the background.", "hook", e.turn.at)
    if e.turn.background and e.says_since <= e.turn.at:
        return Hit("Its turn is over; something runs on in the background.", "hook", e.turn.at)
    if e.turn.crons:
        what = "a schedule" if e.turn.crons == 1 else f"{e.turn.crons} schedules"
        return Hit(f"Its turn is over; {what} may wake it.", "hook", e.turn.at)
    return "nothing runs on."


READY = "Ready for a prompt."
"""Just started, also where it goes on with a conversation."""


def _working(e: Evidence, now: float) -> Hit | str:
    if e.says == "busy":
        settles = e.turn.at + TURN_SETTLE_S if e.turn.phase in (STOPPED, FAILED) and e.turn.at > e.says_since else 0.0
        return Hit("Works on its turn.", "client", e.says_since, settles=settles)
    if e.says:
        return f"the client says that it is {e.says}."
    if e.turn.phase == WORKING:
        return Hit("Works on its turn.", "hook", e.turn.at)
    return "no turn is under way."


def _waiting(e: Evidence, now: float) -> Hit | str:
    if e.says == "idle":
        settles = e.turn.at + TURN_SETTLE_S if e.turn.phase == WORKING and e.turn.at > e.says_since else 0.0
        if e.turn.phase == STOPPED:
            return Hit(_last_words(e), "hook", max(e.turn.at, e.says_since), settles=settles)
        if e.turn.phase in ("", STARTED):
            return Hit(READY, "client", e.says_since, settles=settles)
        return Hit("Interrupted or refused; waits for you.", "client", e.says_since, settles=settles)
    if e.says:
        return f"the client says that it is {e.says}."
    if e.turn.phase == STOPPED:
        return Hit(_last_words(e), "hook", e.turn.at)
    if _loads(e, now):
        return "its status file does not say yet that it is ready."
    if e.turn.phase == STARTED:  # its status file follows, and only then it takes a prompt
        return Hit(READY, "hook", e.turn.at, settles=e.turn.at + TURN_SETTLE_S)
    return "its last turn is not over." if e.turn.phase else "nothing was heard of it."


def _loads(e: Evidence, now: float) -> bool:
    """Its hook has come and its status file is there, but has no status yet: it takes no prompt before that."""
    has_file = e.client is not None and not e.client.status and not e.client.fault
    return has_file and e.turn.phase == STARTED and 0 <= now - e.turn.at < STATUS_S


def _last_words(e: Evidence) -> str:
    return f"Waits for you: {e.turn.words}" if e.turn.words else "Finished; waits for you."


def _starting(e: Evidence, now: float) -> Hit | str:
    if _loads(e, now):
        return Hit("Started; it is not ready for a prompt yet.", "client", e.launched or e.turn.at)
    return Hit("Started; nothing was heard of it yet.", "tmux", e.launched)


RULES: tuple[tuple[str, Rule], ...] = (
    (GONE, _gone),
    (EXITED, _exited),
    (PERMISSION, _asks(PERMISSION)),
    (QUESTION, _asks(QUESTION)),
    (PLAN, _asks(PLAN)),
    (DIALOG, _asks(DIALOG)),
    (DIALOG, _first_dialog),
    (UNHEARD, _unheard),
    (FAILED_, _failed),
    (LIMITED, _limited),
    (BACKGROUND, _background),
    (WORKING_, _working),
    (WAITING, _waiting),
    (STARTING, _starting),
)
"""State and rule, in the order in which they are asked. Two rules may lead to one state."""
