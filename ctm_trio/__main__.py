"""`python -m ctm_trio`, or this file by its path.

Commands that Claude Code waits for are handled first, without other imports.
"""

from __future__ import annotations

import os
import sys

if __name__ == "__main__" and not __package__:  # by its path: the package is to be found, not the files beside us
    _package = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [os.path.dirname(_package), *(place for place in sys.path if place != _package)]

FAST = frozenset({"hook", "log-tool-use", "statusline"})
"""Run by Claude Code many times a minute: no argument parser, no other import. Source: PROTOCOL.md, Log lines."""

HELP = (["--help"], ["-h"])
"""The only words after one of those that ask for help: a user's own words may follow `--then`."""

INTERRUPTED = 130
"""The exit code after Ctrl-C, as shells count it."""


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit code.

    Args:
        argv: the words after the program's name; None for the process's own.
    """
    words = sys.argv[1:] if argv is None else argv
    if words and words[0] in FAST:
        if words[1:] in HELP:
            from ctm_trio.cli.producers_help import show_help

            return show_help(words[0])
        if words[0] == "statusline":
            from ctm_trio.producers.statusline import main as fast
        else:
            from ctm_trio.producers.hook import main as fast
        return fast(words)
    try:
        if argv is None:
            from ctm_trio.cli.streams import open_streams

            open_streams()
        from ctm_trio.cli.main import main as full

        return full(words)
    except (KeyboardInterrupt, BaseExceptionGroup) as error:  # a group: of tasks that ran side by side
        if not _is_interrupt(error):
            raise
        from ctm_trio.cli.common import say

        say("")
        return INTERRUPTED


def _is_interrupt(error: BaseException) -> bool:
    """True for Ctrl-C, also where it came out of tasks that ran side by side."""
    if isinstance(error, BaseExceptionGroup):
        return all(map(_is_interrupt, error.exceptions))
    return isinstance(error, KeyboardInterrupt)


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in FAST and sys.argv[2:] not in HELP:
        import ctm_trio.producers.start  # noqa: F401 - it runs the command and ends the process
    sys.exit(main())
