"""The settings in `config.json`, resolved: every number is set, whatever the file leaves out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ctm_trio.errors.files import BrokenConfig
from ctm_trio.model.config_document import encode_document, parse_document
from ctm_trio.model.settings_rules import COMMAND, THRESHOLDS, fault

DEFAULT_PORT = 37778


class Thresholds(msgspec.Struct, frozen=True):
    """When attention is raised. Source: PROTOCOL.md, Configuration; Attention."""

    error_rate_pct: int = 20
    error_rate_window: int = 20
    idle_minutes: int = 5
    quota_pct: int = 85
    context_pct: int = 90
    yolo_unchecked_minutes: int = 30


@dataclass(frozen=True, slots=True)
class Settings:
    """What the daemon runs on. Built by `parse_settings` from the bytes of `config.json`.

    `document` is the whole file as it was parsed, unknown keys included, so that a rewrite keeps them.
    """

    port: int = DEFAULT_PORT
    bearer_token: str = field(default="", repr=False)
    webhook_url: str = field(default="", repr=False)
    webhook_auth: str = field(default="", repr=False)
    webhook_secret: str = field(default="", repr=False)
    webhook_events: tuple[str, ...] = ("attention_raised",)
    webhook_format: str = "json"
    statusline_dump_dir: str = ""
    tmux_socket: str = ""
    attention: Thresholds = field(default_factory=Thresholds)
    hold_s: int = 3600
    """How long a hook waits for an answer; 0: it does not."""
    hold_agent_s: int = 30
    """The same for a sub-agent's, whose dialog shows only afterwards."""
    required_env: tuple[str, ...] = ("PATH", "HOME")
    required_in_path: tuple[str, ...] = ()
    git_checkpoint_before_yolo: bool = True
    default_mode: str = "safe"
    scrollback_lines: int = 50_000
    health_check_timeout_s: float = 5.0
    log_max_size_mb: int = 50
    log_max_age_days: int = 30
    log_max_files: int = 10
    hooks: tuple[tuple[str, str], ...] = ()
    hook_timeout_s: float = 5.0
    document: str = field(default="{}", repr=False)


MAX_EVENT = 40
"""Characters of a hook's name that a message shows."""

MAX_PROBLEMS = 5
"""Wrong settings that are named at once; of more the number is said."""


def default_document() -> bytes:
    """The `config.json` that a missing one is created as. Source: PROTOCOL.md, Configuration."""
    defaults = Settings()
    attention = {name: getattr(defaults.attention, name) for name in THRESHOLDS}
    return encode_document({
        "schema_version": 1,
        "required_env": list(defaults.required_env),
        "required_in_path": [],
        "scrollback_lines": defaults.scrollback_lines,
        "health_check_timeout_seconds": 5,
        "git_checkpoint_before_yolo": True,
        "default_mode": defaults.default_mode,
        "log_max_size_mb": defaults.log_max_size_mb,
        "log_max_age_days": defaults.log_max_age_days,
        "log_max_files": defaults.log_max_files,
        "hooks": {},
        "hook_timeout_seconds": 5,
        "serve": {
            "port": DEFAULT_PORT,
            "bearer_token": "",
            "webhook_url": "",
            "webhook_auth": "",
            "statusline_dump_dir": "",
            "attention": attention,
        },
    })  # fmt: skip


def parse_settings(data: bytes) -> Settings:
    """The settings that the bytes of `config.json` mean: a missing, null or mostly also a zero value is its default.

    Raises:
        UnparsableConfig: not a JSON object.
        BrokenConfig: a known key has a wrong value; the message names it and what is right.

    Source: PROTOCOL.md, Configuration.
    """
    settings, problem = read_settings(data)
    if problem:
        raise BrokenConfig(problem)
    return settings


def read_settings(data: bytes) -> tuple[Settings, str]:
    """As `parse_settings`, but a key with a wrong value has its default: the settings, and what is wrong or "".

    Raises:
        UnparsableConfig: not a JSON object.

    Source: PROTOCOL.md, Configuration.
    """
    top = parse_document(data)
    reader = _Reader()
    serve = reader.value(top, "", "serve", {})
    attention = reader.value(serve, "serve.", "attention", {})
    requests = reader.value(serve, "serve.", "requests", {})
    d, limits = Settings(), Thresholds()
    value = reader.value
    try:
        document = msgspec.json.encode(top).decode()
    except (RecursionError, ValueError, OverflowError) as error:
        raise BrokenConfig(f"config.json cannot be saved unchanged: {error}") from None
    settings = Settings(
        port=int(value(serve, "serve.", "port", d.port)),
        bearer_token=value(serve, "serve.", "bearer_token", ""),
        webhook_url=value(serve, "serve.", "webhook_url", ""),
        webhook_auth=value(serve, "serve.", "webhook_auth", ""),
        webhook_secret=value(serve, "serve.", "webhook_secret", ""),
        webhook_events=tuple(value(serve, "serve.", "webhook_events", d.webhook_events)),
        webhook_format=value(serve, "serve.", "webhook_format", d.webhook_format),
        statusline_dump_dir=value(serve, "serve.", "statusline_dump_dir", ""),
        tmux_socket=value(serve, "serve.", "tmux_socket", ""),
        attention=Thresholds(
            *(int(value(attention, "serve.attention.", name, getattr(limits, name))) for name in THRESHOLDS)
        ),
        hold_s=int(value(requests, "serve.requests.", "hold_seconds", d.hold_s, zero=True)),
        hold_agent_s=int(value(requests, "serve.requests.", "hold_agent_seconds", d.hold_agent_s, zero=True)),
        required_env=tuple(value(top, "", "required_env", d.required_env)),
        required_in_path=tuple(value(top, "", "required_in_path", ())),
        git_checkpoint_before_yolo=value(top, "", "git_checkpoint_before_yolo", True),
        default_mode=value(top, "", "default_mode", d.default_mode),
        scrollback_lines=int(value(top, "", "scrollback_lines", d.scrollback_lines)),
        health_check_timeout_s=float(value(top, "", "health_check_timeout_seconds", d.health_check_timeout_s)),
        log_max_size_mb=int(value(top, "", "log_max_size_mb", d.log_max_size_mb)),
        log_max_age_days=int(value(top, "", "log_max_age_days", d.log_max_age_days)),
        log_max_files=int(value(top, "", "log_max_files", d.log_max_files)),
        hooks=reader.hooks(value(top, "", "hooks", {})),
        hook_timeout_s=float(value(top, "", "hook_timeout_seconds", d.hook_timeout_s)),
        document=document,
    )
    return settings, reader.problem()


class _Reader:
    """Takes values by their rules, and keeps what is wrong."""

    def __init__(self) -> None:
        self._wrong: list[str] = []

    def value(self, table: Mapping[str, Any], where: str, name: str, default: Any, *, zero: bool = False) -> Any:
        """The value of a key; its default if it is missing, null, zero (unless `zero` means zero), empty or wrong."""
        value = table.get(name)
        number = isinstance(default, int | float) and not isinstance(default, bool)
        if value is None or (isinstance(default, str) and value == ""):
            return default
        if number and not zero and value == 0 and not isinstance(value, bool):
            return default
        wrong = fault(where + name, value)
        if wrong:
            self._wrong.append(wrong)
            return default
        return value

    def hooks(self, table: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
        """The commands by event; a wrong one is left out."""
        good: list[tuple[str, str]] = []
        for event, command in table.items():
            wrong = fault(f"hooks.{event[:MAX_EVENT]}", "" if command is None else command, COMMAND)
            if wrong:
                self._wrong.append(wrong)
            else:
                good.append((event, command or ""))
        return tuple(good)

    def problem(self) -> str:
        """All that is wrong, in words."""
        if not self._wrong:
            return ""
        more = len(self._wrong) - MAX_PROBLEMS
        named = "; ".join(self._wrong[:MAX_PROBLEMS])
        return f"config.json: {named}{f'; and {more} more' if more > 0 else ''}."
