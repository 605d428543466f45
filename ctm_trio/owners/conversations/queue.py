"""Which transcripts are to be read next: what was just written first, then the newest of the others. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from ctm_trio.transcripts.finder import FileFacts

STEP_FILES = 200
"""Files that one step takes at most."""


NEVER = (-1, -1)
"""Size and inode of no file."""


class Compared(msgspec.Struct, frozen=True):
    """What is there beside what is read.

    Attributes:
        read: files that are read to their end. unread: the others.
        gone: files that are known, and were not found.
    """

    read: frozenset[str]
    unread: Mapping[str, FileFacts]
    gone: tuple[str, ...]


def compare(
    files: Mapping[str, FileFacts], positions: Mapping[str, tuple[int, int]], closed: Iterable[str] = ()
) -> Compared:
    """Compare a look at everything with how far each file is read. Takes some milliseconds for ten thousand files.

    Args:
        files: those that are there. positions: path → bytes that are read, and of which inode.
        closed: directories that cannot be read now: nobody knows what is in them, and nothing of it has gone.
    """
    hidden = tuple(f"{directory}/" for directory in closed)
    unread = {path: facts for path, facts in files.items() if (facts.size, facts.inode) != positions.get(path)}
    gone = tuple(path for path in positions if path not in files and not path.startswith(hidden))
    return Compared(frozenset(files.keys() - unread.keys()), unread, gone)


class Queue:
    """Transcripts that wait to be read.

    `followed`: those that were read to their end, or that came while we watched: what comes now is told to everybody.
    """

    def __init__(self) -> None:
        self.followed: set[str] = set()
        self._seen: dict[str, tuple[int, int]] = {}
        """Of files that are not read to their end: size and inode, as the last look has found them."""
        self._again = False
        """The next look is as the first one."""
        self._changed: dict[str, None] = {}
        self._behind: dict[str, None] = {}

    def __len__(self) -> int:
        return len(self._changed) + len(self._behind)

    @property
    def behind(self) -> int:
        """How many transcripts of before are not read to their end."""
        return len(self._behind)

    def look(self, compared: Compared, *, first: bool) -> None:
        """Take a look at everything. What half a line ends is not looked at again before it has grown.

        Args:
            first: the first look, so what is unread was written before we watched.
        """
        self.followed |= compared.read
        left = [path for path in self._behind if path not in compared.read and path not in compared.unread]
        for path in (*compared.gone, *left):  # what was just written may have come after the look
            self.drop(path)
        first, self._again = first or self._again, False
        unread = compared.unread
        before, self._seen = self._seen, {path: (facts.size, facts.inode) for path, facts in unread.items()}
        for path in sorted(unread, key=lambda path: unread[path].changed_ns, reverse=True):
            if before.get(path) == self._seen[path]:
                continue
            if first and path not in self.followed:
                self._behind[path] = None
                continue
            if path not in before:
                self.followed.add(path)
            self.change(path)

    def knows(self, path: str) -> bool:
        """True for a file that is read or waits to be."""
        return any(path in paths for paths in (self.followed, self._seen, self._changed, self._behind))

    def anew(self) -> None:
        """The index was made anew: every file is read again, and what was told is not told again."""
        self._behind = dict.fromkeys((*self._changed, *self._behind, *self._seen, *self.followed))
        self._changed.clear()
        self._seen.clear()
        self.followed.clear()
        self._again = True

    def change(self, path: str) -> None:
        """A file was written to just now."""
        if path in self._behind:  # it is still read as it was before we watched, only sooner
            del self._behind[path]
            self._behind = {path: None, **self._behind}
            return
        if path not in self._seen:
            self.followed.add(path)
        self._changed[path] = None

    def next(self) -> list[str]:
        """The files of the next step, in their order; they stay until they are `done`."""
        waiting = self._changed or self._behind
        return [path for path, _ in zip(waiting, range(STEP_FILES), strict=False)]

    def done(self, read: Iterable[str], unread: Iterable[str]) -> None:
        """A step is over.

        Args:
            read: files that are read to their end now. unread: those that cannot be read.
        """
        for path in read:
            self._changed.pop(path, None)
            self._behind.pop(path, None)
            self.followed.add(path)
        for path in unread:
            self._changed.pop(path, None)
            self._behind.pop(path, None)
            self._seen[path] = NEVER  # the next look finds it again

    def drop(self, path: str) -> None:
        """A file is gone."""
        self._seen.pop(path, None)
        self._changed.pop(path, None)
        self._behind.pop(path, None)
        self.followed.discard(path)
