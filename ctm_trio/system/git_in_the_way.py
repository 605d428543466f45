"""What stands on the disk where a checkpoint's files must go, and git does not know. Blocks: call it in a thread."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Set
from dataclasses import dataclass, field


@dataclass(slots=True)
class InTheWay:
    """What was found, as relative paths in bytes.

    Attributes:
        files: files and links that nobody tracks (ignored ones); they can be stashed.
        blocked: what can be neither stashed nor moved: nested repositories (with `/`), sockets, pipes, devices.
        cut: there are more than `limit`.
    """

    files: set[bytes] = field(default_factory=set)
    blocked: set[bytes] = field(default_factory=set)
    cut: bool = False


def in_the_way(top: bytes, wanted: Iterable[bytes], known: Set[bytes], *, limit: int, fold: bool = False) -> InTheWay:
    """Look at each place where a file is wanted, and at the directories above it.

    Args:
        wanted: paths of files that are to be written.
        known: paths that are tracked, or listed as new: those are dealt with already.
        limit: of files that are looked at in directories that stand where a file must be.
        fold: file names differ in more than case here (`core.ignoreCase`).
    """
    found = InTheWay()
    folded = {path.lower() for path in known} if fold else frozenset[bytes]()
    seen: dict[bytes, bool] = {b"": True}  # directory → the way goes on below it

    def is_known(path: bytes) -> bool:
        return path in known or (fold and path.lower() in folded)

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
        elif not is_known(path):
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


def _mode(path: bytes) -> int | None:
    try:
        return os.lstat(path).st_mode
    except OSError:
        return None
