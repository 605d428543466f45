"""What we add to a settings file of Claude Code: a hook for each event, and the status line around the user's own.

Pure: documents in, documents out. The same functions make `claude-overlay.json` and change `~/.claude/settings.json`.
Source: PROTOCOL.md, Status line.
"""

from __future__ import annotations

import re
import shlex
from typing import Any

Document = dict[str, Any]
Version = tuple[int, int, int]

SAFE_EVENTS = (
    "PreToolUse",
    "PostToolUse",
    "Notification",
    "UserPromptSubmit",
    "Stop",
    "SubagentStop",
    "PreCompact",
    "SessionStart",
    "SessionEnd",
)
"""Known to every client that has hooks: what we wire if we do not know better."""

KNOWN_SINCE: tuple[tuple[Version, tuple[str, ...]], ...] = (
    (
        (2, 1, 197),
        (
            *SAFE_EVENTS,
            "PostToolUseFailure",
            "PostToolBatch",
            "PermissionRequest",
            "PermissionDenied",
            "UserPromptExpansion",
            "StopFailure",
            "SubagentStart",
            "PostCompact",
            "TaskCreated",
            "TaskCompleted",
            "TeammateIdle",
            "CwdChanged",
            "ConfigChange",
            "InstructionsLoaded",
            "Setup",
            "Elicitation",
            "ElicitationResult",
        ),
    ),
    ((2, 1, 330), ("PreModelSwitch", "PostModelSwitch", "DirectoryAdded")),
)
"""Events by the oldest version in which they were seen. A name that a client does not know opens a dialog that blocks.

Left out on purpose: WorktreeCreate and WorktreeRemove (a command there replaces git's own work), FileChanged (its
matcher names files to watch), MessageDisplay (once for every piece of text that is shown).
"""

HOOK_TIMEOUT_S = 60
"""When Claude Code ends a hook of ours. It gives up by itself before that (`producers.hook.TIME_LIMIT_S`) and counts
the event as lost; one that is ended counts nothing."""

ASKS = "PermissionRequest"
"""The event whose hook waits for a person's answer."""

HOLD_TIMEOUT_S = 3600 + HOOK_TIMEOUT_S
"""When Claude Code ends a hook that waits, with the default settings: later than the daemon lets it go."""

_VERSION = re.compile(r"(\d{1,6})\.(\d{1,6})\.(\d{1,9})", re.ASCII)
_OURS = re.compile(
    r"(?:/ctm_trio/producers/start\.py'?|-m ctm_trio|(?:^|[/\s'])ctm(?:-trio)?'?)\s+(?:hook|log-tool-use|statusline)\b"
)


def parse_version(text: str) -> Version | None:
    """The version in what `claude --version` prints, e.g. `2.1.330 (Claude Code)`; None if there is none."""
    match = _VERSION.search(text)
    return (int(match[1]), int(match[2]), int(match[3])) if match else None


def events_for(version: Version | None) -> tuple[str, ...]:
    """The events to wire for a client of this version; the safe ones for one that is unknown or too old."""
    known = tuple(event for since, events in KNOWN_SINCE if version and version >= since for event in events)
    return known or SAFE_EVENTS


def hook_command(python: str, start: str) -> str:
    """The shell command of every hook.

    Without `site` Python starts fastest. A hook that fails with exit code 2 would block Claude's tool call, and that is
    what a Python without our file ends with: so `|| :`, for the day that we are gone and the settings are not.
    """
    return f"{shlex.quote(python)} -I -S {shlex.quote(start)} hook || :"


def statusline_command(python: str, start: str, own: str) -> str:
    """The shell command of the status line; with `own` it runs the user's own one and passes its output through.

    `exec`, because Claude Code ends a status line with a signal to the shell alone.
    """
    then = f" --then {shlex.quote(own)}" if own else ""
    return f"exec {shlex.quote(python)} -I -S {shlex.quote(start)} statusline --dump{then}"


def is_ours(command: object) -> bool:
    """True for a command of ours, of any installation, and of the Go program, which we take the place of."""
    return isinstance(command, str) and _OURS.search(command) is not None


def own_statusline(document: Document) -> str:
    """The user's own status line command: what stands there, or what ours runs in its place; "" if there is none."""
    command = _table(document.get("statusLine")).get("command")
    if not isinstance(command, str):
        return ""
    if not is_ours(command):
        return command
    try:
        words = shlex.split(command)
    except ValueError:
        return ""
    return words[words.index("--then") + 1] if "--then" in words[:-1] else ""


def hold_timeout(hold_s: int, hold_agent_s: int) -> int:
    """When Claude Code ends a hook that may wait, in seconds, by the settings of `serve.requests`."""
    return (max(hold_s, hold_agent_s) if hold_s else 0) + HOOK_TIMEOUT_S


def with_ours(
    document: Document,
    events: tuple[str, ...],
    hook: str,
    python: str,
    start: str,
    own: str,
    *,
    asks_s: int = HOLD_TIMEOUT_S,
) -> Document:
    """The settings with our hooks for exactly these events, and our status line; all else stays.

    Args:
        document: the settings as they are.
        events: as `events_for` gives them.
        hook: as `hook_command` gives it.
        python / start: for the status line.
        own: the user's own status line command, "" if there is none.
        asks_s: as `hold_timeout` gives it.
    """
    clean = without_ours(document)
    hooks = {name: list(groups) for name, groups in _table(clean.get("hooks")).items() if isinstance(groups, list)}
    for event in events:
        timeout = asks_s if event == ASKS else HOOK_TIMEOUT_S
        ours = {"hooks": [{"type": "command", "command": hook, "timeout": timeout}]}
        hooks[event] = [*hooks.get(event, []), ours]
    line = {**_table(clean.get("statusLine")), "type": "command", "command": statusline_command(python, start, own)}
    return {**clean, "hooks": hooks, "statusLine": line}


def with_hold_timeout(document: Document, asks_s: int) -> Document:
    """The settings in which our hook may wait for at least `asks_s` seconds; the same object if it may already."""
    hooks = _table(document.get("hooks"))
    groups = hooks.get(ASKS)
    if not isinstance(groups, list) or not any(_is_short(entry, asks_s) for entry in _entries(groups)):
        return document
    longer = [
        {**group, "hooks": [{**e, "timeout": asks_s} if _is_short(e, asks_s) else e for e in _table(group)["hooks"]]}
        if any(_is_short(entry, asks_s) for entry in _entries([group]))
        else group
        for group in groups
    ]
    return {**document, "hooks": {**hooks, ASKS: longer}}


def _is_short(entry: Any, asks_s: int) -> bool:
    """True for a hook of ours that Claude Code would end before that; what is no number is for Claude Code to say."""
    timeout = _table(entry).get("timeout", 0)
    known = isinstance(timeout, int | float) and not isinstance(timeout, bool)
    return known and timeout < asks_s and is_ours(_command(entry))


def without_ours(document: Document) -> Document:
    """The settings without anything of ours; the user's own status line is back in its place."""
    out = dict(document)
    hooks = _table(out.get("hooks"))
    if any(is_ours(_command(entry)) for groups in hooks.values() for entry in _entries(groups)):
        kept = {event: _groups_without_ours(groups) for event, groups in hooks.items()}
        out["hooks"] = {event: groups for event, groups in kept.items() if groups != [] or not hooks[event]}
        if not out["hooks"]:
            del out["hooks"]
    line = _table(out.get("statusLine"))
    if is_ours(line.get("command")):
        own = own_statusline(out)
        if own:
            out["statusLine"] = {**line, "command": own}
        else:
            del out["statusLine"]
    return out


def _groups_without_ours(groups: Any) -> Any:
    if not isinstance(groups, list):
        return groups
    out = []
    for group in groups:
        entries = _table(group).get("hooks")
        if isinstance(entries, list) and any(is_ours(_command(entry)) for entry in entries):
            rest = [entry for entry in entries if not is_ours(_command(entry))]
            if rest:
                out.append({**group, "hooks": rest})
        else:
            out.append(group)
    return out


def _entries(groups: Any) -> list[Any]:
    if not isinstance(groups, list):
        return []
    lists = [_table(group).get("hooks") for group in groups]
    return [entry for entries in lists if isinstance(entries, list) for entry in entries]


def _command(entry: Any) -> object:
    return _table(entry).get("command")


def _table(value: Any) -> Document:
    return value if isinstance(value, dict) else {}
