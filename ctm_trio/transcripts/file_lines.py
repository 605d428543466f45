"""Reading whole lines of a transcript from a position on. Blocks."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator

import msgspec

CHUNK_BYTES = 1 << 20

MAX_LINE_BYTES = 64 << 20
"""A longer line is left out."""

TAIL_BYTES = 4096
"""A file that has other bytes than these before the position was written anew. What is the same in all lines of a
conversation, its directory and its id, takes fewer."""

_DIGEST = b"\0"
"""What a tail begins with. One of an earlier version is the last bytes themselves."""

BIG_LINE = 64 << 10
_UUID = re.compile(rb'"uuid":\s*"([^"\\]{1,64})"')
_DATA = re.compile(rb'("data":\s*")[A-Za-z0-9+/=]{4096,}"')


class Lines(msgspec.Struct):
    """Some whole lines.

    Attributes:
        start: byte of the first one. data: their bytes, each with its line break.
        skipped: a line that is too long was left out; `data` is empty then, and `start` is behind it.
        more: there is more to read at once.
    """

    start: int
    data: bytes
    skipped: bool = False
    more: bool = False

    @property
    def end(self) -> int:
        """The byte behind the last of them."""
        return self.start + len(self.data)


def read_lines(file: int, position: int, want: int = CHUNK_BYTES) -> Lines:
    """The next whole lines from `position`; none if there is no whole one yet.

    Args:
        want: about so many bytes; one line is read however long it is, up to `MAX_LINE_BYTES`.
    """
    size = want
    while True:
        data = os.pread(file, size, position)
        end = data.rfind(b"\n") + 1
        if end:
            return Lines(position, data[:end], more=len(data) == size or end < len(data))
        if len(data) < size:
            return Lines(position, b"")
        if size >= MAX_LINE_BYTES:
            return _behind_long_line(file, position + len(data))
        size = min(size * 4, MAX_LINE_BYTES)


def _behind_long_line(file: int, at: int) -> Lines:
    """Find the end of a line that is too long. Without one, the line is looked at again when there is more."""
    while data := os.pread(file, CHUNK_BYTES, at):
        end = data.find(b"\n") + 1
        if end:
            return Lines(at + end, b"", skipped=True, more=True)
        at += len(data)
    return Lines(at, b"")


def tail_of(file: int, position: int) -> bytes:
    """What tells later whether a file still has what stands before a position now: a few bytes, for there are many."""
    size = min(TAIL_BYTES, position)
    return _DIGEST + hashlib.blake2b(os.pread(file, size, position - size), digest_size=16).digest()


def has_tail(file: int, position: int, tail: bytes) -> bool:
    """True if a file has before a position what it had when `tail` was made of it; an empty one is any file's."""
    if tail.startswith(_DIGEST):
        return tail_of(file, position) == tail
    return os.pread(file, len(tail), position - len(tail)) == tail


def uuids_near(file: int, lines: Lines) -> set[bytes]:
    """The uuids of some lines and of those before them, no further than `CHUNK_BYTES`."""
    size = min(CHUNK_BYTES, lines.start)
    return {*_UUID.findall(lines.data), *_UUID.findall(os.pread(file, size, lines.start - size))}


def each_line(lines: Lines) -> Iterator[tuple[int, bytes]]:
    """Each line's position and its bytes without the line break."""
    data, at = lines.data, 0
    while at < len(data):
        end = data.index(b"\n", at)
        yield lines.start + at, data[at:end]
        at = end + 1


def without_images(line: bytes) -> bytes:
    """A line without the data of its images: for the index it is enough that there are some."""
    return _DATA.sub(rb'\1AAAA"', line) if len(line) > BIG_LINE and b'"data":' in line else line
