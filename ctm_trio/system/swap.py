"""Put files of a work tree aside and others in their place, without ever writing over one.

Each step is one rename or one link, so whatever a program wrote up to that moment is in the file that is put aside;
what it writes afterwards is in the new place, and is not touched. Everything here blocks: call it in a thread.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterable, Sequence, Set
from contextlib import suppress

import msgspec

from ctm_trio.system.discard import Mark, discard, mark_of
from ctm_trio.system.swap_paths import inside, is_below, parents, remove_empty

MAX_LATE = 100
"""How often something new in the way is put aside before the whole is given up and taken back."""

COPIES = b"copies"
"""The directory beside `new` in which a copy is made before it is placed, where nothing can be linked."""

_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS)


class Swap(msgspec.Struct):
    """One exchange of files below `top`. All paths are bytes, relative ones as git has them.

    Args:
        top: of the work tree.
        new: a directory with the new files, at their places.
        aside: where the old files go, each at its place; on the same file system as `top`.
        late: where goes what turns up in the way meanwhile, numbered.
        keep: a directory that stays, also when it is empty.
    """

    top: bytes
    new: bytes
    aside: bytes
    late: bytes
    keep: bytes
    _moved: list[tuple[bytes, bytes]] = msgspec.field(default_factory=list)
    _placed: list[tuple[bytes, Mark | None]] = msgspec.field(default_factory=list)
    _made: list[bytes] = msgspec.field(default_factory=list)
    _lates: int = 0

    @property
    def copies(self) -> bytes:
        """Where copies are made; it is there if the file system has no links, so that copies were placed."""
        return os.path.join(os.path.dirname(self.new), COPIES)

    def run(self, remove: Iterable[bytes], put: Sequence[bytes], directories: Iterable[bytes]) -> None:
        """Put the files `remove` aside and the new files `put` at their places.

        Args:
            remove: files or links; what is not there, or is a directory, is skipped.
            put: files or links that are in `new`.
            directories: directories to make (places of submodules).

        Raises:
            OSError: it cannot be done; everything is where it was.
        """
        try:
            gone = [path for path in remove if self._put_aside(path)]
            self._prune(gone, stay=parents([*put, *(os.path.join(path, b"") for path in directories)]))
            for path in directories:
                self._make(path)
            for path in put:
                self._put(path)
        except OSError:
            self.take_back()
            raise

    def resume(
        self, placed: Iterable[tuple[bytes, Mark | None]], aside: Iterable[bytes], late: Iterable[bytes]
    ) -> None:
        """Take over the exchange of a process that is gone, to take it back.

        Args:
            placed: new files that it may have placed, with what they were like.
            aside: what lies in `aside`.
            late: what lies in `late`, each with its number before it.
        """
        self._placed = list(placed)
        self._moved = [(self._at(path), os.path.join(self.aside, path)) for path in aside]
        for path in sorted(late):
            number, _, rest = path.partition(b"/")
            self._lates = max(self._lates, int(number)) if number.isdigit() else self._lates
            self._moved.append((self._at(rest), os.path.join(self.late, path)))

    def take_back(self) -> None:
        """Undo all of it, as far as nobody has changed it since; what cannot go back stays aside."""
        for path, mark in reversed(self._placed):
            with suppress(OSError):
                now = mark_of(self._at(path))
                ours = now is not None and mark is not None and now[:2] == mark[:2]  # the very file
                if ours and not discard(self._at(path), mark, linked=True):
                    self._lates += 1
                    self._put_late(self._at(path))  # somebody has written into it
        for directory in reversed(self._made):
            with suppress(OSError):
                os.rmdir(directory)
        for source, to in reversed(self._moved):
            with suppress(OSError):
                self._bring_back(os.path.relpath(os.path.dirname(source), self.top))
                with suppress(OSError):
                    remove_empty(source)  # made by one that was killed, where a file was
                _return(to, source)
        self._placed, self._made, self._moved = [], [], []

    def _at(self, path: bytes) -> bytes:
        return os.path.join(self.top, path)

    def _put_aside(self, path: bytes) -> bool:
        source, to = self._at(path), os.path.join(self.aside, path)
        if not inside(self.top, path):
            return False
        try:
            if stat.S_ISDIR(os.lstat(source).st_mode):
                return False
            self._mirror(os.path.dirname(path))
            os.rename(source, to)
        except (FileNotFoundError, NotADirectoryError):
            return False
        self._moved.append((source, to))
        return True

    def _mirror(self, path: bytes) -> None:
        """Make a directory in `aside`, with the mode of the one in the tree: there it is known if that one goes."""
        to = os.path.join(self.aside, path)
        if os.path.isdir(to):
            return
        if path:
            self._mirror(os.path.dirname(path))
        os.makedirs(to, mode=0o700, exist_ok=True)
        os.chmod(to, stat.S_IMODE(os.stat(self._at(path)).st_mode) | stat.S_IRWXU)

    def _mode_as_before(self, path: bytes) -> None:
        """Give a directory that was just made the mode that it had before it was removed, if it was there."""
        with suppress(OSError):
            os.chmod(self._at(path), stat.S_IMODE(os.stat(os.path.join(self.aside, path)).st_mode))

    def _bring_back(self, path: bytes) -> None:
        """Make a directory again that has gone, and those above it."""
        if path in (b"", b".") or os.path.lexists(self._at(path)):
            return
        self._bring_back(os.path.dirname(path))
        os.mkdir(self._at(path))
        self._mode_as_before(path)

    def _prune(self, gone: Sequence[bytes], stay: Set[bytes]) -> None:
        """Remove the directories that are empty now, as git does; not those that get files again: programs work there.

        Args:
            stay: directories that are needed, with those above them.
        """
        for parent in sorted({os.path.dirname(path) for path in gone}, key=len, reverse=True):
            directory = parent
            while directory and directory not in stay and not is_below(self.keep, self._at(directory)):
                try:
                    os.rmdir(self._at(directory))
                except OSError:
                    break  # not empty, or gone
                directory = os.path.dirname(directory)

    def _put(self, path: bytes) -> None:
        self._make(os.path.dirname(path))
        target, source = self._at(path), os.path.join(self.new, path)
        mark = mark_of(source)
        while True:
            try:
                os.link(source, target, follow_symlinks=False)
            except FileExistsError:
                self._clear(target)
                continue
            except OSError as error:
                if error.errno not in _NO_LINKS:
                    raise
                if os.path.lexists(target):  # no links on this file system: a moment is left between look and rename
                    self._clear(target)
                    continue
                mark = self._copy_in(source, target)
            self._placed.append((path, mark))
            return

    def _copy_in(self, source: bytes, target: bytes) -> Mark | None:
        """Put a copy of a new file in its place; what it is like.

        The file stays in `new`: if we are killed, it tells which one is ours.

        Raises:
            OSError: there is no copy.
        """
        os.makedirs(self.copies, mode=0o700, exist_ok=True)
        to = os.path.join(self.copies, b"next")
        with suppress(FileNotFoundError):
            os.unlink(to)
        shutil.copyfile(source, to, follow_symlinks=False)
        with suppress(OSError):  # where a mode cannot be set both have the same
            shutil.copystat(source, to, follow_symlinks=False)
        mark = mark_of(to)
        os.rename(to, target)
        return mark

    def _make(self, path: bytes) -> None:
        """See that a directory and its parents are there."""
        done = b""
        for part in path.split(b"/") if path else ():
            done = os.path.join(done, part)
            directory = self._at(done)
            while True:
                try:
                    if stat.S_ISDIR(os.lstat(directory).st_mode):
                        break
                    self._clear(directory)
                except FileNotFoundError:
                    with suppress(FileExistsError):
                        os.mkdir(directory)
                        self._made.append(directory)
                        self._mode_as_before(done)

    def _clear(self, target: bytes) -> None:
        """Put something aside that nobody knew of: it came meanwhile. A directory that holds nothing is removed."""
        with suppress(OSError):
            remove_empty(target)
        if not os.path.lexists(target):
            return
        self._lates += 1
        if self._lates > MAX_LATE:
            raise OSError(errno.EBUSY, "files come into being there all the time", os.fsdecode(target))
        with suppress(FileNotFoundError):
            self._moved.append((target, self._put_late(target)))

    def _put_late(self, target: bytes) -> bytes:
        """Rename something to a place of its own among what came too late; where it is now.

        Raises:
            OSError: it stays.
        """
        to = os.path.join(self.late, b"%d" % self._lates, os.path.relpath(target, self.top))
        os.makedirs(os.path.dirname(to), mode=0o700, exist_ok=True)
        os.rename(target, to)
        return to


def _return(to: bytes, source: bytes) -> None:
    """Bring something back to its place from aside, unless something is there by now.

    Raises:
        OSError: it stays aside.
    """
    try:
        os.link(to, source, follow_symlinks=False)
    except FileExistsError:
        if not os.path.samestat(os.lstat(to), os.lstat(source)):  # the same after somebody was killed before the unlink
            raise
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # A directory takes no other place than an empty one's; for a file without links a moment is left in between.
        if not os.path.lexists(source):
            os.rename(to, source)
        return
    os.unlink(to)
