"""The settings in `config.json`, resolved: every number is set, whatever the file leaves out."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

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
    bearer_token: str = ""
    webhook_url: str = ""
    webhook_auth: str = ""
    webhook_secret: str = ""
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
    document: str = "{}"


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
