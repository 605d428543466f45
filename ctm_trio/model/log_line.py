"""What a tailer hands to the journal: parsed lines with the position behind them."""

from __future__ import annotations

import msgspec

from ctm_trio.model.event import HookFacts

CHECK_BYTES = 256
"""How many bytes before a position tell whether a file is still the one that was read. A line ends with its time and
what the hook adds: they hold at least the time of the last line, so no other file has the same bytes there."""

LOGS, HOOK_EVENTS = "logs", "hook-events"
"""The two kinds of log directory; a segment's name is unique within its kind."""


class Segment(msgspec.Struct, gc=False):
    """One physical file's worth of a log: the current file, or a rotated part, packed or not.

    Attributes:
        id: key in the database, unique for ever.
        uuid: the Claude session id of the log.
        kind: `LOGS` or `HOOK_EVENTS`.
        name: file name of a rotated part without `.gz`; "" while it is the current file; `gone:…` once it is deleted.
        device, inode: of the plain file, 0 for one that was only seen packed.
        position: bytes of the (unpacked) file that are read and committed; always behind a line break, or 0.
        check: the last `CHECK_BYTES` bytes before `position`.
        sealed: nothing more will come: it was packed or deleted.
        head: how the file begins, see `head_of`; empty if that is not known, as of what was read by older versions.
    """

    id: int
    uuid: str
    kind: str
    name: str = ""
    device: int = 0
    inode: int = 0
    position: int = 0
    check: bytes = b""
    sealed: bool = False
    head: bytes = b""


def head_of(data: bytes, end: int | None = None) -> bytes:
    """How a file begins: its first `CHECK_BYTES` bytes, and the last ones of the first line that ends behind them.

    They hold the end of that line, and so its time: no other file has the same bytes there. A file that has no such
    line yet has a shorter head, which grows with it; a whole one ends with a line break.

    Args:
        data: of the file, from its first byte on. end: so much of it counts; None for all.
    """
    end = len(data) if end is None else end
    line = data.find(b"\n", CHECK_BYTES - 1, end) + 1
    return data[: min(end, CHECK_BYTES)] + data[max(CHECK_BYTES, line - CHECK_BYTES) : line]


def begins_as(head: bytes, other: bytes) -> bool:
    """True if a file with the first head begins as one with the other, or has fewer lines than a head, and these."""
    if len(head) >= CHECK_BYTES and head.endswith(b"\n"):
        return head == other
    return b"\n" in head and other.startswith(head)


class Row(msgspec.Struct, gc=False):
    """One line that became an event. `tail` is the payload without `{"session":…,`; `hook` is set for hook events."""

    ts: str
    tail: bytes
    tool: str
    is_error: bool
    agent_id: str
    agent_type: str
    tool_use_id: str
    start: int
    length: int
    hook: HookFacts | None = None


class LineBatch(msgspec.Struct, gc=False):
    """Rows of one segment in order, and the segment as it is after them. Committed in one transaction.

    The segment is a copy of the sender's: the journal keeps it, and nobody changes it any more.
    `anew`: the file took the place of one that was read, so it may have any of the log's calls again. `end`: all files
    of the log are read, and what they were compared with is not needed any more.
    """

    segment: Segment
    rows: list[Row]
    skipped: int = 0
    anew: bool = False
    end: bool = False
