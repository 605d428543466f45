"""One line of a log becomes a tool call: the hottest parser, about 8 µs a line.

Both kinds of lines work: what the Go command line wrote in its day (`tool_response.output`, `is_error`), and what
today's Claude Code sends (`PostToolUseFailure`, `stdout`, lists of content blocks). Source: PROTOCOL.md, Tool calls.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from ctm_trio.model.decoding import BAD_JSON, compact, decode_any, line_decoder
from ctm_trio.model.diff import lines_of
from ctm_trio.model.times import normal_time

TEXT_LIMIT_BYTES = 200
"""`input` and `summary` are cut to this many bytes of UTF-8. Source: PROTOCOL.md, Tool calls."""

TOOL_EVENTS = frozenset({"", "PostToolUse", "PostToolUseFailure"})
"""Hook events that are a tool call; "" is a line of the old producer without a name."""

_EXIT_CODE = re.compile(r"Exit code (\d{1,3})\b")

_INPUT_KEY = {
    "Bash": "command",
    "Edit": "file_path", "Write": "file_path", "Read": "file_path", "MultiEdit": "file_path",
    "NotebookEdit": "file_path",
    "Glob": "pattern", "Grep": "pattern",
    "WebFetch": "url",
    "Task": "description", "Agent": "description",
}  # fmt: skip


class RawLine(msgspec.Struct, gc=False):
    """The keys of a log line that matter, with the two big values left as bytes."""

    tool_name: str = ""
    tool_input: msgspec.Raw = msgspec.Raw()
    tool_response: msgspec.Raw = msgspec.Raw()
    ctm_timestamp: str | None = None
    hook_event_name: str = ""
    error: str | None = None
    is_interrupt: bool | None = None
    tool_use_id: str | None = None
    duration_ms: int | float | None = None
    agent_id: str | None = None
    agent_type: str | None = None
    permission_mode: str | None = None
    ctm_session: str | None = None
    ctm_pane: str | None = None
    ctm_pid: int | str | None = None


class CallLine(msgspec.Struct, gc=False):
    """A parsed tool call.

    Attributes:
        ts: RFC 3339 in UTC, "" if the line had no usable time.
        tail: the event's payload without its opening `{"session":…,`, as bytes.
        tool, is_error, agent_id, agent_type, tool_use_id: for the index; "" where absent.
        session, pane, pid: clues to whose line it is, "" where absent.
    """

    ts: str
    tail: bytes
    tool: str
    is_error: bool
    agent_id: str
    agent_type: str
    tool_use_id: str
    session: str
    pane: str
    pid: str


class _Input(msgspec.Struct, gc=False):
    command: str | None = None
    file_path: str | None = None
    notebook_path: str | None = None
    pattern: str | None = None
    url: str | None = None
    description: str | None = None


class _Response(msgspec.Struct, gc=False):
    output: str | None = None
    stdout: str | None = None
    is_error: bool = False
    error: str | None = None
    message: str | None = None


class _Payload(msgspec.Struct, gc=False, omit_defaults=True):
    tool: str
    is_error: bool
    ts: str
    input: str | None = None
    summary: str | None = None
    tool_use_id: str | None = None
    duration_ms: int | float | None = None
    agent_id: str | None = None
    exit_code: int | None = None
    permission_mode: str | None = None


decode_line = line_decoder(RawLine)
"""The keys of one line; None if it is not a JSON object. See `line_decoder`."""

_input_decoder = msgspec.json.Decoder(_Input)
_response_decoder = msgspec.json.Decoder(_Response)
_encode = msgspec.json.Encoder().encode


def parse_call(raw: RawLine) -> CallLine | None:
    """The tool call of a decoded line, None if it names no tool. Its `ts` is "" if the line has no usable time."""
    tool = raw.tool_name
    if not tool:
        return None
    summary, failed = _summary(tool, raw.tool_response)
    exit_code = None
    if (raw.error is not None or raw.hook_event_name == "PostToolUseFailure") and is_failure(raw):
        text = raw.error or ""
        summary, failed = _first_line(text) or summary or "error", True
        if tool == "Bash" and (match := _EXIT_CODE.match(text)):
            exit_code = int(match[1])
    if raw.is_interrupt:
        failed = False  # its person stopped it: that is not an error
    ts = normal_time(raw.ctm_timestamp) if raw.ctm_timestamp else ""
    agent_id = raw.agent_id or ""
    payload = _Payload(
        tool,
        failed,
        ts,
        cut(_input(tool, raw.tool_input)) or None,
        cut(summary) or None,
        raw.tool_use_id or None,
        raw.duration_ms,
        agent_id or None,
        exit_code,
        raw.permission_mode or None,
    )
    return CallLine(
        ts,
        _encode(payload)[1:],
        tool,
        payload.is_error,
        agent_id,
        raw.agent_type or "",
        raw.tool_use_id or "",
        raw.ctm_session or "",
        raw.ctm_pane or "",
        str(raw.ctm_pid) if raw.ctm_pid is not None else "",
    )


def is_failure(raw: RawLine) -> bool:
    """True for a call that failed as today's client says it, or with an error in the place of a response."""
    return raw.hook_event_name == "PostToolUseFailure" or (
        raw.error is not None and (not raw.tool_response or bytes(raw.tool_response) == b"null")
    )


def with_time(call: CallLine, ts: str) -> CallLine:
    """The call with the time it lacked: `ts` goes into the payload too."""
    call.ts = ts
    call.tail = call.tail.replace(b'"ts":""', b'"ts":"%b"' % ts.encode(), 1)
    return call


def cut(text: str) -> str:
    """Strip, and cut to `TEXT_LIMIT_BYTES` with an ellipsis, never inside a character.

    Source: PROTOCOL.md, Tool calls.
    """
    text = text.strip()
    if len(text) <= TEXT_LIMIT_BYTES // 4:
        return text
    data = text.encode("utf-8", "replace")
    if len(data) <= TEXT_LIMIT_BYTES:
        return text
    return data[: TEXT_LIMIT_BYTES - 3].decode("utf-8", "ignore") + "…"


def input_line(tool: str, value: object) -> str:
    """One line of a decoded input: the command, the path, … or compact JSON; cut to `TEXT_LIMIT_BYTES`."""
    key = _INPUT_KEY.get(tool)
    text = value.get(key) if isinstance(value, dict) and key is not None else None
    return cut(text if isinstance(text, str) and text else _compact(value))


def _first_line(text: str) -> str:
    return text.split("\n", 1)[0]


def _input(tool: str, raw: msgspec.Raw) -> str:
    if not raw:
        return ""
    key = _INPUT_KEY.get(tool)
    if key is None:
        return _compact(decode_any(raw))
    try:
        found = _input_decoder.decode(raw)
    except BAD_JSON:
        value = decode_any(raw)
        text = value.get(key) if isinstance(value, dict) else None
        return text if isinstance(text, str) else _compact(value)
    chosen: str | None = getattr(found, key)
    return chosen or (found.notebook_path if tool == "NotebookEdit" else None) or ""


def _compact(value: object) -> str:
    return "" if value is None or value == "" else compact(value)


def _summary(tool: str, raw: msgspec.Raw) -> tuple[str, bool]:
    """The text that sums up a response, and whether it says that it is an error.

    The first line of `output` counts before an error's message. Source: PROTOCOL.md, Tool calls.
    """
    if not raw:
        return "", False
    try:
        found = _response_decoder.decode(raw)
    except BAD_JSON:
        return _summary_of_any(tool, decode_any(raw))
    if found.output is not None and (not found.is_error or _first_line(found.output).strip()):
        return _first_line(found.output), found.is_error
    if found.is_error:
        return found.error or found.message or "error", True
    if found.stdout is not None:
        return _first_line(found.stdout.lstrip()), False
    return _summary_of_any(tool, decode_any(raw))


def _summary_of_any(tool: str, value: object) -> tuple[str, bool]:
    if isinstance(value, str):
        return value, False
    if isinstance(value, list):
        return first_text(value), False
    if not isinstance(value, dict):
        return "", False
    failed = value.get("is_error") is True  # a text that says so is none: a key of another type counts as absent
    output, stdout = value.get("output"), value.get("stdout")
    if isinstance(output, str) and (not failed or _first_line(output).strip()):
        return _first_line(output), failed
    if failed:
        return error_text(value), True
    if isinstance(stdout, str):
        return _first_line(stdout.lstrip()), False
    return _summary_of_shape(tool, value) or ", ".join(map(str, value)), False


def error_text(response: dict[str, Any]) -> str:
    """The message of a response that is an error, "error" if it has none."""
    error = response.get("error")
    candidates = (error, error.get("message") if isinstance(error, dict) else None, response.get("message"))
    return next((text for text in candidates if isinstance(text, str) and text), "error")


def _summary_of_shape(tool: str, value: dict[str, Any]) -> str:
    """The shapes of today's built-in tools. Source: PROTOCOL.md, Tool calls, as recorded."""
    file = value.get("file")
    if tool == "Read" and isinstance(file, dict):
        content = file.get("content")
        return _first_line(content.lstrip()) if isinstance(content, str) and content.strip() else _lines(file)
    if tool in ("Edit", "Write", "MultiEdit") and isinstance(value.get("filePath"), str):
        return _changes(value)
    if tool in ("Grep", "Glob"):
        content, names = value.get("content"), value.get("filenames")
        if isinstance(content, str) and content.strip():
            return _first_line(content.lstrip())
        if isinstance(names, list):
            return str(names[0]) if names else "no matches"
    content = value.get("content")
    if isinstance(content, list):
        return first_text(content)
    status = value.get("status")
    return status.replace("_", " ") if tool in ("Agent", "Task") and isinstance(status, str) else ""


def _lines(file: dict[str, Any]) -> str:
    count = file.get("numLines")
    return f"{count} lines" if type(count) is int else ""


def _changes(value: dict[str, Any]) -> str:
    patch = value.get("structuredPatch")
    bodies = [hunk.get("lines") for hunk in patch if isinstance(hunk, dict)] if isinstance(patch, list) else []
    lines = [str(line) for body in bodies if isinstance(body, list) for line in body]
    added, removed = (sum(line[:1] == sign for line in lines) for sign in "+-")
    if value.get("type") == "create":
        content = value.get("content")
        return f"created, {len(lines_of(content))} lines" if isinstance(content, str) else "created"
    return f"+{added} −{removed} lines" if lines else "no change"


def first_text(blocks: list[Any]) -> str:
    """The first text of a list of content blocks, "" if there is none."""
    for block in blocks:
        if isinstance(block, dict) and isinstance(block.get("text"), str):
            text: str = block["text"]
            return text
        if isinstance(block, str):
            return block
    return ""
