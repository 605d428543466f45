"""`model.activity`: the recorded runs as timelines of states, and events that overtake each other."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctm_trio.model.activity import Activity, LiveStatus
from ctm_trio.model.attention import Holding, Inputs, step
from ctm_trio.model.event import HookFacts
from ctm_trio.model.hook_event import parse_hook_line
from ctm_trio.model.line_order import MAX_OVERTAKING_S, RACE_S, Line, overtaken
from ctm_trio.model.times import parse_time
from ctm_trio.model.tool_call import TOOL_EVENTS, decode_line, parse_call
from tests.fixtures import hook_line, recorded, runs

FAILED, WORKS = ("PostToolUseFailure", "last_error_call"), ("PostToolUse", "")
STOPPED, PROMPTED = ("Stop", "waiting_input"), ("UserPromptSubmit", "")
ASKED, ENDED = ("PermissionRequest", "permission_request"), ("SessionEnd", "")
IDLE = ("Notification", "waiting_input")

TIMELINES = {
    # a foreground sub-agent and failing calls of several kinds; print mode ends without an idle session
    "print": [FAILED, WORKS, FAILED, WORKS, FAILED],
    # failures in between, a Stop while a sub-agent runs (no alarm), a model switch, /compact, /clear
    "tui": [FAILED, WORKS, FAILED, WORKS, STOPPED, PROMPTED, STOPPED, ENDED, STOPPED, ENDED],
    # background agents and a background shell: no alarm at Stop, one when the client says that it idles
    "features": [
        STOPPED, PROMPTED, FAILED, WORKS, STOPPED, PROMPTED, STOPPED, PROMPTED, IDLE, PROMPTED, STOPPED, ENDED,
    ],
    # the turn is over although a teammate is listed as running
    "teams": [STOPPED, WORKS, FAILED, WORKS, IDLE, ENDED],
    # approved; refused with Esc; approved and interrupted with Esc; a question: an interrupt is no error
    "permissions": [ASKED, WORKS, STOPPED, PROMPTED, ASKED, PROMPTED, ASKED, PROMPTED, ASKED, WORKS, STOPPED, ENDED],
    # the API fails three times, then a call is interrupted: the call is no error
    "errors": [("StopFailure", "waiting_input"), PROMPTED] * 3,
    "resume": [STOPPED, ENDED],
    "mcp": [FAILED],
    "paths": [STOPPED, ENDED] * 3,
    "exits": [],
}  # fmt: skip


def test_every_run_has_a_timeline() -> None:
    """No recorded run is left out."""
    assert list(TIMELINES) == runs()


@pytest.mark.parametrize("run", TIMELINES)
def test_recorded_timeline(run: str) -> None:
    """The states of a recorded run, each with the event that brought it ("" for none)."""
    activity = Activity()
    holding: Holding = ()
    seen: list[tuple[str, str]] = []
    for item in recorded("hooks", run):
        line = parse_hook_line(hook_line(item))
        assert line is not None
        ts = parse_time(line.ts)
        assert ts is not None
        if line.facts.name in TOOL_EVENTS:
            failed = line.facts.name == "PostToolUseFailure"
            activity.call(failed, tool=line.facts.tool, agent_id=line.facts.agent_id, line=Line(ts, "logs"), at=ts)
        else:
            activity.hook(line.facts, line=Line(ts, "hooks"), at=ts)
        holding, transitions = step(holding, inputs(activity), ts)
        if transitions:
            seen.append((item["event"], holding[0].state if holding else ""))
    assert seen == TIMELINES[run]


def test_answers_that_no_hook_tells() -> None:
    """The recorded dialogs with the client's own status beside them: each ends when it was answered.

    Approved after 7 s; refused with Esc; approved, and the command interrupted; a question that was answered.
    """
    live = [
        (item["ts"], LiveStatus(item["content"]["status"], item["content"]["statusUpdatedAt"] / 1000))
        for item in recorded("live_sessions")
        if "status" in (item["content"] or {}) and item["content"]["sessionId"].startswith("00000004")
    ]
    asked: list[float] = []
    ended: list[float] = []
    activity = Activity()
    hooks: list[tuple[float, Any]] = [(item["ts"], item) for item in recorded("hooks", "permissions")]
    for ts, entry in sorted([*live, *hooks], key=lambda pair: pair[0]):
        before = activity.asking
        if isinstance(entry, LiveStatus):
            activity.live(entry, ts)
        else:
            line = parse_hook_line(hook_line(entry))
            assert line is not None
            if line.facts.name in TOOL_EVENTS:
                activity.call(False, tool=line.facts.tool, agent_id="", line=Line(ts, "logs"), at=ts)
            else:
                activity.hook(line.facts, line=Line(ts, "hooks"), at=ts)
        if activity.asking and not before:
            asked.append(ts)
        elif before and not activity.asking:
            ended.append(ts)
    lasted = [round(end - start, 1) for start, end in zip(asked, ended, strict=True)]
    assert lasted == [7.1, 2.1, 1.0, 1.0]


def inputs(activity: Activity) -> Inputs:
    return Inputs(
        asking=activity.asking,
        waiting=activity.waiting,
        calls_seen=activity.calls_seen,
        last_failed=activity.last_failed,
        window_seen=min(len(activity.results), 20),
        window_errors=activity.errors(20),
        quiet_since=activity.last_sign,
    )


class Tape:
    """An activity fed with hook events and calls at given seconds.

    Args:
        late, live: of all its lines: by default they are read as they come.
    """

    def __init__(self, *, late: bool = False, live: bool = True) -> None:
        self.activity = Activity()
        self.late, self.live = late, live

    def hook(self, name: str, ts: float, *, file: str = "hooks", **facts: Any) -> Tape:
        self.activity.hook(HookFacts(name, **facts), line=Line(1e9 + ts, file, self.late, self.live), at=2e9)
        return self

    def call(
        self, ts: float, *, tool: str = "Bash", agent_id: str = "", failed: bool = False, late: bool | None = None
    ) -> Tape:
        line = Line(1e9 + ts, "logs", self.late if late is None else late, self.live)
        self.activity.call(failed, tool=tool, agent_id=agent_id, line=line, at=2e9)
        return self

    @property
    def asking(self) -> str:
        return self.activity.asking

    @property
    def waiting(self) -> str:
        return self.activity.waiting


def test_request_says_what_it_asks() -> None:
    """The details name the tool and the call; a question is one; the late notification keeps them."""
    tape = Tape().hook("PermissionRequest", 1.1, tool="Bash", text="rm -r build")
    assert tape.asking == "waits for your approval of Bash: rm -r build"
    tape.hook("Notification", 7.1, kind="permission_prompt", text="Claude needs your permission")
    assert tape.asking == "waits for your approval of Bash: rm -r build"
    assert Tape().hook("PermissionRequest", 1.1, tool="AskUserQuestion", text="Which?").asking == "asks you: Which?"
    only = Tape().hook("Notification", 7.1, kind="permission_prompt", text="Claude needs your permission")
    assert only.asking == "Claude needs your permission"


@pytest.mark.parametrize("name", ["PostToolBatch", "UserPromptSubmit", "Stop", "SessionEnd", "BrandNew", "PreToolUse"])
def test_any_later_event_answers(name: str) -> None:
    """A permission request ends with the session's next event, known or not."""
    assert Tape().hook("PermissionRequest", 1.1, tool="Bash").hook(name, 2.1).asking == ""


@pytest.mark.parametrize("name", ["MessageDisplay", "FileChanged", "ConfigChange"])
def test_events_that_come_by_themselves_do_not(name: str) -> None:
    """Text that is shown late and files that change do not close a dialog."""
    assert Tape().hook("PermissionRequest", 1.1, tool="Bash").hook(name, 2.1).asking != ""


def test_other_agents_work_on_while_one_asks() -> None:
    """Events of other sub-agents leave a request open; its own end it, and so does a finished call of its tool."""
    tape = Tape().hook("PermissionRequest", 1.1, tool="Bash", agent_id="a1").call(2.1, agent_id="a2")
    tape.hook("PreToolUse", 2.2, agent_id="a2")
    assert tape.asking != ""
    assert tape.call(3.1, agent_id="a1").asking == ""
    unnamed = Tape().hook("PermissionRequest", 1.1, tool="Bash").call(2.1, tool="Read", agent_id="a2")
    assert unnamed.asking != ""
    assert unnamed.call(3.1, tool="Bash", agent_id="a2").asking == ""


def test_the_main_thread_does_not_answer_for_an_agent() -> None:
    """While the client says that it waits, the main thread's events leave a sub-agent's request open."""
    activity = Activity()

    def hook(name: str, ts: float, *, waiting: bool, **facts: Any) -> str:
        activity.hook(HookFacts(name, **facts), line=Line(1e9 + ts, "hooks/u"), at=ts, still_waiting=waiting)
        return activity.asking

    assert hook("PermissionRequest", 1.1, waiting=True, tool="Bash", agent_id="a1") != ""
    assert (activity.asking_uuid, activity.agent_asks) == ("u", True)
    activity.call(False, tool="Bash", agent_id="", line=Line(1e9 + 2.1, "logs/u"), at=2.1, still_waiting=True)
    assert hook("Stop", 2.2, waiting=True) != ""
    assert hook("UserPromptSubmit", 2.3, waiting=True) != ""
    assert hook("PreToolUse", 3.1, waiting=False) == "", "a client that does not say so: as before"
    hook("PermissionRequest", 4.1, waiting=True, tool="Bash", agent_id="a1")
    assert hook("SubagentStop", 5.1, waiting=True, agent_id="a1") == ""
    hook("PermissionRequest", 6.1, waiting=True, tool="Bash", agent_id="a1")
    assert hook("SessionEnd", 7.1, waiting=True) == ""


def test_stop_with_background_tasks_is_no_waiting() -> None:
    """Only a Stop without running tasks, or the client's idle notice, means that it waits."""
    assert Tape().hook("Stop", 1.1, background=1).waiting == ""
    assert Tape().hook("Stop", 1.1, background=1).hook("Notification", 9.1, kind="idle_prompt").waiting != ""
    assert Tape().hook("Stop", 1.1).waiting != ""


@pytest.mark.parametrize("tape", [Tape, lambda: Tape(late=True, live=False), lambda: Tape(late=True)])
def test_lines_of_two_files_may_cross(tape: Callable[[], Tape]) -> None:
    """What an older line says is not believed against a newer one that came first, whichever file it is in."""
    assert tape().hook("Stop", 5.1).call(4.9).waiting != ""
    assert tape().call(6.1).hook("Stop", 5.1).waiting == ""
    assert tape().hook("PermissionRequest", 5.1, tool="Bash").call(4.9).asking != ""
    assert tape().call(6.1).hook("PermissionRequest", 5.1, tool="Bash").asking == ""


def test_lines_that_are_read_late() -> None:
    """At a start both files are behind, one may come whole before the other: then their times decide, also minutes."""
    assert Tape(late=True, live=False).hook("Stop", 2000.1).call(5.1).waiting != ""
    assert Tape(late=True, live=False).call(2000.1).hook("Stop", 5.1).waiting == ""
    late = Tape(late=True, live=False).call(2000.1).hook("PermissionRequest", 5.1, tool="Bash")
    assert late.hook("Stop", 1000.1).asking == late.waiting == ""


def test_one_file_that_is_behind() -> None:
    """While the daemon runs a line that is read late does not end what a fresh one says."""
    assert Tape().hook("Stop", 2000.1).call(5.1, late=True).waiting != ""
    assert Tape().hook("PermissionRequest", 2000.1, tool="Bash").call(5.1, late=True).asking != ""


@pytest.mark.parametrize("jump", [-20 * 60.0, -3600.0, -86_400.0, 20 * 60.0])
@pytest.mark.parametrize(("late", "live"), [(False, True), (True, True), (True, False)])
def test_one_file_is_in_order_whatever_the_clock_did(jump: float, late: bool, live: bool) -> None:
    """The clock is set between two lines of one file: each line counts as it comes, also after a restart."""
    tape = Tape(late=late, live=live).hook("UserPromptSubmit", 0.1).hook("PreToolUse", 1.1, tool="Bash")
    tape.hook("PermissionRequest", jump + 5.1, tool="Bash", text="make deploy")
    assert tape.asking == "waits for your approval of Bash: make deploy"
    tape.hook("Stop", jump + 60.1)
    assert (tape.asking, tape.waiting) == ("", "finished and waits for your input")
    assert tape.hook("UserPromptSubmit", jump + 61.1).waiting == ""


@pytest.mark.parametrize("jump", [-20 * 60.0, -3600.0, 20 * 60.0])
def test_the_clock_is_set_between_two_files(jump: float) -> None:
    """What comes as it is written counts when it comes: a clock that was set between holds nothing up."""
    tape = Tape().call(0.1).hook("PermissionRequest", jump + 5.1, tool="Bash")
    assert tape.asking != ""
    assert tape.call(jump + 30.1).asking == ""
    assert tape.hook("Stop", jump + 60.1).waiting != ""
    assert tape.call(jump + 90.1).waiting == ""


def test_a_clock_set_back_in_one_file_counts_for_both() -> None:
    """At a start: after a file shows that the clock was set back, its times are not held against the other file's."""
    tape = Tape(late=True, live=False).hook("PreToolUse", 1.1).call(0.1)
    tape.hook("PermissionRequest", -1200.1, tool="Bash")
    assert tape.asking != ""


def test_two_logs_of_one_session() -> None:
    """After `/clear` the old log's last lines, read late, do not end what the new one says."""
    tape = Tape(late=True, live=False).hook("PermissionRequest", 40.1, file="new", tool="Bash")
    assert tape.hook("SessionEnd", 31.1, file="old").asking != ""
    assert tape.hook("PostToolBatch", 41.1, file="new").asking == ""


@given(
    st.lists(st.sampled_from(["UserPromptSubmit", "PreToolUse", "PermissionRequest", "Stop", "BrandNew"]), max_size=12),
    st.lists(st.floats(-1e5, 1e5), min_size=12, max_size=12),
    st.booleans(),
    st.booleans(),
)
def test_times_do_not_matter_within_one_file(names: list[str], times: list[float], late: bool, live: bool) -> None:
    """Any times at all: what a file says is what its lines say in their order."""
    odd, even = Tape(late=late, live=live), Tape()
    for number, name in enumerate(names):
        odd.hook(name, times[number], tool="Bash")
        even.hook(name, float(number), tool="Bash")
    assert (odd.asking, odd.waiting) == (even.asking, even.waiting)


def test_what_the_client_says_after_the_clock_was_set() -> None:
    """An approval that is told only by the client's file is seen, also when the clock was set back before it."""
    tape = Tape().hook("PermissionRequest", 1200.1, tool="Bash")
    now = 1e9 + 20
    assert not tape.activity.live(LiveStatus("busy", 1e9 + 1300), now), "a time ahead of now says nothing"
    assert not tape.activity.live(LiveStatus("waiting", 1e9 + 10), now)
    assert tape.activity.live(LiveStatus("busy", 1e9 + 15), now)
    assert tape.asking == ""


def test_times_far_apart_are_no_order() -> None:
    """A line whose clock is days off still counts when it comes."""
    for late, live in ((False, True), (True, False)):
        assert Tape(late=late, live=live).hook("Stop", 5.1).call(5.1 - 2 * MAX_OVERTAKING_S).waiting == ""
    assert not overtaken(Line(10.0, "a"), Line(10.5, "b")), "a whole second may be any moment of it"
    assert overtaken(Line(10.25, "a"), Line(10.5, "b"))
    assert not overtaken(Line(10.25, "a"), Line(10.75 + RACE_S, "b")), "what is not late came when it was written"


def test_new_process_waits_for_nothing() -> None:
    """A client that starts anew has finished nothing; /compact is no start."""
    assert Tape().hook("Stop", 1.1).hook("SessionStart", 2.1, kind="startup").waiting == ""
    assert Tape().hook("Stop", 1.1).hook("SessionStart", 2.1, kind="compact").waiting != ""


def test_an_interrupted_call_is_no_error() -> None:
    """A call that its person stopped is a tool call without an error; one that failed by itself has one."""
    for interrupted in (True, False):
        line = {
            "hook_event_name": "PostToolUseFailure",
            "tool_name": "Bash",
            "error": "stopped",
            "is_interrupt": interrupted,
        }
        raw = decode_line(json.dumps(line).encode())
        assert raw is not None
        call = parse_call(raw)
        assert call is not None
        assert call.is_error is not interrupted


def test_signs_of_work() -> None:
    """Prompts and beginning calls are work, notices are not."""
    for name, works in (("UserPromptSubmit", True), ("PreToolUse", True), ("Notification", False)):
        assert (Tape().hook(name, 1.1).activity.last_sign > 0) is works


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 6)), max_size=60))
def test_errors_are_counted_exactly(history: list[tuple[bool, int]]) -> None:
    """However the window changes on the way, the count is that of the last calls."""
    activity = Activity()
    results: list[bool] = []
    for failed, window in history:
        activity.call(failed, tool="Bash", agent_id="", line=Line(1.0), at=1.0)
        results.append(failed)
        assert activity.errors(window) == sum(results[-window:])
