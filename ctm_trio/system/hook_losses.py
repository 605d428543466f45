"""`logs/.hook-lost`: what the hook could not keep. The hook writes it in place, so its size never changes."""

from __future__ import annotations

import os
from pathlib import Path

from ctm_trio.model.hook_losses import NAME, Lost, parse_lost
from ctm_trio.system.files import open_regular, read_regular

MAX_BYTES = 64 << 10
"""The hook writes 4096."""

RESERVE_BYTES = 4096


def read_losses(logs: Path) -> Lost:
    """What was lost so far, nothing if the file is not there or is not ours. Blocks: call it in a thread.

    If it is missing, room is set aside for the next losses: an empty count is as large as a full one.
    """
    path = logs / NAME
    try:
        return parse_lost(read_regular(path, max_bytes=MAX_BYTES, follow=False))
    except FileNotFoundError:
        _reserve(path)
    except OSError:
        pass
    return {}


def _reserve(path: Path) -> None:
    try:
        fd = open_regular(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, follow=False)
    except OSError:
        return  # no directory yet, or no room: the hook tries too
    try:
        os.write(fd, b" " * (RESERVE_BYTES - 1) + b"\n")
    except OSError:
        pass
    finally:
        os.close(fd)
