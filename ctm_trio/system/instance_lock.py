"""Who owns a configuration directory: one daemon, or one `reindex`. Source: PROTOCOL.md, Starting and stopping.

The lock is a `flock` on `ctm-trio.lock`: the system takes it back when its holder ends, however that ends. The holder
writes into the file who it is, for people and for the command line, which finds the daemon by it. What stands in the
file means nothing unless the lock is held.

The holder has a `flock` on the directory itself too, where the file system has such: a lock file that was deleted lets
nobody else in before it is made again.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Self

import msgspec

from ctm_trio.errors.base import CtmError
from ctm_trio.model.decoding import BAD_JSON
from ctm_trio.system.files import open_regular

LOCK_NAME = "ctm-trio.lock"
RECORD_BYTES = 512
"""The record is written in one piece of this size, so that an older, longer one is covered."""

SERVE, REINDEX = "serve", "reindex"

TAKE_S = 0.5
"""How long a taken lock is tried again: whoever looks who holds it has it for some microseconds."""

TRY_EVERY_S = 0.02
_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL})


class Holder(msgspec.Struct, frozen=True):
    """Who holds a configuration directory.

    Attributes:
        pid: of the process; 0 if it did not say (a daemon of the first version does not).
        work: `SERVE` or `REINDEX`.
        port: that it serves, 0 for none.
        configured: `serve.port` as it was when the process started.
        version: of the program.
        started: unix seconds.
    """

    pid: int = 0
    work: str = SERVE
    port: int = 0
    configured: int = 0
    version: str = ""
    started: int = 0


class NoLocks(CtmError):
    """The file system of the configuration directory has no locks, so nothing would keep two daemons apart."""

    code, status = "no_locks", 500


class InstanceLock:
    """The lock of one configuration directory. It ends with `close`, or with the process.

    Args:
        root: the configuration directory, which must exist.

    Raises:
        OSError: the lock file cannot be opened or made.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._path = root / LOCK_NAME
        self._fd = open_regular(self._path, os.O_RDWR | os.O_CREAT)
        self._directory = -1
        self._holder: Holder | None = None

    def take(self, holder: Holder) -> bool:
        """Take it if it is free, and say in the file who we are. Waits `TAKE_S` at most, so call it in a thread.

        Raises:
            NoLocks: the file system cannot lock.
            OSError: the file cannot be written.
        """
        if not _within(TAKE_S, self._lock):
            return False
        self._say(holder)
        return True

    def take_now(self, holder: Holder) -> bool:
        """As `take`, without waiting."""
        if not self._lock():
            return False
        self._say(holder)
        return True

    def _lock(self) -> bool:
        # The directory first: a lock file that we made in the place of a deleted one is left to its holder.
        if not self._lock_directory():
            return False
        if self._lock_file():
            return True
        self._free_directory()
        return False

    def _lock_file(self) -> bool:
        return _flock(self._fd, fcntl.LOCK_EX, self._root)

    def _lock_directory(self) -> bool:
        """Lock the directory that is at the path; False if another process has it.

        Where that cannot be done, the lock file is all there is.
        """
        fd = -1
        try:
            fd = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            if self._directory >= 0 and os.path.samestat(os.fstat(fd), os.fstat(self._directory)):
                os.close(fd)
                return True
            if not _flock(fd, fcntl.LOCK_EX, self._root):
                os.close(fd)
                return False
        except (OSError, NoLocks):
            if fd >= 0:
                os.close(fd)
            return True
        self._free_directory()
        self._directory = fd
        return True

    def _free_directory(self) -> None:
        fd, self._directory = self._directory, -1
        if fd >= 0:
            os.close(fd)

    def keep(self) -> bool:
        """Make the lock file again if it was removed or replaced; False if another process owns the directory now.

        For the holder alone. A lock file that cannot be made now is made the next time.
        """
        if self._holder is None:
            return True
        mine = os.fstat(self._fd)
        try:
            found = os.stat(self._path)
            if (found.st_dev, found.st_ino) == (mine.st_dev, mine.st_ino):
                return True
        except FileNotFoundError:
            pass
        except OSError:
            return True  # nobody else can have made one where we cannot look
        try:
            other = InstanceLock(self._root)
        except OSError:
            return True
        with other:
            try:
                if not self._lock_directory() or not _within(TAKE_S, other._lock_file):
                    return False
                other._say(self._holder)
            except (OSError, NoLocks):
                return True
            self._fd, other._fd = other._fd, self._fd
            return True

    def close(self) -> None:
        """Let go of it. Safe to repeat."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)
        self._free_directory()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _say(self, holder: Holder) -> None:
        self._holder = holder
        os.fchmod(self._fd, 0o600)
        os.pwrite(self._fd, _encode(holder), 0)


def _within(seconds: float, lock: Callable[[], bool]) -> bool:
    end = time.monotonic() + seconds
    while not lock():
        if time.monotonic() > end:
            return False
        time.sleep(TRY_EVERY_S)
    return True


def read_holder(root: Path) -> Holder | None:
    """Who holds the directory now; None if nobody does. Blocks for `TAKE_S` at most, and that only in a rare race.

    A holder that said nothing (a daemon of the first version, or one that has only just begun) is a `Holder` with
    pid 0. Where it cannot be found out (no file, no access, no locks), the answer is None.
    """
    try:
        fd = open_regular(root / LOCK_NAME)
    except OSError:
        return None
    try:
        end = time.monotonic() + TAKE_S
        while True:
            # Shared, for a moment: a holder in between is not disturbed, and two who look do not see each other.
            if _flock(fd, fcntl.LOCK_SH, root):
                return None
            holder = _decode(os.pread(fd, RECORD_BYTES, 0))
            if holder is not None or time.monotonic() > end:
                return holder or Holder()
            time.sleep(TRY_EVERY_S)
    except (OSError, NoLocks):
        return None
    finally:
        os.close(fd)


def _flock(fd: int, kind: int, root: Path) -> bool:
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno in _NO_LOCKS:
            text = f"{root} is on a file system without file locks ({error.strerror}), so two daemons could damage its"
            raise NoLocks(f"{text} databases. Keep it on a local disk; a symbolic link to one is fine.") from None
        raise
    return True


def _encode(holder: Holder) -> bytes:
    body = msgspec.json.encode(holder)
    return b"%b %08x" % (body, zlib.crc32(body)) + b" " * (RECORD_BYTES - len(body) - 10) + b"\n"


def _decode(data: bytes) -> Holder | None:
    """The record; None if there is none, or if only a part of a new one is there."""
    body, _, check = data.strip().rpartition(b" ")
    if check != b"%08x" % zlib.crc32(body):
        return None
    try:
        return msgspec.json.decode(body, type=Holder)
    except BAD_JSON:
        return None
