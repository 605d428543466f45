"""The unified diff of an edit: from the client's own patch if it is there, else from the texts of the call.

Source: PROTOCOL.md, History, search, details.
"""

from __future__ import annotations

import difflib
from typing import Any

MATCH_LINES = 2000
"""Texts of more lines than this (together) are shown as all removed, all added: matching them would take seconds."""

Hunk = tuple[int, int, int, int, list[str]]
"""Old start and count, new start and count, and the lines with their signs."""


def diff_of(tool: str, given: object, response: object) -> str | None:
    """The diff of a call of Edit, MultiEdit or Write, None for every other tool, and for an edit that names no texts.

    Args:
        given: the decoded `tool_input`.
        response: the decoded `tool_response`.
    """
    if tool not in ("Edit", "MultiEdit", "Write") or not isinstance(given, dict):
        return None
    path = _text(given, "file_path") or "file"
    hunks = _patched(response) if isinstance(response, dict) else None
    if hunks is None and tool == "Write":
        hunks = _created(_text(given, "content"))
    elif hunks is None:
        edits = given.get("edits") if tool == "MultiEdit" else [given]
        known = [edit for edit in edits if _is_edit(edit)] if isinstance(edits, list) else []
        if not known:
            return None  # a diff without a change would say that there was none, which is not known
        hunks = _edited(known)
    lines = [f"--- {path}", f"+++ {path}"]
    for old, old_count, new, new_count, body in hunks:
        lines.append(f"@@ -{old},{old_count} +{new},{new_count} @@")
        lines += body
    return "\n".join(lines) + "\n"


def lines_of(text: str) -> list[str]:
    """The lines of a file as git counts them: only a line feed ends one.

    A carriage return before it stays in the line. Form feeds, U+2028 and the like, at which `str.splitlines` cuts, are
    characters of the line.
    """
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    return lines


def _is_edit(value: object) -> bool:
    return isinstance(value, dict) and any(isinstance(value.get(key), str) for key in ("old_string", "new_string"))


def _patched(response: dict[str, Any]) -> list[Hunk] | None:
    patch = response.get("structuredPatch")
    if not isinstance(patch, list) or (not patch and response.get("type") != "update"):
        return None
    hunks: list[Hunk] = []
    for part in patch:
        if not isinstance(part, dict) or not isinstance(part.get("lines"), list):
            return None
        numbers = [part.get(key) for key in ("oldStart", "oldLines", "newStart", "newLines")]
        a, b, c, d = (n if type(n) is int else 0 for n in numbers)
        hunks.append((a, b, c, d, [str(line) for line in part["lines"]]))
    return hunks


def _created(content: str) -> list[Hunk]:
    lines = lines_of(content)
    return [(0, 0, 1, len(lines), [f"+{line}" for line in lines])] if lines else []


def _edited(edits: list[dict[str, Any]]) -> list[Hunk]:
    """Hunks of (old_string, new_string) pairs. Where in the file they are is not known: each starts at line 1."""
    hunks: list[Hunk] = []
    for edit in edits:
        old, new = lines_of(_text(edit, "old_string")), lines_of(_text(edit, "new_string"))
        if len(old) + len(new) > MATCH_LINES:
            body = [f"-{line}" for line in old] + [f"+{line}" for line in new]
        else:
            body = list(difflib.unified_diff(old, new, lineterm="", n=max(len(old), len(new))))[3:]
        if body:
            hunks.append((1 if old else 0, len(old), 1 if new else 0, len(new), body))
    return hunks


def _text(value: dict[str, Any], key: str) -> str:
    found = value.get(key)
    return found if isinstance(found, str) else ""
