"""`hook`: takes one hook event on stdin and appends it to its log."""

from __future__ import annotations


def main(argv: list[str]) -> int:
    """Take standard input and do nothing with it yet."""
    return 0
