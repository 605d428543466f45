"""One line of `hook-events/<session_id>.jsonl` becomes the facts that the rules need: about 3 µs a line.

A line is the payload that Claude Code gave its hook, plus `ctm_timestamp`, `ctm_session`, `ctm_pane` and `ctm_pid` from
the producer. An event whose name we do not know is a line like any other. Source: PROTOCOL.md, Log lines.
"""

from __future__ import annotations

import re

import msgspec

from ctm_trio.model.decoding import decode_any, line_decoder
from ctm_trio.model.event import HookFacts
from ctm_trio.model.prompt_text import digest

TEXT_LIMIT = 300
"""Characters of `HookFacts.text`: enough for a notification, small enough to store with every event."""

NAME_LIMIT = 64
"""Characters of an event's name and of the other short words; a longer one is cut."""

_ENDED = frozenset({"completed", "failed", "killed", "stopped", "cancelled", "error"})
"""A background task with one of these does not run any more; without a status it does, as it is listed."""

_IDLE = "teammate"
"""A teammate is listed as running for ever, also while it waits for work."""

_KIND_KEY = {
    "Notification": "notification_type",
    "SessionStart": "source",
    "SessionEnd": "reason",
    "StopFailure": "error",
}

_INPUT_KEYS = ("command", "file_path", "notebook_path", "url", "pattern", "description", "question", "questions")
"""What a person wants to see of the call that a permission is asked for: the first of these that is there."""

_WHITE = re.compile(r"\s+")


class HookLine(msgspec.Struct, frozen=True, gc=False):
    """A parsed line of either log.

    Attributes:
        uuid: the Claude session id, "" where absent (then it is the file's name).
        ts: the producer's `ctm_timestamp` as it stands, RFC 3339, "" where absent.
        session, pane, pid: clues to whose line it is, "" where absent.
        facts: what the rules need.
    """

    uuid: str
    ts: str
    session: str
    pane: str
    pid: str
    facts: HookFacts


class _Task(msgspec.Struct, gc=False):
    status: str | None = None
    type: str | None = None


class _Line(msgspec.Struct, gc=False):
    """The keys that matter; everything else, however large, is skipped without being built."""

    hook_event_name: str = ""
    session_id: str | None = None
    ctm_timestamp: str | None = None
    ctm_session: str | None = None
    ctm_pane: str | None = None
    ctm_pid: int | str | None = None
    notification_type: str | None = None
    source: str | None = None
    reason: str | None = None
    message: str | None = None
    error: str | None = None
    last_assistant_message: str | None = None
    background_tasks: list[_Task] | None = None
    session_crons: list[msgspec.Raw] | None = None
    ctm_request: str | None = None
    prompt: str | None = None
    agent_id: str | None = None
    agent_type: str | None = None
    tool_name: str | None = None
    tool_use_id: str | None = None
    tool_input: msgspec.Raw = msgspec.Raw()


def _tasks(raw: msgspec.Raw) -> list[_Task] | None:
    """Background tasks of which one is not as we know them: it counts as one without a status."""
    tasks = decode_any(raw)
    return [_Task(_word(task, "status"), _word(task, "type")) for task in tasks] if isinstance(tasks, list) else None


def _word(task: object, key: str) -> str | None:
    word = task.get(key) if isinstance(task, dict) else None
    return word if isinstance(word, str) else None


_decode = line_decoder(_Line, {"background_tasks": _tasks})


def parse_hook_line(line: bytes) -> HookLine | None:
    """The facts of one line (bytes of one JSON object, with or without the line break).

    Returns None for what is not a JSON object with a `hook_event_name`. A key of an unexpected type counts as absent,
    and what is only badly written is mended, so that a line of tomorrow's Claude Code still counts. Never raises.
    Source: PROTOCOL.md, Log lines.
    """
    raw = _decode(line)
    name = raw.hook_event_name if raw is not None else ""
    if raw is None or not name:
        return None
    facts = HookFacts(
        name=name[:NAME_LIMIT],
        kind=_kind(raw),
        background=_running(raw.background_tasks),
        agent_id=(raw.agent_id or "")[:NAME_LIMIT],
        agent_type=(raw.agent_type or "")[:NAME_LIMIT],
        tool=(raw.tool_name or "")[:NAME_LIMIT],
        tool_use_id=(raw.tool_use_id or "")[:NAME_LIMIT],
        text=_text(raw),
        crons=len(raw.session_crons or ()),
        request=(raw.ctm_request or "")[:NAME_LIMIT],
        prompt=digest(raw.prompt) if raw.prompt and raw.hook_event_name == "UserPromptSubmit" else "",
    )
    return HookLine(
        uuid=raw.session_id or "",
        ts=raw.ctm_timestamp or "",
        session=raw.ctm_session or "",
        pane=raw.ctm_pane or "",
        pid=str(raw.ctm_pid) if raw.ctm_pid is not None else "",
        facts=facts,
    )


def _kind(raw: _Line) -> str:
    key = _KIND_KEY.get(raw.hook_event_name)
    value: str | None = getattr(raw, key) if key else None
    return (value or "")[:NAME_LIMIT]


def _running(tasks: list[_Task] | None) -> int:
    return sum(1 for task in tasks if task.status not in _ENDED and task.type != _IDLE) if tasks else 0


def _text(raw: _Line) -> str:
    """What a person wants to read of the event: its message, its error, the last answer, or the call it asks about."""
    if raw.hook_event_name == "PermissionRequest":
        return _short(_asked_for(raw.tool_input))
    if raw.error and raw.last_assistant_message:
        return _short(f"{raw.error}: {raw.last_assistant_message}")
    return _short(raw.message or raw.error or raw.last_assistant_message or raw.prompt or "")


def _short(text: str) -> str:
    text = _WHITE.sub(" ", text[: 8 * TEXT_LIMIT]).strip()
    return text if len(text) <= TEXT_LIMIT else text[: TEXT_LIMIT - 1] + "…"


def _asked_for(tool_input: msgspec.Raw) -> str:
    value = decode_any(tool_input)
    if not isinstance(value, dict):
        return ""
    for key in _INPUT_KEYS:
        found = value.get(key)
        if isinstance(found, list) and found and isinstance(found[0], dict):
            found = found[0].get("question")
        if isinstance(found, str) and found:
            return found
    return ""
