"""What an input that replaces the tool's own must have, for the tools that are known.

The client checks it too, but by then the answer is given and the call fails. Source: PROTOCOL.md, Requests.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ctm_trio.errors.answers import InvalidInput

REQUIRED: Mapping[str, tuple[str, ...]] = {
    "Bash": ("command",),
    "PowerShell": ("command",),
    "Write": ("file_path", "content"),
    "Edit": ("file_path", "old_string", "new_string"),
    "MultiEdit": ("file_path",),
    "NotebookEdit": ("notebook_path", "new_source"),
    "Read": ("file_path",),
    "Glob": ("pattern",),
    "Grep": ("pattern",),
    "WebFetch": ("url", "prompt"),
    "WebSearch": ("query",),
    "Task": ("description", "prompt"),
    "Agent": ("description", "prompt"),
}
"""Keys that must be there, with text."""

MAY_BE_EMPTY = frozenset({"content", "old_string", "new_string", "new_source"})
"""Of those, the ones that may be empty; the others must not be blank."""

OPTIONAL: Mapping[str, Mapping[str, type | tuple[type, ...]]] = {
    "Bash": {"description": str, "timeout": (int, float), "run_in_background": bool},
    "Edit": {"replace_all": bool},
    "Read": {"offset": (int, float), "limit": (int, float)},
}
"""Keys that may be there, and what they must be then."""


def check_input(tool: str, value: object) -> dict[str, Any]:
    """The value, if it can be this tool's input.

    Raises:
        InvalidInput: it is not an object, or a known tool could not work with it.
    """
    if not isinstance(value, dict):
        raise InvalidInput("The changed input must be a JSON object: the whole input of the tool.")
    for key in REQUIRED.get(tool, ()):
        text = value.get(key)
        if not isinstance(text, str):
            raise InvalidInput(f"The changed input of {tool} must have `{key}`, a text.")
        if key not in MAY_BE_EMPTY and not text.strip():
            raise InvalidInput(f"In the changed input of {tool}, `{key}` must not be blank.")
        if "\0" in text:
            raise InvalidInput(f"In the changed input of {tool}, `{key}` must not contain NUL characters.")
    for key, kinds in OPTIONAL.get(tool, {}).items():
        if key in value and not _is(value[key], kinds):
            raise InvalidInput(f"In the changed input of {tool}, `{key}` has a value of the wrong type.")
    if tool == "MultiEdit":
        _check_edits(value.get("edits"))
    return value


def _is(value: object, kinds: type | tuple[type, ...]) -> bool:
    return isinstance(value, kinds) and (kinds is bool or not isinstance(value, bool))


def _check_edits(edits: object) -> None:
    if not isinstance(edits, list) or not edits:
        raise InvalidInput("The changed input of MultiEdit must have `edits`, a list that is not empty.")
    for edit in edits:
        if not isinstance(edit, dict) or not all(isinstance(edit.get(k), str) for k in ("old_string", "new_string")):
            raise InvalidInput("Each of the `edits` must have `old_string` and `new_string`, both texts.")
