"""The rules of a session's status, one by one."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ctm_trio.model.clients import Client
from ctm_trio.model.event import HookFacts
from ctm_trio.model.line_order import Line
from ctm_trio.model.status import BLOCKED, STATES, Evidence, OpenRequest, Status, recalled_status, status_fields
from ctm_trio.model.status_rules import (
    ASK_SETTLE_S,
    CLOSED_SETTLE_S,
    END_SETTLE_S,
    FIRST_SCREEN_S,
    STATUS_S,
    TURN_SETTLE_S,
    UNHEARD_S,
    decide,
    rejected,
)
from ctm_trio.model.turn import Turn

NOW = 1_800_000_000.0


def turn(*events: tuple[str, float] | tuple[str, float, dict[str, object]]) -> Turn:
    """The turn after these hooks: name, how many seconds ago, and more of the facts."""
    folded = Turn()
    for name, ago, *more in events:
        facts = HookFacts(name, **(more[0] if more else {}))  # type: ignore[arg-type]
        folded.hook(facts, Line(NOW - ago, "u/hooks"), NOW - ago)
    return folded


def client(status: str, ago: float = 60.0, waiting_for: str = "") -> Client:
    """A client whose file says this since so many seconds."""
    return Client(7, "1", "u", status=status, waiting_for=waiting_for, since=NOW - ago, pane="%0")


def state(evidence: Evidence, before: Status | None = None, now: float = NOW) -> str:
    """The state that follows."""
    return decide(evidence, now, before)[0].state


PROMPTED = turn(("UserPromptSubmit", 60))
STOPPED = turn(("UserPromptSubmit", 60), ("Stop", 30, {"text": "All done."}))


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        (Evidence(alive=False), "gone"),
        (Evidence(pane_dead=True, ended_at=NOW - 9), "exited"),
        (Evidence(ended=True, ended_at=NOW - 9), "exited"),
        (Evidence(at_shell=True, turn=PROMPTED), "exited"),
        (Evidence(at_shell=True, launched=NOW - FIRST_SCREEN_S - 1), "exited"),
        (Evidence(at_shell=True, launched=NOW - 2), "starting"),
        (Evidence(at_shell=True, client=client("idle"), turn=STOPPED), "waiting"),
        (Evidence(ended=True, ended_at=NOW - 9, turn=turn(("SessionStart", 5))), "waiting"),
        (Evidence(turn=turn(("SessionStart", 90), ("SessionEnd", 30, {"kind": "prompt_input_exit"}))), "exited"),
        (Evidence(ended=True, ended_at=NOW - 9, launched=NOW - 3), "starting"),
        (Evidence(requests=(OpenRequest("r", "permission"),), client=client("waiting")), "permission"),
        (Evidence(requests=(OpenRequest("r", "question"),), client=client("waiting")), "question"),
        (Evidence(requests=(OpenRequest("r", "plan"),), client=client("waiting")), "plan"),
        (Evidence(requests=(OpenRequest("r", "dialog"),), client=client("waiting")), "dialog"),
        (Evidence(requests=(OpenRequest("r", "permission", agent="Explore"),), client=client("busy")), "permission"),
        (Evidence(client=client("waiting", waiting_for="permission prompt")), "permission"),
        (Evidence(client=client("waiting", waiting_for="worker request")), "permission"),
        (Evidence(client=client("waiting", waiting_for="input needed")), "question"),
        (Evidence(client=client("waiting", waiting_for="dialog open")), "dialog"),
        (Evidence(client=client("waiting", waiting_for="something new")), "dialog"),
        (Evidence(launched=NOW - FIRST_SCREEN_S - 1), "dialog"),
        (Evidence(launched=NOW - FIRST_SCREEN_S - 1, client=client("")), "dialog"),
        (Evidence(launched=NOW - 2), "starting"),
        (Evidence(client=client("busy", UNHEARD_S + 1)), "unheard"),
        (Evidence(client=client("busy", 3), unheard=True), "unheard"),
        (Evidence(client=client("busy", UNHEARD_S + 1), turn=turn(("UserPromptSubmit", 300))), "unheard"),
        (Evidence(client=client("busy", 60), turn=PROMPTED), "working"),
        (Evidence(client=client("busy", 3)), "working"),
        (Evidence(turn=PROMPTED), "working"),
        (Evidence(client=client("idle", 29.9), turn=STOPPED), "waiting"),
        (Evidence(turn=STOPPED), "waiting"),
        (Evidence(client=client("idle"), turn=turn(("SessionStart", 60))), "waiting"),
        (Evidence(client=client("idle", 5), turn=PROMPTED), "waiting"),
        (Evidence(client=client("idle", 5), turn=turn(("StopFailure", 6, {"kind": "server_error"}))), "failed"),
        (Evidence(client=client("idle", 5), turn=turn(("StopFailure", 6, {"kind": "rate_limit"}))), "limited"),
        (Evidence(client=client("shell", 5), turn=STOPPED), "background"),
        (Evidence(client=client("busy", 5), turn=turn(("Stop", 6, {"background": 1}))), "background"),
        (Evidence(turn=turn(("Stop", 6, {"background": 2}))), "background"),
        (Evidence(client=client("idle", 5), turn=turn(("Stop", 6, {"crons": 1}))), "background"),
        (Evidence(client=client("idle", 5), turn=turn(("Stop", 6, {"background": 1}))), "waiting"),
    ],
)
def test_states(evidence: Evidence, expected: str) -> None:
    """What each piece of evidence comes to, long after it came."""
    assert state(evidence) == expected


@pytest.mark.parametrize("over", ["exited", "gone"])
def test_while_tmux_is_silent_what_is_over_stays_over(over: str) -> None:
    """Until then nothing could say that it goes on, but a client or a hook of it."""
    before = Status(over, NOW - 30, "It was so.", "tmux")
    assert decide(Evidence(alive=None, turn=PROMPTED), NOW, before) == (before, math.inf)
    assert state(Evidence(alive=None, turn=turn(("UserPromptSubmit", 5))), before) == "working"
    assert state(Evidence(alive=None, client=client("busy", 5), turn=PROMPTED), before) == "working"


def test_the_words_of_a_reason() -> None:
    """Claude's last words, the request, the agent."""
    status, _ = decide(Evidence(client=client("idle", 29), turn=STOPPED), NOW, None)
    assert (status.reason, status.source, status.since) == ("Waits for you: All done.", "hook", NOW - 29)
    ask = OpenRequest("r", "permission", "make test", "Explore", NOW - 4)
    status, _ = decide(Evidence(client=client("busy"), turn=PROMPTED, requests=(ask,)), NOW, None)
    assert status == Status(
        "permission", NOW - 4, "Its sub-agent Explore waits for your approval: make test", "hook", "r"
    )
    assert status.blocked


def test_a_file_that_is_not_believed_is_named() -> None:
    """The hooks say what they can; it is no first-run dialog."""
    told = replace(client(""), uuid="", fault="The status file /c/7.json is not believed: it belongs to another user.")
    status, _ = decide(Evidence(client=told, turn=STOPPED), NOW, None)
    assert (status.state, status.source) == ("waiting", "hook")
    assert status.reason.endswith("belongs to another user.")
    assert state(Evidence(client=told, launched=NOW - FIRST_SCREEN_S - 1)) == "starting"


def test_it_settles_before_it_changes() -> None:
    """The file is a little ahead of the hook, or behind it: until both have spoken nothing changes."""
    working, _ = decide(Evidence(client=client("busy"), turn=PROMPTED), NOW, None)
    waits = Evidence(client=client("waiting", 0.1, "permission prompt"), turn=PROMPTED)
    kept, due = decide(waits, NOW, working)
    assert kept == working
    assert due == pytest.approx(NOW - 0.1 + ASK_SETTLE_S)
    assert state(waits, working, due) == "permission"
    blocked_stop = Evidence(client=client("busy"), turn=turn(("UserPromptSubmit", 60), ("Stop", 0.2)))
    assert state(blocked_stop, working) == "working"
    waiting, _ = decide(Evidence(client=client("idle", 29), turn=STOPPED), NOW, None)
    prompted = Evidence(client=client("idle", 29), turn=turn(("Stop", 30), ("UserPromptSubmit", 0.2)))
    assert decide(prompted, NOW, waiting)[0].state == "waiting"
    ended = Evidence(ended=True, ended_at=NOW - 0.1, turn=STOPPED)
    assert state(ended, waiting) == "waiting"
    assert state(ended, waiting, NOW + END_SETTLE_S) == "exited"


def test_a_client_that_has_just_started() -> None:
    """Its status file says when it takes a prompt, some moments behind its hook; older clients write none."""
    starting, _ = decide(Evidence(launched=NOW - 1), NOW, None)
    heard = Evidence(launched=NOW - 1, turn=turn(("SessionStart", 0.1)))
    kept, due = decide(heard, NOW, starting)
    assert kept.state == "starting"
    assert due == pytest.approx(NOW - 0.1 + TURN_SETTLE_S)
    assert state(heard, starting, due) == "waiting"
    assert state(replace(heard, client=client("idle", 0)), starting) == "waiting"


def test_a_client_whose_file_has_no_status_yet() -> None:
    """On a busy machine it loads for seconds behind its hook: it takes no prompt meanwhile, so it is not ready."""
    loads = Evidence(launched=NOW - 4, turn=turn(("SessionStart", 3)), client=client("", 3))
    kept, due = decide(loads, NOW, None)
    assert (kept.state, kept.since) == ("starting", NOW - 4)
    assert state(replace(loads, client=client("idle", 0)), kept) == "waiting"
    due = decide(loads, NOW + 2.5, kept)[1]
    assert due == pytest.approx(NOW - 3 + STATUS_S)
    assert state(loads, kept, due) == "waiting"  # an older client, which writes no status
    assert state(loads, kept, NOW - 3600) == "waiting"  # the clock was set back


def test_a_clock_that_was_set_back_holds_nothing_up() -> None:
    """An hour later by the clock is no moment ago: what the client says now is believed at once."""
    hour = 3600.0
    asked = Evidence(client=client("idle", 10), turn=turn(("UserPromptSubmit", -hour)))
    assert decide(asked, NOW, Status("working", NOW + hour, "", "client"))[0].state == "waiting"
    ended = Evidence(client=client("busy", 10), turn=turn(("UserPromptSubmit", -hour), ("Stop", -hour - 5)))
    status, due = decide(ended, NOW, Status("waiting", NOW + hour, "", "hook"))
    assert status.state == "working"
    assert due < NOW + hour


def test_after_an_answer_the_old_state_stays_until_the_client_goes_on() -> None:
    """The dialog closes a moment after the answer; a new one that opens is seen after that."""
    asked = OpenRequest("r", "permission", at=NOW - 9)
    waits = Evidence(client=client("waiting", 9, "permission prompt"), turn=PROMPTED, requests=(asked,))
    permission, _ = decide(waits, NOW, None)
    closed = replace(waits, requests=(), closed_at=NOW)
    kept, due = decide(closed, NOW + 0.1, permission)
    assert kept.state == "permission"
    assert due == NOW + CLOSED_SETTLE_S
    assert state(replace(closed, client=client("busy", 0)), kept, NOW + 0.2) == "working"


def test_since_stays() -> None:
    """The same state again keeps its time; a new request of the same kind does too."""
    first, _ = decide(Evidence(turn=STOPPED), NOW, None)
    again, _ = decide(Evidence(turn=STOPPED, client=client("idle", 3)), NOW + 60, first)
    assert again.since == first.since
    one, _ = decide(Evidence(requests=(OpenRequest("a", "permission", at=NOW - 5),)), NOW, None)
    two, _ = decide(Evidence(requests=(OpenRequest("b", "permission", at=NOW),)), NOW, one)
    assert (two.since, two.request_id) == (NOW - 5, "b")


def test_due() -> None:
    """Time alone brings the first-run dialog and the unheard client."""
    assert decide(Evidence(launched=NOW - 2), NOW, None)[1] == NOW - 2 + FIRST_SCREEN_S
    assert decide(Evidence(client=client("busy", 3)), NOW, None)[1] == NOW - 3 + UNHEARD_S
    assert decide(Evidence(client=client("idle"), turn=STOPPED), NOW, None)[1] == math.inf


def test_rejected_names_every_other_state() -> None:
    """Each state but the one has a reason against it."""
    evidence = Evidence(client=client("idle", 29), turn=STOPPED)
    against = rejected(evidence, NOW, "waiting")
    assert {name for name, _ in against} == set(STATES) - {"waiting"}
    assert all(why.endswith(".") for _, why in against)


def test_the_wire() -> None:
    """A status survives its event."""
    status = Status("limited", NOW, "A usage limit is reached.", "hook", "", NOW + 60)
    fields = status_fields(status)
    assert fields["resets_at"] == "2027-01-15T08:01:00Z"
    assert recalled_status(fields) == replace(status, resets_at=0.0)
    assert recalled_status({"state": "waiting"}) is None
    assert recalled_status({**fields, "since": "yesterday"}) is None


CLIENTS = st.none() | st.builds(
    Client,
    st.just(7),
    st.just("1"),
    st.just("u"),
    status=st.sampled_from(["", "busy", "idle", "waiting", "shell", "new"]),
    waiting_for=st.sampled_from(["", "permission prompt", "input needed", "dialog open"]),
    since=st.sampled_from([0.0, NOW - 100, NOW - 1, NOW]),
)
NAMES = ("UserPromptSubmit", "Stop", "StopFailure", "SessionStart", "SessionEnd", "PreToolUse", "Notification")
EVIDENCE = st.builds(
    Evidence,
    alive=st.sampled_from([True, False, None]),
    pane_dead=st.booleans(),
    client=CLIENTS,
    at_shell=st.booleans(),
    ended=st.booleans(),
    ended_at=st.sampled_from([0.0, NOW - 1]),
    turn=st.lists(st.tuples(st.sampled_from(NAMES), st.floats(0, 100)), max_size=5).map(lambda events: turn(*events)),
    requests=st.lists(st.builds(OpenRequest, st.just("r"), st.sampled_from(["permission", "question", "plan"]))).map(
        tuple
    ),
    launched=st.sampled_from([0.0, NOW - 100, NOW - 1]),
    unheard=st.booleans(),
)


@given(EVIDENCE, EVIDENCE)
def test_any_evidence_has_one_status(before: Evidence, evidence: Evidence) -> None:
    """Always one of the states; the same again changes nothing; it settles by itself in the end."""
    old, _ = decide(before, NOW, None)
    new, due = decide(evidence, NOW, old)
    assert new.state in STATES
    assert new.reason
    assert new.blocked == (new.state in BLOCKED)
    assert decide(evidence, NOW, new) == (new, due)
    for _ in range(20):
        if due == math.inf:
            break
        new, due = decide(evidence, due, new)
    later, rest = decide(evidence, NOW + 1e6, new)
    assert rest == math.inf
    kept = evidence.alive is None and later.state in ("exited", "gone")  # what tmux said last
    assert kept or later.state == decide(evidence, NOW + 1e6, None)[0].state
