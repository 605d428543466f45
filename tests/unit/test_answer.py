"""`model.answer`: what the hook prints for each choice, against the recordings, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctm_trio.errors.answers import InvalidAnswers, InvalidChoice, InvalidInput
from ctm_trio.errors.base import CtmError
from ctm_trio.errors.requests import InvalidBody
from ctm_trio.model.answer import MAX_MESSAGE_BYTES, WITHOUT_WORDS, Given, decision_of, given_of, public_answer
from ctm_trio.model.request import Asked, asked_of
from tests.fixtures import ANSWERS, permission_requests, recorded_answers
from tests.unit.json_values import ANY_JSON

RULE = {
    "type": "addRules",
    "rules": [{"toolName": "Bash", "ruleContent": "make test *"}],
    "behavior": "allow",
    "destination": "localSettings",
}
MODE = {"type": "setMode", "mode": "acceptEdits", "destination": "session"}
ASKING = {"type": "setMode", "mode": "default", "destination": "session"}
TABS = {
    "question": "Tabs or spaces?",
    "header": "Indent",
    "multiSelect": False,
    "options": [{"label": "Tabs", "description": "One byte"}, {"label": "Spaces", "description": "Four bytes"}],
}
FRUITS = {
    "question": "Which fruits?",
    "header": "Fruits",
    "multiSelect": True,
    "options": [{"label": label, "description": ""} for label in ("Apple", "Pear", "Plum")],
}
PLAN = {"plan": "# Plan\n\n1. Write hello.py\n", "planFilePath": "/home/dev/.claude/plans/x.md"}
MESSAGE = 'Not on a Friday:\n"no" — ä 👩‍💻'


def ask(tool: str = "Bash", tool_input: object = None, suggestions: object = None) -> Asked:
    tool_input = {"command": "make test"} if tool_input is None else tool_input
    mode = "plan" if tool == "ExitPlanMode" else "default"
    payload = {
        "hook_event_name": "PermissionRequest", "tool_name": tool, "tool_input": tool_input, "permission_mode": mode
    }  # fmt: skip
    found = asked_of({**payload, "permission_suggestions": suggestions})
    assert found is not None
    return found


QUESTION = ask("AskUserQuestion", {"questions": [TABS, FRUITS]})
A_PLAN = ask("ExitPlanMode", PLAN)


def decide(asked: Asked, choice: object, **given: Any) -> dict[str, Any]:
    printed = decision_of(asked, Given(choice, **given))
    assert printed.keys() == {"hookSpecificOutput"}
    assert printed["hookSpecificOutput"].keys() == {"hookEventName", "decision"}
    assert printed["hookSpecificOutput"]["hookEventName"] == "PermissionRequest"
    decision: dict[str, Any] = printed["hookSpecificOutput"]["decision"]
    return decision


def recorded_decisions() -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """What each hook that answered was asked and printed, in order."""
    held: dict[tuple[str, int], dict[str, Any]] = {}
    found = []
    for name in ANSWERS:
        for item in recorded_answers(name):
            if item["kind"] == "held" and item["what"] == "start":
                held[name, item["holder"]] = item
            elif item["kind"] == "held" and item["what"] == "answered" and "printed" in item:
                found.append((held[name, item["holder"]], item["printed"]))
    return found


def payload_of(start: dict[str, Any]) -> dict[str, Any]:
    """The payload that this hook was given: the one of its case with its input."""
    for item in recorded_answers():
        if item["kind"] == "hook" and item["event"] == "PermissionRequest" and item["case"] == start["case"]:
            payload: dict[str, Any] = item["payload"]
            if (payload["tool_name"], payload["tool_input"]) == (start["tool_name"], start["tool_input"]):
                return payload
    raise LookupError(start)


def given_by(asked: Asked, decision: dict[str, Any]) -> Given | None:
    """The answer that means this decision; None for one that no choice of ours stands for."""
    message = decision.get("message")
    if decision["behavior"] == "deny":
        refusal = {"question": "discuss", "plan": "keep_planning", "permission": "deny"}[asked.kind]
        return Given("deny_stop" if decision.get("interrupt") else refusal, message)
    updated, permissions = decision.get("updatedInput"), decision.get("updatedPermissions", [])
    if decision["behavior"] != "allow" or (updated is None and asked.tool in ("AskUserQuestion", "ExitPlanMode")):
        return None  # the client ignores it
    if asked.kind == "question":
        assert updated is not None
        return Given(
            "answers", answers={q: a.split(", ") if isinstance(a, str) else a for q, a in updated["answers"].items()}
        )
    if asked.kind == "plan":
        return Given("approve_accept_edits" if permissions == [MODE] else "approve")
    changed = None if updated == asked.input else updated
    if not permissions:
        return Given("allow", updated_input=changed)
    if len(permissions) == 1 and permissions[0] in asked.suggestions:
        return Given(f"allow_{asked.suggestions.index(permissions[0])}", updated_input=changed)
    return None  # a rule that the client did not suggest


def joined(decision: dict[str, Any]) -> dict[str, Any]:
    """The same decision with lists of labels as the text that the client makes of them."""
    answers = decision.get("updatedInput", {}).get("answers")
    if answers is None:
        return decision
    texts = {q: ", ".join(a) if isinstance(a, list) else a for q, a in answers.items()}
    return {**decision, "updatedInput": {**decision["updatedInput"], "answers": texts}}


def test_every_recorded_answer() -> None:
    """Every answer that the real client took is printed again, from the payload and the choice alone."""
    again = []
    for start, printed in recorded_decisions():
        asked = asked_of(payload_of(start))
        assert asked is not None
        decision = printed["hookSpecificOutput"]["decision"]
        answer = given_by(asked, decision)
        if answer is not None:
            wanted = joined(decision)
            if answer.choice == "approve":
                wanted |= {"updatedPermissions": [ASKING]}  # the recorded clients had planned from the start
            assert decide(asked, **{key: getattr(answer, key) for key in Given.__struct_fields__}) == wanted
            again.append((asked.kind, str(answer.choice)))
    choices = {"allow", "deny", "deny_stop", "allow_0"}
    kinds = {("permission", choice) for choice in choices} | {("plan", "approve"), ("plan", "approve_accept_edits")}
    assert kinds | {("question", "answers"), ("question", "discuss")} <= set(again)
    assert len(again) > 20


def test_permission() -> None:
    """Each choice says what it means and nothing else."""
    asked = ask(suggestions=[RULE, MODE])
    assert decide(asked, "allow") == {"behavior": "allow"}
    assert decide(asked, "deny") == {"behavior": "deny"}
    assert decide(asked, "deny", message=MESSAGE) == {"behavior": "deny", "message": MESSAGE}
    assert decide(asked, "deny", message=" \n") == {"behavior": "deny"}
    assert decide(asked, "deny_stop") == {"behavior": "deny", "interrupt": True}
    assert decide(asked, "deny_stop", message="x") == {"behavior": "deny", "message": "x", "interrupt": True}
    assert decide(asked, "allow_0") == {"behavior": "allow", "updatedPermissions": [RULE]}
    assert decide(asked, "allow_1") == {"behavior": "allow", "updatedPermissions": [MODE]}
    assert decide(asked, "allow", message="an approval has no reader for it") == {"behavior": "allow"}


def test_changed_input() -> None:
    """It replaces the whole input, also beside a rule that is remembered."""
    asked = ask(suggestions=[RULE])
    changed = {"command": "make check", "description": "Other"}
    assert decide(asked, "allow", updated_input=changed) == {"behavior": "allow", "updatedInput": changed}
    both = {"behavior": "allow", "updatedInput": changed, "updatedPermissions": [RULE]}
    assert decide(asked, "allow_0", updated_input=changed) == both


def test_plan() -> None:
    """An approval gives the input back, because the client ignores one without, and says what becomes of edits."""
    asking = {"behavior": "allow", "updatedInput": PLAN, "updatedPermissions": [ASKING]}
    assert decide(A_PLAN, "approve") == asking
    accepting = {"behavior": "allow", "updatedInput": PLAN, "updatedPermissions": [MODE]}
    assert decide(A_PLAN, "approve_accept_edits") == accepting
    changed = {**PLAN, "plan": "# Other\n"}
    assert decide(A_PLAN, "approve", updated_plan="# Other\n") == {**asking, "updatedInput": changed}
    assert decide(A_PLAN, "approve_accept_edits", updated_plan="# Other\n") == {**accepting, "updatedInput": changed}
    assert decide(A_PLAN, "keep_planning", message="Tests first.") == {"behavior": "deny", "message": "Tests first."}
    silent = {"behavior": "deny", "message": WITHOUT_WORDS["keep_planning"]}
    assert decide(A_PLAN, "keep_planning") == silent
    assert A_PLAN.input == PLAN, "the request itself is not changed"


def test_plan_of_a_yolo_session() -> None:
    """It goes back to its own mode, in which nothing is asked."""
    decision = decision_of(A_PLAN, Given("approve"), yolo=True)["hookSpecificOutput"]["decision"]
    assert decision == {"behavior": "allow", "updatedInput": PLAN}


def test_plan_of_a_client_that_does_not_plan() -> None:
    """It has no mode to go back to: it stays in the one that it says."""
    asked = msgspec.structs.replace(A_PLAN, mode="default")
    assert decide(asked, "approve") == {"behavior": "allow", "updatedInput": PLAN}


def test_calls_that_need_the_input_back() -> None:
    """Without a plan or readable questions they are permissions; their approval has the input all the same."""
    assert decide(ask("ExitPlanMode", {}), "allow") == {"behavior": "allow", "updatedInput": {}}
    odd = {"questions": "none"}
    assert decide(ask("AskUserQuestion", odd), "allow") == {"behavior": "allow", "updatedInput": odd}
    assert decide(ask("ExitPlanMode", {}), "deny") == {"behavior": "deny"}


@pytest.mark.parametrize(
    ("fruits", "text"),
    [
        (["Apple", "Plum"], "Apple, Plum"),
        ("Pear", "Pear"),
        (["Pear"], "Pear"),
        ({"other": "kiwi"}, "kiwi"),
        (["Apple", {"other": "kiwi"}], "Apple, kiwi"),
        ([{"other": "Apple"}], "Apple"),
        ([{"other": " a\nb "}], " a\nb "),
    ],
)
def test_answers(fruits: object, text: str) -> None:
    """Labels are joined, free text is itself; the input stays as it was beside them."""
    decision = decide(QUESTION, "answers", answers={"Which fruits?": fruits, "Tabs or spaces?": "Spaces"})
    wanted = {"questions": [TABS, FRUITS], "answers": {"Tabs or spaces?": "Spaces", "Which fruits?": text}}
    assert decision == {"behavior": "allow", "updatedInput": wanted}
    assert "answers" not in QUESTION.input


def test_discuss() -> None:
    """It declines with the message, or with words that say what is meant."""
    assert decide(QUESTION, "discuss", message=MESSAGE) == {"behavior": "deny", "message": MESSAGE}
    assert decide(QUESTION, "discuss") == {"behavior": "deny", "message": WITHOUT_WORDS["discuss"]}


GOOD = {"Tabs or spaces?": "Tabs", "Which fruits?": ["Apple"]}


@pytest.mark.parametrize(
    "answers",
    [
        None,
        [],
        "Tabs",
        {},
        {"Which fruits?": ["Apple"]},
        {**GOOD, "Another?": "x"},
        {**GOOD, "Tabs or spaces?": "Both"},
        {**GOOD, "Tabs or spaces?": "tabs"},
        {**GOOD, "Tabs or spaces?": ["Tabs", "Spaces"]},
        {**GOOD, "Tabs or spaces?": ["Tabs", {"other": "x"}]},
        {**GOOD, "Tabs or spaces?": None},
        {**GOOD, "Tabs or spaces?": ""},
        {**GOOD, "Tabs or spaces?": 1},
        {**GOOD, "Tabs or spaces?": {}},
        {**GOOD, "Tabs or spaces?": {"other": ""}},
        {**GOOD, "Tabs or spaces?": {"other": " \n"}},
        {**GOOD, "Tabs or spaces?": {"other": 1}},
        {**GOOD, "Tabs or spaces?": {"other": "x", "label": "Tabs"}},
        {**GOOD, "Tabs or spaces?": {"other": "a\0b"}},
        {**GOOD, "Tabs or spaces?": {"other": "\ud800"}},
        {**GOOD, "Tabs or spaces?": {"other": "x" * (MAX_MESSAGE_BYTES + 1)}},
        {**GOOD, "Which fruits?": []},
        {**GOOD, "Which fruits?": ["Apple", "Melon"]},
        {**GOOD, "Which fruits?": ["Apple", "Apple"]},
        {**GOOD, "Which fruits?": ["Apple", None]},
        {**GOOD, "Which fruits?": [["Apple"]]},
        {**GOOD, "Which fruits?": [{"other": "a"}, {"other": "b"}]},
    ],
)
def test_invalid_answers(answers: object) -> None:
    """Every question must have one that it offers."""
    with pytest.raises(InvalidAnswers) as caught:
        decide(QUESTION, "answers", answers=answers)
    assert (caught.value.status, caught.value.code) == (400, "invalid_answers")
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize(
    ("asked", "choices"),
    [
        (
            ask(suggestions=[RULE]),
            ("maybe", "", "allow_1", "allow_x", "allow_00", "approve", "discuss", "ALLOW", None, 1, ["allow"]),
        ),
        (ask(), ("allow_0", "answers")),
        (A_PLAN, ("allow", "deny", "deny_stop", "answers")),
        (QUESTION, ("allow", "deny", "approve", "Tabs")),
    ],
)
def test_invalid_choices(asked: Asked, choices: tuple[object, ...]) -> None:
    """A choice that this request does not have; the error names those that it has."""
    for choice in choices:
        with pytest.raises(InvalidChoice, match=asked.choices[0].id) as caught:
            decide(asked, choice)
        assert (caught.value.status, caught.value.code) == (400, "invalid_choice")


@pytest.mark.parametrize(
    ("tool", "updated"),
    [
        ("Bash", []),
        ("Bash", "make"),
        ("Bash", {}),
        ("Bash", {"command": " "}),
        ("Bash", {"command": 1}),
        ("Bash", {"command": "a\0b"}),
        ("Bash", {"command": "x", "description": 1}),
        ("Bash", {"command": "x", "timeout": True}),
        ("Bash", {"command": "x", "run_in_background": 1}),
        ("Write", {"file_path": "/x"}),
        ("Write", {"file_path": "", "content": "x"}),
        ("Edit", {"file_path": "/x", "old_string": "a"}),
        ("Edit", {"file_path": "/x", "old_string": "a", "new_string": "b", "replace_all": "yes"}),
        ("MultiEdit", {"file_path": "/x", "edits": []}),
        ("MultiEdit", {"file_path": "/x", "edits": [{"old_string": "a"}]}),
        ("WebFetch", {"url": "http://x.example/"}),
        ("mcp__x__y", 1),
    ],
)
def test_invalid_inputs(tool: str, updated: object) -> None:
    """What the tool could not work with is refused before it is approved."""
    with pytest.raises(InvalidInput) as caught:
        decide(ask(tool, {}), "allow", updated_input=updated)
    assert (caught.value.status, caught.value.code) == (400, "invalid_input")


@pytest.mark.parametrize(
    ("tool", "updated"),
    [
        ("Bash", {"command": "x", "timeout": 5, "run_in_background": True, "other": None}),
        ("Write", {"file_path": "/x", "content": ""}),
        ("Edit", {"file_path": "/x", "old_string": "", "new_string": "", "replace_all": False}),
        ("MultiEdit", {"file_path": "/x", "edits": [{"old_string": "a", "new_string": "b"}]}),
        ("mcp__x__y", {}),
        ("TomorrowsTool", {"anything": [1]}),
    ],
)
def test_valid_inputs(tool: str, updated: dict[str, object]) -> None:
    """Tools that are not known take any object."""
    assert decide(ask(tool, {}), "allow", updated_input=updated)["updatedInput"] == updated


@pytest.mark.parametrize(
    ("asked", "choice", "given", "error"),
    [
        (ask(), "deny", {"updated_input": {"command": "x"}}, InvalidInput),
        (ask(), "deny_stop", {"updated_input": {"command": "x"}}, InvalidInput),
        (ask(), "allow", {"updated_plan": "x"}, InvalidInput),
        (ask(), "allow", {"answers": {}}, InvalidAnswers),
        (A_PLAN, "approve", {"updated_input": PLAN}, InvalidInput),
        (A_PLAN, "keep_planning", {"updated_plan": "x"}, InvalidInput),
        (A_PLAN, "approve", {"updated_plan": " "}, InvalidInput),
        (A_PLAN, "approve", {"updated_plan": 1}, InvalidInput),
        (A_PLAN, "approve", {"updated_plan": "a\0"}, InvalidInput),
        (A_PLAN, "approve", {"updated_plan": "x" * 200_000}, InvalidInput),
        (QUESTION, "discuss", {"answers": GOOD}, InvalidAnswers),
        (QUESTION, "answers", {"answers": GOOD, "updated_input": {}}, InvalidInput),
    ],
)
def test_what_a_choice_does_not_take(
    asked: Asked, choice: str, given: dict[str, object], error: type[CtmError]
) -> None:
    """It is refused, not left out: its sender means something by it."""
    with pytest.raises(error):
        decide(asked, choice, **given)


@pytest.mark.parametrize("message", [1, ["x"], {}, True, "a\0b", "\ud800", "x" * (MAX_MESSAGE_BYTES + 1), "ä" * 6000])
def test_invalid_messages(message: object) -> None:
    """Of whatever choice: not text, too long, NUL, half a character."""
    for choice in ("deny", "allow"):
        with pytest.raises(InvalidBody):
            decide(ask(), choice, message=message)


def test_the_longest_message() -> None:
    """The bound itself is still taken."""
    message = "ä" * (MAX_MESSAGE_BYTES // 2)
    assert decide(ask(), "deny", message=message)["message"] == message


def test_public_answer() -> None:
    """The message is shown where it was passed on."""
    assert public_answer(Given("deny", "no")) == {"choice": "deny", "message": "no"}
    assert public_answer(Given("deny", "")) == {"choice": "deny"}
    assert public_answer(Given("allow", "no reader")) == {"choice": "allow"}
    assert public_answer(Given("keep_planning")) == {"choice": "keep_planning"}


def test_given_of_a_body() -> None:
    """Other keys are not its own, null is as if absent."""
    body = {"choice": "allow", "key": "k", "message": None, "updated_input": {"command": "x"}}
    assert given_of(body) == Given("allow", updated_input={"command": "x"})


CHOICES = st.sampled_from(
    [
        "allow",
        "deny",
        "deny_stop",
        "allow_0",
        "allow_1",
        "approve",
        "approve_accept_edits",
        "keep_planning",
        "answers",
        "discuss",
    ]
)


@given(
    st.sampled_from(permission_requests()),
    st.fixed_dictionaries(
        {"choice": CHOICES | ANY_JSON},
        optional={
            "message": ANY_JSON,
            "updated_input": st.dictionaries(st.sampled_from(["command", "file_path", "content"]), ANY_JSON) | ANY_JSON,
            "updated_plan": ANY_JSON,
            "answers": st.dictionaries(st.sampled_from(["Tabs or spaces?", "Which fruits?"]), ANY_JSON) | ANY_JSON,
        },
    ),
)
def test_any_answer(payload: dict[str, Any], body: dict[str, object]) -> None:
    """Any JSON is answered with a decision that can be printed, or refused under our names."""
    asked = asked_of(payload)
    assert asked is not None
    answer = given_of(body)
    try:
        printed = decision_of(asked, answer)
    except (InvalidAnswers, InvalidBody, InvalidChoice, InvalidInput):
        return
    assert printed["hookSpecificOutput"]["decision"]["behavior"] in ("allow", "deny")
    json.dumps(printed)
    assert public_answer(answer)["choice"] == body["choice"]
