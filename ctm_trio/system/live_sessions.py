"""What running clients say of themselves in `~/.claude/sessions/<pid>.json`. Blocking: call it in a thread.

Those files are Claude Code's own, undocumented, and may be gone tomorrow: without them nothing here is known.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from ctm_trio.model.activity import LiveStatus
from ctm_trio.system.owned import believed_owners
from ctm_trio.system.regular import read_regular

MAX_FILES = 1000
MAX_BYTES = 64 << 10
"""More files, or longer ones, are not looked at."""


class _File(msgspec.Struct):
    sessionId: str = ""
    status: str = ""
    statusUpdatedAt: float = 0.0
    """Unix milliseconds."""


_file = msgspec.json.Decoder(_File)


def read_live(directory: Path) -> dict[str, LiveStatus]:
    """The status of every client that has such a file, by Claude session id. Never raises.

    Files of other users say nothing: they could make a session look as if it waited, or as if it did not.
    """
    owners = believed_owners(directory)
    found: dict[str, LiveStatus] = {}
    try:
        names = [name for name in os.listdir(directory) if name.endswith(".json")]
    except OSError:
        return found
    for name in names[:MAX_FILES]:
        try:
            value = _file.decode(read_regular(directory / name, max_bytes=MAX_BYTES, follow=False, owner=owners))
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
            continue  # gone, being written, or of another shape
        if value.sessionId and value.status:
            found[value.sessionId] = LiveStatus(value.status, value.statusUpdatedAt / 1000)
    return found
