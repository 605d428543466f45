"""What `/api/openapi.json` says: every route, what it takes, what it answers. A test holds it against the app.

Source: PROTOCOL.md, Routes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ctm_trio.model.search import MAX_QUERY, MIN_QUERY
from ctm_trio.model.typing import KEYS

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
WHOLE: Schema = {"type": "integer"}
NUMBER: Schema = {"type": "number"}
FLAG: Schema = {"type": "boolean"}
TIME: Schema = {"type": "string", "description": "RFC 3339 in UTC"}
EVENT_ID: Schema = {"type": "string", "pattern": r"^\d{1,19}-\d{1,9}$", "description": "<unix ns>-<seq>, orders events"}


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

SCHEMAS: dict[str, Schema] = {
    "Error": one({"error": TEXT, "message": TEXT}),
    "Credentials": one({"username": TEXT, "password": TEXT}),
    "Login": one({"token": TEXT, "username": TEXT}),
    "Session": one(
        {"name": TEXT, "uuid": TEXT, "mode": TEXT, "workdir": TEXT, "created_at": TIME, "is_active": FLAG,
         "tmux_alive": FLAG},
        {"last_attached_at": TIME, "last_tool_call_at": TIME, "context_pct": WHOLE, "tokens": TOKENS,
         "attention": one({"state": TEXT, "since": TIME}, {"details": TEXT}), "cost_usd_micros": WHOLE, "model": TEXT},
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
         "config_reloads": WHOLE, "restarts": counted(WHOLE), "hub": ref("Hub")}
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
        {"id": EVENT_ID, "session": TEXT, "uuid": TEXT, "ts": TIME, "tool": TEXT, "is_error": FLAG, "snippet": TEXT}
    ),
}  # fmt: skip

NAME = {"name": "name", "in": "path", "required": True, "schema": TEXT, "description": "A session's name."}
_PARTS = {
    "name": NAME,
    "call": {**NAME, "name": "call", "schema": EVENT_ID, "description": "A tool call's event id."},
    "sha": {**NAME, "name": "sha", "schema": {"type": "string", "pattern": "^([0-9a-f]{40}|[0-9a-f]{64})$"},
            "description": "A checkpoint's full commit id; it has 64 digits in a sha256 repository."},
    "order": {**NAME, "name": "order", "description": "As the 202 said."},
    "event": {**NAME, "name": "event", "description": "The lifecycle event.",
              "schema": {"enum": ["session_new", "session_attached", "session_killed", "on_yolo"]}},
}  # fmt: skip

PATHS: dict[str, dict[str, Any]] = {}


def route(
    path: str,
    says: str,
    answer: Schema | str = "",
    *,
    method: str = "get",
    status: int = 200,
    takes: Schema | None = None,
    form: bool = False,
    query: Mapping[str, Schema] | None = None,
    needs: tuple[str, ...] = (),
    headers: Mapping[str, Schema] | None = None,
    token: bool = True,
    errors: str = "",
    empty: int = 0,
    order: bool = False,
) -> None:
    """Describe one operation.

    Args:
        path: with its parts in braces.
        says: one sentence.
        answer: the schema of the JSON, or a media type, or "" for no content.
        status: of success; `empty`: another one, without content.
        takes: the schema of the body. `form`: it is a form of either kind, and may be left out.
        query: parameters; those in `needs` have to be there. `headers`: headers that may be there.
        token: a session token is needed.
        order: an order, which may outlast its request: 202 tells where to look then. Source: PROTOCOL.md, Orders.
        errors: statuses with a code of their own in PROTOCOL.md, with blanks. 401 and 403 follow from the guard, 500,
            503 and 504 from being an order; what any route may answer (405, 421, a bug) is the default.
    """
    content: Schema = {}
    if isinstance(answer, str):
        content = {"content": {answer: {"schema": TEXT}}} if answer else {}
    else:
        content = {"content": {"application/json": {"schema": answer}}}
    failed = {"description": "What was wrong.", "content": {"application/json": {"schema": ref("Error")}}}
    answers: Schema = {str(status): {"description": "It is done." if method != "get" else "What was asked.", **content}}
    if empty:
        answers[str(empty)] = {"description": "There is nothing yet."}
    if order and status != 202:
        later = {"description": "It is under way.", "content": {"application/json": {"schema": ref("UnderWay")}}}
        answers["202"] = later
    elif order:
        answers["202"]["content"]["application/json"]["schema"] = {"oneOf": [answer, ref("UnderWay")]}
    errors += " 500 503 504" if order else ""
    answers["default"] = failed
    for code in sorted({*errors.split(), *(["401"] if token else []), *(["403"] if method != "get" else [])}):
        answers[code] = failed
    parts = [_PARTS[part] for part in _PARTS if f"{{{part}}}" in path]
    parts += [{"name": k, "in": "query", "required": k in needs, "schema": v} for k, v in (query or {}).items()]
    parts += [{"name": k, "in": "header", "required": False, "schema": v} for k, v in (headers or {}).items()]
    operation: Schema = {"summary": says, "responses": answers, "security": [{"token": []}] if token else []}
    if parts:
        operation["parameters"] = parts
    if takes is not None:
        kinds = ("application/x-www-form-urlencoded", "multipart/form-data") if form else ("application/json",)
        operation["requestBody"] = {"required": not form, "content": {kind: {"schema": takes} for kind in kinds}}
    PATHS.setdefault(path, {})[method] = operation


S = "/api/sessions/{name}"
LIMIT = {"limit": WHOLE}
RESUME = {"Last-Event-ID": EVENT_ID}
CONFIRM = one({"confirm": TEXT})

route("/healthz", "Is the daemon up?", one({"status": TEXT, "uptime_seconds": NUMBER}), token=False)
route("/health", "How every part of the daemon is.", ref("Health"))
route("/debug/hub", "Counters of the fan-out.", ref("Hub"))
route("/metrics", "Counters in the Prometheus text format.", "text/plain")
route("/api/openapi.json", "This description.", {"type": "object"})
route(
    "/api/bootstrap",
    "What a client needs first.",
    one(
        {
            "version": TEXT,
            "port": WHOLE,
            "has_webhook": FLAG,
            "orders": counted(one({"deadline_s": NUMBER, "answer_s": NUMBER})),
        }
    ),
)
route("/api/auth/status", "Has anybody signed up, and is this request signed in?",
      one({"registered": FLAG, "authenticated": FLAG}), token=False)  # fmt: skip
route("/api/auth/signup", "Make the one user.", ref("Login"), method="post", status=201, token=False,
      takes=one({"username": TEXT, "password": TEXT}, {"code": TEXT}), errors="400 403 409 429 503")  # fmt: skip
route("/api/auth/login", "Sign in.", ref("Login"), method="post", takes=ref("Credentials"), token=False,
      errors="400 401 404 429 503")  # fmt: skip
route("/api/auth/logout", "Revoke this token.", method="post", status=204, errors="503")
route("/api/sessions", "All sessions.", many(ref("Session")))
route("/api/sessions", "Start Claude Code in a new tmux session.", ref("Session"), method="post", status=201,
      takes=one({"workdir": TEXT}, {"name": TEXT, "initial_prompt": TEXT, "mode": {"enum": ["safe", "yolo"]}}),
      errors="400 409 502", order=True)  # fmt: skip
route(S, "One session.", ref("Session"), errors="404")
route(
    f"{S}/kill",
    "End the session's tmux session.",
    ref("Session"),
    method="post",
    takes=CONFIRM,
    errors="400 404",
    order=True,
)
route(
    f"{S}/forget",
    "Drop the record, keep the log.",
    ref("Session"),
    method="post",
    takes=CONFIRM,
    errors="400 404",
    order=True,
)
route(
    f"{S}/rename",
    "Give it another name.",
    ref("Session"),
    method="post",
    takes=one({"to": TEXT}),
    errors="400 404 409",
    order=True,
)
route(f"{S}/input", "Type a text or a preset into it.", method="post", status=204,
      takes=one({}, {"text": TEXT, "preset": {"enum": ["yes", "no", "continue", "follow"]},
                     "key": {"enum": sorted(KEYS)}}),
      errors="400 404 409", order=True)  # fmt: skip
route(f"{S}/attach-url", "A link that attaches a terminal.", one({"url": TEXT}), errors="403 404")
route("/api/quota", "The account's limits.", ref("Quota"), empty=204)
route("/api/feed", "The newest tool calls of all sessions.", many(ref("ToolCall")), query=LIMIT, errors="503")
route(f"{S}/feed", "The newest tool calls.", many(ref("ToolCall")), query=LIMIT, errors="503")
route(f"{S}/feed/history", "Older tool calls in pages.", one({"events": many(ref("StoredCall")), "has_more": FLAG}),
      query={"before": EVENT_ID, **LIMIT}, needs=("before",), errors="400 404 503")  # fmt: skip
route(f"{S}/tool_calls/{{call}}/detail", "One tool call in full.", ref("Detail"), errors="404 410 503")
route(f"{S}/subagents", "Its sub-agents, newest first.", one({"subagents": many(ref("Subagent"))}),
      query={"since": TIME}, errors="400 404 503")  # fmt: skip
route(f"{S}/teams", "Sub-agents that were started together.", one({"teams": many(ref("Team"))}),
      errors="404 503")  # fmt: skip
route(f"{S}/checkpoints", "Commits to go back to, newest first.",
      one({"git_workdir": FLAG, "checkpoints": many(one({"sha": TEXT, "subject": TEXT, "ts": TIME, "ago": TEXT}))},
          {"incomplete": FLAG}),
      query=LIMIT, errors="404 500 503")  # fmt: skip
route(f"{S}/checkpoints/{{sha}}/diff", "What a checkpoint changed.", "text/plain", errors="400 404 500 503")
route(f"{S}/revert", "Put the work directory back to a checkpoint.",
      one({"ok": FLAG, "reverted_to": TEXT}, {"stashed_as": TEXT, "kept_in": TEXT, "kept": many(TEXT)}), method="post",
      takes=one({"sha": TEXT}, {"stash_first": FLAG}, closed=True), errors="400 404 409 422",
      order=True)  # fmt: skip
route("/api/logs/usage", "Room that the logs take.",
      one({"dir": TEXT, "total_bytes": WHOLE,
           "files": many(one({"uuid": TEXT, "session": TEXT, "bytes": WHOLE, "mtime": TIME}))}),
      errors="507")  # fmt: skip
route("/api/cost", "Tokens and cost over time.",
      one({"window": TEXT, "points": many(ref("CostPoint")),
           "totals": one({"input": WHOLE, "output": WHOLE, "cache": WHOLE, "cost_usd_micros": WHOLE}),
           "base": counted(WHOLE),
           "spent": one({"since": TEXT, "days": counted(WHOLE), "models": counted(WHOLE), "sessions": counted(WHOLE)}),
           "source": TEXT, "prices_as_of": TEXT}),
      query={"session": TEXT, "window": {"enum": ["hour", "day", "week"]}}, errors="400 503")  # fmt: skip
route("/api/search", "Every tool call whose text has this part.",
      one({"query": TEXT, "matches": many(ref("Match")), "truncated": FLAG, "complete": FLAG}), needs=("q",),
      errors="400 503",
      query={"q": {"type": "string", "minLength": MIN_QUERY, "maxLength": MAX_QUERY}, "session": TEXT, "tool": TEXT,
             "error": FLAG, "since": TIME, "until": TIME, "before": EVENT_ID, **LIMIT})  # fmt: skip
route("/api/doctor", "What is well on this machine and what is not.",
      one({"checks": many(one({"name": TEXT, "status": {"enum": ["ok", "warn", "err"]}},
                              {"message": TEXT, "remediation": TEXT}))}))  # fmt: skip
route("/api/config", "The settings that may be changed while it runs.", ref("Settings"))
route("/api/config", "Change some of them.", one({"status": TEXT}), method="patch", status=202,
      takes=ref("SettingsPatch"), errors="400", order=True)  # fmt: skip
route("/api/webhook/settings", "How alerts are sent. The secret is not told.",
      one({"webhook_format": TEXT, "webhook_events": many(TEXT), "has_secret": FLAG}))  # fmt: skip
route("/api/webhook/deliveries", "The newest alerts and what became of them.",
      one({"deliveries": many(one({"id": EVENT_ID, "event": TEXT, "alert": TEXT, "session": TEXT, "created_at": TIME,
                                   "status": {"enum": ["pending", "delivered", "failed"]}, "tries": WHOLE,
                                   "last_status": {"type": ["integer", "null"]}, "last_error": TEXT,
                                   "next_try_at": TEXT}))}), errors="503")  # fmt: skip
route("/api/webhook/test", "Send a test message now and wait for the answer.",
      one({"ok": FLAG, "status": {"type": ["integer", "null"]}, "error": TEXT, "took_ms": NUMBER}), method="post",
      errors="409", order=True)  # fmt: skip
route("/api/hooks/{event}", "A lifecycle event, from the command line on this machine alone.", method="post",
      status=204, token=False, form=True, errors="400 403 404 429", order=True,
      takes=one({}, {"name": TEXT, "uuid": TEXT, "mode": TEXT, "workdir": TEXT}))  # fmt: skip
route("/api/orders/{order}", "How an order ended that outlasted its request. Answers are kept for ten minutes.",
      one({"order": TEXT, "kind": TEXT, "status": {"enum": ["under_way", "done"]}},
          {"ends_within_s": NUMBER, "overdue": FLAG, "answer": one({"status": WHOLE, "body": {}})}),
      errors="404")  # fmt: skip
route("/events/all", "All events as they happen, after a replay.", "text/event-stream",
      headers=RESUME, errors="429 503")  # fmt: skip
route("/events/session/{name}", "One session's events.", "text/event-stream",
      headers=RESUME, errors="404 429 503")  # fmt: skip
route("/events/session/{name}/pane", "The session's terminal; looked at every 0.15 s, sent when it changed.",
      "text/event-stream", query={"history": {"type": "integer", "minimum": 0, "maximum": 10000}},
      errors="404 429 503")  # fmt: skip
route("/ws", "The same over WebSocket, subprotocol ctm.v1.", status=101,
      query={"session": many(TEXT), "types": many(TEXT), "since": EVENT_ID}, errors="400 403 426 429")  # fmt: skip


def document(version: str) -> Schema:
    """The OpenAPI 3.1 document.

    Args:
        version: of the daemon.
    """
    return {
        "openapi": "3.1.0",
        "info": {"title": "ctm_trio", "version": version, "description": "Watch and steer Claude Code sessions."},
        "paths": PATHS,
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": "30 days."}},
        },
    }
