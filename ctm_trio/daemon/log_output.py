"""How the daemon logs: a line a record on stderr, in which nothing of others can control a terminal or forge a line."""

from __future__ import annotations

import logging
import os
import select
import sys
from typing import TextIO

from ctm_trio.model.plain import plain, plain_lines

FORMAT = "%(levelname)s %(name)s: %(message)s"


PIECE_BYTES = 4096
"""Written at once: a pipe that says it has room has it for 4096 bytes."""


class PlainFormatter(logging.Formatter):
    """A formatter whose message is one line, whatever stands in it; a traceback keeps its lines."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - as logging calls it
        """The line, its message made plain."""
        record.message = plain(record.message)
        return super().formatMessage(record)

    def formatException(self, ei: object) -> str:  # noqa: N802 - as logging calls it
        """The traceback, each of its lines made plain: an error's text may hold anything."""
        return plain_lines(super().formatException(ei))  # type: ignore[arg-type]


class PatientHandler(logging.Handler):
    """Writes to a stream that may be a pipe which nobody reads: then messages are counted, and nothing waits for it."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        self._lost = 0
        self._poll = select.poll()
        try:
            self._fd = stream.fileno()
            self._poll.register(self._fd, select.POLLOUT)
        except (OSError, ValueError):  # not a file of the system; it is written to as it is
            self._fd = -1

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record, or count it if there is no room."""
        try:
            text = self.format(record) + "\n"
            if self._lost and self._write(f"WARNING ctm: {self._lost} messages were lost: nobody read them\n"):
                self._lost = 0
            if not self._write(text):
                self._lost += 1
        except (OSError, ValueError):
            self._lost += 1  # the disk is full, or the stream is closed: there is nowhere left to say it

    def _write(self, text: str) -> bool:
        if self._fd < 0:
            self._stream.write(text)
            self._stream.flush()
            return True
        # Not through the stream: it keeps what could not be written, and would grow while the disk is full.
        rest = memoryview(text.encode(errors="backslashreplace"))
        while rest:
            if not self._poll.poll(0):
                return False
            rest = rest[os.write(self._fd, rest[:PIECE_BYTES]) :]
        return True


def start_logging() -> None:
    """Log to stderr from the level that the variable CTM_LOG names; INFO if it names none, or an unknown one."""
    wanted = os.environ.get("CTM_LOG", "").strip().upper() or "INFO"
    level = logging.getLevelNamesMapping().get(wanted)
    handler = PatientHandler(sys.stderr)
    handler.setFormatter(PlainFormatter(FORMAT))
    logging.basicConfig(level=logging.INFO if level is None else level, handlers=[handler])
    if level is None:
        logging.getLogger("ctm").warning("CTM_LOG=%s is not a level; use DEBUG, INFO, WARNING or ERROR", wanted)
