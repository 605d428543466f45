"""Every file and directory of the daemon. Source: PROTOCOL.md, Files and directories."""

from __future__ import annotations

from pathlib import Path

import msgspec


class Paths(msgspec.Struct, frozen=True):
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
    def requests(self) -> Path:
        """What the sessions asked their person, and what was answered."""
        return self.root / "ctm-trio-requests.db"

    @property
    def prompts(self) -> Path:
        """The prompts that were sent from here, and what became of them."""
        return self.root / "ctm-trio-prompts.db"

    @property
    def conversations(self) -> Path:
        """The index of conversations; it can be made again from Claude Code's transcripts."""
        return self.root / "ctm-trio-conversations.db"

    @property
    def socket(self) -> Path:
        """Where a hook of ours waits for the answer to a request."""
        return self.root / "ctm-trio.sock"

    @property
    def checkpoint_index(self) -> Path:
        """A directory with what is known of long git histories; it can always be found out again."""
        return self.root / "ctm-trio-checkpoints"

    @property
    def images(self) -> Path:
        """A directory with the images that people gave to sessions."""
        return self.root / "images"

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
