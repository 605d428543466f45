"""The result of one tool call, looked up in the transcript that the client writes. Blocking: call it in a thread."""

from __future__ import annotations

import os

import msgspec

from ctm_trio.model.call_result import Decider, decider_of
from ctm_trio.model.decoding import decode_any
from ctm_trio.system.regular import open_regular
from ctm_trio.transcripts.file_lines import each_line, read_lines

MAX_BYTES = 16 << 20
"""So much behind the place is searched for the result; it is among the next lines."""


class Mark(msgspec.Struct, frozen=True):
    """A place in a transcript. `position`: in bytes; results of calls that were begun by then stand behind it."""

    path: str
    position: int


def mark_of(path: object) -> Mark | None:
    """The end of a transcript as it is now, None if there is none. Never raises.

    Args:
        path: as the client's hook names it; anything.
    """
    if not isinstance(path, str) or not path or "\0" in path:
        return None
    try:
        return Mark(path, os.stat(path).st_size)
    except (OSError, ValueError):
        return Mark(path, 0)  # the client begins it with the first message


def find_decider(mark: Mark, tool_use_id: str) -> Decider | None:
    """Who decided about a call; None if its result is not there (yet), or cannot be read. Never raises."""
    wanted = tool_use_id.encode("utf-8", "surrogatepass")
    try:
        file = open_regular(mark.path)
    except (OSError, ValueError):
        return None
    try:
        at = mark.position
        while at - mark.position < MAX_BYTES:
            lines = read_lines(file, at)
            for _, line in each_line(lines):
                if wanted in line and b'"tool_result"' in line:
                    read = decode_any(line)
                    found = decider_of(read, tool_use_id) if isinstance(read, dict) else None
                    if found is not None:
                        return found
            if not lines.more:
                return None
            at = lines.end
    except OSError:
        return None
    finally:
        os.close(file)
    return None
