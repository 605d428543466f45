"""The standard streams of the command line, whatever they lead to: closed, full, not UTF-8, gone.

A command that cannot write what it was asked for has failed, and says so in one line; it never ends in a traceback.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import BinaryIO, cast


class Unwritable(Exception):
    """Standard output takes nothing (more). Carries the `OSError`; a reader that has gone need not be reported."""

    def __init__(self, error: OSError) -> None:
        super().__init__(f"the output cannot be written: {error.strerror or error}")
        self.quiet = isinstance(error, BrokenPipeError)


class Output(io.TextIOWrapper):
    """Standard output that tells its own errors from all others."""

    def write(self, text: str) -> int:
        """Write; raises `Unwritable`."""
        try:
            return super().write(text)
        except OSError as error:
            raise Unwritable(error) from error

    def flush(self) -> None:
        """Flush; raises `Unwritable`."""
        try:
            super().flush()
        except OSError as error:
            raise Unwritable(error) from error


def open_streams() -> None:
    """Make the three streams usable: for a process of our own, once, before anything else is opened.

    A closed descriptor is occupied, or the next file that we open would get its number and the output of whatever we
    run. What an encoding does not have is written as `?`.
    """
    for fd, mode in ((0, os.O_RDONLY), (1, os.O_RDONLY), (2, os.O_RDWR)):  # writing to 1 fails, as it should
        try:
            os.fstat(fd)
        except OSError as error:
            if error.errno == errno.EBADF:
                os.open(os.devnull, mode)  # the lowest free number, which is this one
    sys.stdin = sys.stdin or os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", encoding="utf-8", closefd=False)
    known = sys.stdout if isinstance(sys.stdout, io.TextIOWrapper) else None  # None: it was closed
    encoding = "utf-8" if known is None else known.encoding
    raw = io.BufferedWriter(io.FileIO(1, "w", closefd=False)) if known is None else known.detach()
    sys.stdout = Output(cast("BinaryIO", raw), encoding=encoding, errors="replace", line_buffering=os.isatty(1))
    for stream, errors in ((sys.stdin, "surrogateescape"), (sys.stderr, "replace")):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=errors)


def put_bytes(data: bytes) -> None:
    """Write bytes to standard output as they are.

    Raises:
        Unwritable: it takes nothing.
    """
    sys.stdout.flush()
    try:
        sys.stdout.buffer.write(data)
    except OSError as error:
        raise Unwritable(error) from error


def give_up(fd: int) -> None:
    """Lead stdout (1) or stderr (2) nowhere: what is still buffered must not fail again when the interpreter ends."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, fd)
    os.close(null)
