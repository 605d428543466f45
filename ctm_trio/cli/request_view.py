"""A request for people: what it is about, as a whole, and what may be answered.

All lines are plain, with the colours that the caller hands over: those of the stream that it writes them to.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ctm_trio.cli.colours import NO_COLOURS, Colours
from ctm_trio.cli.common import json_text, plain
from ctm_trio.cli.event_words import SHORT_ID
from ctm_trio.cli.views import ago
from ctm_trio.model.plain import plain_lines
from ctm_trio.model.status_words import CLOSED_WORDS, KIND_WORDS, choice_words

INDENT = "  "

Asked = Mapping[str, Any]
"""A request as the daemon shows it. Source: PROTOCOL.md, Requests."""


def short_ids(ids: Sequence[str]) -> dict[str, str]:
    """Each id → its shortest beginning, of `SHORT_ID` characters or more, that none of the others has."""
    found = {}
    for id_ in ids:
        size = SHORT_ID
        while size < len(id_) and any(other != id_ and other.startswith(id_[:size]) for other in ids):
            size += 1
        found[id_] = id_[:size]
    return found


def kind_words(request: Asked) -> str:
    """What it is: "permission, high risk"; of whom, if a sub-agent asks."""
    kind = str(request.get("kind", ""))
    words = KIND_WORDS.get(kind, kind)
    if request.get("agent_id"):
        words += f" of sub-agent {request.get('agent_type') or request['agent_id']}"
    return f"{words}, high risk" if request.get("risk") == "high" else words


def card(request: Asked, short: str, colours: Colours = NO_COLOURS) -> list[str]:
    """Two lines for a list in a terminal: id, session, kind and age; what it is about."""
    bold, yellow, grey, off = colours.bold, colours.yellow, colours.grey, colours.off
    width = max(40, shutil.get_terminal_size().columns)
    state = str(request.get("state", "open"))
    is_open = state == "open"
    risk = yellow if is_open and request.get("risk") == "high" else ""
    ended = "" if is_open else f"  {grey}{outcome(request)}{off}"
    age = ago(str(request.get("asked_at", "")))
    head = f"{bold}{short}{off}  {plain(request.get('session', ''))}  {risk}{plain(kind_words(request))}"
    lines = [f"{head}{off if risk else ''}  {age}{ended}", INDENT + _fit(plain(request.get("summary", "")), width - 3)]
    if is_open and request.get("answerable") == "no":
        lines.append(f"{INDENT}{grey}{_fit(plain(request.get('why_not', '')), width - 3)}{off}")
    return lines


def outcome(request: Asked, said: str = "") -> str:
    """What became of a closed request: "answered: Allow". What a question was answered is told only to who did it."""
    state = str(request.get("state", ""))
    answer = request.get("answer")
    choice = str(answer.get("choice", "")) if isinstance(answer, Mapping) else ""
    label = said or choice_label(request, choice)
    return plain(CLOSED_WORDS.get(state, state) + (f": {label}" if label else ""))


def choice_label(request: Asked, choice: str) -> str:
    """The words of the request itself for one of its choices; "" if that a question was answered is all there is."""
    own = {known["id"]: str(known.get("label", "")) for known in request.get("choices", ())}
    return own.get(choice) or choice_words(choice) if choice_words(choice) else ""


def whole(request: Asked, colours: Colours = NO_COLOURS) -> list[str]:
    """Everything that a person should see before answering: the whole command, diff, plan or questions."""
    lines = [*head(request, colours), "", *_about(request, colours), "", "choices:"]
    for choice in request.get("choices", ()):
        detail = f" ({plain(choice['detail'])})" if choice.get("detail") else ""
        lines.append(f"{INDENT}{plain(choice['id'])}: {plain(choice['label'])}{colours.grey}{detail}{colours.off}")
    return lines


def head(request: Asked, colours: Colours = NO_COLOURS) -> list[str]:
    """Who asks, what kind of thing, since when and where."""
    bold, yellow, grey, off = colours.bold, colours.yellow, colours.grey, colours.off
    risk = yellow if request.get("risk") == "high" else ""
    age = ago(str(request.get("asked_at", "")), " ago")
    what = f"{risk}{plain(kind_words(request))}{off if risk else ''}"
    lines = [f"{bold}{plain(request.get('session', ''))}{off}: {what}, asked {age}"]
    if request.get("cwd"):
        lines.append(f"{grey}in {plain(request['cwd'])}{off}")
    return lines


def _about(request: Asked, colours: Colours) -> list[str]:
    given = request.get("input")
    tool_input: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
    if request.get("questions"):
        return _questions(request["questions"])
    if request.get("plan"):
        return _indented(str(request["plan"]))
    tool = plain(request.get("tool", ""))
    if request.get("diff"):
        path = tool_input.get("file_path", "")
        return [f"{tool} {plain(path)}", *_diff(str(request["diff"]), colours)]
    command = tool_input.get("command")
    if isinstance(command, str):
        rest = {key: value for key, value in tool_input.items() if key != "command"}
        return [f"{tool}:", *_indented(command), *_fields(rest)]
    if not tool_input:
        return [INDENT + plain(request.get("summary", ""))]
    return [f"{tool}:", *_fields(tool_input)]


def _questions(questions: Iterable[Mapping[str, Any]]) -> list[str]:
    lines = []
    for number, question in enumerate(questions, 1):
        lines += [f"{number}. {asked(question)}", *options(question)]
    return lines


def asked(question: Mapping[str, Any]) -> str:
    """A question's text, and whether it takes several answers."""
    return plain(question.get("question", "")) + (" (one or more)" if question.get("multiSelect") is True else "")


def options(question: Mapping[str, Any], *, numbered: bool = False) -> list[str]:
    """What may be answered, an option a line."""
    lines = []
    for number, option in enumerate(question.get("options", ()), 1):
        about = f": {plain(option['description'])}" if option.get("description") else ""
        lines.append(f"{INDENT}{f'{number}.' if numbered else '-'} {plain(option.get('label', ''))}{about}")
    return lines


def _fields(values: Mapping[str, Any]) -> list[str]:
    lines = []
    for key, value in values.items():
        if isinstance(value, str) and "\n" not in value:
            lines.append(f"{INDENT}{plain(key)}: {plain(value)}")
        elif isinstance(value, str):
            lines += [f"{INDENT}{plain(key)}:", *(INDENT + line for line in _indented(value))]
        else:
            lines.append(f"{INDENT}{plain(key)}: {json_text(value)}")
    return lines


def _diff(text: str, colours: Colours) -> list[str]:
    paint = {"+": colours.green, "-": colours.red}
    return [f"{paint[line[0]]}{line}{colours.off}" if line[:1] in paint else line for line in _indented(text, "")]


def _indented(text: str, indent: str = INDENT) -> list[str]:
    return [indent + line for line in plain_lines(text.replace("\t", "    ").rstrip("\n")).split("\n")]


def _fit(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
