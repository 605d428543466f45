"""What `/api/openapi.json` says: every route, what it takes, what it answers. A test holds it against the app.

Source: PROTOCOL.md, Routes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ctm_trio.model.image import EXTENSIONS
from ctm_trio.model.search import MAX_QUERY, MIN_QUERY
from ctm_trio.model.typing import KEYS, MAX_KEYS, NAMED_KEYS
from ctm_trio.web.openapi_schemas import (
    ENTRY_ID,
    EVENT_ID,
    FLAG,
    NUMBER,
    PROMPT_STATE,
    SCHEMAS,
    TEXT,
    TIME,
    WHOLE,
    Schema,
    counted,
    many,
    one,
    ref,
)

NAME = {"name": "name", "in": "path", "required": True, "schema": TEXT, "description": "A session's name."}
_PARTS = {
    "name": NAME,
    "call": {**NAME, "name": "call", "schema": EVENT_ID, "description": "A tool call's event id."},
    "sha": {**NAME, "name": "sha", "schema": {"type": "string", "pattern": "^([0-9a-f]{40}|[0-9a-f]{64})$"},
            "description": "A checkpoint's full commit id; it has 64 digits in a sha256 repository."},
    "order": {**NAME, "name": "order", "description": "As the 202 said."},
    "id": {**NAME, "name": "id", "description": "The id of a request, of a prompt, or of an entry with an image."},
    "uuid": {**NAME, "name": "uuid", "description": "The id of a conversation, which is a Claude session."},
    "event": {**NAME, "name": "event", "description": "The lifecycle event.",
              "schema": {"enum": ["session_new", "session_attached", "session_killed", "on_yolo"]}},
}  # fmt: skip

PATHS: dict[str, dict[str, Any]] = {}


def route(
    path: str,
    says: str,
    answer: Schema | str = "",
    *,
    other: str = "",
    method: str = "get",
    status: int = 200,
    takes: Schema | None = None,
    form: bool = False,
    media: tuple[str, ...] = ("application/json",),
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
        answer: the schema of the JSON, or a media type, or "" for no content. `other`: another media type that it has.
        status: of success; `empty`: another one, without content.
        takes: the schema of the body. `form`: it is a form of either kind, and may be left out. `media`: its types.
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
    if other:
        content["content"][other] = {"schema": TEXT}
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
        kinds = ("application/x-www-form-urlencoded", "multipart/form-data") if form else media
        operation["requestBody"] = {"required": not form, "content": {kind: {"schema": takes} for kind in kinds}}
    PATHS.setdefault(path, {})[method] = operation


S = "/api/sessions/{name}"
LIMIT = {"limit": WHOLE}
RESUME = {"Last-Event-ID": EVENT_ID}
PAGE = one({"entries": many(ref("Entry")), "has_more": FLAG, "uuid": TEXT}, {"title": TEXT})
PAGED = {"before": ENTRY_ID, "after": ENTRY_ID, "from": {"enum": ["start"]}, **LIMIT, "agent": TEXT}
EXPORT = one({"uuid": TEXT, "title": TEXT, "entries": many(ref("Entry"))})
EXPORTED = {"format": {"enum": ["md", "json"]}, "agent": TEXT}
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
      takes=one({"workdir": TEXT}, {"name": TEXT, "initial_prompt": TEXT, "mode": {"enum": ["safe", "yolo"]},
                                    "resume": TEXT, "fork": FLAG}),
      errors="400 404 409 502", order=True)  # fmt: skip
route(S, "One session.", ref("Session"), errors="404")
route(f"{S}/resume", "Start it again where it was.", ref("Session"), method="post", errors="400 404 409 502",
      order=True)  # fmt: skip
route(
    f"{S}/kill",
    "End the session's tmux session.",
    ref("Session"),
    method="post",
    takes=CONFIRM,
    errors="400 404 409",
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
route(f"{S}/prompt", "Type a prompt now, or hold it until the turn is over.",
      one({"id": TEXT, "state": PROMPT_STATE, "when": {"enum": ["now", "idle"]}, "at": TIME},
          {"typed_at": TIME, "reason": TEXT, "error": TEXT, "wrapped": FLAG}),
      method="post", status=202, errors="400 404 409", order=True,
      takes=one({"text": TEXT, "key": TEXT}, {"when": {"enum": ["now", "idle"]}}))  # fmt: skip
route(f"{S}/prompts", "Its newest prompts, oldest first.", one({"prompts": many(ref("Prompt"))}),
      errors="404 503")  # fmt: skip
route(f"{S}/prompts/{{id}}", "Take back a held prompt.", method="delete", status=204, errors="404 409 503")
route(f"{S}/images", "Save an image for a prompt to name.", one({"path": TEXT}), method="post", status=201,
      takes={}, media=tuple(EXTENSIONS), errors="400 404 413 503")  # fmt: skip
route(f"{S}/interrupt", "Press Escape once.", one({"ended": FLAG}), method="post", errors="404 409", order=True)
route(f"{S}/keys", "Press keys in its terminal.", method="post", status=204, errors="400 404 409", order=True,
      takes=one({"keys": {"type": "array", "items": {"enum": sorted(NAMED_KEYS)}, "minItems": 1,
                          "maxItems": MAX_KEYS}}))  # fmt: skip
route(f"{S}/attach-url", "A link that attaches a terminal.", one({"url": TEXT}), errors="403 404")
route(f"{S}/explain", "Why it has its status.",
      one({"status": ref("Explained"), "evidence": many(one({"ts": TIME, "source": TEXT, "what": TEXT})),
           "rejected": many(one({"state": TEXT, "why": TEXT}))}), errors="404 503")  # fmt: skip
route(f"{S}/conversation", "What was said in a session, oldest first.", PAGE, query=PAGED,
      errors="400 404 503")  # fmt: skip
route("/api/conversations/{uuid}/entries", "What was said in a conversation, oldest first.", PAGE, query=PAGED,
      errors="400 404 503")  # fmt: skip
route(f"{S}/conversation/export", "All that was said in a session, as a file.", EXPORT, other="text/markdown",
      query=EXPORTED, errors="400 404 503")  # fmt: skip
route("/api/conversations/{uuid}/export", "All that was said in a conversation, as a file.", EXPORT,
      other="text/markdown", query=EXPORTED, errors="400 404 503")  # fmt: skip
route(f"{S}/usage", "What its agents used, by model and day.",
      one({"usage": many(ref("Usage"))}, {"cost_usd_micros": WHOLE, "prices_as_of": TEXT}),
      errors="404 503")  # fmt: skip
route("/api/conversations", "All conversations of this machine, newest first.",
      one({"conversations": many(ref("Conversation")), "has_more": FLAG}),
      query={"q": TEXT, "project": TEXT, "before": TEXT, **LIMIT}, errors="400 404 503")  # fmt: skip
route("/api/conversations/{uuid}", "One conversation.", ref("Conversation"), errors="404 503")
route("/api/conversation/media/{id}", "An image of an entry: its id, a hyphen, the image's number.",
      "application/octet-stream", other="image/*", errors="404 503")  # fmt: skip
route("/api/requests", "What the sessions ask, oldest first.", one({"requests": many(ref("Request"))}),
      query={"state": {"enum": ["open", "all"]}, "session": TEXT, **LIMIT}, errors="503")  # fmt: skip
route("/api/requests/{id}", "One request, open or not.", ref("Request"), errors="404 503")
route("/api/requests/{id}/answer", "Answer a request, once.", ref("Request"), method="post",
      takes=one({"choice": TEXT, "key": TEXT},
                {"message": TEXT, "updated_input": {"type": "object"}, "updated_plan": TEXT,
                 "answers": {"type": "object"}, "where": {"enum": ["page", "push", "cli", "mcp"]}}),
      errors="400 404 409 422 504", order=True)  # fmt: skip
route("/api/requests/answer", "Answer several requests with the same choice, each on its own.",
      one({"results": many(one({"id": TEXT, "status": WHOLE},
                               {"request": ref("Request"), "error": TEXT, "message": TEXT}))}), method="post",
      takes=one({"ids": many(TEXT), "choice": TEXT, "key": TEXT}), errors="400")  # fmt: skip
route("/api/presence", "Say whether a person sees this page.", method="post", status=204,
      takes=one({"visible": FLAG}, {"session": TEXT, "page": TEXT}), errors="400")  # fmt: skip
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
route("/api/search", "Every tool call and every entry whose text has this part.",
      one({"query": TEXT, "matches": many(ref("Match")), "truncated": FLAG, "complete": FLAG}), needs=("q",),
      errors="400 503",
      query={"q": {"type": "string", "minLength": MIN_QUERY, "maxLength": MAX_QUERY},
             "in": {"enum": ["calls", "conversation", "all"]}, "role": {"enum": ["prompt", "answer", "tool"]},
             "session": TEXT, "conversation": TEXT, "tool": TEXT, "error": FLAG, "since": TIME, "until": TIME,
             "before": EVENT_ID, **LIMIT})  # fmt: skip
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
