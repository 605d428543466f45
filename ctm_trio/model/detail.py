"""One tool call in full, from its log line: the input, the output of every tool's shape, and the diff of an edit.

Source: PROTOCOL.md, History, search, details.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from ctm_trio.model.decoding import compact, decode_any
from ctm_trio.model.diff import diff_of
from ctm_trio.model.tool_call import RawLine, decode_line, error_text, is_failure, parse_call

EXCERPT_CHARS = 4096
"""`output_excerpt` is cut to so many characters, the last of which is then an ellipsis."""


class Detail(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer. `input_json` is the whole input as compact JSON; `ts` is RFC 3339."""

    tool: str
    input_json: str
    output_excerpt: str
    ts: str
    is_error: bool
    diff: str | msgspec.UnsetType = msgspec.UNSET


def detail_of(line: bytes, ts: str) -> Detail | None:
    """The detail of a log line, None if it is not a tool call.

    Args:
        line: the bytes without the line break.
        ts: the event's time, for a line that has none.
    """
    raw = decode_line(line)
    call = parse_call(raw) if raw is not None else None
    if raw is None or call is None:
        return None
    given, response = decode_any(raw.tool_input), decode_any(raw.tool_response)
    diff = None if call.is_error else diff_of(raw.tool_name, given, response)
    return Detail(
        tool=raw.tool_name,
        input_json=compact(given) if given is not None else "",
        output_excerpt=excerpt(output_of(raw, response)),
        ts=call.ts or ts,
        is_error=call.is_error,
        diff=msgspec.UNSET if diff is None else diff,
    )


def is_call_at(line: bytes, *, tool: str, ts: str, tool_use_id: str) -> bool:
    """True if the line is the call that the database has a row of; its time counts if it has one."""
    raw = decode_line(line)
    call = parse_call(raw) if raw is not None else None
    return call is not None and (call.tool, call.tool_use_id) == (tool, tool_use_id) and call.ts in ("", ts)


def agent_of(line: bytes) -> str:
    """The id of the sub-agent that an `Agent` call started, "" if the line does not say."""
    raw = decode_line(line)
    response = decode_any(raw.tool_response) if raw is not None else None
    found = response.get("agentId") if isinstance(response, dict) else None
    return found if isinstance(found, str) else ""


def excerpt(text: str) -> str:
    """The beginning of a text, at most `EXCERPT_CHARS` characters."""
    return text if len(text) <= EXCERPT_CHARS else text[: EXCERPT_CHARS - 1] + "…"


def output_of(raw: RawLine, response: object) -> str:
    """What a call answered, as text for people: the error of one that failed, else what its response says.

    Args:
        raw: the line. response: its decoded `tool_response`.
    """
    if is_failure(raw) and raw.error:
        return raw.error
    return output_text(raw.tool_name, response)


def output_text(tool: str, response: object) -> str:
    """What a tool answered, as text for people: the real output where the shape is known, else its JSON."""
    if isinstance(response, str):
        return response
    if isinstance(response, list):
        return _blocks(response)
    if not isinstance(response, dict):
        return "" if response is None else compact(response)
    failed, output = response.get("is_error") is True, response.get("output")
    if isinstance(output, str) and (not failed or output.strip()):
        return output
    if failed:
        return error_text(response)
    shaped = _SHAPES.get(tool)
    text = shaped(response) if shaped is not None else None
    if text is None:
        text = _first_string(response, ("stdout", "result", "content", "text", "message"))
    if text is None and isinstance(response.get("content"), list):
        text = _blocks(response["content"])
    return text if text is not None else compact(response)


def _bash(response: dict[str, Any]) -> str | None:
    out, err = response.get("stdout"), response.get("stderr")
    if not isinstance(out, str):
        return None
    text = out if not isinstance(err, str) or not err else f"{out.rstrip()}\n{err}".lstrip("\n")
    if not text and isinstance(response.get("backgroundTaskId"), str):
        return f"Runs in the background as {response['backgroundTaskId']}."
    return text


def _read(response: dict[str, Any]) -> str | None:
    file = response.get("file")
    if isinstance(file, dict) and isinstance(file.get("content"), str):
        return str(file["content"])
    kind = response.get("type")
    path = file.get("filePath") if isinstance(file, dict) else None
    return f"{kind.replace('_', ' ')}: {path or 'no text'}" if isinstance(kind, str) else None


def _grep(response: dict[str, Any]) -> str | None:
    content, names = response.get("content"), response.get("filenames")
    if isinstance(content, str) and content.strip():
        return content
    if isinstance(names, list):
        return "\n".join(map(str, names)) if names else "No matches."
    return None


def _change(response: dict[str, Any]) -> str | None:
    path = response.get("filePath")
    if not isinstance(path, str):
        return None
    return f"{'Created' if response.get('type') == 'create' else 'Changed'} {path}"


def _agent(response: dict[str, Any]) -> str | None:
    content = response.get("content")
    if isinstance(content, list) and content:
        return _blocks(content)
    status = response.get("status")
    return status.replace("_", " ") if isinstance(status, str) else None


def _todos(response: dict[str, Any]) -> str | None:
    todos = response.get("newTodos")
    if not isinstance(todos, list):
        return None
    return "\n".join(f"{t.get('status', '')}: {t.get('content', '')}" for t in todos if isinstance(t, dict))


_SHAPES: dict[str, Callable[[dict[str, Any]], str | None]] = {
    "Bash": _bash, "Read": _read, "Grep": _grep, "Glob": _grep, "Write": _change, "Edit": _change,
    "MultiEdit": _change, "NotebookEdit": _change, "Agent": _agent, "Task": _agent, "TodoWrite": _todos,
}  # fmt: skip


def _blocks(blocks: list[Any]) -> str:
    """Content blocks as text: their texts, and the kind of those that have none."""
    texts = []
    for block in blocks:
        if isinstance(block, str):
            texts.append(block)
        elif isinstance(block, dict):
            text = block.get("text")
            texts.append(text if isinstance(text, str) else f"[{block.get('type', 'block')}]")
    return "\n".join(texts)


def _first_string(value: dict[str, Any], keys: tuple[str, ...]) -> str | None:
    return next((v for key in keys if isinstance(v := value.get(key), str)), None)
