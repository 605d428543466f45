"""`model.hook_event`: every recorded payload, and lines that nobody expects."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctm_trio.model.hook_event import TEXT_LIMIT, HookLine, parse_hook_line
from tests.fixtures import hook_line, recorded


def parse(**fields: Any) -> HookLine:
    line = parse_hook_line(json.dumps(fields).encode())
    assert line is not None
    return line


@pytest.mark.parametrize("item", list(recorded("hooks")), ids=lambda i: f"{i['run']}-{i['event']}")
def test_every_recorded_payload(item: dict[str, Any]) -> None:
    """Each payload that Claude Code sent gives its name, ids, place and sub-agent."""
    payload = item["payload"]
    line = parse_hook_line(hook_line(item, ctm_session="work", ctm_pane="%3"))
    assert line is not None
    assert line.facts.name == item["event"]
    assert line.uuid == payload["session_id"]
    assert (line.session, line.pane) == ("work", "%3")
    assert line.ts.startswith("2026-11-22T")
    assert line.facts.agent_id == payload.get("agent_id", "")
    assert line.facts.tool == payload.get("tool_name", "")
    tasks = [task for task in payload.get("background_tasks", []) if task["type"] != "teammate"]
    assert line.facts.background == len(tasks)
    assert len(line.facts.text) <= TEXT_LIMIT


def test_kinds() -> None:
    """A notification's type, a start's source and an end's reason are the kind."""
    assert parse(hook_event_name="Notification", notification_type="idle_prompt").facts.kind == "idle_prompt"
    assert parse(hook_event_name="SessionStart", source="clear").facts.kind == "clear"
    assert parse(hook_event_name="SessionEnd", reason="logout").facts.kind == "logout"
    assert parse(hook_event_name="PreModelSwitch", source="command").facts.kind == ""


def test_background_counts_what_runs() -> None:
    """Background tasks that have ended do not count."""
    tasks = [{"status": "running"}, {"status": "completed"}, {"status": "failed"}, {"id": "no status"}]
    assert parse(hook_event_name="Stop", background_tasks=tasks).facts.background == 2


def test_text_for_people() -> None:
    """A request tells the call that it is about, a failure tells the error and the message, on one line."""
    asked = parse(hook_event_name="PermissionRequest", tool_name="Bash", tool_input={"command": "rm  -r\nbuild"})
    assert asked.facts.text == "rm -r build"
    question = {"questions": [{"question": "Which one?"}]}
    assert parse(hook_event_name="PermissionRequest", tool_input=question).facts.text == "Which one?"
    failed = parse(hook_event_name="StopFailure", error="rate_limit", last_assistant_message="Limit reached")
    assert failed.facts.text == "rate_limit: Limit reached"
    assert parse(hook_event_name="Notification", message="x" * 5000).facts.text == "x" * (TEXT_LIMIT - 1) + "…"


def test_unknown_event_is_kept() -> None:
    """An event that we never heard of is a line like any other."""
    line = parse(hook_event_name="BrandNew", session_id="u", ctm_pid=42)
    assert (line.facts.name, line.uuid, line.pid) == ("BrandNew", "u", "42")


def test_unexpected_types_count_as_absent() -> None:
    """A key of another type does not lose the line."""
    line = parse(
        hook_event_name="Stop", session_id="u", cwd=7, agent_id=[], ctm_pid=1.5, tool_use_id=None,
        background_tasks=[3, {"status": 4}, {"status": "completed"}], message={"a": 1},
    )  # fmt: skip
    assert (line.uuid, line.pid, line.facts.agent_id) == ("u", "", "")
    assert line.facts.background == 2


@pytest.mark.parametrize(
    "line", [b"", b"null", b"[]", b"{", b'{"session_id":"x"}', b'{"hook_event_name":3}', b"[" * 9999]
)
def test_no_hook_event(line: bytes) -> None:
    """What is not a JSON object with a name gives None."""
    assert parse_hook_line(line) is None


def test_broken_utf8_is_replaced() -> None:
    """A line whose text was cut inside a character still counts."""
    line = parse_hook_line(b'{"hook_event_name":"Notification","message":"a\xc3"}')
    assert line is not None
    assert line.facts.text == "a�"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(
    ["session_id", "cwd", "ctm_timestamp", "ctm_pid", "background_tasks", "agent_id", "tool_input", "message", "error"]
)


@given(st.dictionaries(KEYS | st.text(max_size=8), JSON, max_size=8))
def test_any_object_with_a_name_is_a_line(fields: dict[str, Any]) -> None:
    """Whatever the other keys hold, a named event is parsed and its short words are strings."""
    line = parse_hook_line(json.dumps({**fields, "hook_event_name": "PermissionRequest"}).encode())
    assert line is not None
    assert line.uuid == (fields["session_id"] if isinstance(fields.get("session_id"), str) else "")


@given(st.binary(max_size=200))
def test_any_bytes(line: bytes) -> None:
    """No bytes raise."""
    parse_hook_line(line)
