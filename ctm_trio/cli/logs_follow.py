"""`logs -f`: what is appended to the logs, also across rotations."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ctm_trio.cli.log_calls import MAX_LINE_BYTES, Line, is_first, parse, size_of
from ctm_trio.ingest.log_files import list_parts, list_strays, open_log_file
from ctm_trio.model.twice import Reported

KEEP_OPEN = 128
"""Files that stay open between two looks, those that were read last. What is in one is not lost when it is rotated and
packed in between."""


class Following:
    """All logs that are followed.

    Args:
        directory: of the logs.
        heads: log → inode and size of its file when it was read; what comes later is new.
    """

    def __init__(self, directory: Path, heads: Mapping[str, tuple[int, int]]) -> None:
        self._directory = directory
        self._tails: dict[str, Tail] = {}
        self._open: dict[Tail, None] = {}
        for log, head in heads.items():
            self._add(log, *head)

    def more(self, logs: Sequence[str]) -> Iterator[Line]:
        """The tool calls that were appended since the last time, also to logs that are new."""
        for log in logs:
            if log not in self._tails:
                self._add(log, 0, 0)
        for tail in self._tails.values():
            lines = tail.more()
            if lines or (tail.is_open and tail not in self._open):
                self._keep(tail)
            yield from lines

    def close(self) -> None:
        """Close all files."""
        for tail in self._open:
            tail.close()
        self._open.clear()

    def _add(self, log: str, inode: int, position: int) -> None:
        self._tails[log] = Tail(self._directory / f"{log}.jsonl", log, inode, position)
        self._keep(self._tails[log])

    def _keep(self, tail: Tail) -> None:
        self._open.pop(tail, None)
        self._open[tail] = None  # the last one is the newest
        if len(self._open) > KEEP_OPEN:
            oldest = next(iter(self._open))
            del self._open[oldest]
            oldest.close()


class Tail:
    """A log that is being followed: an open file and how far it is read.

    Args:
        path: of the current file.
        log: its id.
        inode, position: where reading starts, in the file of that inode; else at the beginning.
    """

    def __init__(self, path: Path, log: str, inode: int, position: int) -> None:
        self._path, self._log = path, log
        self._inode, self._position = inode, position
        self._known = Reported()
        self._fd = -1
        if inode:
            self._open(path, inode)

    @property
    def is_open(self) -> bool:
        """True while its file is."""
        return self._fd >= 0

    def close(self) -> None:
        """Close the file; it is opened again when there is more."""
        if self.is_open:
            os.close(self._fd)
            self._fd = -1

    def more(self) -> list[Line]:
        """The tool calls that were appended since the last time. The rest of a file that was rotated comes first."""
        lines: list[Line] = []
        inode, size = size_of(self._path)
        if self._inode and inode != self._inode:
            if self.is_open or self._find():
                lines += self._read()
            self.close()
            self._inode, self._position = 0, 0
        if inode and (inode != self._inode or size != self._position):
            if size < self._position:
                self._position = 0
            if self.is_open or self._open(self._path):
                lines += self._read()
        return lines

    def _find(self) -> bool:
        """Open the file that was followed under its new name, if it is still there."""
        names = [part.name for part in list_parts(self._path.parent, self._log)]
        candidates = (self._path.parent / name for name in names + list_strays(self._path.parent, self._log))
        return any(path.suffix != ".gz" and self._open(path, self._inode) for path in candidates)

    def _open(self, path: Path, inode: int = 0) -> bool:
        """Open a file; with an inode only that one."""
        try:
            fd = open_log_file(path)
        except OSError:
            return False  # gone between two looks
        found = os.fstat(fd).st_ino
        if inode and found != inode:
            os.close(fd)
            return False
        self._fd, self._inode = fd, found
        return True

    def _read(self) -> list[Line]:
        lines: list[Line] = []
        try:
            with open(self._fd, "rb", closefd=False) as file:  # anew each time: nothing read ahead is kept
                file.seek(self._position)
                while (data := file.readline(MAX_LINE_BYTES)).endswith(b"\n"):
                    self._position += len(data)
                    if (line := parse(data, self._log)) is not None and is_first(self._known, line):
                        lines.append(line)
        except OSError:
            pass  # the next look tries again
        return lines
