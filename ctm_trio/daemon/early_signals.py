"""Signals before the event loop takes them: the imports and the start take half a second. It imports nothing of ours.

Source: PROTOCOL.md, Starting and stopping.
"""

from __future__ import annotations

import os
import signal
import sys


def in_terminal() -> bool:
    """True if we run in the foreground of a terminal, whose end is to be ours."""
    return sys.stdin is not None and sys.stdin.isatty()


def take_early_signals() -> None:
    """From now on SIGTERM ends the process with exit code 0, and SIGHUP is left out unless we run in a terminal.

    The settings are read after this, so a SIGHUP has nothing more to do. Handlers and not SIG_IGN, which the programs
    that we start would inherit. For the main thread.
    """
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))  # nothing is open yet; SystemExit could be lost in a callback
    if not in_terminal():
        signal.signal(signal.SIGHUP, lambda *_: None)


def end_early_signals() -> None:
    """SIGTERM is the system's again: a daemon that may have something unsaved does not end with exit code 0."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
