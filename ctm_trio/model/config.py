"""The settings in `config.json`, resolved: every number is set, whatever the file leaves out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from ctm_trio.errors import BadPatch, BrokenConfig
from ctm_trio.model.webhook import FORMATS

DEFAULT_PORT = 37778


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When attention is raised. Source: contract A2 (`serve.attention`), A6."""

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


@dataclass(frozen=True, slots=True)
class Paths:
    """Every file and directory the daemon uses, as absolute paths. Source: contract A2."""

    root: Path
    """`~/.config/ctm`"""
    logs: Path
    hook_events: Path
    sessions: Path
    tmux_conf: Path
    claude_home: Path
    """`~/.claude`, or `$CLAUDE_CONFIG_DIR`"""

    @property
    def config(self) -> Path:
        return self.root / "config.json"

    @property
    def user(self) -> Path:
        return self.root / "user.json"

    @property
    def tokens(self) -> Path:
        """SHA-256 of the login tokens, ours alone."""
        return self.root / "ctm-trio-tokens.json"

    @property
    def allowed_origins(self) -> Path:
        return self.root / "allowed_origins"

    @property
    def database(self) -> Path:
        return self.root / "ctm-trio.db"

    @property
    def search_index(self) -> Path:
        return self.root / "ctm-trio-search.db"

    @property
    def costs(self) -> Path:
        return self.root / "ctm-trio-cost.db"

    @property
    def prices(self) -> Path:
        """What tokens cost, by model: for the user to edit."""
        return self.root / "ctm-trio-prices.json"

    @property
    def outbox(self) -> Path:
        """Alerts for the webhook; unlike the event log it cannot be rebuilt."""
        return self.root / "ctm-trio-outbox.db"

    @property
    def overlay(self) -> Path:
        return self.root / "claude-overlay.json"

    @property
    def env_sh(self) -> Path:
        return self.root / "env.sh"


def paths_under(home: Path, claude_home: Path | None = None) -> Paths:
    """The paths of a user whose home directory is `home`."""
    root = home / ".config" / "ctm"
    return Paths(
        root=root,
        logs=root / "logs",
        hook_events=root / "hook-events",
        sessions=root / "sessions.json",
        tmux_conf=root / "tmux.conf",
        claude_home=claude_home or home / ".claude",
    )


PERCENTAGES = ("error_rate_pct", "quota_pct", "context_pct")
MINUTES = ("error_rate_window", "idle_minutes", "yolo_unchecked_minutes")
THRESHOLDS = (
    "error_rate_pct",
    "error_rate_window",
    "idle_minutes",
    "quota_pct",
    "context_pct",
    "yolo_unchecked_minutes",
)
MAX_TEXT = 4096
"""Characters of a webhook's URL or authorization that a PATCH may set; more is refused."""


WEBHOOK_EVENTS = ("attention_raised", "attention_cleared")
"""Events that the webhook can be asked to send."""


def default_document() -> bytes:
    """The `config.json` that a missing one is created as. Source: contract A2."""
    defaults = Settings()
    attention = {name: getattr(defaults.attention, name) for name in THRESHOLDS}
    return _encode({
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
    """The settings that the bytes of `config.json` mean: a missing, null or zero value is its default.

    Raises:
        BrokenConfig: not a JSON object, or a known key has a value of the wrong type; the message names it.

    Source: contract A2.
    """
    top = _object(data)
    serve = _table(top, "serve", "")
    attention = _table(serve, "attention", "serve.")
    d, limits = Settings(), Thresholds()
    port = _int(serve, "port", d.port, "serve.")
    if port > 65535:
        raise BrokenConfig(f"config.json: serve.port is {port}; a port is at most 65535.")
    yolo = top.get("git_checkpoint_before_yolo")
    if yolo is not None and not isinstance(yolo, bool):
        raise _wrong("git_checkpoint_before_yolo", "true or false")
    hooks = _table(top, "hooks", "")
    return Settings(
        port=port,
        bearer_token=_text(serve, "bearer_token", "", "serve."),
        webhook_url=_text(serve, "webhook_url", "", "serve."),
        webhook_auth=_text(serve, "webhook_auth", "", "serve."),
        webhook_secret=_text(serve, "webhook_secret", "", "serve."),
        webhook_events=_texts(serve, "webhook_events", d.webhook_events, "serve."),
        webhook_format=_text(serve, "webhook_format", d.webhook_format, "serve."),
        statusline_dump_dir=_text(serve, "statusline_dump_dir", "", "serve."),
        tmux_socket=_text(serve, "tmux_socket", "", "serve."),
        attention=Thresholds(*(_int(attention, n, getattr(limits, n), "serve.attention.") for n in THRESHOLDS)),
        required_env=_texts(top, "required_env", d.required_env, ""),
        required_in_path=_texts(top, "required_in_path", (), ""),
        git_checkpoint_before_yolo=True if yolo is None else yolo,
        default_mode=_text(top, "default_mode", d.default_mode, ""),
        scrollback_lines=_int(top, "scrollback_lines", d.scrollback_lines, ""),
        health_check_timeout_s=_seconds(top, "health_check_timeout_seconds", d.health_check_timeout_s),
        log_max_size_mb=_int(top, "log_max_size_mb", d.log_max_size_mb, ""),
        log_max_age_days=_int(top, "log_max_age_days", d.log_max_age_days, ""),
        log_max_files=_int(top, "log_max_files", d.log_max_files, ""),
        hooks=tuple((event, _text(hooks, event, "", "hooks.")) for event in hooks),
        hook_timeout_s=_seconds(top, "hook_timeout_seconds", d.hook_timeout_s),
        document=msgspec.json.encode(top).decode(),
    )


def check_patch(body: object) -> Mapping[str, object]:
    """A `PATCH /api/config` body, checked as a whole: it is returned as it is, or refused.

    Raises:
        BadPatch: what is wrong; an unknown key is named in the code.

    Source: contract A4.
    """
    if not isinstance(body, dict):
        raise BadPatch("invalid_body", "The settings must be a JSON object.")
    for key, value in body.items():
        if key in ("webhook_url", "webhook_auth"):
            if not isinstance(value, str) or len(value) > MAX_TEXT or any(ord(c) < 32 or ord(c) == 127 for c in value):
                raise BadPatch("invalid_value", f"{key} must be one line of text, at most {MAX_TEXT} characters.")
        elif key == "attention":
            _check_thresholds(value)
        elif key in WEBHOOK_CHECKS:
            WEBHOOK_CHECKS[key](value)
        else:
            raise BadPatch(f"unknown key: {key}", f"There is no setting {key!r} that can be changed here.")
    return body


def _check_secret(value: object) -> None:
    if not isinstance(value, str) or len(value) > MAX_TEXT or any(ord(c) < 32 or ord(c) == 127 for c in value):
        raise BadPatch("invalid_value", f"webhook_secret must be one line of text, at most {MAX_TEXT} characters.")


def _check_format(value: object) -> None:
    if value not in FORMATS:
        raise BadPatch("invalid_value", f"webhook_format must be one of {', '.join(FORMATS)}.")


def _check_events(value: object) -> None:
    if not isinstance(value, list) or not all(event in WEBHOOK_EVENTS for event in value):
        raise BadPatch("invalid_value", f"webhook_events must be a list of {' and '.join(WEBHOOK_EVENTS)}.")


WEBHOOK_CHECKS: Mapping[str, Callable[[object], None]] = {
    "webhook_secret": _check_secret,
    "webhook_format": _check_format,
    "webhook_events": _check_events,
}
"""Settings of ours, beyond those of the contract, that may be changed while the daemon runs."""


def _check_thresholds(value: object) -> None:
    if not isinstance(value, dict):
        raise BadPatch("invalid_value", "attention must be an object of thresholds.")
    for key in value:
        if key not in THRESHOLDS:
            raise BadPatch(f"unknown key: {key}", f"There is no threshold {key!r}.")
    for key, number in value.items():
        top = 100 if key in PERCENTAGES else 1440
        if type(number) is not int or not 1 <= number <= top:
            raise BadPatch("invalid_value", f"{key} must be a whole number from 1 to {top}.")


def merge_patch(data: bytes, patch: Mapping[str, object]) -> bytes:
    """`config.json` with a checked patch laid over its `serve` block; all other keys stay as they are.

    Raises:
        BrokenConfig: `data` does not parse.
    """
    top = _object(data)
    serve = dict(_table(top, "serve", ""))
    for key, value in patch.items():
        serve[key] = {**_table(serve, key, "serve."), **value} if isinstance(value, Mapping) else value
    return _encode({**top, "serve": serve})


def _encode(document: Mapping[str, object]) -> bytes:
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def _wrong(key: str, what: str) -> BrokenConfig:
    return BrokenConfig(f"config.json: {key} must be {what}.")


def _object(data: bytes) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BrokenConfig(f"config.json does not parse: {error}") from None
    if not isinstance(value, dict):
        raise BrokenConfig("config.json must be a JSON object.")
    return value


def _table(table: Mapping[str, Any], key: str, where: str) -> dict[str, Any]:
    value = table.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _wrong(where + key, "an object")
    return value


def _int(table: Mapping[str, Any], key: str, default: int, where: str) -> int:
    value = table.get(key)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
        raise _wrong(where + key, "a whole number")
    return int(value) if value > 0 else default


def _seconds(table: Mapping[str, Any], key: str, default: float) -> float:
    value = table.get(key)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(key, "a number of seconds")
    return float(value) if value > 0 else default


def _text(table: Mapping[str, Any], key: str, default: str, where: str) -> str:
    value = table.get(key)
    if value is None:
        return default
    if not isinstance(value, str):
        raise _wrong(where + key, "text")
    return value or default


def _texts(table: Mapping[str, Any], key: str, default: tuple[str, ...], where: str) -> tuple[str, ...]:
    value = table.get(key)
    if value is None:
        return default
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _wrong(where + key, "a list of texts")
    return tuple(value)
