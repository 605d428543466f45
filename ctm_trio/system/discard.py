"""Remove a file that is saved elsewhere, but not one that somebody still writes into.

A program that opened a file before it was put aside writes into it wherever it lies, also after it was compared. What
it has open it may still write, so such a file stays. Everything here blocks: call it in a thread.
"""

from __future__ import annotations

import fcntl
import os
import signal
import stat
from collections.abc import Sequence
from contextlib import suppress

_LEASE = getattr(fcntl, "F_SETLEASE", None)
_SIGNAL = getattr(fcntl, "F_SETSIG", None)

Mark = tuple[int, int, int, int, int]
"""By which a file is known again: device, inode, size, times of its content and of its status."""


def mark_of(path: bytes) -> Mark | None:
    """What a file is like now, None if it cannot be seen."""
    try:
        return _mark(os.lstat(path))
    except OSError:
        return None


def discard(path: bytes, mark: Mark | None, *, linked: bool = False) -> bool:
    """Remove a file or link if nobody can have written what only this file has.

    Args:
        mark: what it was like before its content was compared.
        linked: only links to it were made or removed since then, which changes the time of its status.

    Returns:
        False if it stays: it has changed, somebody has it open to write, or it cannot be told.
    """
    return bool(discard_names([path], mark, linked=linked))


def discard_names(paths: Sequence[bytes], mark: Mark | None, *, linked: bool = False) -> list[bytes]:
    """The same for several names of one file; those that were removed.

    It is looked at once, and nobody writes until all are gone: each one that goes changes what the file is like.

    Args:
        paths: at least one; a name that is another file by now stays.
        mark, linked: as for `discard`, of the first name.
    """
    parts = slice(0, 4) if linked else slice(None)
    gone: list[bytes] = []
    with suppress(OSError):
        found = os.lstat(paths[0])
        if mark is None or _mark(found)[parts] != mark[parts]:
            return gone
        if not stat.S_ISREG(found.st_mode):
            _unlink(paths, mark, gone)
            return gone
        fd = os.open(paths[0], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if _is_free(fd) and _mark(os.fstat(fd))[parts] == mark[parts]:
                _unlink(paths, mark, gone)
        finally:
            os.close(fd)  # the lease ends with it
    return gone


def _unlink(paths: Sequence[bytes], mark: Mark, gone: list[bytes]) -> None:
    for path in paths:
        if _mark(os.lstat(path))[:2] == mark[:2]:
            os.unlink(path)
            gone.append(path)


def _mark(found: os.stat_result) -> Mark:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _is_free(fd: int) -> bool:
    """True if no other program has the file open to write; False also where the file system cannot tell."""
    if _LEASE is None or _SIGNAL is None:
        return False
    try:
        fcntl.fcntl(fd, _SIGNAL, signal.SIGURG)  # who opens it now waits for us, and its signal is one that is ignored
        fcntl.fcntl(fd, _LEASE, fcntl.F_RDLCK)
    except OSError:
        return False
    return True
