"""How much a wrong approval of a call may cost. Source: PROTOCOL.md, Requests.

The rules are data: `model/risk_rules.py` and `model/risk_words.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Literal

from ctm_trio.model.risk_words import MCP_VERBS, READING_TOOLS, SQL, WRITING_TOOLS
from ctm_trio.model.shell_risk import HIGH, LOW, NORMAL, Judgement, judge_path, judge_shell, says_high

Risk = Literal["low", "normal", "high"]

MAX_TEXTS = 50
"""So many texts in the input of a tool that is not known are looked at, each up to `MAX_TEXT`."""

MAX_TEXT = 20_000

_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_LEVELS: tuple[Risk, Risk, Risk] = ("low", "normal", "high")


def risk_of(tool: str, tool_input: Mapping[str, object]) -> Risk:
    """The risk of a call. Never raises; an input of an unexpected shape is at least normal.

    `high` is what deletes, overwrites, pushes, publishes, changes rights or pipes the network into a shell, `low` is
    reading, all else is `normal`.
    """
    return _LEVELS[judge(tool, tool_input).level]


def judge(tool: str, tool_input: Mapping[str, object]) -> Judgement:
    """The risk of a call and, if it is high, why in a few words."""
    if tool == "Bash":
        command = tool_input.get("command")
        found = judge_shell(command) if isinstance(command, str) else Judgement(NORMAL)
        outside = tool_input.get("dangerouslyDisableSandbox") is True
        return Judgement(NORMAL) if outside and found.level == LOW else found
    if key := WRITING_TOOLS.get(tool):
        path = tool_input.get(key)
        return judge_path(path) if isinstance(path, str) else Judgement(NORMAL)
    if tool in READING_TOOLS:
        return Judgement(LOW)
    if tool.startswith("mcp__"):
        words = {word.lower() for word in _WORDS.findall(tool.rpartition("__")[2])}
        if words & MCP_VERBS:
            return Judgement(HIGH, "its name says that it deletes, publishes or overwrites")
        if any(map(SQL.search, _texts(tool_input))):
            return Judgement(HIGH, "deletes rows or tables, or changes rights")
    for key in ("command", "script", "cmd", "code"):
        text = tool_input.get(key)
        if isinstance(text, str) and (says_high(text[:MAX_TEXT]) or judge_shell(text).level == HIGH):
            return Judgement(HIGH, "runs something that looks dangerous")
    return Judgement(NORMAL)


def _texts(value: object) -> Iterator[str]:
    left = [value]
    for _ in range(MAX_TEXTS):
        if not left:
            return
        item = left.pop()
        if isinstance(item, str):
            yield item[:MAX_TEXT]
        elif isinstance(item, Mapping):
            left.extend(list(item.values())[:MAX_TEXTS])
        elif isinstance(item, list):
            left.extend(item[:MAX_TEXTS])
