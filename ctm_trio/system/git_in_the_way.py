"""What stands on the disk where a checkpoint's files must go, and git does not know. Blocks: call it in a thread."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Set

import msgspec

from ctm_trio.system.swap_paths import inside


class InTheWay(msgspec.Struct):
    """What was found, as relative paths in bytes.

    Attributes:
        files: files and links that nobody tracks (ignored ones); they can be stashed.
        blocked: what can be neither stashed nor moved: nested repositories (with `/`), sockets, pipes, devices.
        cut: there are more than `limit`.
    """

    files: set[bytes] = msgspec.field(default_factory=set)
    blocked: set[bytes] = msgspec.field(default_factory=set)
    cut: bool = False


def in_the_way(top: bytes, wanted: Iterable[bytes], known: Set[bytes], *, limit: int) -> InTheWay:
    """Look at each place where a file is wanted, and at the directories above it.

    A file system may lead to a known file under another spelling too (`README`, `readme`). Whether it does is seen on
    the disk: what git is told of it (`core.ignoreCase`) may come from another machine.

    Args:
        wanted: paths of files that are to be written.
        known: paths that are tracked, or listed as new: those are dealt with already.
        limit: of files that are looked at in directories that stand where a file must be.
    """
    found = InTheWay()
    spellings = Spellings(top, known)
    seen: dict[bytes, bool] = {b"": True}  # directory → the way goes on below it

    def passes(directory: bytes) -> bool:
        """False if nothing can be below that directory: it is missing, or something else stands there."""
        if directory in seen:
            return seen[directory]
        seen[directory] = passes(os.path.dirname(directory)) and enter(directory)
        return seen[directory]

    def enter(directory: bytes) -> bool:
        mode = _mode(os.path.join(top, directory))
        if mode is None:
            return False
        if not stat.S_ISDIR(mode):
            note(directory, mode)
            return False
        if os.path.lexists(os.path.join(top, directory, b".git")):
            found.blocked.add(directory + b"/")
            return False
        return True

    def note(path: bytes, mode: int) -> None:
        if not (stat.S_ISREG(mode) or stat.S_ISLNK(mode)):
            found.blocked.add(path)
        elif path not in known and not spellings.lead_to(path):
            found.files.add(path)

    def walk(directory: bytes) -> None:
        nonlocal limit
        for here, below, names in os.walk(os.path.join(top, directory)):
            at = os.path.relpath(here, top)
            if b".git" in below or b".git" in names:
                found.blocked.add(at + b"/")
                below.clear()
                continue
            links = [name for name in below if os.path.islink(os.path.join(here, name))]
            for name in (*names, *links):
                path = os.path.join(at, name)
                limit -= 1
                if limit < 0:
                    found.cut = True
                    return
                mode = _mode(os.path.join(top, path))
                if mode is not None:
                    note(path, mode)

    for path in wanted:
        if not passes(os.path.dirname(path)):
            continue
        mode = _mode(os.path.join(top, path))
        if mode is None:
            continue
        if stat.S_ISDIR(mode):
            walk(path)
        else:
            note(path, mode)
    return found


class Spellings:
    """The known files as the file system finds them, by inode; looked at when first asked for."""

    def __init__(self, top: bytes, known: Set[bytes]) -> None:
        self._top, self._known = top, known
        self._inodes: set[tuple[int, int]] | None = None

    def lead_to(self, path: bytes) -> bool:
        """True if `path` is another name of a known file, and not a second link to it: such a one is of its own."""
        if self._inodes is None:
            here = (path for path in self._known if inside(self._top, path))
            self._inodes = {inode for path in here if (inode := self._inode(path)) is not None}
        return self._inode(path) in self._inodes

    def _inode(self, path: bytes) -> tuple[int, int] | None:
        try:
            found = os.lstat(os.path.join(self._top, path))
        except OSError:
            return None
        return (found.st_dev, found.st_ino) if found.st_nlink == 1 else None


def _mode(path: bytes) -> int | None:
    try:
        return os.lstat(path).st_mode
    except OSError:
        return None
