"""Log files as the tailers read them: names, parts in order, plain and packed, by position."""

from __future__ import annotations

import gzip
import os
import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ctm_trio.system.owned import believed_owners
from ctm_trio.system.regular import open_regular

_NAME = re.compile(r"(?P<uuid>[A-Za-z0-9_-]{1,128})\.jsonl(?:\.(?P<ns>\d{1,20})(?P<gz>\.gz)?)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class LogName:
    """A file name taken apart. `base` is the name of a rotated part without `.gz`, "" for the current file."""

    name: str
    uuid: str
    base: str
    order: int
    packed: bool


def parse_log_name(name: str) -> LogName | None:
    """`<uuid>.jsonl`, `<uuid>.jsonl.<ns>` or `<uuid>.jsonl.<ns>.gz`; None for every other name."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    ns, packed = match["ns"], match["gz"] is not None
    base = name.removesuffix(".gz") if ns else ""
    return LogName(name, match["uuid"], base, int(ns) if ns else 0, packed)


def list_parts(directory: Path, uuid: str) -> list[LogName]:
    """The rotated parts of a log, oldest first. Reads the whole directory."""
    try:
        return parts_among(os.listdir(directory), uuid)
    except OSError:
        return []


def parts_among(names: Iterable[str], uuid: str) -> list[LogName]:
    """The rotated parts of a log among file names, oldest first. Of one that is there plain and packed: the plain one.

    (The packed one may still be being written; the plain file is deleted once it is complete.)
    """
    found: dict[str, LogName] = {}
    prefix = f"{uuid}.jsonl."
    for name in names:
        if not name.startswith(prefix):
            continue
        parsed = parse_log_name(name)
        if parsed is not None and (parsed.base not in found or not parsed.packed):
            found[parsed.base] = parsed
    return sorted(found.values(), key=lambda part: part.order)


def open_log_file(path: Path) -> int:
    """Open a log or a part of one to read. A link is not followed out of the directory; the caller closes it.

    Raises:
        OSError: as `open_regular`; it belongs to somebody who could not have put it there.
    """
    return open_regular(path, follow=False, owner=believed_owners(path.parent))


class Reader(Protocol):
    """Random access to the bytes of a log, unpacked.

    Attributes:
        may_be_left: a `read` in a thread may be left alone, and the reader closed meanwhile.
    """

    may_be_left: bool

    def read(self, start: int, size: int) -> bytes:
        """At most `size` bytes from byte `start` on; fewer only at the end."""

    def close(self) -> None:
        """Close the file."""


class PlainReader:
    """A plain file, by its descriptor: it stays readable after a rename or a deletion.

    Raises:
        OSError: it cannot be read, or is no regular file.
    """

    may_be_left = True

    def __init__(self, path: Path) -> None:
        self.fd = open_log_file(path)
        status = os.fstat(self.fd)
        self.key = (status.st_dev, status.st_ino)

    def read(self, start: int, size: int) -> bytes:
        """See `Reader`."""
        return os.pread(self.fd, size, start)

    def size(self) -> int:
        """Bytes in the file now."""
        return os.fstat(self.fd).st_size

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

    def close(self) -> None:
        """See `Reader`."""
        self._file.close()
        self._raw.close()
