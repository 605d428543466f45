"""`model.request`: what a `PermissionRequest` payload asks, of recorded payloads and of any JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ctm_trio.model.request import MAX_SUGGESTIONS, SUMMARY_LIMIT, Asked, asked_of
from ctm_trio.model.request_record import Request, changed_payload, public_request
from ctm_trio.model.suggestion import DETAIL_LIMIT, LABEL_LIMIT, suggestion_words
from tests.fixtures import permission_requests
from tests.unit.json_values import ANY_JSON

RULE = {
    "type": "addRules",
    "rules": [{"toolName": "Bash", "ruleContent": "make test *"}],
    "behavior": "allow",
    "destination": "localSettings",
}
MODE = {"type": "setMode", "mode": "acceptEdits", "destination": "session"}
DIRECTORIES = {"type": "addDirectories", "directories": ["/home/dev/project"], "destination": "session"}


def ask(tool: str = "Bash", tool_input: object = None, **extra: object) -> Asked:
    found = asked_of({"hook_event_name": "PermissionRequest", "tool_name": tool, "tool_input": tool_input, **extra})
    assert found is not None
    return found


def ids(asked: Asked) -> list[str]:
    return [choice.id for choice in asked.choices]


@pytest.mark.parametrize("payload", permission_requests(), ids=lambda p: f"{p['tool_name']}-{p['permission_mode']}")
def test_every_recorded_payload(payload: dict[str, Any]) -> None:
    """Each is a request with the client's own input, questions and plan, and a choice for each suggestion."""
    asked = asked_of(payload)
    assert asked is not None
    assert (asked.tool, asked.input, asked.cwd) == (payload["tool_name"], payload["tool_input"], payload["cwd"])
    assert (asked.agent_id, asked.agent_type) == (payload.get("agent_id", ""), payload.get("agent_type", ""))
    offered = payload.get("permission_suggestions", [])
    assert list(asked.suggestions) == offered
    if asked.tool == "AskUserQuestion":
        assert (asked.kind, ids(asked)) == ("question", ["answers", "discuss"])
        assert asked.questions == payload["tool_input"]["questions"]
        assert asked.summary == payload["tool_input"]["questions"][0]["question"]
    elif "plan" in payload["tool_input"]:
        assert (asked.kind, ids(asked)) == ("plan", ["approve", "approve_accept_edits", "keep_planning"])
        assert (asked.plan, asked.summary) == (payload["tool_input"]["plan"], "Plan")
    else:
        remembering = [f"allow_{n}" for n in range(len(offered))]
        assert (asked.kind, ids(asked)) == ("permission", ["allow", "deny", "deny_stop", *remembering])
        assert asked.questions is None
        assert asked.plan is None


def test_recordings_have_every_kind() -> None:
    """The test above would say nothing of a kind that is not in them."""
    kinds = {asked.kind for payload in permission_requests() if (asked := asked_of(payload))}
    assert kinds == {"permission", "question", "plan"}


@pytest.mark.parametrize(
    ("tool", "tool_input", "summary"),
    [
        ("Bash", {"command": "rm -rf build", "description": "Clean"}, "rm -rf build"),
        ("Bash", {"command": "  cd x \n\n  make\tall\n"}, "cd x ⏎ make all"),
        ("Bash", {"command": "ls" + " " * 400 + "; rm -rf ~"}, "ls ; rm -rf ~"),
        ("Bash", {"command": "echo \u202egnp.exe\x1b[2J"}, "echo \ufffdgnp.exe\ufffd[2J"),
        ("Bash", {"command": "echo \ud800"}, "echo \ufffd"),
        ("Bash", {"command": "echo 👩‍💻 grüße"}, "echo 👩‍💻 grüße"),
        ("Bash", {"command": ["ls"]}, 'Bash {"command":["ls"]}'),
        ("Bash", {}, "Bash"),
        ("Edit", {"file_path": "/w/a.py", "old_string": "x", "new_string": "y"}, "/w/a.py"),
        ("Write", {"file_path": "/w/a.py", "content": "x"}, "/w/a.py"),
        ("Read", {"file_path": "/w/a.py"}, "/w/a.py"),
        ("NotebookEdit", {"notebook_path": "/w/a.ipynb", "new_source": ""}, "/w/a.ipynb"),
        ("WebFetch", {"url": "http://x.example/", "prompt": "x"}, "http://x.example/"),
        ("WebSearch", {"query": "trio"}, "trio"),
        ("AskUserQuestion", {"questions": [{"question": "A\nor B?", "options": []}]}, "A ⏎ or B?"),
        ("ExitPlanMode", {"plan": "\n\n## Ship *it*\n\n1. x"}, "Ship *it*"),
        ("ExitPlanMode", {"plan": "###\nFirst do this"}, "First do this"),
        ("ExitPlanMode", {}, "ExitPlanMode"),
        ("mcp__db__query", {"sql": "select 1", "n": [1]}, 'mcp__db__query {"sql":"select 1","n":[1]}'),
        ("mcp__db__query", {"n": 2**80}, f'mcp__db__query {{"n":{2**80}}}'),
        ("mcp__db__query", {"n": "\ud800"}, "mcp__db__query"),
    ],
)
def test_summaries(tool: str, tool_input: object, summary: str) -> None:
    """The command, the file, the address, the question: on one line, and nothing in it is hidden."""
    assert ask(tool, tool_input).summary == summary


@pytest.mark.parametrize(
    "command", ["x" * 301, "x" * 5000, "x " * 4000, "\n" * 5000 + "rm x", "ls" + " " * 5000 + "; rm -rf ~"]
)
def test_a_cut_summary_says_so(command: str) -> None:
    """What does not fit is never just missing."""
    summary = ask("Bash", {"command": command}).summary
    assert len(summary) <= SUMMARY_LIMIT
    assert summary.endswith("…")


def test_large_inputs_are_not_written_whole() -> None:
    """What is left out of the JSON of an unknown tool is counted."""
    assert '"…":"5 more"' in ask("mcp__x__y", {f"k{n}": 1 for n in range(25)}).summary
    assert "… 3 more" in ask("mcp__x__y", {"a": list(range(23))}).summary
    deep: dict[str, object] = {}
    for _ in range(5000):
        deep = {"a": deep}
    assert ask("mcp__x__y", deep).summary == 'mcp__x__y {"a":{"a":{"a":{"a":"…"}}}}'


@pytest.mark.parametrize(
    "questions",
    [
        None,
        [],
        {},
        "x",
        [1],
        [{}],
        [{"question": "", "options": []}],
        [{"question": " \n", "options": []}],
        [{"question": "A?"}],
        [{"question": "A?", "options": ["x"]}],
        [{"question": "A?", "options": [{"label": 1}]}],
        [{"question": "A?", "options": [{"label": ""}]}],
        [{"question": "A?", "options": [{"label": "x"}]}, {"question": 2, "options": []}],
    ],
)
def test_questions_that_cannot_be_shown(questions: object) -> None:
    """The call is a plain permission then."""
    asked = ask("AskUserQuestion", {"questions": questions})
    assert (asked.kind, asked.questions, ids(asked)) == ("permission", None, ["allow", "deny", "deny_stop"])


@pytest.mark.parametrize("plan", [None, "", " \n", 1, ["# Plan"]])
def test_a_plan_without_text(plan: object) -> None:
    """Leaving plan mode without a plan is a plain permission."""
    asked = ask("ExitPlanMode", {"plan": plan})
    assert (asked.kind, asked.plan, ids(asked)) == ("permission", None, ["allow", "deny", "deny_stop"])


def test_what_is_no_request() -> None:
    """Another event, no tool, a tool of another type."""
    assert asked_of({}) is None
    assert asked_of({"hook_event_name": "PreToolUse", "tool_name": "Bash"}) is None
    assert asked_of({"hook_event_name": "PermissionRequest", "tool_name": ""}) is None
    assert asked_of({"hook_event_name": "PermissionRequest", "tool_name": ["Bash"]}) is None


@pytest.mark.parametrize(
    ("entry", "label", "detail"),
    [
        (RULE, "do not ask again for `make test *` in this project (.claude/settings.local.json)", "Bash(make test *)"),
        (MODE, "accept edits until this session ends", ""),
        (DIRECTORIES, "allow access to /home/dev/project for this session", "/home/dev/project"),
        (
            {**DIRECTORIES, "type": "removeDirectories", "directories": ["/a", "/b"], "destination": "userSettings"},
            "no longer allow access to /a and /b in all your projects (~/.claude/settings.json)",
            "/a, /b",
        ),
        (
            {**RULE, "rules": [{"toolName": "WebFetch", "ruleContent": "domain:x.example"}, {"toolName": "WebSearch"}]},
            "do not ask again for `WebFetch(domain:x.example)` and every call of WebSearch in this project"
            " (.claude/settings.local.json)",
            "WebFetch(domain:x.example), WebSearch",
        ),
        (
            {**RULE, "rules": [{"toolName": "Bash", "ruleContent": c} for c in "abcde"], "destination": "session"},
            "do not ask again for `a`, `b`, `c` and 2 more for this session",
            "Bash(a), Bash(b), Bash(c), Bash(d), Bash(e)",
        ),
        (
            {**RULE, "type": "replaceRules", "behavior": "deny", "destination": "projectSettings"},
            "from now on always refuse only `make test *` in this project, for everyone who works on it"
            " (.claude/settings.json)",
            "Bash(make test *)",
        ),
        (
            {**RULE, "type": "removeRules", "behavior": "ask"},
            "no longer always ask about `make test *` in this project (.claude/settings.local.json)",
            "Bash(make test *)",
        ),
        (
            {**MODE, "mode": "bypassPermissions", "destination": "userSettings"},
            "ask for nothing any more in all your projects (~/.claude/settings.json)",
            "",
        ),
        ({**MODE, "mode": "turbo"}, "switch to the mode `turbo` until this session ends", ""),
    ],
)
def test_suggestions_in_words(entry: object, label: str, detail: str) -> None:
    """What it would remember, and where."""
    assert suggestion_words(entry) == (label, detail)
    assert ask(permission_suggestions=[entry]).choices[3].label == f"Allow, and {label}"


@pytest.mark.parametrize(
    "entry",
    [
        None,
        [],
        "x",
        {},
        {"type": "growWings", "destination": "session"},
        {**RULE, "destination": "elsewhere"},
        {**RULE, "destination": ["session"]},
        {**RULE, "behavior": "maybe"},
        {**RULE, "behavior": []},
        {**RULE, "rules": []},
        {**RULE, "rules": [{"toolName": "Bash", "ruleContent": "a"}, {"toolName": 1}]},
        {**RULE, "rules": [{"toolName": "Bash", "ruleContent": 1}]},
        {**MODE, "mode": 1},
        {**DIRECTORIES, "directories": ["/a", 1]},
    ],
)
def test_suggestions_of_unknown_shape(entry: object) -> None:
    """They are shown as they are, never as half of what they say."""
    label, detail = suggestion_words(entry)
    assert label.startswith("change the permissions as the client suggests: ")
    assert detail == ""
    assert ids(ask(permission_suggestions=[entry]))[3:] == ["allow_0"]


def test_many_suggestions_are_bounded() -> None:
    """Past the bound there are no more choices."""
    assert len(ask(permission_suggestions=[MODE] * 1000).choices) == 3 + MAX_SUGGESTIONS


@given(ANY_JSON)
def test_any_suggestion(entry: object) -> None:
    """Any JSON has a label of one line and a bounded length."""
    label, detail = suggestion_words(entry)
    assert 0 < len(label) <= LABEL_LIMIT
    assert len(detail) <= DETAIL_LIMIT
    assert "\n" not in label + detail


@given(
    st.sampled_from(["Bash", "Edit", "AskUserQuestion", "ExitPlanMode", "mcp__x__y", "Read"]),
    st.dictionaries(st.sampled_from(["command", "questions", "plan", "file_path", "x"]), ANY_JSON) | ANY_JSON,
    ANY_JSON,
    st.dictionaries(st.sampled_from(["cwd", "agent_id", "agent_type", "effort"]), ANY_JSON),
)
def test_any_payload(tool: str, tool_input: object, suggestions: object, rest: dict[str, object]) -> None:
    """A payload of any shape is a request that can be shown: nothing raises."""
    asked = ask(tool, tool_input, permission_suggestions=suggestions, **rest)
    assert len(asked.summary) <= SUMMARY_LIMIT
    assert asked.summary.isprintable() or not asked.summary.isascii()
    assert len(set(ids(asked))) == len(asked.choices) >= 2
    asked.summary.encode()


@given(ANY_JSON)
def test_any_object(value: object) -> None:
    """Nor does any other object raise."""
    if isinstance(value, dict):
        assert asked_of(value) is None
        asked_of({**value, "hook_event_name": "PermissionRequest", "tool_name": "Bash"})


@pytest.mark.parametrize(
    ("asked", "possible"),
    [
        (ask(permission_suggestions=[RULE]), ["allow", "deny", "deny_stop"]),
        (ask("ExitPlanMode", {"plan": "# Plan"}), ["approve", "approve_accept_edits"]),
        (ask("AskUserQuestion", {"questions": [{"question": "Which?", "options": [{"label": "A"}]}]}), ["answers"]),
        (
            ask("AskUserQuestion", {"questions": [{"question": "Which?", "options": [], "multiSelect": True}]}),
            [],
        ),
        (ask("AskUserQuestion", {"questions": [{"question": q, "options": []} for q in "ab"]}), []),
    ],
)
def test_what_keys_can_answer(asked: Asked, possible: list[str]) -> None:
    """Only that is offered once no hook waits, and no detail promises what a row of the terminal does not do."""
    request = Request("r" * 32, "alpha", "u", asked, 1.0, answerable="keys")
    shown: Any = public_request(request)["choices"]
    assert [choice["id"] for choice in shown] == possible
    assert not any("message and" in choice.get("detail", "") for choice in shown)
    told = json.loads(changed_payload(request))
    assert told["choices"] == shown
    for other in (replace(request, answerable="hook"), replace(request, state="answered")):
        assert [choice.id for choice in other.choices] == ids(asked)
