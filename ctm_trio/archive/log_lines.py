"""One line of a log by its place: (log, part, offset, length), plain or packed, whatever it is named by now."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import msgspec

from ctm_trio.ingest.log_files import PlainReader, Reader, list_parts, list_strays, open_reader
from ctm_trio.journal.store import unsigned
from ctm_trio.system.file_clock import file_clock_ns, shows_changes

MAX_STRAYS = 8
"""Packed files of other programs' names that are looked into for a line."""


class Place(msgspec.Struct, frozen=True):
    """Where a line is, as the database knows it.

    Attributes:
        uuid: the log's Claude session id. name: of its part, see `model.log_line.Segment`.
        device, inode: of the plain file, 0 if it was only seen packed.
        start, length: of the line without its line break, in bytes of the unpacked file.
    """

    uuid: str
    name: str
    device: int
    inode: int
    start: int
    length: int


def place_of(row: Sequence[Any]) -> Place:
    """The place that a row tells: uuid, name, device and inode of a segment; start and length of an event."""
    uuid, name, device, inode, start, length = row
    return Place(str(uuid), str(name), unsigned(int(device)), unsigned(int(inode)), int(start), int(length))


class LineReader:
    """Reads lines, keeping files open: many lines of one part in order cost one opening and one unpacking.

    Blocks: use it in a thread. `close` it, or use it as a context manager.

    Args:
        directory: of the logs.
        keep: files that stay open.
    """

    def __init__(self, directory: Path, *, keep: int = 1) -> None:
        self._directory = directory
        self._keep = keep
        self._open: OrderedDict[str, Reader] = OrderedDict()
        """By the name of the file."""
        self._elsewhere: dict[tuple[str, int, int], tuple[str, ...]] = {}
        """Log, device and inode → where that file may be now, as the directory was at `_changed_ns`."""
        self._changed_ns = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read(self, place: Place, fits: Callable[[bytes], bool]) -> bytes | None:
        """The bytes of a line, None if its log is gone. A packed part is unpacked up to the line.

        Args:
            fits: whether the bytes are that line; a file that was overwritten since does not count.
        """
        for name in self._candidates(place):
            reader = self._reader(name)
            if reader is None:
                continue
            try:
                line = reader.read(place.start, place.length)
            except OSError:
                continue
            if len(line) == place.length and fits(line):
                return line
        return None

    def _candidates(self, place: Place) -> Iterator[str]:
        """Where the part may be: under its name, or, if it was rotated a moment ago, under one of the rotated names."""
        if place.name and not place.name.startswith("gone:"):
            yield place.name
            yield f"{place.name}.gz"
            return
        if not place.name:
            yield f"{place.uuid}.jsonl"
        yield from self._where_else(place)

    def _where_else(self, place: Place) -> tuple[str, ...]:
        """Looked for once for all lines of a file, until a name in the directory changes: there may be thousands."""
        try:
            looked_ns, changed_ns = file_clock_ns(), os.stat(self._directory).st_mtime_ns
        except OSError:
            return ()
        if changed_ns != self._changed_ns:
            self._elsewhere.clear()
            self._changed_ns = changed_ns
        key = (place.uuid, place.device, place.inode)
        found = self._elsewhere.get(key)
        if found is None:
            found = tuple(_elsewhere(self._directory, place))
            if shows_changes(changed_ns, looked_ns):
                self._elsewhere[key] = found
        return found

    def close(self) -> None:
        """Close the files that are open. Safe to repeat."""
        while self._open:
            self._open.popitem()[1].close()

    def _reader(self, name: str) -> Reader | None:
        reader = self._open.get(name)
        if isinstance(reader, PlainReader) and not _is(f"{self._directory}/{name}", *reader.key):
            self._open.pop(name).close()  # another file has this name now
            reader = None
        if reader is None:
            try:
                reader = open_reader(self._directory / name)
            except OSError:
                return None
            self._open[name] = reader
            if len(self._open) > self._keep:
                self._open.popitem(last=False)[1].close()
        self._open.move_to_end(name)
        return reader


def _elsewhere(directory: Path, place: Place) -> Iterator[str]:
    parts = [part.name for part in list_parts(directory, place.uuid)]
    strays = list_strays(directory, place.uuid)  # others than us may have rotated it
    yield from (name for name in parts + strays if _is(f"{directory}/{name}", place.device, place.inode))
    yield from [name for name in parts if name.endswith(".gz")][-1:]
    yield from [name for name in strays if name.endswith(".gz")][:MAX_STRAYS]


def _is(path: str, device: int, inode: int) -> bool:
    try:
        status = os.stat(path)
    except OSError:
        return False
    return (status.st_dev, status.st_ino) == (device, inode)
