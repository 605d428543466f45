"""What counts as the same event reported twice, and that the memory for it is bounded."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ctm_trio.model.event import HookFacts
from ctm_trio.model.log_line import Row
from ctm_trio.model.twice import CALLS_KEPT, HOOKS_KEPT, Reported, call_key


def call(use: str, *, agent: str = "", error: bool = False, ts: str = "2026-01-01T00:00:00Z", of: str = "ls") -> Row:
    """A finished call."""
    tail = f'"tool":"Bash","is_error":{error},"ts":"{ts}","input":"{of}","tool_use_id":"{use}","agent_id":"{agent}"}}'
    return Row(ts, tail.encode(), "Bash", error, agent, "", use, 0, 0)


def hook(name: str, at_s: float = 0.0, **facts: Any) -> Row:
    """A hook event, so many seconds after midnight."""
    known = HookFacts(name, **facts)
    return Row(f"2026-01-01T00:00:{at_s:09.6f}Z", b"", name, False, known.agent_id, "", known.tool_use_id, 0, 0, known)


def kept(rows: list[Row], *, known: Reported | None = None) -> list[int]:
    """Which rows are no copies, by their place; the rows come one by one."""
    memory = known or Reported()
    return [i for i, row in enumerate(rows) if memory.first_of([row])]


def test_a_call_is_known_by_its_id() -> None:
    """The same id is one call, whatever comes between, in one batch or in several."""
    rows = [call("a"), call("a"), call("b"), call("c"), call("b"), call("a")]
    assert kept(rows) == [0, 2, 3]
    assert Reported().first_of(rows) == [rows[0], rows[2], rows[3]]


def test_a_copy_has_its_own_time() -> None:
    """Two hooks of one call stamp it a moment apart: all else is the same, so it is one."""
    assert kept([call("a"), call("a", ts="2026-01-01T00:00:00.25Z")]) == [0]


def test_an_id_that_is_used_again() -> None:
    """What says something else is not a copy, whatever its id: rather counted twice than lost."""
    assert kept([call("a"), call("a", of="make"), call("b")]) == [0, 1, 2]


def test_what_is_not_the_same_call() -> None:
    """Lines without an id never are; a failure and a result of one id, or two agents, are two events."""
    rows = [
        call(""),
        call(""),
        call("a"),
        call("a", error=True),
        call("a", agent="x"),
        call("a", agent="x", error=True),
    ]
    assert kept(rows) == list(range(6))
    assert kept(rows * 2) == [*range(6), 6, 7]


def test_read_back() -> None:
    """What the event log had before a restart is remembered."""
    memory = Reported([call_key(call("a").tail, call("a").ts)], [(HookFacts("Stop"), 1_767_225_600.0)])
    assert kept([call("a"), call(""), call("a", error=True)], known=memory) == [1, 2]
    memory = Reported([], [(HookFacts("Stop"), 1_767_225_600.0)])
    assert kept([hook("Stop", 0.5), hook("Stop", 3)], known=memory) == [1]


@given(st.lists(st.integers(0, 2000), max_size=1200), st.integers(1, 300))
def test_bounded(numbers: list[int], size: int) -> None:
    """However many calls come, at most twice `CALLS_KEPT` (and a batch) are remembered, and never fewer than that."""
    memory = Reported()
    recent: list[str] = []
    for start in range(0, len(numbers), size):
        rows = [call(f"t{n}") for n in numbers[start : start + size]]
        first = [row.tool_use_id for row in memory.first_of(rows)]
        assert len(first) == len(set(first))
        assert not set(first) & set(recent[-CALLS_KEPT:])
        recent += first
        assert len(memory._new) + len(memory._old) <= 2 * (CALLS_KEPT + size)
    assert len(memory._hooks) <= HOOKS_KEPT


def test_hooks_within_a_moment() -> None:
    """A state or an agent reported twice within a second counts once; later, or in other words, it is news."""
    rows = [
        hook("Stop", 0), hook("Stop", 0.3), hook("Stop", 1.5), hook("Stop", 1.6, text="other"),
        hook("SubagentStart", 2, agent_id="a"), hook("SubagentStart", 2, agent_id="b"),
        hook("SubagentStart", 2.1, agent_id="a"), hook("SubagentStop", 2.2, agent_id="a"),
        hook("SubagentStart", 2.3, agent_id="a"), hook("SubagentStop", 2.4, agent_id="a"),
    ]  # fmt: skip
    assert kept(rows) == [0, 2, 3, 4, 5, 7]


def test_the_same_again_after_an_answer() -> None:
    """After a prompt, a call or another state the same event is news at once."""
    for between in (hook("UserPromptSubmit", 0.1), call("t"), call(""), hook("PreToolUse", 0.1), hook("Stop", 0.1)):
        assert kept([hook("PermissionRequest", 0), between, hook("PermissionRequest", 0.2)]) == [0, 1, 2]
    for beside in (hook("SubagentStart", 0.1, agent_id="a"), hook("MessageDisplay", 0.1)):
        assert kept([hook("PermissionRequest", 0), beside, hook("PermissionRequest", 0.2)]) == [0, 1]


def test_other_events_are_not_judged() -> None:
    """Events that change nothing by coming twice, and those that we do not know, are kept as they come."""
    rows = [hook(name, 0) for name in ("MessageDisplay", "FileChanged", "UserPromptSubmit", "New") for _ in range(2)]
    assert kept(rows) == list(range(8))
