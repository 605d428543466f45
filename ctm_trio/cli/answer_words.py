"""From the words of a command line to the answer of a request. Pure.

Source: PROTOCOL.md, Requests; CLI.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ctm_trio.cli.common import MAX_DIGITS, USAGE, CliError, plain
from ctm_trio.model.answer import REFUSALS
from ctm_trio.model.status_words import CHOICE_WORDS

YES, NO, ANSWERS = "yes", "no", "answers"
MEANT: Mapping[str, tuple[str, ...]] = {YES: ("allow", "approve"), NO: ("deny", "keep_planning")}
"""A convenient word → the choices that it may mean; a request has at most one of them."""

ROW = "row_"
"""How the id of a dialog's row begins; its number follows."""

OTHER = "other:"
"""How an answer in one's own words begins."""

MIN_PREFIX = 4
"""So many characters of an id are taken for one at least."""

Request = Mapping[str, Any]


def candidates(requests: Sequence[Request], word: str) -> list[Request]:
    """The requests that a word may mean: one's whole id, else the beginning of an id, or the session that asks."""
    exact = [request for request in requests if request["id"] == word]
    if exact:
        return exact
    return [
        request
        for request in requests
        if request["session"] == word or (len(word) >= MIN_PREFIX and request["id"].startswith(word))
    ]


def choice_of(request: Request, word: str) -> tuple[str, dict[str, object] | None]:
    """The choice that a word means, and the answers that go with it.

    Args:
        word: the id of a choice; `yes` or `no`; a choice's label, in any case; the number of a dialog's row; for a
            single question the label of an option, or `other:` and words of one's own.

    Raises:
        CliError: it means none of them, or not only one.
    """
    choices = request.get("choices", ())
    ids = [choice["id"] for choice in choices]
    if word in ids:
        return word, None
    meant = [id_ for id_ in ids if id_ in MEANT.get(word.lower(), ())]
    if meant:
        return meant[0], None
    named = {choice["id"] for choice in choices if _same(choice.get("label"), word)}
    named |= {f"{ROW}{word.strip()}"} & set(ids)
    if len(named) == 1:
        return named.pop(), None
    questions: Sequence[Mapping[str, Any]] = request.get("questions") or ()
    if len(questions) == 1 and ANSWERS in ids:
        return ANSWERS, {questions[0]["question"]: _value(questions[0], [word])}
    if questions:
        raise unanswered(request)
    raise CliError(f"{word!r} is no answer to this request. {_takes(choices)}", USAGE)


def unanswered(request: Request) -> CliError:
    """That questions need their answers, and how they are given."""
    many = len(request.get("questions") or ())
    asks = f"It asks {many} questions" if many != 1 else "It asks a question"
    return CliError(
        f"{asks}: give `--answer 'QUESTION=LABEL'` for each; or no choice at all, and in a terminal you are asked. "
        f"{_takes(request.get('choices', ()))}",
        USAGE,
    )


def answers_of(request: Request, given: Sequence[str]) -> dict[str, object]:
    """The answers of a question, from `QUESTION=LABEL` words; one question may stand in several of them.

    QUESTION is its text, its short header or its number, beginning with 1.

    Raises:
        CliError: a question or a label that the request does not have; a question without an answer.
    """
    questions: Sequence[Mapping[str, Any]] = request.get("questions") or ()
    if not questions:
        raise CliError("This request asks no question that takes `--answer`.", USAGE)
    words: dict[int, list[str]] = {}
    for text in given:
        number, label = _split(questions, text)
        words.setdefault(number, []).append(label)
    for number, question in enumerate(questions):
        if number not in words:
            raise CliError(f"The question “{plain(question['question'])}” has no answer.", USAGE)
    return {questions[number]["question"]: _value(questions[number], labels) for number, labels in words.items()}


def typed_answer(question: Mapping[str, Any], text: str) -> object:
    """The answer that was typed when a question stood alone: numbers or labels of its options, or other words.

    Of a question that takes several, they stand with commas between them; the words may be the last. A label may have
    commas in it, or be a number, and means itself first.

    Raises:
        CliError: there is no option of that number, or nothing was typed.
    """
    labels = [str(option["label"]) for option in question.get("options", ())]
    several = question.get("multiSelect") is True
    parts: list[object] = []
    rest = text.strip()
    while rest:
        found, rest = _next_part(labels, rest, several=several)
        if found not in parts:
            parts.append(found)
    if not parts:
        raise CliError("There is nothing in it.", USAGE)
    return parts if len(parts) > 1 else parts[0]


def _next_part(labels: Sequence[str], text: str, *, several: bool) -> tuple[object, str]:
    """The first answer in what was typed, and what is left behind it."""
    for label in sorted(labels, key=len, reverse=True):
        after = text[len(label) :].strip()
        if _same(label, text[: len(label)]) and (not after or (several and after.startswith(","))):
            return label, after[1:].strip()
    number, _, after = text.partition(",") if several else (text, "", "")
    if (number := number.strip()).isascii() and number.isdigit():
        if len(number) > MAX_DIGITS or not 1 <= int(number) <= len(labels):
            raise CliError(f"There is no option {number[:MAX_DIGITS]}.", USAGE)
        return labels[int(number) - 1], after.strip()
    own = text[len(OTHER) :].strip() if text.lower().startswith(OTHER) else text
    if not own:
        raise CliError(f"Words of your own are missing behind `{OTHER}`.", USAGE)
    return {"other": own}, ""


def said_of(answers: Mapping[str, object]) -> list[tuple[str, str]]:
    """Each question and its answer, for people."""
    return [
        (plain(question), "; ".join(_words(part) for part in (value if isinstance(value, list) else [value])))
        for question, value in answers.items()
    ]


def _words(part: object) -> str:
    return f"“{plain(part.get('other', ''))}”" if isinstance(part, Mapping) else plain(part)


def lets_it_happen(choice: str) -> bool:
    """True unless the choice is a refusal: of a row of a dialog nobody knows what it does."""
    return choice not in REFUSALS


def _split(questions: Sequence[Mapping[str, Any]], text: str) -> tuple[int, str]:
    """Number of the question and the words for it. A question may have an equals sign in it."""
    names = [
        (name, number)
        for number, question in enumerate(questions)
        for name in (question["question"], question.get("header"), str(number + 1))
        if isinstance(name, str) and name
    ]
    for name, number in sorted(names, key=lambda known: -len(known[0])):
        if text.lower().startswith(f"{name.lower()}="):
            return number, text[len(name) + 1 :]
    asked = "; ".join(f"{number}. {plain(question['question'])}" for number, question in enumerate(questions, 1))
    raise CliError(f"{text!r} names none of the questions. It asks: {asked}", USAGE)


def _value(question: Mapping[str, Any], words: Sequence[str]) -> object:
    parts: list[object] = [_part(question, word) for word in words]
    return parts[0] if len(parts) == 1 else parts


def _part(question: Mapping[str, Any], word: str) -> object:
    if word.lower().startswith(OTHER):
        return {"other": word[len(OTHER) :].strip()}
    labels = [option["label"] for option in question.get("options", ())]
    if word in labels:
        return word
    alike = [label for label in labels if _same(label, word)]
    if len(alike) == 1:
        return alike[0]
    offered = ", ".join(plain(label) for label in labels)
    raise CliError(
        f"“{plain(question['question'])}” has no answer {word!r}. It takes: {offered}; or `{OTHER}` and your words.",
        USAGE,
    )


def _same(label: object, word: str) -> bool:
    return isinstance(label, str) and label.strip().lower() == word.strip().lower()


def _takes(choices: Sequence[Mapping[str, Any]]) -> str:
    """The ids, with the labels of those that do not speak for themselves."""
    known = [
        plain(choice["id"] if choice["id"] in CHOICE_WORDS else f"{choice['id']} ({choice.get('label', '')})")
        for choice in choices
    ]
    return f"It takes: {', '.join(known)}." if known else "It takes no answer from here."
