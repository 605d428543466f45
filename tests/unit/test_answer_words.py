"""From the words of a command line to an answer."""

from __future__ import annotations

from typing import Any

import pytest

from ctm_trio.cli.answer_words import answers_of, candidates, choice_of, lets_it_happen, typed_answer
from ctm_trio.cli.common import USAGE, CliError
from ctm_trio.model.request import asked_of


def made(tool: str, tool_input: dict[str, Any], suggestions: list[Any] | None = None) -> dict[str, Any]:
    """A request as the daemon shows it, of a hook's payload."""
    payload = {"hook_event_name": "PermissionRequest", "tool_name": tool, "tool_input": tool_input}
    asked = asked_of({**payload, "permission_suggestions": suggestions or []})
    assert asked is not None
    choices = [{"id": choice.id, "label": choice.label} for choice in asked.choices]
    return {"id": "ab" * 16, "session": "alpha", "choices": choices, "questions": asked.questions}


def question(text: str, *labels: str, several: bool = False, header: str = "") -> dict[str, Any]:
    """A question as the client asks it."""
    options = [{"label": label, "description": "d"} for label in labels]
    return {"question": text, "header": header, "options": options, "multiSelect": several}


PERMISSION = made("Bash", {"command": "make"}, [{"type": "addRules", "rules": [], "destination": "session"}])
PLAN = made("ExitPlanMode", {"plan": "# Do it"})
COLOUR = question("Which colour?", "Red", "Green", header="Colour")
SIZES = question("Sizes = which?", "S", "M, or L", several=True, header="Sizes")
ONE = made("AskUserQuestion", {"questions": [COLOUR]})
TWO = made("AskUserQuestion", {"questions": [COLOUR, SIZES]})
DIALOG = {"choices": [{"id": "row_1", "label": "Yes, I trust"}, {"id": "row_2", "label": "No, exit"}]}
ODD = {"choices": [{"id": "row_1", "label": "a"}, {"id": "row_2", "label": "1"}]}
"""A row's label is the number of another: nobody knows which is meant."""


@pytest.mark.parametrize(
    ("request_", "word", "choice", "answers"),
    [
        (PERMISSION, "allow", "allow", None), (PERMISSION, "yes", "allow", None), (PERMISSION, "NO", "deny", None),
        (PERMISSION, "allow_0", "allow_0", None), (PERMISSION, "deny_stop", "deny_stop", None),
        (PERMISSION, "deny and stop", "deny_stop", None),
        (PLAN, "yes", "approve", None), (PLAN, "no", "keep_planning", None),
        (PLAN, "approve_accept_edits", "approve_accept_edits", None),
        (ONE, "discuss", "discuss", None), (ONE, "green", "answers", {"Which colour?": "Green"}),
        (ONE, "other: a bit of both", "answers", {"Which colour?": {"other": "a bit of both"}}),
        (ONE, "answers", "answers", None),
        (DIALOG, "row_2", "row_2", None), (DIALOG, "no, exit", "row_2", None), (DIALOG, "2", "row_2", None),
        (ODD, "2", "row_2", None),
    ],
)  # fmt: skip
def test_choice(request_: dict[str, Any], word: str, choice: str, answers: dict[str, object] | None) -> None:
    """The id of a choice, a convenient word, or a label."""
    assert choice_of(request_, word) == (choice, answers)


@pytest.mark.parametrize(
    ("request_", "word", "said"),
    [
        (PERMISSION, "perhaps", "It takes: allow, deny, deny_stop, allow_0 (Allow, and "),
        (PERMISSION, "approve", "no answer"),
        (DIALOG, "yes", "It takes: row_1 (Yes, I trust), row_2 (No, exit)."), (DIALOG, "no", "It takes"),
        (DIALOG, "3", "It takes"), (ODD, "1", "It takes"), (ONE, "blue", "It takes: Red, Green;"),
        (TWO, "red", "It asks 2 questions"), (ONE, "yes", "has no answer 'yes'"),
    ],
)  # fmt: skip
def test_what_is_no_choice(request_: dict[str, Any], word: str, said: str) -> None:
    """Nothing is guessed, least of all which row of a dialog means yes; what is possible is said."""
    with pytest.raises(CliError) as refused:
        choice_of(request_, word)
    assert said in str(refused.value)
    assert refused.value.code == USAGE


@pytest.mark.parametrize(
    ("given", "answers"),
    [
        (["Which colour?=red", "Sizes = which?=S"], {"Which colour?": "Red", "Sizes = which?": "S"}),
        (["colour=Green", "2=S", "2=M, or L"], {"Which colour?": "Green", "Sizes = which?": ["S", "M, or L"]}),
        (
            ["1=other:a=b", "Sizes=M, or L", "sizes=other:XL"],
            {"Which colour?": {"other": "a=b"}, "Sizes = which?": ["M, or L", {"other": "XL"}]},
        ),
    ],
)  # fmt: skip
def test_answers(given: list[str], answers: dict[str, object]) -> None:
    """A question by its text, its header or its number, also with an equals sign in it; several labels are a list."""
    assert answers_of(TWO, given) == answers


@pytest.mark.parametrize(
    ("request_", "given", "said"),
    [
        (TWO, ["colour=red"], "“Sizes = which?” has no answer"), (TWO, ["3=red"], "names none of the questions"),
        (TWO, ["colour"], "1. Which colour?"), (TWO, ["1=blue", "2=S"], "It takes: Red, Green;"),
        (PERMISSION, ["1=x"], "asks no question"),
    ],
)  # fmt: skip
def test_what_is_no_answer(request_: dict[str, Any], given: list[str], said: str) -> None:
    """What is wrong and what is possible is said before anything is sent."""
    with pytest.raises(CliError) as refused:
        answers_of(request_, given)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("asked", "text", "answer"),
    [
        (COLOUR, "2", "Green"), (COLOUR, " gREEN ", "Green"), (COLOUR, "Red, Green", {"other": "Red, Green"}),
        (COLOUR, "Redder", {"other": "Redder"}), (COLOUR, "Other: 2", {"other": "2"}),
        (SIZES, "1,2", ["S", "M, or L"]), (SIZES, "m, or l", "M, or L"), (SIZES, "S, s, 1", "S"),
        (SIZES, "2,", "M, or L"),
        (SIZES, "S, other: X, or Y", ["S", {"other": "X, or Y"}]), (question("How many?", "2", "1"), "1", "1"),
    ],
)  # fmt: skip
def test_what_is_typed_behind_a_question(asked: dict[str, Any], text: str, answer: object) -> None:
    """Labels before numbers, and both before words of one's own; commas only where several are taken."""
    assert typed_answer(asked, text) == answer


@pytest.mark.parametrize("text", ["0", "3", "9" * 5000, "", " ", "other: "])
def test_what_is_typed_and_means_nothing(text: str) -> None:
    """It is said, so that it can be typed again."""
    with pytest.raises(CliError):
        typed_answer(COLOUR, text)


def test_which_request() -> None:
    """A whole id before all; the beginning of an id from four characters on; a session."""
    first, second = {"id": "abcd1", "session": "alpha"}, {"id": "abcd2", "session": "beta"}
    third = {"id": "ffff3", "session": "beta"}
    every = [first, second, third]
    for word, found in (
        ("abcd1", [first]), ("abcd", [first, second]), ("ffff", [third]), ("fff", []), ("alpha", [first]),
        ("beta", [second, third]), ("", []), ("nobody", []),
    ):  # fmt: skip
        assert candidates(every, word) == found, word


def test_what_lets_it_happen() -> None:
    """A refusal is never asked about again."""
    assert [c for c in ("allow", "deny", "allow_1", "deny_stop", "approve", "keep_planning", "discuss", "row_1") if
            lets_it_happen(c)] == ["allow", "allow_1", "approve", "row_1"]  # fmt: skip
