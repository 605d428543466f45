"""What the hook could not keep: counted where room was set aside for it while there was some.

`logs/.hook-lost` is as large empty as full, so that counting needs no new block of a full disk. Imported only when an
event is lost. The daemon reads it (`owners.losses`); whoever deletes it has taken note.
"""

from __future__ import annotations

import time

from ctm_trio.model.hook_losses import Lost, parse_lost
from ctm_trio.producers.log_file import is_regular
from ctm_trio.producers.log_line import timestamp
from ctm_trio.producers.reserve import LOST_NAME, RESERVE_BYTES

TYPE_CHECKING = False  # as in `hook`
if TYPE_CHECKING:
    import os as posix
else:
    import posix

OTHERS = "*"
"""The sessions for which there is no room in the file; it has room for some twenty."""

REASON_CHARS = 60
LOCK_TRIES, LOCK_TRY_S = 50, 0.01


def count_lost(config_dir: str, name: str, reason: str) -> None:
    """Count an event of the log `name` as lost. If even that fails there is nowhere left to say it."""
    try:
        fd = _open(f"{config_dir}/logs/{LOST_NAME}")
        try:
            if not is_regular(fd):
                return  # a pipe or a device in its place: reading could take what is another program's
            _lock(fd)
            found = parse_lost(posix.pread(fd, RESERVE_BYTES, 0))
            now = timestamp().decode()
            count, first, _, _ = found.get(name, (0, now, now, ""))
            found[name] = (count + 1, first, now, reason[:REASON_CHARS])
            page = _page(found)
            try:
                posix.pwrite(fd, page, 0)
            except OSError:
                # A file system that never writes in place: what the file held is the room.
                posix.ftruncate(fd, 0)
                posix.pwrite(fd, page.rstrip() + b"\n", 0)
        finally:
            posix.close(fd)
    except OSError:
        pass


def _lock(fd: int) -> None:
    """Wait for other hooks that count; after `LOCK_TRIES` go on without the lock, as one of them must be stuck."""
    import fcntl

    for _ in range(LOCK_TRIES):
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            time.sleep(LOCK_TRY_S)


def _page(lost: Lost) -> bytes:
    """The file's content, always of `RESERVE_BYTES`: the newest sessions by name, the others together."""
    shown = dict(sorted(lost.items(), key=lambda item: item[1][2]))
    while True:
        lines = [f"{count} {name} {first} {last} {reason}\n" for name, (count, first, last, reason) in shown.items()]
        text = "".join(lines).encode()
        if len(text) <= RESERVE_BYTES:
            return text + b" " * (RESERVE_BYTES - len(text) - 1) + b"\n" * (len(text) < RESERVE_BYTES)
        oldest = next(name for name in shown if name != OTHERS)
        a, b = shown.pop(oldest), shown.pop(OTHERS, None)
        shown = {OTHERS: a if b is None else (a[0] + b[0], min(a[1], b[1]), max(a[2], b[2]), a[3]), **shown}


def _open(path: str) -> int:
    flags = posix.O_RDWR | posix.O_CREAT | posix.O_CLOEXEC | posix.O_NOFOLLOW | posix.O_NONBLOCK
    return posix.open(path, flags, 0o600)
