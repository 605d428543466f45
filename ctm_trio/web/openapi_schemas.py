"""The shapes of what is sent and answered, as `openapi.py` describes them. Source: PROTOCOL.md, Routes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ctm_trio.model.conversation.entry import KINDS
from ctm_trio.model.status import STATES

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
WHOLE: Schema = {"type": "integer"}
NUMBER: Schema = {"type": "number"}
FLAG: Schema = {"type": "boolean"}
TIME: Schema = {"type": "string", "description": "RFC 3339 in UTC"}
EVENT_ID: Schema = {"type": "string", "pattern": r"^\d{1,19}-\d{1,9}$", "description": "<unix ns>-<seq>, orders events"}

ENTRY_ID: Schema = {"type": "string", "pattern": "^[0-9a-f]{16}$", "description": "The id of a conversation's entry."}


def ref(name: str) -> Schema:
    """A schema of the components."""
    return {"$ref": f"#/components/schemas/{name}"}


def many(items: Schema) -> Schema:
    """An array."""
    return {"type": "array", "items": items}


def one(
    required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None, *, closed: bool = False
) -> Schema:
    """An object. `closed`: other keys are refused."""
    schema: Schema = {"type": "object", "properties": {**required, **(optional or {})}, "required": list(required)}
    return schema | ({"additionalProperties": False} if closed else {})


def counted(value: Schema) -> Schema:
    """An object of any keys with values of one kind."""
    return {"type": "object", "additionalProperties": value}


TOKENS = one({"input_tokens": WHOLE, "output_tokens": WHOLE, "cache_tokens": WHOLE})
LIMIT_PCT: Schema = {"type": ["integer", "null"], "minimum": 0, "description": "null while unknown"}
PERCENT: Schema = {"type": "integer", "minimum": 1, "maximum": 100}
UP_TO_1440: Schema = {"type": "integer", "minimum": 1, "maximum": 1440}
THRESHOLDS: dict[str, Schema] = {
    "error_rate_pct": PERCENT, "error_rate_window": UP_TO_1440, "idle_minutes": UP_TO_1440, "quota_pct": PERCENT,
    "context_pct": PERCENT, "yolo_unchecked_minutes": UP_TO_1440,
}  # fmt: skip

PROMPT_STATE: Schema = {"enum": ["held", "typed", "delivered", "queued", "failed"]}

SCHEMAS: dict[str, Schema] = {
    "Error": one({"error": TEXT, "message": TEXT}),
    "Credentials": one({"username": TEXT, "password": TEXT}),
    "Login": one({"token": TEXT, "username": TEXT}),
    "Session": one(
        {"name": TEXT, "uuid": TEXT, "mode": TEXT, "workdir": TEXT, "created_at": TIME, "is_active": FLAG,
         "tmux_alive": FLAG, "managed": FLAG, "can_type": FLAG, "blocked": FLAG, "warnings": many(ref("Warning"))},
        {"last_attached_at": TIME, "last_tool_call_at": TIME, "context_pct": WHOLE, "tokens": TOKENS,
         "attention": one({"state": TEXT, "since": TIME}, {"details": TEXT}), "cost_usd_micros": WHOLE, "model": TEXT,
         "status": ref("Status")},
    ),
    "Warning": one({"state": TEXT, "since": TIME, "details": TEXT}),
    "Status": one(
        {"state": {"enum": list(STATES)}, "since": TIME, "reason": TEXT,
         "source": {"enum": ["hook", "client", "tmux", "screen"]}},
        {"request_id": TEXT, "resets_at": TIME},
    ),
    "Request": one(
        {"id": TEXT, "kind": {"enum": ["permission", "question", "plan", "dialog"]}, "session": TEXT, "uuid": TEXT,
         "tool": TEXT, "input": {"type": "object"}, "summary": TEXT, "cwd": TEXT, "asked_at": TIME,
         "choices": many(one({"id": TEXT, "label": TEXT}, {"detail": TEXT})),
         "risk": {"enum": ["low", "normal", "high"]},
         "state": {"enum": ["open", "answered", "answered_elsewhere", "withdrawn"]},
         "answerable": {"enum": ["hook", "keys", "no"]}},
        {"agent_id": TEXT, "agent_type": TEXT, "tool_use_id": TEXT, "questions": many({"type": "object"}),
         "plan": TEXT, "diff": TEXT, "why_not": TEXT, "answer": ref("Answer")},
    ),
    "Answer": one(
        {"choice": TEXT, "by": {"type": ["object", "null"]},
         "where": {"enum": ["page", "push", "cli", "mcp", "terminal"]}, "at": TIME},
        {"message": TEXT},
    ),
    "Prompt": one(
        {"id": TEXT, "state": PROMPT_STATE, "text": TEXT, "when": {"enum": ["now", "idle"]}, "at": TIME},
        {"typed_at": TIME, "reason": TEXT, "error": TEXT, "wrapped": FLAG},
    ),
    "Explained": one(
        {"state": {"enum": list(STATES)}, "since": TIME, "reason": TEXT, "source": TEXT, "blocked": FLAG},
        {"request_id": TEXT, "resets_at": TIME},
    ),
    "ToolCall": one(
        {"session": TEXT, "tool": TEXT, "is_error": FLAG, "ts": TIME},
        {"input": TEXT, "summary": TEXT, "tool_use_id": TEXT, "duration_ms": NUMBER, "agent_id": TEXT,
         "exit_code": WHOLE, "permission_mode": TEXT},
    ),
    "StoredCall": one(
        {"id": EVENT_ID, "session": TEXT, "type": {"enum": ["tool_call"]}, "ts": TIME, "payload": ref("ToolCall")}
    ),
    "Detail": one(
        {"tool": TEXT, "input_json": TEXT, "output_excerpt": TEXT, "ts": TIME, "is_error": FLAG}, {"diff": TEXT}
    ),
    "Subagent": one(
        {"id": TEXT, "parent_id": {"type": ["string", "null"]}, "type": TEXT, "description": TEXT, "started_at": TIME,
         "tool_calls": WHOLE, "status": {"enum": ["running", "completed", "failed"]}},
        {"stopped_at": TIME, "duration_ms": WHOLE, "errors": WHOLE, "last_message": TEXT},
    ),
    "Team": one(
        {"id": TEXT, "name": TEXT, "dispatched_at": TIME, "status": TEXT, "summary": TEXT,
         "members": many(one({"subagent_id": TEXT, "description": TEXT, "status": TEXT}))},
    ),
    "Quota": one(
        {"weekly_pct": LIMIT_PCT, "five_hr_pct": LIMIT_PCT, "weekly_resets_at": TEXT, "five_hr_resets_at": TEXT}
    ),
    "Hub": one({"published": WHOLE, "dropped": WHOLE, "subscribers": WHOLE, "ring_sizes": counted(WHOLE)}),
    "Health": one(
        {"status": TEXT, "version": TEXT, "uptime_seconds": NUMBER, "components": counted(TEXT),
         "config_reloads": WHOLE, "restarts": counted(WHOLE), "unwatched_clients": WHOLE,
         "transcripts": one({"behind": WHOLE, "unknown_lines": WHOLE, "long_lines": WHOLE}), "hub": ref("Hub")}
    ),
    "Settings": one(
        {"webhook_url": TEXT, "webhook_auth": TEXT, "attention": one(THRESHOLDS)}
    ),
    "SettingsPatch": one(
        {},
        {"webhook_url": TEXT, "webhook_auth": TEXT, "webhook_secret": TEXT, "webhook_format": TEXT,
         "webhook_events": many({"enum": ["attention_raised", "attention_cleared"]}),
         "attention": one({}, THRESHOLDS, closed=True)},
        closed=True,
    ),
    "UnderWay": one(
        {"status": {"enum": ["under_way"]}, "order": TEXT, "kind": TEXT, "look": TEXT, "ends_within_s": NUMBER,
         "message": TEXT}
    ),
    "CostPoint": one(
        {"ts": TIME, "session": TEXT, "input_tokens": WHOLE, "output_tokens": WHOLE, "cache_tokens": WHOLE,
         "cost_usd_micros": WHOLE, "model": TEXT, "source": TEXT}
    ),
    "Match": one(
        {"id": EVENT_ID, "session": TEXT, "uuid": TEXT, "ts": TIME, "tool": TEXT, "is_error": FLAG, "snippet": TEXT,
         "kind": {"enum": ["call", *KINDS]}},
        {"entry": ENTRY_ID, "tool_use_id": TEXT, "agent_id": TEXT, "title": TEXT, "project": TEXT},
    ),
    "MessageTokens": one({"input": WHOLE, "output": WHOLE, "cache_creation": WHOLE, "cache_read": WHOLE}),
    "Entry": one(
        {"id": ENTRY_ID, "ts": TIME, "kind": {"enum": list(KINDS)}, "turn": WHOLE},
        {"agent_id": TEXT, "text": TEXT, "images": many(one({"media_type": TEXT, "bytes": WHOLE, "src": TEXT})),
         "queued": FLAG, "output": FLAG, "tool": TEXT, "tool_use_id": TEXT, "input": {}, "summary": TEXT,
         "is_error": FLAG, "result": TEXT, "duration_ms": WHOLE, "started_agent": TEXT, "diff": TEXT,
         "tokens": ref("MessageTokens"), "model": TEXT},
    ),
    "Conversation": one(
        {"uuid": TEXT, "title": TEXT, "project": TEXT, "cwd": TEXT, "started_at": TIME, "ended_at": TIME,
         "prompts": WHOLE, "tokens": ref("MessageTokens"), "resumable": FLAG},
        {"session": TEXT, "cost": NUMBER, "why_not": {"enum": ["no_transcript", "no_prompts", "no_directory"]}},
    ),
    "Usage": one({"agent_id": TEXT, "model": TEXT, "day": TEXT, "tokens": ref("MessageTokens")}),
}  # fmt: skip
