"""`model.attention`: the nine rules, their order, and what a step may and may not do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ctm_trio.model.attention import (
    STATES,
    Attention,
    Holding,
    Inputs,
    Limit,
    Transition,
    first_rule,
    next_due,
    step,
)
from ctm_trio.model.config import Thresholds

NOW = 1_800_000_000.0
CALM = Inputs(calls_seen=1, quiet_since=NOW)

CAUSES = {
    "tmux_dead": {"alive": False},
    "permission_request": {"asking": "waits for your approval of Bash"},
    "last_error_call": {"last_failed": True},
    "error_burst": {"window_seen": 20, "window_errors": 5},
    "quota_high": {"week": Limit(86), "five_hours": Limit(12)},
    "context_imminent": {"context_pct": 93},
    "yolo_unchecked": {"yolo_since": NOW - 1800, "checked_at": NOW},
    "stuck": {"quiet_since": NOW - 300},
    "waiting_input": {"waiting": "finished and waits for your input"},
}
DETAILS = {
    "tmux_dead": "tmux session no longer exists",
    "permission_request": "waits for your approval of Bash",
    "last_error_call": "last tool call returned is_error=true",
    "error_burst": "5 errors in last 20 calls",
    "quota_high": "weekly 86% / 5h 12%",
    "context_imminent": "context window 93%",
    "yolo_unchecked": "yolo mode without recent checkpoint",
    "stuck": "no tool call in > idle threshold",
    "waiting_input": "finished and waits for your input",
}


def with_causes(*states: str) -> Inputs:
    inputs = CALM
    for state in states:
        inputs = replace(inputs, **CAUSES[state])  # type: ignore[arg-type]
    return inputs


@pytest.mark.parametrize("state", STATES)
def test_each_rule(state: str) -> None:
    """Each cause alone raises its state with its details."""
    assert first_rule(with_causes(state), NOW) == (state, DETAILS[state])


def test_nothing_is_the_matter() -> None:
    """A session at work needs nobody."""
    assert first_rule(CALM, NOW) is None
    assert step((), CALM, NOW) == ((), ())


@pytest.mark.parametrize(("urgent", "other"), [(a, b) for i, a in enumerate(STATES) for b in STATES[i + 1 :]])
def test_precedence(urgent: str, other: str) -> None:
    """Of two causes the one that is earlier in the order wins; who waits for its person is not stuck."""
    expected = urgent if (urgent, other) != ("stuck", "waiting_input") else "waiting_input"
    found = first_rule(with_causes(other, urgent), NOW)
    assert found is not None
    assert found[0] == expected


@pytest.mark.parametrize(
    "inputs",
    [
        replace(CALM, window_seen=19, window_errors=19),
        replace(CALM, window_seen=20, window_errors=3),
        replace(CALM, week=Limit(84), five_hours=Limit(84)),
        replace(CALM, week=Limit(99, NOW - 1)),
        replace(CALM, context_pct=89),
        replace(CALM, yolo_since=NOW - 1799, checked_at=NOW),
        replace(CALM, yolo_since=NOW - 9999, checkpoint_at=NOW - 60, checked_at=NOW),
        replace(CALM, yolo_since=NOW - 9999, checked_at=None),
        replace(CALM, yolo_since=NOW - 9999, checkpoint_at=NOW - 1801, checked_at=NOW - 60),
        replace(CALM, quiet_since=NOW - 299),
        replace(CALM, quiet_since=NOW - 9999, calls_seen=0),
        replace(CALM, quiet_since=NOW - 9999, alive=None),
    ],
)
def test_just_not(inputs: Inputs) -> None:
    """Below a threshold, before its time, with an unknown or an old answer: no alarm."""
    assert first_rule(inputs, NOW) is None


def test_details_name_only_what_is_known() -> None:
    """A limit that is unknown, or whose time has passed, is not shown."""
    assert first_rule(replace(CALM, week=Limit(91)), NOW) == ("quota_high", "weekly 91%")
    over = replace(CALM, week=Limit(99, NOW - 1), five_hours=Limit(85, NOW + 1))
    assert first_rule(over, NOW) == ("quota_high", "5h 85%")


def test_thresholds_are_the_settings() -> None:
    """Other thresholds, other answers."""
    strict = Thresholds(error_rate_pct=50, error_rate_window=4, idle_minutes=1, quota_pct=10, context_pct=10)
    assert first_rule(replace(CALM, thresholds=strict, window_seen=4, window_errors=2), NOW) == (
        "error_burst", "2 errors in last 4 calls",
    )  # fmt: skip
    assert first_rule(replace(CALM, thresholds=strict, quiet_since=NOW - 61), NOW) is not None


def test_steps() -> None:
    """none→A raises; A→A keeps since and refreshes details; A→B clears A, then raises B; A→none clears."""
    high, transitions = step((), with_causes("quota_high"), NOW)
    assert high == (Attention("quota_high", "2027-01-15T08:00:00Z", "weekly 86% / 5h 12%"),)
    assert transitions == (Transition(True, high[0]),)
    higher, transitions = step(high, replace(CALM, week=Limit(88)), NOW + 60)
    assert higher == (replace(high[0], details="weekly 88%"),)
    assert transitions == ()
    failed, transitions = step(higher, with_causes("last_error_call"), NOW + 61)
    assert [state.since for state in failed] == ["2027-01-15T08:01:01Z"]
    assert transitions == (Transition(False, higher[0]), Transition(True, failed[0]))
    assert step(failed, CALM, NOW + 62) == ((), (Transition(False, failed[0]),))


def test_what_passes_over_a_state_leaves_its_since() -> None:
    """A waits; B, which is more urgent, comes and goes: A is raised again, with the time when it began."""
    waiting, _ = step((), with_causes("waiting_input"), NOW)
    both, transitions = step(waiting, with_causes("waiting_input", "quota_high"), NOW + 60)
    assert [state.state for state in both] == ["quota_high", "waiting_input"]
    assert transitions == (Transition(False, waiting[0]), Transition(True, both[0]))
    again, transitions = step(both, with_causes("waiting_input"), NOW + 120)
    assert again == waiting
    assert transitions == (Transition(False, both[0]), Transition(True, waiting[0]))


def test_due() -> None:
    """The next moment at which time alone may matter: the earliest of idle, yolo and the limits' ends."""
    inputs = replace(CALM, yolo_since=NOW, week=Limit(90, NOW + 100), five_hours=Limit(90, NOW - 5))
    assert next_due(inputs, NOW) == NOW + 100
    assert next_due(inputs, NOW + 100) == NOW + 300
    assert next_due(inputs, NOW + 300) == NOW + 1800
    assert next_due(inputs, NOW + 1800) is None


LIMITS = st.builds(Limit, st.none() | st.integers(80, 90), st.sampled_from([0.0, NOW + 30, NOW + 90]))
INPUTS = st.builds(
    Inputs,
    alive=st.sampled_from([True, False, None]),
    asking=st.sampled_from(["", "asks", "asks more"]),
    waiting=st.sampled_from(["", "waits"]),
    calls_seen=st.integers(0, 2),
    last_failed=st.booleans(),
    window_seen=st.integers(18, 20),
    window_errors=st.integers(0, 6),
    week=LIMITS,
    five_hours=LIMITS,
    context_pct=st.none() | st.integers(85, 95),
    quiet_since=st.sampled_from([NOW - 400, NOW - 200, NOW]),
    yolo_since=st.none() | st.just(NOW - 1790),
    checkpoint_at=st.none() | st.just(NOW - 60),
    checked_at=st.none() | st.sampled_from([NOW, NOW + 60]),
)


@given(st.lists(st.tuples(INPUTS, st.floats(0, 60)), max_size=30))
def test_announcements_pair_up(history: list[tuple[Inputs, float]]) -> None:
    """Over any history: a raise is followed by its clear before the next raise, and since never moves meanwhile."""
    holding: Holding = ()
    now, up = NOW, None
    for inputs, pause in history:
        now += pause
        holding, transitions = step(holding, inputs, now)
        for transition in transitions:
            if transition.raised:
                assert up is None
                up = transition.attention
            else:
                assert up is not None
                assert (transition.attention.state, transition.attention.since) == (up.state, up.since)
                up = None
        if not holding:
            assert up is None
        else:
            assert up is not None
            assert (holding[0].state, holding[0].since) == (up.state, up.since)


@given(INPUTS, INPUTS, st.floats(0, 600))
def test_no_flapping(before: Inputs, inputs: Inputs, pause: float) -> None:
    """The same inputs again, at the same time, change and announce nothing, wherever it came from."""
    old, _ = step((), before, NOW)
    state, _ = step(old, inputs, NOW + pause)
    assert step(state, inputs, NOW + pause) == (state, ())


@given(INPUTS, st.floats(0, 600))
def test_nothing_happens_before_it_is_due(inputs: Inputs, pause: float) -> None:
    """Between now and `next_due` time changes nothing: a clock that sleeps until then misses nothing."""
    due = next_due(inputs, NOW)
    later = NOW + pause
    if due is None or later < due:
        assert first_rule(inputs, later) == first_rule(inputs, NOW)
