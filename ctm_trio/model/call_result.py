"""Who decided about a tool call, as the line of its result in the transcript says. Pure. Source: PROTOCOL.md, Requests.

The client writes `permissionDecision` with its source: a hook, or the person at the terminal. A refusal before the call
ran has no such field, but `toolDenialBeforeRun`; a call that was interrupted while it ran has neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

Decider = Literal["hook", "terminal", "unknown"]

HOOK: Final = "hook"
AT_TERMINAL: Final = "terminal"
UNKNOWN: Final = "unknown"

REFUSING = frozenset({"deny", "keep_planning", "discuss", "deny_stop"})
"""Choices after which the call does not run."""

ENDING = frozenset({"deny_stop"})
"""Choices that end the turn, as Escape in the terminal does; the client writes the same line for both."""


def decider_of(line: Mapping[str, object], tool_use_id: str) -> Decider | None:
    """Who decided about a call; None if the line is not the result of that call.

    Args:
        line: one of the transcript. tool_use_id: of the call.
    """
    if not _is_result(line.get("message"), tool_use_id):
        return None
    decision = line.get("permissionDecision")
    source = decision.get("source") if isinstance(decision, Mapping) else None
    if source == "hook":
        return HOOK
    if isinstance(source, str) and source.startswith("user"):
        return AT_TERMINAL
    if source is None and line.get("toolDenialKind") == "user-rejected" and line.get("toolDenialBeforeRun") is True:
        return AT_TERMINAL
    return UNKNOWN


def _is_result(message: object, tool_use_id: str) -> bool:
    content = message.get("content") if isinstance(message, Mapping) else None
    return isinstance(content, list) and any(
        isinstance(part, Mapping) and part.get("type") == "tool_result" and part.get("tool_use_id") == tool_use_id
        for part in content
    )
