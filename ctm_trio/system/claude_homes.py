"""The configuration directories of Claude Code that are in use: a client may have been started with another one."""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = b"CLAUDE_CONFIG_DIR="

CLIENTS = frozenset({b"claude", b"node"})
"""How the process of a client is called."""


def homes_in_use(usual: Path, proc: str = "/proc") -> list[Path]:
    """The usual directory, then those that clients of ours run with. Blocks for a look at each process; never raises.

    Args:
        usual: `~/.claude`, or what this daemon was started with.
        proc: where the system shows its processes. Where it does not, only the usual one is known.
    """
    found = dict.fromkeys([usual])
    try:
        numbers = [name for name in os.listdir(proc) if name.isdecimal()]
    except OSError:
        return list(found)
    for number in numbers:
        if (home := _home_of(f"{proc}/{number}")) is not None:
            found.setdefault(home)
    return list(found)


def _home_of(process: str) -> Path | None:
    """The directory that a client was started with; None for other processes, and where it is the usual one."""
    try:
        if os.stat(process).st_uid != os.getuid():
            return None
        with open(f"{process}/comm", "rb") as file:
            if file.read().strip() not in CLIENTS:
                return None
        with open(f"{process}/environ", "rb") as file:
            variables = file.read().split(b"\0")
    except OSError:
        return None  # it has ended, or is somebody else's by now
    value = next((one.removeprefix(VARIABLE) for one in variables if one.startswith(VARIABLE)), b"")
    path = Path(os.fsdecode(value))
    return path if value and path.is_absolute() else None
