"""`answer` in a terminal: what to answer is asked, for questions one after the other."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from ctm_trio.cli.answer_words import ANSWERS, choice_of, said_of, typed_answer
from ctm_trio.cli.colours import colours_of
from ctm_trio.cli.common import CliError, say, say_painted
from ctm_trio.cli.request_view import INDENT, asked, head, options, whole
from ctm_trio.model.request import DISCUSS
from ctm_trio.model.status import DIALOG

Request = Mapping[str, Any]

Chosen = tuple[str, dict[str, object]]
"""A choice, and the answers that go with it."""


def ask(request: Request, *, yes: bool) -> Chosen | None:
    """Show a request and ask what to answer, again after what is not understood; None if nothing is to be answered.

    Args:
        yes: answers to questions are sent without a last word.
    """
    if request.get("questions"):
        return ask_questions(request, yes=yes)
    say_painted(whole(request, colours_of(sys.stderr)))
    say("")
    how = "Your choice; the number of a row will do" if request.get("kind") == DIALOG else "Your choice"
    while word := _line(f"{how} (Enter for none): "):
        try:
            choice, answers = choice_of(request, word)
        except CliError as error:
            say(str(error))
        else:
            return choice, answers or {}
    return None


def ask_questions(request: Request, *, yes: bool) -> Chosen | None:
    """Ask each question, show what will be sent, and ask whether it shall be."""
    questions = request["questions"]
    say_painted(head(request, colours_of(sys.stderr)))
    talk = any(choice["id"] == DISCUSS for choice in request.get("choices", ()))
    if talk:
        say(f"`{DISCUSS}` instead of an answer talks about it first.")
    answers: dict[str, object] = {}
    for number, question in enumerate(questions, 1):
        of = f"Question {number} of {len(questions)}: " if len(questions) > 1 else ""
        say("\n".join(["", of + asked(question), *options(question, numbered=True)]))
        answer = _answer(question, talk=talk)
        if answer is None:
            return None
        if answer == DISCUSS and talk and not _offers(question, DISCUSS):
            return DISCUSS, {}
        answers[question["question"]] = answer
    say("\n".join(["", "This will be sent:", *(f"{INDENT}{text} → {words}" for text, words in said_of(answers))]))
    if not yes:
        say("Send it? [Y/n] ", end="")
        if (line := sys.stdin.readline()).strip().lower() not in ("", "y", "yes") or not line:
            return None
    return ANSWERS, answers


def _answer(question: Mapping[str, Any], *, talk: bool) -> object:
    """The answer to one question, `DISCUSS` if it shall be talked about, None for none."""
    several = question.get("multiSelect") is True
    how = "Numbers or labels with commas between them, or" if several else "Number or label, or"
    while text := _line(f"{how} your own words (Enter for none): "):
        if talk and text.lower() == DISCUSS and not _offers(question, DISCUSS):
            return DISCUSS
        try:
            return typed_answer(question, text)
        except CliError as error:
            say(str(error))
    return None


def _offers(question: Mapping[str, Any], label: str) -> bool:
    return any(str(option["label"]).lower() == label for option in question.get("options", ()))


def _line(prompt: str) -> str:
    """A line that was typed, "" for none or at the end."""
    say(prompt, end="")
    return sys.stdin.readline().strip()
