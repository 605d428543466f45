"""`python -m ctm_trio`: the commands that Claude Code waits for first, with nothing imported on their account."""

from __future__ import annotations

import sys

FAST = frozenset({"hook", "log-tool-use", "statusline"})
"""Run by Claude Code many times a minute: no argument parser, no other import. Source: contract A11, B9."""


INTERRUPTED = 130
"""The exit code after Ctrl-C, as shells count it."""


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit code.

    Args:
        argv: the words after the program's name; None for the process's own.
    """
    words = sys.argv[1:] if argv is None else argv
    if words and words[0] in FAST:
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
    except KeyboardInterrupt:
        from ctm_trio.cli.common import say

        say("")
        return INTERRUPTED


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in FAST:
        import ctm_trio.producers.start  # noqa: F401 - it runs the command and ends the process
    sys.exit(main())
