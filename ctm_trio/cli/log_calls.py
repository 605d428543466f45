"""The tool calls of a log, as `logs` shows them."""

from __future__ import annotations

from pathlib import Path

import msgspec

from ctm_trio.model.times import parse_time
from ctm_trio.model.tool_call import CallLine, decode_line, parse_call
from ctm_trio.model.twice import Reported

MAX_LINE_BYTES = 64 << 20
"""A longer line cannot be one of our payloads (they end at 32 MiB) and is left out."""


class Line(msgspec.Struct, frozen=True):
    """One tool call and where it came from. `at` is unix seconds, 0.0 if the line has no time."""

    at: float
    log: str
    call: CallLine
    raw: bytes


def parse(data: bytes, log: str) -> Line | None:
    """A line of a log; None if it is not a complete tool call."""
    if not data.endswith(b"\n"):
        return None
    raw = decode_line(data)
    call = parse_call(raw) if raw is not None else None
    return None if call is None else Line(parse_time(call.ts) or 0.0, log, call, data)


def is_first(known: Reported, line: Line) -> bool:
    """False for the copy of a call, where every hook fires twice."""
    return known.is_first_call(line.call.tool_use_id, line.call.tail, line.call.ts)


def size_of(path: Path) -> tuple[int, int]:
    """Inode and size of a file, zeros if there is none."""
    try:
        status = path.stat()
    except OSError:
        return 0, 0
    return status.st_ino, status.st_size
