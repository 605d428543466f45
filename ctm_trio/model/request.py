"""What a session asks a person: an approval, an answer to questions, a decision on a plan.

Made of the payload with which the client calls the `PermissionRequest` hook. Source: PROTOCOL.md, Requests; the shapes
are measured with Claude Code 2.1.330.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from ctm_trio.model.one_line import one_line, short_json
from ctm_trio.model.risk import Risk, risk_of
from ctm_trio.model.suggestion import suggestion_words

SUMMARY_LIMIT = 300
"""Characters of a summary."""

MAX_SUGGESTIONS = 20
"""So many of the client's suggestions become choices (it sends two or three)."""

NEEDS_INPUT = frozenset({"AskUserQuestion", "ExitPlanMode"})
"""Tools whose call needs a person: the client ignores an approval that does not give the input back."""

Kind = Literal["permission", "question", "plan", "dialog"]

_SUMMARY_KEYS: Mapping[str, tuple[str, ...]] = {
    "Bash": ("command",), "PowerShell": ("command",),
    "Edit": ("file_path",), "MultiEdit": ("file_path",), "Write": ("file_path",), "Read": ("file_path",),
    "NotebookEdit": ("notebook_path", "file_path"),
    "WebFetch": ("url",), "WebSearch": ("query",),
    "Glob": ("pattern",), "Grep": ("pattern",), "LS": ("path",),
    "Task": ("description",), "Agent": ("description",), "Skill": ("skill", "command"),
}  # fmt: skip


class Choice(msgspec.Struct, frozen=True):
    """One of the answers that a request takes: its id on the wire, its words, and more words ("" for none)."""

    id: str
    label: str
    detail: str = ""


class Asked(msgspec.Struct, frozen=True):
    """A request as the client made it.

    Attributes:
        kind: what kind of answer it takes.
        tool, cwd, agent_id, agent_type: as the client names them; "" where it does not.
        input: the tool's whole input. Never changed in place.
        summary: one line of at most `SUMMARY_LIMIT` characters: the command, the file, the question.
        choices: what may be answered.
        questions: of a question, as the client sent them; None for the other kinds.
        plan: of a plan, its whole Markdown text; None for the other kinds.
        risk: how much a wrong approval may cost.
        suggestions: what the client offers to remember, as it sent it; `allow_0` is the first.
        mode: the permission mode that the client says it is in, e.g. `plan`; "" where it says none.
    """

    kind: Kind
    tool: str
    input: dict[str, Any]
    summary: str
    cwd: str
    agent_id: str
    agent_type: str
    choices: tuple[Choice, ...]
    questions: list[dict[str, Any]] | None
    plan: str | None
    risk: Risk
    suggestions: tuple[object, ...]
    mode: str = ""


ALLOW, DENY, DENY_STOP = "allow", "deny", "deny_stop"
APPROVE, APPROVE_ACCEPT_EDITS, KEEP_PLANNING = "approve", "approve_accept_edits", "keep_planning"
ANSWERS, DISCUSS = "answers", "discuss"
ROW = "row_"
"""How the choices of a dialog that was read from the screen begin."""

_PERMISSION = (
    Choice(ALLOW, "Allow", "Once, for this call alone"),
    Choice(DENY, "Deny", "Claude reads your message and goes on without this call"),
    Choice(DENY_STOP, "Deny and stop", "The turn ends, as with Esc in the terminal"),
)
_PLAN = (
    Choice(APPROVE, "Approve", "Claude begins, and asks before each edit"),
    Choice(APPROVE_ACCEPT_EDITS, "Approve and accept edits", "Claude begins, and edits files without asking"),
    Choice(KEEP_PLANNING, "Keep planning", "Claude reads your message and goes on planning"),
)
_QUESTION = (
    Choice(ANSWERS, "Answer"),
    Choice(DISCUSS, "Talk about it", "Claude reads your message instead of an answer"),
)


_PERMISSION_BY_KEYS = (
    _PERMISSION[0],
    Choice(DENY, "Deny", "The turn ends, as with Esc: the terminal's dialog takes no message"),
    _PERMISSION[2],
)
_PLAN_BY_KEYS = (
    _PLAN[0],
    Choice(APPROVE_ACCEPT_EDITS, "Approve and accept edits", "Edits go unasked; only where the terminal offers it"),
)
_QUESTION_BY_KEYS = (Choice(ANSWERS, "Answer", "With one of the options as it is"),)


def choices_by_keys(asked: Asked) -> tuple[Choice, ...]:
    """What can be answered in the terminal's own dialog, once no hook waits; none if nothing can.

    Its rows take no words, remember in other ways than a hook does, and refuse only by ending the turn.
    """
    if asked.choices and asked.choices[0].id.startswith(ROW):
        return asked.choices
    if asked.kind == "plan":
        return _PLAN_BY_KEYS
    if asked.kind == "question":
        questions = asked.questions or []
        return _QUESTION_BY_KEYS if len(questions) == 1 and questions[0].get("multiSelect") is not True else ()
    return _PERMISSION_BY_KEYS


def asked_of(payload: Mapping[str, object]) -> Asked | None:
    """The request of a hook's payload (decoded JSON). Never raises; None if it is no `PermissionRequest` of a tool.

    A key of an unexpected type counts as absent. Questions or a plan that are not as the client sends them make the
    call a plain permission, which can still be allowed or denied.
    """
    tool = payload.get("tool_name")
    if payload.get("hook_event_name") != "PermissionRequest" or not isinstance(tool, str) or not tool:
        return None
    given = payload.get("tool_input")
    tool_input: dict[str, Any] = given if isinstance(given, dict) else {}
    offered = payload.get("permission_suggestions")
    suggestions = tuple(offered) if isinstance(offered, list) else ()
    questions = questions_of(tool_input) if tool == "AskUserQuestion" else None
    plan = _plan_of(tool_input) if tool == "ExitPlanMode" else None
    kind: Kind = "question" if questions is not None else "plan" if plan is not None else "permission"
    return Asked(
        kind=kind,
        tool=tool,
        input=tool_input,
        summary=_summary(tool, tool_input, questions, plan),
        cwd=_text(payload, "cwd"),
        agent_id=_text(payload, "agent_id"),
        agent_type=_text(payload, "agent_type"),
        choices=_choices(kind, suggestions),
        questions=questions,
        plan=plan,
        risk=risk_of(tool, tool_input),
        suggestions=suggestions,
        mode=_text(payload, "permission_mode"),
    )


def questions_of(tool_input: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """The questions of an AskUserQuestion as they are, None if one of them could not be shown or answered."""
    questions = tool_input.get("questions")
    return questions if isinstance(questions, list) and questions and all(map(_is_question, questions)) else None


def _is_question(value: object) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("question"), str) or not value["question"].strip():
        return False
    options = value.get("options")
    return isinstance(options, list) and all(
        isinstance(option, dict) and isinstance(option.get("label"), str) and option["label"] for option in options
    )


def _plan_of(tool_input: Mapping[str, Any]) -> str | None:
    plan = tool_input.get("plan")
    return plan if isinstance(plan, str) and plan.strip() else None


def _choices(kind: Kind, suggestions: tuple[object, ...]) -> tuple[Choice, ...]:
    if kind == "plan":
        return _PLAN
    if kind == "question":
        return _QUESTION
    if not suggestions:
        return _PERMISSION
    remembering = []
    for number, entry in enumerate(suggestions[:MAX_SUGGESTIONS]):
        words, detail = suggestion_words(entry)
        remembering.append(Choice(f"allow_{number}", f"Allow, and {words}", detail))
    return (*_PERMISSION, *remembering)


def _summary(tool: str, tool_input: dict[str, Any], questions: list[dict[str, Any]] | None, plan: str | None) -> str:
    if questions is not None:
        return one_line(questions[0]["question"], SUMMARY_LIMIT)
    if plan is not None:
        return one_line(_title(plan), SUMMARY_LIMIT)
    for key in _SUMMARY_KEYS.get(tool, ()):
        found = tool_input.get(key)
        if isinstance(found, str) and found.strip():
            return one_line(found, SUMMARY_LIMIT)
    return one_line(f"{tool} {short_json(tool_input, SUMMARY_LIMIT)}" if tool_input else tool, SUMMARY_LIMIT).strip()


def _title(plan: str) -> str:
    """The first line that says something, without the marks of a heading."""
    for line in plan[: 16 * SUMMARY_LIMIT].split("\n"):
        if title := line.strip().lstrip("#").strip():
            return title
    return plan.strip()


def _text(payload: Mapping[str, object], key: str) -> str:
    found = payload.get(key)
    return found if isinstance(found, str) else ""
