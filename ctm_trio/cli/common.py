"""What the command groups share: exit codes, output, and the types of the argument parser."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]
else:
    Subparsers = Any

OK = 0
FAILED = 1
USAGE = 2
NOT_FOUND = 3
UNREACHABLE = 4
INTERRUPTED = 130
EXIT_CODES = """\
exit codes:
  0    done
  1    it failed; the message says why and what to do
  2    the command line was not understood
  3    there is no such session (or log, or command)
  4    the daemon cannot be reached
  130  interrupted with Ctrl-C
"""


class CliError(Exception):
    """A failure to be shown as one calm line.

    Args:
        message: what happened and what to do.
        code: the exit code, one of those above.
    """

    def __init__(self, message: str, code: int = FAILED) -> None:
        super().__init__(message)
        self.code = code
