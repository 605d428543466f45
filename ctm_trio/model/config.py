"""The settings in `config.json`, resolved: every number is set, whatever the file leaves out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from ctm_trio.errors.files import BrokenConfig
from ctm_trio.errors.settings import BadPatch
from ctm_trio.model.config_fault import UnparsableConfig, syntax_fault
from ctm_trio.model.settings_rules import COMMAND, RULES, THRESHOLDS, fault
from ctm_trio.model.webhook import url_fault

DEFAULT_PORT = 37778


@dataclass(frozen=True, slots=True)
class Thresholds:
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
    """Every file and directory the daemon uses, as absolute paths. Source: PROTOCOL.md, Files and directories."""

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
        """The settings, for the user to edit."""
        return self.root / "config.json"

    @property
    def user(self) -> Path:
        """The one user, with the hash of the password."""
        return self.root / "user.json"

    @property
    def tokens(self) -> Path:
        """SHA-256 of the login tokens, ours alone."""
        return self.root / "ctm-trio-tokens.json"

    @property
    def signup_code(self) -> Path:
        """The one-time code for signing up; there while nobody has, and ours alone."""
        return self.root / "signup-code"

    @property
    def allowed_origins(self) -> Path:
        """Origins of browsers that the user added, one a line."""
        return self.root / "allowed_origins"

    @property
    def database(self) -> Path:
        """The event log."""
        return self.root / "ctm-trio.db"

    @property
    def search_index(self) -> Path:
        """The search index; it can be made again from the event log."""
        return self.root / "ctm-trio-search.db"

    @property
    def costs(self) -> Path:
        """What tokens and money the sessions used."""
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
    def checkpoint_index(self) -> Path:
        """A directory with what is known of long git histories; it can always be found out again."""
        return self.root / "ctm-trio-checkpoints"

    @property
    def overlay(self) -> Path:
        """The settings with which Claude Code is started."""
        return self.root / "claude-overlay.json"

    @property
    def env_sh(self) -> Path:
        """What the shell of a new session reads first, if the user has one."""
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


MAX_CONFIG_BYTES = 4 << 20
"""A larger `config.json` is taken for a mistake and not read."""

MAX_EVENT = 40
"""Characters of a hook's name that a message shows."""

MAX_PROBLEMS = 5
"""Wrong settings that are named at once; of more the number is said."""

BOM = b"\xef\xbb\xbf"
"""What some editors write before the text; it means nothing."""


def default_document() -> bytes:
    """The `config.json` that a missing one is created as. Source: PROTOCOL.md, Configuration."""
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
    top = _object(data)
    reader = _Reader()
    serve = reader.value(top, "", "serve", {})
    attention = reader.value(serve, "serve.", "attention", {})
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

    def value(self, table: Mapping[str, Any], where: str, name: str, default: Any) -> Any:
        """The value of a key; its default if it is missing, null, zero, empty or wrong."""
        value = table.get(name)
        number = isinstance(default, int | float) and not isinstance(default, bool)
        if value is None or (isinstance(default, str) and value == ""):
            return default
        if number and value == 0 and not isinstance(value, bool):
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


def check_patch(body: object) -> Mapping[str, object]:
    """A `PATCH /api/config` body, checked as a whole: it is returned as it is, or refused.

    Raises:
        BadPatch: what is wrong; an unknown key is named in the code.

    Source: PROTOCOL.md, Configuration.
    """
    if not isinstance(body, dict):
        raise BadPatch("invalid_body", "The settings must be a JSON object.")
    for key, value in body.items():
        if key not in PATCHABLE:
            raise BadPatch(f"unknown key: {key}", f"There is no setting {key!r} that can be changed here.")
        if key == "webhook_url" and isinstance(value, str) and (wrong := url_fault(value)):
            raise BadPatch("invalid_webhook_url", wrong)
        if wrong := fault(f"serve.{key}", value):
            raise BadPatch("invalid_value", f"{wrong.removeprefix('serve.')}.")
        if key == "attention":
            _check_thresholds(value)
    return body


PATCHABLE = frozenset(
    {"webhook_url", "webhook_auth", "attention", "webhook_secret", "webhook_format", "webhook_events"}
)
"""Keys of `serve` that may be changed while the daemon runs; the last three are not the Go program's."""


def _check_thresholds(table: Mapping[str, object]) -> None:
    for name in table:
        if f"serve.attention.{name}" not in RULES:
            raise BadPatch(f"unknown key: {name}", f"There is no threshold {name!r}.")
    for name, number in table.items():
        wrong = fault(f"serve.attention.{name}", number)
        if wrong or type(number) is not int:
            what = RULES[f"serve.attention.{name}"].what
            raise BadPatch("invalid_value", f"{name} must be {what}.")


def merge_patch(data: bytes, patch: Mapping[str, object]) -> bytes:
    """`config.json` with a checked patch laid over its `serve` block; all other keys stay as they are.

    Raises:
        BrokenConfig: `data` does not parse, or something else stands where a table belongs.
    """
    top = _object(data)
    serve = dict(_table(top, "serve"))
    for key, value in patch.items():
        serve[key] = {**_table(serve, key), **value} if isinstance(value, Mapping) else value
    try:
        return _encode({**top, "serve": serve})
    except (RecursionError, ValueError, OverflowError) as error:
        raise BrokenConfig(f"config.json cannot be saved unchanged: {error}") from None


def _encode(document: Mapping[str, object]) -> bytes:
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def _table(table: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = table.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BrokenConfig(f"config.json: {key} must be an object.")
    return value


def _object(data: bytes) -> dict[str, Any]:
    try:
        data = data.removeprefix(BOM)
        value = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnparsableConfig(syntax_fault(data, error)) from None
    if not isinstance(value, dict):
        raise UnparsableConfig("line 1: the file must be a JSON object")
    return value
