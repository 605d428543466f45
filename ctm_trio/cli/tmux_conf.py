"""The `tmux.conf` of our sessions, written once and then the user's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctm_trio.cli.common import CliError, load_config

if TYPE_CHECKING:
    from ctm_trio.model.config import Paths

TEXT = """\
# tmux for ctm sessions, kind to a phone. Written once; it is yours to change.
set -g default-terminal "tmux-256color"
set -g history-limit {lines}
# A finger scrolls, taps a pane, drags a border.
set -g mouse on
# Escape is a key of Claude Code, not the beginning of a sequence.
set -sg escape-time 10
# The window follows the smallest screen only while that screen is in use.
set -g window-size latest
setw -g aggressive-resize on
# A short status line: the session, and the time.
set -g status-left "#{{=20:session_name}} "
set -g status-left-length 22
set -g status-right "%H:%M"
set -g status-interval 30
set -g set-titles on
set -g set-titles-string "#{{session_name}}"
# Copies reach the terminal's clipboard, also over ssh.
set -g set-clipboard on
"""


def write_tmux_conf(paths: Paths) -> None:
    """Write `tmux.conf` if there is none.

    Raises:
        CliError: it cannot be written.
    """
    if paths.tmux_conf.exists():
        return
    from ctm_trio.system.files import atomic_write, ensure_private_dir

    try:
        ensure_private_dir(paths.root)
        atomic_write(paths.tmux_conf, TEXT.format(lines=load_config(paths).scrollback_lines).encode())
    except OSError as error:
        raise CliError(f"{paths.tmux_conf} cannot be written: {error.strerror or error}.") from None
