"""`statusline`: keeps the status line's data for the daemon and prints a short line."""

from __future__ import annotations


def main(argv: list[str]) -> int:
    """Take standard input and do nothing with it yet."""
    return 0
