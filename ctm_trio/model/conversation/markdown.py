"""A conversation as Markdown, for people who keep or send it. Source: PROTOCOL.md, Conversations."""

from __future__ import annotations

import json
import re
from typing import Any

from ctm_trio.model.conversation.piece import COMMAND, COMPACTION, PROMPT, TEXT, THINKING, TOOL

MAX_RESULT = 20_000
"""Of a result so many characters are written; the JSON export has all."""

_FENCE = re.compile(r"^[^\S\n]*(`{3,})", re.MULTILINE)
_TICKS = re.compile("`+")
_FENCE_LINE = re.compile(r"^( {0,3})(`{3,}|~{3,})([^\n]*)$", re.MULTILINE)


def heading_markdown(title: str, uuid: str) -> str:
    """The beginning."""
    return f"# {title or 'Conversation'}\n\n" + (f"Claude session {uuid}\n\n" if uuid else "")


def entry_markdown(entry: dict[str, Any]) -> str:
    """One entry as it is on the wire."""
    kind, text = entry["kind"], str(entry.get("text", ""))
    when = entry["ts"][:16].replace("T", " ")
    if kind == PROMPT:
        images = "".join(f"\n\n(image, {image['media_type']})" for image in entry.get("images", ()))
        return f"## Prompt, {when} UTC\n\n{_closed(text)}{images}\n\n"
    if kind == TEXT:
        return f"{_closed(text)}\n\n"
    if kind == THINKING:
        return "> *Thinking:* " + text.replace("\n", "\n> ") + "\n\n"
    if kind == TOOL:
        return _call(entry)
    if kind == COMPACTION:
        return f"---\n\n*The conversation was compacted. The summary:*\n\n{_closed(entry['summary'])}\n\n---\n\n"
    if kind == COMMAND:
        return _fenced(text, "") if entry.get("output") or "\n" in text else f"{_code(text)}\n\n"
    return f"*{text.strip()}*\n\n"


def _call(entry: dict[str, Any]) -> str:
    tool, given = entry["tool"], entry.get("input")
    command = given.get("command") if isinstance(given, dict) else None
    if entry.get("diff"):
        shown = _fenced(entry["diff"], "diff")
    elif isinstance(command, str):
        shown = _fenced(command, "sh")
    else:
        shown = _fenced(json.dumps(given, ensure_ascii=False, indent=2), "json")
    failed = " (failed)" if entry.get("is_error") else ""
    head = f"**{tool}**{failed} {entry.get('summary', '')}".strip().replace("\n", " ")
    result = entry.get("result", "")
    if not result:
        return f"{head}\n\n{shown}"
    cut = result if len(result) <= MAX_RESULT else result[:MAX_RESULT] + "\n…"
    return f"{head}\n\n{shown}{_fenced(cut, '')}"


def _fenced(text: str, language: str) -> str:
    """A block of code, with a fence that the text does not have."""
    longest = max((len(match[1]) for match in _FENCE.finditer(text)), default=2)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}\n\n"


def _code(text: str) -> str:
    """A line as code within a text, with marks that it does not have."""
    if "`" not in text:
        return f"`{text}`"
    marks = "`" * (max(map(len, _TICKS.findall(text))) + 1)
    return f"{marks} {text} {marks}"


def _closed(text: str) -> str:
    """Markdown of others that ends where it ends: a fence that is still open would take in all that follows."""
    opened = ""
    for indent, fence, rest in _FENCE_LINE.findall(text):
        if not opened:
            if fence[0] == "~" or "`" not in rest:
                opened = indent + fence
        elif fence.startswith(opened.lstrip()) and not rest.strip():
            opened = ""
    return f"{text}\n{opened}" if opened else text
