"""Log files as the tailers read them: names, parts in order, plain and packed, by position."""

from __future__ import annotations

import gzip
import os
import re
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

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
    """The rotated parts of a log, oldest first. Of a part that is there plain and packed: the plain one.

    (The packed one may still be being written; the plain file is deleted once it is complete.)
    """
    found: dict[str, LogName] = {}
    prefix = f"{uuid}.jsonl."
    try:
        names = os.listdir(directory)
    except OSError:
        return []
    for name in names:
        if not name.startswith(prefix):
            continue
        parsed = parse_log_name(name)
        if parsed is not None and (parsed.base not in found or not parsed.packed):
            found[parsed.base] = parsed
    return sorted(found.values(), key=lambda part: part.order)


class Reader(Protocol):
    """Random access to the bytes of a log, unpacked."""

    def read(self, start: int, size: int) -> bytes:
        """At most `size` bytes from byte `start` on; fewer only at the end."""

    def close(self) -> None:
        """Close the file."""


class PlainReader:
    """A plain file, by its descriptor: it stays readable after a rename or a deletion."""

    def __init__(self, path: Path) -> None:
        self.fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        status = os.fstat(self.fd)
        self.key = (status.st_dev, status.st_ino)

    def read(self, start: int, size: int) -> bytes:
        """See `Reader`."""
        return os.pread(self.fd, size, start)

    def size(self) -> int:
        """Bytes in the file now."""
        return os.fstat(self.fd).st_size

    def close(self) -> None:
        """See `Reader`."""
        os.close(self.fd)


class PackedReader:
    """A gzipped part. Reading forward is cheap, going back unpacks from the start."""

    def __init__(self, path: Path) -> None:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        self._raw = os.fdopen(fd, "rb")
        self._file = gzip.GzipFile(fileobj=self._raw)

    def read(self, start: int, size: int) -> bytes:
        """See `Reader`. A damaged or cut archive ends where the damage begins."""
        try:
            self._file.seek(start)
            if self._file.tell() != start:
                return b""
            return self._file.read(size)
        except (OSError, EOFError, ValueError, zlib.error):
            return b""

    def close(self) -> None:
        """See `Reader`."""
        self._file.close()
        self._raw.close()
