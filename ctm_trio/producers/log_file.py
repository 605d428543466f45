"""The logs, to which several processes append: made private, locked, and a line is written whole or not at all."""

from __future__ import annotations

from ctm_trio.producers.trouble import Trouble

TYPE_CHECKING = False  # as in `hook`
if TYPE_CHECKING:
    import os as posix
    import signal as _signal
    from collections.abc import Callable

    Note = Callable[[str], object]
else:
    import _signal
    import posix

ENDINGS = (1, 2, 14, 15)
"""HUP, INT, ALRM, TERM: they end the hook, but not in the middle of a line."""


def make_directory(path: str) -> None:
    """A private directory and what is missing above it; another hook may be making them too."""
    for missing in (True, False):
        try:
            posix.mkdir(path, 0o700)
            return
        except FileExistsError:
            return
        except FileNotFoundError:
            if not missing:
                raise
            make_directory(path.rpartition("/")[0])


def is_regular(fd: int) -> bool:
    """True for an open file that is not a pipe, a device, a directory."""
    return posix.fstat(fd).st_mode & 0o170000 == 0o100000


def open_log(path: str, make: bool = True) -> int:
    """Open a log to append and read, private, making its directory if need be; Trouble if it is not a regular file."""
    flags = posix.O_RDWR | posix.O_APPEND | posix.O_CREAT | posix.O_CLOEXEC | posix.O_NOFOLLOW | posix.O_NONBLOCK
    try:
        fd = posix.open(path, flags, 0o600)
    except FileNotFoundError:
        if not make:
            raise
        make_directory(path.rpartition("/")[0])
        return open_log(path, make=False)
    if not is_regular(fd):
        posix.close(fd)
        raise Trouble(f"{path} is not a regular file")
    return fd


def locked_log(path: str) -> int:
    """The log, open and under an exclusive lock, and surely the file that has this name now.

    A rotation renames the log under the same lock, so a writer that waited meanwhile would hold the old file.
    """
    import fcntl

    while True:
        fd = open_log(path)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            here, there = posix.fstat(fd), posix.stat(path)
            if (here.st_ino, here.st_dev) == (there.st_ino, there.st_dev):
                return fd
        except FileNotFoundError:
            pass
        except (OSError, Trouble):
            posix.close(fd)
            raise
        posix.close(fd)


def append(path: str, line: bytes, note: Note) -> int:
    """Append one line under the lock, all of it or nothing, and return the size of the log.

    A signal ends the search for a place at once; only the writing itself is not interrupted.

    Args:
        note: told if half a line of somebody else was removed.
    """
    fd = locked_log(path)
    try:
        size, before = posix.fstat(fd).st_size, b""
        if size and posix.pread(fd, 1, size - 1) != b"\n":
            from ctm_trio.producers.half_line import mended_size

            size, before = mended_size(fd, size, note)
        blocked = _signal.pthread_sigmask(_signal.SIG_BLOCK, ENDINGS)
        written = False
        try:
            rest = memoryview(before + line)
            try:
                while rest:
                    rest = rest[posix.write(fd, rest) :]
                written = True
            except OSError:
                posix.ftruncate(fd, size)
                raise
        finally:
            try:
                _signal.pthread_sigmask(_signal.SIG_SETMASK, blocked)
            except Trouble:  # a signal that waited; it came too late to matter
                if not written:
                    raise
        return size + len(before) + len(line)
    finally:
        posix.close(fd)
