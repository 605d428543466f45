"""A request through its life: open, then answered by us, answered elsewhere or withdrawn.

Source: PROTOCOL.md, Requests.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from ctm_trio.model.request import ROW, Asked, Choice, choices_by_keys
from ctm_trio.model.status import OpenRequest
from ctm_trio.model.times import format_time

OPEN: Final = "open"
ANSWERED: Final = "answered"
ELSEWHERE: Final = "answered_elsewhere"
WITHDRAWN: Final = "withdrawn"

State = Literal["open", "answered", "answered_elsewhere", "withdrawn"]
Answerable = Literal["hook", "keys", "no"]

EVENT_INPUT_BYTES = 64 * 1024
"""An event with more of the tool's input than this leaves input, diff and plan to `GET /api/requests/{id}`."""

WHERES = frozenset({"page", "push", "cli", "mcp"})
"""Where an answer of ours may come from; one at the terminal says `terminal`."""


class Answer(msgspec.Struct, frozen=True):
    """Who answered what. `by`: the name of the device, "" if it has none. `at`: unix seconds."""

    choice: str
    where: str
    at: float
    message: str = ""
    by: str = ""


class Request(msgspec.Struct, frozen=True):
    """One thing that a session asks a person.

    Attributes:
        id: unguessable; our hook's own, so that it is the same over restarts of the daemon.
        session, uuid: who asks; a renamed session takes its requests along.
        asked: what it asks. asked_at: unix seconds.
        tool_use_id: of the call, "" if it is not known. diff: what an edit would change, or "".
        answerable: "hook": a hook of ours waits for the answer; "keys": the terminal's dialog can be answered by keys.
        why_not: why it cannot be answered from here, or why it was withdrawn if that needs words, for people.
        answer: who answered what. key: by which a repeat of that answer is known.
        closed_at: when it left "open", unix seconds, 0.0 while it is open.
        attempt: an answer that was sent to the hook, and of which it is not known whether it was printed.
        pid, begun: of the client's process: its number, 0 if unknown, and what tells it from a later one of it.
    """

    id: str
    session: str
    uuid: str
    asked: Asked
    asked_at: float
    tool_use_id: str = ""
    diff: str = ""
    state: State = "open"
    answerable: Answerable = "no"
    why_not: str = ""
    answer: Answer | None = None
    key: str = ""
    closed_at: float = 0.0
    attempt: Answer | None = None
    attempt_key: str = ""
    pid: int = 0
    begun: str = ""

    @property
    def is_open(self) -> bool:
        """Nobody has answered it, and it can still be answered."""
        return self.state == OPEN

    @property
    def from_screen(self) -> bool:
        """It is a dialog that no hook told of: its choices are the rows that were read from the screen."""
        return bool(self.asked.choices) and self.asked.choices[0].id.startswith(ROW)

    @property
    def choices(self) -> tuple[Choice, ...]:
        """What may be answered now: keys can do less than a hook."""
        return choices_by_keys(self.asked) if self.is_open and self.answerable == "keys" else self.asked.choices

    def for_status(self) -> OpenRequest:
        """As far as the session's status needs it."""
        agent = (self.asked.agent_type or self.asked.agent_id) if self.asked.agent_id else ""
        return OpenRequest(self.id, self.asked.kind, self.asked.summary, agent, self.asked_at, self.uuid)


def public_answer(answer: Answer) -> dict[str, object]:
    """An answer as clients see it."""
    shown: dict[str, object] = {"choice": answer.choice}
    if answer.message:
        shown["message"] = answer.message
    shown["by"] = {"device": answer.by, "name": answer.by} if answer.by else None
    return {**shown, "where": answer.where, "at": format_time(answer.at)}


def _public_choices(request: Request) -> list[dict[str, str]]:
    return [{"id": c.id, "label": c.label, **({"detail": c.detail} if c.detail else {})} for c in request.choices]


def public_request(request: Request) -> dict[str, object]:
    """A request as clients see it; what is unknown is left out."""
    asked = request.asked
    shown: dict[str, object] = {
        "id": request.id, "kind": asked.kind, "session": request.session, "uuid": request.uuid,
        "tool": asked.tool, "input": asked.input, "summary": asked.summary, "cwd": asked.cwd,
        "asked_at": format_time(request.asked_at),
        "choices": _public_choices(request),
        "risk": asked.risk, "state": request.state, "answerable": request.answerable,
    }  # fmt: skip
    optional = {
        "agent_id": asked.agent_id, "agent_type": asked.agent_type, "tool_use_id": request.tool_use_id,
        "questions": asked.questions, "plan": asked.plan, "diff": request.diff,
        "why_not": request.why_not if request.state in (OPEN, WITHDRAWN) else "",
    }  # fmt: skip
    shown |= {key: value for key, value in optional.items() if value}
    if request.answer is not None:
        shown["answer"] = public_answer(request.answer)
    return shown


def opened_payload(request: Request) -> bytes:
    """The payload of `request_opened`: the request, its session first."""
    shown = {"session": request.session, **public_request(request)}
    data = msgspec.json.encode(shown)
    if len(data) <= EVENT_INPUT_BYTES:
        return data
    for key in ("input", "diff", "plan", "questions"):
        shown.pop(key, None)
    return msgspec.json.encode({**shown, "cut": True})


def closed_payload(request: Request) -> bytes:
    """The payload of `request_closed`."""
    fields: dict[str, object] = {"session": request.session, "id": request.id, "state": request.state}
    if request.answer is not None:
        fields["answer"] = public_answer(request.answer)
    if request.why_not and request.state == WITHDRAWN:
        fields["why_not"] = request.why_not
    fields["took_ms"] = max(0, round((request.closed_at - request.asked_at) * 1000))
    return msgspec.json.encode(fields)


def changed_payload(request: Request) -> bytes:
    """The payload of `request_changed`: how it can be answered now, and with what."""
    fields: dict[str, object] = {"session": request.session, "id": request.id, "answerable": request.answerable}
    fields["choices"] = _public_choices(request)
    return msgspec.json.encode({**fields, **({"why_not": request.why_not} if request.why_not else {})})
