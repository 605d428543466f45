"""A person's answer to a request, and what the hook prints so that the client takes it.

Source: PROTOCOL.md, Requests; what each answer does is measured with Claude Code 2.1.330.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ctm_trio.errors.answers import InvalidAnswers, InvalidChoice, InvalidInput
from ctm_trio.errors.requests import InvalidBody
from ctm_trio.model.one_line import one_line
from ctm_trio.model.request import (
    ALLOW,
    ANSWERS,
    APPROVE,
    APPROVE_ACCEPT_EDITS,
    DENY,
    DENY_STOP,
    DISCUSS,
    KEEP_PLANNING,
    NEEDS_INPUT,
    Asked,
)
from ctm_trio.model.tool_input import check_input

MAX_MESSAGE_BYTES = 10 * 1024
"""A message, and a free answer, may have so many bytes of UTF-8."""

MAX_PLAN_BYTES = 100 * 1024
"""So many a changed plan."""

REFUSALS = frozenset({DENY, DENY_STOP, KEEP_PLANNING, DISCUSS})
"""Choices whose message goes to Claude; with the others it has no reader and is left out."""

WITHOUT_WORDS: Mapping[str, str] = {
    KEEP_PLANNING: "The user wants to keep planning.",
    DISCUSS: "The user wants to talk about this before answering.",
}
"""What Claude reads if there is no message. Without any it would read "Permission denied by hook", which a person did
not mean by these choices."""

ACCEPT_EDITS = {"type": "setMode", "mode": "acceptEdits", "destination": "session"}
PLANNING = "plan"
"""The permission mode of a client that plans."""

ASK_FOR_EDITS = {"type": "setMode", "mode": "default", "destination": "session"}
"""Without it the client goes back to the mode that it had before it planned, in which edits may go unasked."""


class Given(msgspec.Struct, frozen=True):
    """An answer as it came. Only `decision_of` says whether it fits; None means "not given".

    Attributes:
        choice: the id of one of the request's choices.
        message: words for Claude.
        updated_input: replaces the tool's whole input.
        updated_plan: the text that is approved instead of the plan.
        answers: `{question: label | [labels] | {"other": text} | [labels…, {"other": text}]}`.
    """

    choice: object
    message: object = None
    updated_input: object = None
    updated_plan: object = None
    answers: object = None


def given_of(body: Mapping[str, object]) -> Given:
    """The answer in the body of a request (decoded JSON). Keys that are not of it are ignored; never raises."""
    return Given(
        body.get("choice"),
        body.get("message"),
        body.get("updated_input"),
        body.get("updated_plan"),
        body.get("answers"),
    )


def decision_of(asked: Asked, given: Given, *, yolo: bool = False) -> dict[str, Any]:
    """What the hook must print (as JSON) to answer `asked` with `given`.

    Args:
        yolo: its session asks for no permissions, and shall not begin to by the approval of a plan.

    Raises:
        InvalidChoice: the request does not have the choice.
        InvalidAnswers: see `_answers`; also for answers with a choice that takes none.
        InvalidInput: a changed input or plan that the tool could not take, or with a choice that takes none.
        InvalidBody: the message is not text of at most `MAX_MESSAGE_BYTES` without NUL.
    """
    choice = given.choice
    if not isinstance(choice, str) or all(choice != known.id for known in asked.choices):
        possible = ", ".join(known.id for known in asked.choices)
        raise InvalidChoice(f"This request takes one of these choices: {possible}.")
    message = message_of(given)
    _check_fits(asked, given)
    if choice in REFUSALS:
        decision: dict[str, Any] = {"behavior": "deny"}
        if words := message or WITHOUT_WORDS.get(choice, ""):
            decision["message"] = words
        if choice == DENY_STOP:
            decision["interrupt"] = True
        return _printed(decision)
    decision = {"behavior": "allow"}
    if choice == ANSWERS:
        decision["updatedInput"] = {**asked.input, "answers": _answers(asked.questions or [], given.answers)}
    elif given.updated_plan is not None:
        decision["updatedInput"] = {**asked.input, "plan": _plan(given.updated_plan)}
    elif given.updated_input is not None:
        decision["updatedInput"] = check_input(asked.tool, given.updated_input)
    elif asked.tool in NEEDS_INPUT:
        decision["updatedInput"] = asked.input
    if choice == APPROVE_ACCEPT_EDITS:
        decision["updatedPermissions"] = [dict(ACCEPT_EDITS)]
    elif choice == APPROVE and asked.mode == PLANNING and not yolo:
        decision["updatedPermissions"] = [dict(ASK_FOR_EDITS)]
    elif choice not in (ALLOW, APPROVE, ANSWERS):  # allow_0 is the client's first suggestion
        decision["updatedPermissions"] = [asked.suggestions[int(choice.removeprefix("allow_"))]]
    return _printed(decision)


def public_answer(given: Given) -> dict[str, str]:
    """The answer as clients see it, of one that `decision_of` took: the choice, and the message if it was passed on."""
    message = message_of(given)
    answer = {"choice": str(given.choice)}
    if message and given.choice in REFUSALS:
        answer["message"] = message
    return answer


def message_of(given: Given) -> str:
    """The words for Claude, "" for none (blank text is none).

    Raises:
        InvalidBody: it is not text, is too long, or has a NUL or half a character.
    """
    if given.message is None:
        return ""
    if not isinstance(given.message, str) or not _is_clean(given.message, MAX_MESSAGE_BYTES):
        raise InvalidBody(f"The message must be text of at most {MAX_MESSAGE_BYTES // 1024} KB without NUL characters.")
    return given.message if given.message.strip() else ""


def _printed(decision: dict[str, Any]) -> dict[str, Any]:
    return {"hookSpecificOutput": {"hookEventName": "PermissionRequest", "decision": decision}}


def _check_fits(asked: Asked, given: Given) -> None:
    """What is given and would have no effect is refused: its sender means something by it."""
    allows = asked.kind == "permission" and given.choice not in (DENY, DENY_STOP)
    if given.updated_input is not None and not allows:
        raise InvalidInput("Only an approval of a call can change the tool's input; leave `updated_input` out.")
    if given.updated_plan is not None and given.choice not in (APPROVE, APPROVE_ACCEPT_EDITS):
        raise InvalidInput("Only the approval of a plan can change the plan; leave `updated_plan` out.")
    if given.answers is not None and given.choice != ANSWERS:
        raise InvalidAnswers("Answers belong to the choice `answers` of a question; leave them out.")


def _plan(value: object) -> str:
    if not isinstance(value, str) or not value.strip() or not _is_clean(value, MAX_PLAN_BYTES):
        raise InvalidInput(f"The changed plan must be text of at most {MAX_PLAN_BYTES // 1024} KB, and not blank.")
    return value


def _answers(questions: list[dict[str, Any]], answers: object) -> dict[str, str]:
    """The answers as the client takes them: a text for each question, several labels joined by a comma and a blank.

    Raises:
        InvalidAnswers: a question has no answer, or one that it does not offer; or there is no such question.
    """
    if not isinstance(answers, dict):
        raise InvalidAnswers("Give `answers`: an object with the text of each question and its answer.")
    texts = {question["question"] for question in questions}
    for text in answers:
        if text not in texts:
            raise InvalidAnswers(f"There is no question {_quoted(text)}.")
    found: dict[str, str] = {}
    for question in questions:
        text = question["question"]
        if text not in answers:
            raise InvalidAnswers(f"The question {_quoted(text)} has no answer.")
        found[text] = _answer(question, answers[text])
    return found


def _answer(question: dict[str, Any], value: object) -> str:
    name = _quoted(question["question"])
    parts = value if isinstance(value, list) else [value]
    if not parts:
        raise InvalidAnswers(f"The question {name} has no answer.")
    if len(parts) > 1 and question.get("multiSelect") is not True:
        raise InvalidAnswers(f"The question {name} takes one answer only.")
    labels = {option["label"] for option in question["options"]}
    chosen: list[str] = []
    free = 0
    for part in parts:
        if isinstance(part, str):
            if part not in labels:
                raise InvalidAnswers(f"The question {name} has no option {_quoted(part)}.")
            if part in chosen:
                raise InvalidAnswers(f"The question {name} has the answer {_quoted(part)} twice.")
            chosen.append(part)
        else:
            chosen.append(_free_text(name, part))
            free += 1
    if free > 1:
        raise InvalidAnswers(f"The question {name} takes one free text only.")
    return ", ".join(chosen)


def _free_text(name: str, part: object) -> str:
    text = part["other"] if isinstance(part, dict) and part.keys() == {"other"} else None
    if not isinstance(text, str):
        raise InvalidAnswers(f'An answer to the question {name} is the text of an option, or {{"other": text}}.')
    if not text.strip() or not _is_clean(text, MAX_MESSAGE_BYTES):
        kb = MAX_MESSAGE_BYTES // 1024
        raise InvalidAnswers(f"The free answer to the question {name} must be text of at most {kb} KB, and not blank.")
    return text


def _is_clean(text: str, limit: int) -> bool:
    """True for text of at most `limit` bytes that can be written as UTF-8 and has no NUL."""
    try:
        return len(text) <= limit and "\0" not in text and len(text.encode()) <= limit
    except UnicodeEncodeError:
        return False


def _quoted(text: object) -> str:
    return f"“{one_line(str(text), 80)}”"
