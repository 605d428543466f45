"""The words for states: one for each, and the order of urgency."""

from __future__ import annotations

import re
from pathlib import Path

import ctm_trio
from ctm_trio.model import status
from ctm_trio.model.attention import STATES, WARNINGS
from ctm_trio.model.request import asked_of
from ctm_trio.model.request_record import ELSEWHERE, OPEN, WITHDRAWN
from ctm_trio.model.status_rules import RULES
from ctm_trio.model.status_words import (
    ATTENTION_WORDS,
    CLOSED_WORDS,
    KIND_WORDS,
    STATUS_WORDS,
    WARNING_WORDS,
    attention_words,
    choice_words,
    status_words,
    urgency,
)


def test_every_state_has_words_of_its_own() -> None:
    """No two states look alike, and none is forgotten."""
    states = {state for state, _ in RULES}
    assert states == STATUS_WORDS.keys()
    assert len(set(STATUS_WORDS.values())) == len(states)
    assert status_words("of_tomorrow") == "of tomorrow"
    assert KIND_WORDS.keys() == status.ASKING
    assert CLOSED_WORDS.keys() == {OPEN, "answered", ELSEWHERE, WITHDRAWN}


def test_the_words_are_those_of_the_page() -> None:
    """Who looks at both finds the same words, here as they stand behind a name."""
    texts = (Path(ctm_trio.__file__).parent / "web/dashboard/app/i18n/en-answers.js").read_text()

    def words_in(*keys: str) -> dict[str, str]:
        block = texts
        for key in keys:
            block = re.split(rf"\n +{key}: {{", block, maxsplit=1)[1]
        found = re.findall(r"(\w+): '((?:[^'])*)'", block.partition("}")[0])
        return {name: words.casefold() for name, words in found}

    page = words_in("status")
    assert {state: words.casefold() for state, words in STATUS_WORDS.items()} == {
        key: page[key] for key in STATUS_WORDS
    }
    for ours, theirs in ((WARNING_WORDS, words_in("warning")), (KIND_WORDS, words_in("answer", "kind")),
                         (CLOSED_WORDS, words_in("answer", "state"))):  # fmt: skip
        assert {key: words.casefold() for key, words in ours.items()} == theirs


def test_choices() -> None:
    """The words for a choice are its label; only that questions were answered needs none."""
    given = {"plan": "x", "questions": [{"question": "?", "options": []}]}
    for tool in ("Bash", "ExitPlanMode", "AskUserQuestion"):
        asked = asked_of({"hook_event_name": "PermissionRequest", "tool_name": tool, "tool_input": given})
        assert asked is not None
        for choice in asked.choices:
            assert choice_words(choice.id) == ("" if choice.id == "answers" else choice.label)
    assert choice_words("row_2") == "row 2"


def test_states_of_attention() -> None:
    """Each has words, and details that are written for a program are not shown."""
    assert set(STATES) == ATTENTION_WORDS.keys()
    assert WARNING_WORDS.keys() == set(WARNINGS)
    assert attention_words("last_error_call", "last tool call returned is_error=true") == ("last call failed", "")
    assert attention_words("error_burst", "5 errors in last 20 calls")[1] == "5 errors in last 20 calls"
    assert attention_words("of_tomorrow", "d") == ("of tomorrow", "d")


def test_urgency() -> None:
    """The order of the protocol; what blocks nobody comes after all that does."""
    backwards = list(STATUS_WORDS)[::-1]
    assert sorted(backwards, key=urgency)[: len(status.URGENCY)] == list(status.URGENCY)
    assert {urgency(state) for state in (status.WORKING_, "", "of_tomorrow")} == {len(status.URGENCY)}
