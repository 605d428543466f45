"""What each setting may be: one rule for a key, the same by hand, by PATCH and at the start.

Source: PROTOCOL.md, Configuration.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping

import msgspec

from ctm_trio.model.webhook import FORMATS, url_fault

MAX_TEXT = 4096
"""Characters of a setting that is a line of text, unless its rule says less."""

MAX_COMMAND = 65_536
"""Characters of a hook's shell command."""

MAX_ITEMS = 200
"""Entries of a list or table."""

MAX_SOCKET = 100
"""Characters of tmux's socket: the system allows a path of 107 bytes."""

MAX_SECONDS = 3600.0
MAX_HOLD_S, MAX_HOLD_AGENT_S = 86_400, 600
MAX_SHOWN = 40
"""Characters of a wrong value that a message shows."""

WEBHOOK_EVENTS = ("attention_raised", "attention_cleared")
"""Events that the webhook can be asked to send."""


class Rule(msgspec.Struct, frozen=True):
    """What a value must be.

    Args:
        what: in words, after "must be".
        fits: True for a value that is right.
        secret: a wrong value is not shown.
    """

    what: str
    fits: Callable[[object], bool]
    secret: bool = False


def _whole(low: int, high: int) -> Rule:
    def fits(value: object) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return low <= value <= high and value == int(value)  # the range first: infinity is no `int`

    return Rule(f"a whole number from {low} to {high}", fits)


def _seconds(value: object) -> bool:
    return not isinstance(value, bool) and isinstance(value, int | float) and 0 < value <= MAX_SECONDS


def _is_line(value: object, limit: int = MAX_TEXT) -> bool:
    return isinstance(value, str) and len(value) <= limit and not any(ord(c) < 32 or ord(c) == 127 for c in value)


def _is_directory(value: object) -> bool:
    return isinstance(value, str) and _is_line(value) and value.startswith(("/", "~/"))


def _is_socket(value: object) -> bool:
    if not isinstance(value, str) or not _is_line(value, MAX_SOCKET):
        return False
    return value.startswith("/") or ("/" not in value and value not in (".", ".."))


def _are_lines(value: object) -> bool:
    return isinstance(value, list) and len(value) <= MAX_ITEMS and all(_is_line(item) and item for item in value)


def _are_events(value: object) -> bool:
    return isinstance(value, list) and len(value) <= MAX_ITEMS and all(item in WEBHOOK_EVENTS for item in value)


def _is_command(value: object) -> bool:
    return isinstance(value, str) and len(value) <= MAX_COMMAND and "\0" not in value


LINE = f"one line of text, at most {MAX_TEXT} characters"
PERCENTAGES = ("error_rate_pct", "quota_pct", "context_pct")
THRESHOLDS = (
    "error_rate_pct", "error_rate_window", "idle_minutes", "quota_pct", "context_pct", "yolo_unchecked_minutes",
)  # fmt: skip

RULES: Mapping[str, Rule] = {
    "required_env": Rule(f"a list of names of environment variables, at most {MAX_ITEMS}", _are_lines),
    "required_in_path": Rule(f"a list of names of programs, at most {MAX_ITEMS}", _are_lines),
    "scrollback_lines": _whole(1, 10_000_000),
    "health_check_timeout_seconds": Rule(f"a number of seconds from 0 to {MAX_SECONDS:.0f}", _seconds),
    "git_checkpoint_before_yolo": Rule("true or false", lambda value: isinstance(value, bool)),
    "default_mode": Rule('"safe" or "yolo"', lambda value: value in ("safe", "yolo")),
    "log_max_size_mb": _whole(1, 1_000_000),
    "log_max_age_days": _whole(1, 36_500),
    "log_max_files": _whole(1, 100_000),
    "hooks": Rule(
        f"an object of at most {MAX_ITEMS} commands", lambda value: isinstance(value, dict) and len(value) <= MAX_ITEMS
    ),
    "hook_timeout_seconds": Rule(f"a number of seconds from 0 to {MAX_SECONDS:.0f}", _seconds),
    "serve": Rule("an object", lambda value: isinstance(value, dict)),
    "serve.port": _whole(1, 65_535),
    "serve.bearer_token": Rule(LINE, _is_line, secret=True),
    "serve.webhook_url": Rule(
        "an http or https address", lambda value: isinstance(value, str) and not url_fault(value), secret=True
    ),
    "serve.webhook_auth": Rule(LINE, _is_line, secret=True),
    "serve.webhook_secret": Rule(LINE, _is_line, secret=True),
    "serve.webhook_format": Rule(f"one of {', '.join(FORMATS)}", lambda value: value in FORMATS),
    "serve.webhook_events": Rule(f"a list of {' and '.join(WEBHOOK_EVENTS)}", _are_events),
    "serve.statusline_dump_dir": Rule('an absolute path, or one that begins with "~/"', _is_directory),
    "serve.tmux_socket": Rule("the name or the absolute path of a tmux socket", _is_socket),
    "serve.requests": Rule("an object", lambda value: isinstance(value, dict)),
    "serve.requests.hold_seconds": _whole(0, MAX_HOLD_S),
    "serve.requests.hold_agent_seconds": _whole(0, MAX_HOLD_AGENT_S),
    "serve.attention": Rule("an object of thresholds", lambda value: isinstance(value, dict)),
    **{f"serve.attention.{name}": _whole(1, 100 if name in PERCENTAGES else 1440) for name in THRESHOLDS},
}
"""Every setting that we know, by its place in `config.json`."""

COMMAND = Rule(f"a shell command, at most {MAX_COMMAND} characters", _is_command, secret=True)
"""Each of `hooks`."""


def fault(key: str, value: object, rule: Rule | None = None) -> str:
    """What is wrong with a value, for people, with the key and what is right; "" if nothing is.

    Args:
        key: as in `RULES`.
        value: as JSON has it.
        rule: another rule than that of the key.
    """
    rule = rule or RULES[key]
    if rule.fits(value):
        return ""
    return f"{key} must be {rule.what}{'' if rule.secret else ', not ' + _shown(value)}"


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "the list given"
    if isinstance(value, float) and not math.isfinite(value):
        return "infinity"
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 128:
        return "a number this large"
    text = json.dumps(value)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"
