"""The `tmux.conf` of our sessions, written once and then the user's own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ctm_trio.cli.common import CliError

if TYPE_CHECKING:
    from ctm_trio.model.config import Settings
    from ctm_trio.model.paths import Paths

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
{clipboard}"""

CLIPBOARD = """\
# What you copy in tmux reaches your terminal's clipboard, also over ssh. Not "on": then whatever a program in a pane
# prints could replace your clipboard, and so decide what you paste next.
set -g set-clipboard external
"""

OLD_CLIPBOARD = """\
# Copies reach the terminal's clipboard, also over ssh.
set -g set-clipboard on
"""
"""As the first version wrote it."""

MAX_BYTES = 1 << 20
"""A larger `tmux.conf` is not one that we wrote."""

_TURNS_ON = re.compile(r"^\s*set(?:-option)?\s+(?:-\w+\s+)*set-clipboard\s+[\"']?on\b", re.MULTILINE)


def write_tmux_conf(paths: Paths, settings: Settings) -> str:
    """Write `tmux.conf` if there is none, and mend one that we wrote and that nobody has changed since.

    Returns:
        What the user has to know about it, for people; "" if there is nothing.

    Raises:
        CliError: it cannot be written.
    """
    from ctm_trio.system.files import atomic_write, ensure_private_dir, read_regular

    path = paths.tmux_conf
    try:
        if not path.exists():
            ensure_private_dir(paths.root)
            text = TEXT.format(lines=settings.scrollback_lines, clipboard=CLIPBOARD)
            atomic_write(path, text.encode())
            return ""
        known = read_regular(path, max_bytes=MAX_BYTES).decode(errors="replace")
        if _TURNS_ON.search(known) is None:
            return ""
        lines = re.search(r"^set -g history-limit (\d+)$", known, re.MULTILINE)
        if lines is None or known != TEXT.format(lines=lines[1], clipboard=OLD_CLIPBOARD):
            return (
                f"{path} has `set-clipboard on`: any program in a pane can then replace your clipboard. You have "
                "changed that file, so it was left as it is; write `set -g set-clipboard external` there."
            )
        atomic_write(path, TEXT.format(lines=lines[1], clipboard=CLIPBOARD).encode(), path.stat().st_mode & 0o777)
    except OSError as error:
        raise CliError(f"{path} cannot be read or written: {error.strerror or error}.") from None
    return (
        f"{path} now has `set-clipboard external` instead of `on`. A running tmux server keeps the old setting; "
        "run `tmux set -s set-clipboard external` to change it."
    )
