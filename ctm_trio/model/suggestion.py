"""What the client offers to remember with an approval, in words.

A suggestion is an entry of `permission_suggestions`: a change of the permission rules, of the mode, or of the
directories, and the settings that it would be written to. Source: PROTOCOL.md, Requests; measured with Claude Code
2.1.330.
"""

from __future__ import annotations

from collections.abc import Mapping

from ctm_trio.model.one_line import one_line, short_json

LABEL_LIMIT = 240
"""Characters of a label."""

DETAIL_LIMIT = 600
"""Characters of a detail."""

_PART_LIMIT = 120
_SHOWN = 3

_IN_FILE = {
    "localSettings": "in this project (.claude/settings.local.json)",
    "projectSettings": "in this project, for everyone who works on it (.claude/settings.json)",
    "userSettings": "in all your projects (~/.claude/settings.json)",
}

_MODES = {
    "acceptEdits": "accept edits",
    "bypassPermissions": "ask for nothing any more",
    "default": "ask as usual",
    "plan": "only plan",
    "auto": "use auto mode",
    "dontAsk": "refuse what is not allowed yet",
}

_RULES = {
    ("addRules", "allow"): "do not ask again for",
    ("addRules", "deny"): "always refuse",
    ("addRules", "ask"): "always ask about",
    ("replaceRules", "allow"): "from now on allow without asking only",
    ("replaceRules", "deny"): "from now on always refuse only",
    ("replaceRules", "ask"): "from now on always ask only about",
    ("removeRules", "allow"): "no longer allow without asking",
    ("removeRules", "deny"): "no longer refuse",
    ("removeRules", "ask"): "no longer always ask about",
}


def suggestion_words(entry: object) -> tuple[str, str]:
    """What this entry would remember, and where: a label that follows "Allow, and", and a detail ("" for none).

    Args:
        entry: one of the client's suggestions, of any shape. One that is not understood is shown as JSON.
    """
    words = _words(entry) if isinstance(entry, Mapping) else ""
    if not words:
        return one_line(f"change the permissions as the client suggests: {short_json(entry, 150)}", LABEL_LIMIT), ""
    return one_line(words, LABEL_LIMIT), one_line(_detail(entry), DETAIL_LIMIT) if isinstance(entry, Mapping) else ""


def _words(entry: Mapping[str, object]) -> str:
    """What is said of the entry, nothing if any part is unknown: half a meaning would be a wrong one."""
    kind, where = entry.get("type"), entry.get("destination")
    if not isinstance(kind, str) or not (isinstance(where, str) and (where == "session" or where in _IN_FILE)):
        return ""
    if kind == "setMode":
        mode = entry.get("mode")
        if not isinstance(mode, str) or not mode:
            return ""
        what = _MODES.get(mode) or f"switch to the mode `{mode}`"
        return f"{what} until this session ends" if where == "session" else f"{what} {_IN_FILE[where]}"
    place = "for this session" if where == "session" else _IN_FILE[where]
    if kind in ("addDirectories", "removeDirectories"):
        names = _texts(entry.get("directories"))
        what = "allow access to" if kind == "addDirectories" else "no longer allow access to"
        return f"{what} {_listed(names)} {place}" if names else ""
    behavior = entry.get("behavior")
    what = _RULES.get((kind, behavior), "") if isinstance(behavior, str) else ""
    rules = entry.get("rules")
    known = [_rule(rule) for rule in rules] if isinstance(rules, list) else []
    return f"{what} {_listed(known)} {place}" if what and known and all(known) else ""


def _rule(rule: object) -> str:
    """A rule for people, "" if it is not understood. A command's rule is the command itself."""
    if not isinstance(rule, Mapping) or not isinstance(name := rule.get("toolName"), str) or not name:
        return ""
    content = rule.get("ruleContent")
    if content is None or content == "":
        return f"every call of {_part(name)}"
    if not isinstance(content, str):
        return ""
    return f"`{_part(content)}`" if name == "Bash" else f"`{_part(f'{name}({content})')}`"


def _detail(entry: Mapping[str, object]) -> str:
    """Rules in the client's own notation, directories in full: a label may have had to leave some out."""
    rules = entry.get("rules")
    if isinstance(rules, list):
        return ", ".join(_notation(rule) for rule in rules[:50] if isinstance(rule, Mapping))
    return ", ".join(_texts(entry.get("directories"))[:50])


def _notation(rule: Mapping[str, object]) -> str:
    content = rule.get("ruleContent")
    return f"{rule.get('toolName')}({content})" if content else str(rule.get("toolName"))


def _texts(value: object) -> list[str]:
    texts = [item for item in value if isinstance(item, str) and item] if isinstance(value, list) else []
    return texts if isinstance(value, list) and len(texts) == len(value) else []


def _listed(parts: list[str]) -> str:
    shown = [_part(part) for part in parts[:_SHOWN]]
    if len(parts) > _SHOWN:
        return f"{', '.join(shown)} and {len(parts) - _SHOWN} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else shown[0]


def _part(text: str) -> str:
    return one_line(text, _PART_LIMIT)
