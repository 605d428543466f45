"""What the doctor's checks are called for people, as in the dashboard; the names stay in `--json`."""

from __future__ import annotations

LABELS = {
    "config:load": "Settings file",
    "sessions:store": "List of sessions",
    "user": "Account",
    "tmux:version": "Version of tmux",
    "tmux:server": "tmux server",
    "claude:hooks": "Permission for hooks",
    "statusline:own": "Your own status line",
    "statusline:dumps": "Figures of the status line",
    "overlay:events": "Hooks of Claude Code",
    "hooks:trouble": "Trouble of the hooks",
    "hooks:lost": "Lost hook events",
    "files:owner": "Owner of the files",
    "disk:space": "Room on the disk",
    "inotify:limits": "File watching",
    "machine": "This computer",
    "clock": "Clock",
    "port": "Port",
    "port:localhost": "The name localhost",
    "journal:state": "Event log",
    "webhook:reachable": "Address of the webhook",
    "daemon": "Daemon",
    "dep:claude": "Claude Code",
}

KINDS = {
    "dep": "{what}",
    "env": "Variable {what}",
    "path": "Program {what}",
    "hooks": "Hooks of {what}",
    "prompt": "First prompt of {what}",
    "daemon": "Part “{what}”",
}
"""By what stands before the colon, for names that end in one of a person's own things."""


def label(name: str) -> str:
    """The label of a check; its name if it has none."""
    kind, _, what = name.partition(":")
    return LABELS.get(name) or (KINDS[kind].format(what=what) if what and kind in KINDS else name)
