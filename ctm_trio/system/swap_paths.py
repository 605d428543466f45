"""Paths of a work tree and the directories above them, in bytes as git has them. Blocks: call it in a thread."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable


def inside(top: bytes, path: bytes) -> bool:
    """True if no directory on the way to `path` is a link or a file, so that it is a path of this tree."""
    done = top
    for part in path.split(b"/")[:-1]:
        done = os.path.join(done, part)
        try:
            if not stat.S_ISDIR(os.lstat(done).st_mode):
                return False
        except OSError:
            return False
    return True


def remove_empty(directory: bytes) -> None:
    """Remove a directory if there is nothing but directories in it.

    Raises:
        OSError: there is something.
    """
    if not stat.S_ISDIR(os.lstat(directory).st_mode):
        raise OSError(errno.ENOTDIR, "it is not a directory", os.fsdecode(directory))
    for path, _, _ in os.walk(directory, topdown=False):
        os.rmdir(path)


def parents(paths: Iterable[bytes]) -> set[bytes]:
    """Every directory above these paths, relative as they are; one that ends in `/` is a directory itself."""
    found: set[bytes] = set()
    for path in paths:
        directory = os.path.dirname(path)
        while directory and directory not in found:
            found.add(directory)
            directory = os.path.dirname(directory)
    return found


def is_below(path: bytes, directory: bytes) -> bool:
    """True if `path` is that directory or below it."""
    return path == directory or path.startswith(directory + b"/")
