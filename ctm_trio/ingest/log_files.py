"""Log files as the tailers read them: names, parts in order, plain and packed, by position."""

from __future__ import annotations

import gzip
import os
import zlib
from pathlib import Path
from typing import NamedTuple, Protocol

from ctm_trio.model.log_names import LogName, is_stray, parts_among
from ctm_trio.system.owned import believed_owners
from ctm_trio.system.regular import open_regular

MIN_ARCHIVE_BYTES = 18
"""Of a gzip file: its header has 10 bytes at least, its trailer 8. (An archive of nothing has 20.)"""


def list_parts(directory: Path, uuid: str) -> list[LogName]:
    """The rotated parts of a log, oldest first. Reads the whole directory."""
    try:
        return parts_among(os.listdir(directory), uuid)
    except OSError:
        return []


def list_strays(directory: Path, uuid: str) -> list[str]:
    """The names of files beside a log that are not parts of it, see `is_stray`. Reads the whole directory."""
    try:
        return sorted(name for name in os.listdir(directory) if is_stray(name, uuid))
    except OSError:
        return []


def open_log_file(path: Path) -> int:
    """Open a log or a part of one to read. A link is not followed out of the directory; the caller closes it.

    Raises:
        OSError: as `open_regular`; it belongs to somebody who could not have put it there.
    """
    return open_regular(path, follow=False, owner=believed_owners(path.parent))


def key_of(status: os.stat_result) -> tuple[int, int]:
    """Device and inode of a file."""
    return status.st_dev, status.st_ino


def unpacked_size(fd: int) -> int:
    """Bytes of an open gzip file, unpacked, as its trailer says: of its last piece, modulo 4 GiB.

    0 for a file that is too short to be an archive.
    """
    size = os.fstat(fd).st_size
    return int.from_bytes(os.pread(fd, 4, size - 4), "little") if size >= MIN_ARCHIVE_BYTES else 0


class State(NamedTuple):
    """What tells that an open file has changed: its bytes on disk, and when it was written to last.

    The time is in nanoseconds by the clock of files.
    """

    size: int
    written_ns: int


class Reader(Protocol):
    """Random access to the bytes of a log, unpacked.

    Attributes:
        key: device and inode of the file.
        may_be_left: a `read` in a thread may be left alone, and the reader closed meanwhile.
    """

    key: tuple[int, int]
    may_be_left: bool

    def read(self, start: int, size: int) -> bytes:
        """At most `size` bytes from byte `start` on; fewer only at the end."""

    def size(self) -> int:
        """Bytes in the file now, unpacked; of a packed one it is what its last piece says."""

    def state(self) -> State:
        """How the file is now."""

    def close(self) -> None:
        """Close the file."""


class PlainReader:
    """A plain file, by its descriptor: it stays readable after a rename or a deletion.

    Raises:
        OSError: it cannot be read, or is not a regular file.
    """

    may_be_left = True

    def __init__(self, path: Path) -> None:
        self.fd = open_log_file(path)
        self.key = key_of(os.fstat(self.fd))

    def read(self, start: int, size: int) -> bytes:
        """See `Reader`."""
        return os.pread(self.fd, size, start)

    def size(self) -> int:
        """Bytes in the file now."""
        return os.fstat(self.fd).st_size

    def state(self) -> State:
        """See `Reader`."""
        return state_of(os.fstat(self.fd))

    def close(self) -> None:
        """See `Reader`. Safe to repeat: the number may belong to somebody else by then."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


class PackedReader:
    """A gzipped part. Reading forward is cheap, going back unpacks from the start."""

    may_be_left = False  # closing it waits for the lock that a read holds

    def __init__(self, path: Path) -> None:
        self._raw = os.fdopen(open_log_file(path), "rb")
        self.key = key_of(os.fstat(self._raw.fileno()))
        self._file = gzip.GzipFile(fileobj=self._raw)

    def read(self, start: int, size: int) -> bytes:
        """See `Reader`. A damaged or cut archive ends where the damage begins."""
        try:
            self._file.seek(start)
            if self._file.tell() != start:
                return b""
        except (OSError, EOFError, ValueError, zlib.error):
            return b""
        data = bytearray()
        while len(data) < size:
            try:
                # `read` would throw away what it had unpacked when the damage comes.
                part = self._file.read1(size - len(data))
            except (OSError, EOFError, ValueError, zlib.error):
                break
            if not part:
                break
            data += part
        return bytes(data)

    def size(self) -> int:
        """See `Reader`; 0 for a file that is too short to be an archive."""
        return unpacked_size(self._raw.fileno())

    def state(self) -> State:
        """See `Reader`."""
        return state_of(os.fstat(self._raw.fileno()))

    def close(self) -> None:
        """See `Reader`."""
        self._file.close()
        self._raw.close()


def state_of(status: os.stat_result) -> State:
    """How a file is, or was when it was listed."""
    return State(status.st_size, status.st_mtime_ns)


def open_reader(path: Path) -> Reader:
    """A reader of a plain or packed log file. The caller closes it.

    Raises:
        OSError: it cannot be read, or is not a regular file.
    """
    return PackedReader(path) if path.suffix == ".gz" else PlainReader(path)
