"""Events and their ids."""

from __future__ import annotations

import re

import msgspec

PUBLIC_TYPES = frozenset({
    "tool_call", "subagent_start", "quota_update", "attention_raised", "attention_cleared",
    "session_new", "session_attached", "session_killed", "on_yolo", "status_changed",
    "request_opened", "request_changed", "request_closed", "prompt_sent", "prompt_delivered", "prompt_failed",
    "conversation",
})  # fmt: skip
"""The types that streams show. Source: PROTOCOL.md, Events."""

UNCOUNTED_TYPES = frozenset(
    kind for kind in PUBLIC_TYPES if kind.startswith(("status_", "request_", "prompt_", "conversation"))
)
"""Types that come besides the `RING_EVENTS` others of a replay. Source: PROTOCOL.md, Events."""

COUNTED_TYPES = PUBLIC_TYPES - UNCOUNTED_TYPES

HOOK_TYPE = "hook"
"""The internal type of a Claude Code hook event: journalled and ordered like the others, never on a stream."""

RING_EVENTS = 500
"""What a subscriber without a cursor is replayed, of a session or of all. Source: PROTOCOL.md, SSE."""

_ID = re.compile(r"(\d{1,100})-(\d{1,100})", re.ASCII)
MAX_ID = (1 << 63) - 1
"""The largest id that an event can have. A cursor may be larger: everything is older than it."""


def parse_event_id(text: str) -> tuple[int, int] | None:
    """`<unix ns>-<seq>` as two numbers of any size, which order events; None if it is not an event id.

    Our own ids always have the sequence number 0, because the nanoseconds alone rise strictly.
    """
    match = _ID.fullmatch(text)
    return None if match is None else (int(match[1]), int(match[2]))


def cursor_ns(id_: tuple[int, int]) -> int:
    """A parsed event id as a cursor that the event log can compare: nothing is newer than `MAX_ID`."""
    return min(id_[0], MAX_ID)


def format_event_id(ns: int) -> str:
    """The wire form of an event id."""
    return f"{ns}-0"


class Event(msgspec.Struct, gc=False):
    """An event that is committed. Treat it as frozen: all subscribers share it.

    Attributes:
        id: unix nanoseconds, strictly rising in publish order; `format_event_id` gives the wire form.
        type: one of `PUBLIC_TYPES`, or `HOOK_TYPE`.
        session: the name of its session, or "".
        payload: the compact JSON object of the wire, as bytes.
        ts: RFC 3339 time of what happened (the log's own time).
        uuid: the Claude session id whose log it came from, or "".
        tool: the tool's name of a tool_call, the hook event's name of a hook, or "".
        is_error: of a tool_call.
        agent_id: the sub-agent that made the call, or "".
        hook: what attention needs of a hook event, None for all others.
        tool_use_id: of the tool_call, or "".
        sse: the SSE frame, encoded once by the first stream that needs it.
        ws_tail: what follows `{"op":"event","sub":…,` on a WebSocket, encoded once likewise.
    """

    id: int
    type: str
    session: str
    payload: bytes
    ts: str
    uuid: str = ""
    tool: str = ""
    is_error: bool = False
    agent_id: str = ""
    hook: HookFacts | None = None
    tool_use_id: str = ""
    sse: bytes = b""
    ws_tail: str = ""


class HookFacts(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What the rules need of a hook event (`model.hook_event.parse_hook_line` makes it). Kept small: it is stored.

    Attributes:
        name: `hook_event_name`, e.g. "PermissionRequest".
        kind: `notification_type` of a Notification, `source` of a SessionStart, `reason` of a SessionEnd,
            `error` of a StopFailure, else "".
        background: how many `background_tasks` a Stop lists that still run; idle teammates do not count.
        crons: how many schedules a Stop lists, which may wake the session.
        agent_id / agent_type: of sub-agent events and of tool events inside one.
        tool: `tool_name`, if there is one.
        tool_use_id: if there is one.
        text: at most 300 characters for people: the message, error, or last assistant message.
        request: the id that our hook gave a PermissionRequest, or "".
        prompt: of a UserPromptSubmit, `model.prompt_text.digest` of its text.
    """

    name: str
    kind: str = ""
    background: int = 0
    agent_id: str = ""
    agent_type: str = ""
    tool: str = ""
    tool_use_id: str = ""
    text: str = ""
    crons: int = 0
    request: str = ""
    prompt: str = ""


def sse_frame(event: Event) -> bytes:
    """The SSE frame of an event: event, id, and data lines with the payload alone. Source: PROTOCOL.md, SSE."""
    if not event.sse:
        data = event.payload.replace(b"\n", b"\ndata: ") if b"\n" in event.payload else event.payload
        event.sse = b"event: %b\nid: %d-0\ndata: %b\n\n" % (event.type.encode(), event.id, data)
    return event.sse


def ws_tail(event: Event) -> str:
    """The part of a WebSocket event message that is the same for every subscription. Source: PROTOCOL.md, WebSocket."""
    if not event.ws_tail:
        session = msgspec.json.encode(event.session).decode()
        ts = msgspec.json.encode(event.ts).decode()
        payload = event.payload.decode()
        event.ws_tail = f'"id":"{event.id}-0","type":"{event.type}","session":{session},"ts":{ts},"payload":{payload}}}'
    return event.ws_tail
