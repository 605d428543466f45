"""How the daemon logs: a line a record on stderr, in which nothing of others can control a terminal or forge a line."""

from __future__ import annotations

import logging
import os
import sys

from ctm_trio.plain import plain, plain_lines

FORMAT = "%(levelname)s %(name)s: %(message)s"


class PlainFormatter(logging.Formatter):
    """A formatter whose message is one line, whatever stands in it; a traceback keeps its lines."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        """The line, its message made plain."""
        record.message = plain(record.message)
        return super().formatMessage(record)

    def formatException(self, ei: object) -> str:
        """The traceback, each of its lines made plain: an error's text may hold anything."""
        return plain_lines(super().formatException(ei))  # type: ignore[arg-type]


def start_logging() -> None:
    """Log to stderr from the level that the variable CTM_LOG names; INFO if it names none, or one that there is not."""
    wanted = os.environ.get("CTM_LOG", "").strip().upper() or "INFO"
    level = logging.getLevelNamesMapping().get(wanted)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(PlainFormatter(FORMAT))
    logging.basicConfig(level=logging.INFO if level is None else level, handlers=[handler])
    if level is None:
        logging.getLogger("ctm").warning("CTM_LOG=%s is not a level; use DEBUG, INFO, WARNING or ERROR", wanted)
