"""Numbers of processes, as others write them. Pure."""

from __future__ import annotations

MAX_PID = 2**31 - 1
"""No system gives a process a greater number, and its calls take no greater one."""


def pid_of(text: object) -> int:
    """The number of a process, 0 for whatever is none. Never raises.

    Args:
        text: digits, or a whole number.
    """
    if isinstance(text, str):
        text = int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(MAX_PID)) else 0
    return text if isinstance(text, int) and not isinstance(text, bool) and 0 < text <= MAX_PID else 0
