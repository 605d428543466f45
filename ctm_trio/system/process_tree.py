"""Processes as `/proc` shows them. Blocks for some microseconds each."""

from __future__ import annotations

import os
import time

MAX_ANCESTORS = 32
"""Processes above one that are looked at."""

TICKS = os.sysconf("SC_CLK_TCK")
"""Units in a second in which `/proc` counts the time of a start."""


def process_fields(pid: int) -> list[str]:
    """State, parent and so on of a process (`/proc/PID/stat` behind the name); zeros if it cannot be read."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read(4096).rpartition(b")")[2].decode().split()
    except OSError:
        return ["0"] * 20
    return fields if len(fields) >= 20 else ["0"] * 20


def ancestors(pid: int) -> tuple[int, ...]:
    """A process and those above it, without the first one of the system."""
    found: list[int] = []
    while pid > 1 and len(found) < MAX_ANCESTORS:
        found.append(pid)
        pid = int(process_fields(pid)[1])
    return tuple(found)


MAX_LAUNCHES = 4096
"""Processes whose start is remembered; past it all are looked up again."""


class Launches:
    """When the programs of panes began. A process begins once, so each is looked up once."""

    def __init__(self) -> None:
        self._began: dict[int, float] = {}

    def of(self, pid: int) -> float:
        """When a process began, in unix seconds; 0.0 if it does not run or that cannot be told."""
        began = self._began.get(pid)
        if began is None:
            age = age_of(pid)
            if age is None:
                return 0.0
            if len(self._began) >= MAX_LAUNCHES:
                self._began.clear()
            began = self._began[pid] = time.time() - age
        return began


def age_of(pid: int) -> float | None:
    """How many seconds ago a process began; None if it does not run or that cannot be told."""
    ticks = process_fields(pid)[19]
    try:
        with open("/proc/uptime", "rb") as file:
            up = float(file.read(64).split()[0])
    except (OSError, ValueError, IndexError):
        return None
    return None if ticks == "0" else max(0.0, up - int(ticks) / TICKS)
