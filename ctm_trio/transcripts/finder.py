"""Which transcripts there are: `projects/*/` of each configuration directory, sub-agents' files below. Blocks."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from ctm_trio.transcripts.place import place_of

DEPTH = 4
"""Levels of directories below `projects`: the project, the conversation, `subagents`, and one more."""

PROJECTS = "projects"


class FileFacts(NamedTuple):
    """What a look tells of a file: its size in bytes, its time of change in ns, its inode."""

    size: int
    changed_ns: int
    inode: int


class Scan(msgspec.Struct):
    """What was found.

    Attributes:
        files: by path.
        directories: all that were walked, with their time of change in ns.
        problems: directories that cannot be read, or not all of it, and why.
    """

    files: dict[str, FileFacts] = msgspec.field(default_factory=dict)
    directories: dict[str, int] = msgspec.field(default_factory=dict)
    problems: dict[str, str] = msgspec.field(default_factory=dict)


def scan(roots: Iterable[str], below: str = "") -> Scan:
    """Look at everything.

    Each directory and each file is found once, under its own name rather than a link's, whatever links lead to it.

    Args:
        roots: the `projects` directories; one that is missing is left out.
        below: only this directory instead, and what is in it.
    """
    found = Scan()
    seen: set[tuple[int, int]] = set()
    if below:
        _walk(below, DEPTH - 1, found, seen)
        return found
    for root in roots:
        _walk(os.path.realpath(root), DEPTH, found, seen)
    return found


def with_one_name(paths: Iterable[str], below: str = "") -> set[str]:
    """Those of some files that can be no others by another name: no links, and not linked to. Blocks.

    Args:
        below: a directory that they were found in: below it no link leads to them either.
    """
    real = os.path.realpath(below) if below else ""
    return {
        path
        for path in paths
        if _has_one_name(path) and (not below or os.path.realpath(path) == real + path[len(below) :])
    }


def _has_one_name(path: str) -> bool:
    try:
        status = os.lstat(path)
    except OSError:
        return True  # it has gone
    return not stat.S_ISLNK(status.st_mode) and status.st_nlink < 2


def _walk(directory: str, depth: int, found: Scan, seen: set[tuple[int, int]]) -> None:
    try:
        status = os.stat(directory)
        if not stat.S_ISDIR(status.st_mode) or (status.st_dev, status.st_ino) in seen:
            return
        seen.add((status.st_dev, status.st_ino))
        with os.scandir(directory) as entries:
            listed = sorted(entries, key=lambda entry: (entry.is_symlink(), entry.name))
    except FileNotFoundError:
        return
    except OSError as error:
        found.problems[directory] = error.strerror or str(error)
        return
    found.directories[directory] = status.st_mtime_ns
    for entry in listed:
        try:
            if entry.is_dir():
                if depth > 0:
                    _walk(entry.path, depth - 1, found, seen)
            elif place_of(entry.path) is not None:
                file = entry.stat()
                if stat.S_ISREG(file.st_mode) and (file.st_dev, file.st_ino) not in seen:
                    seen.add((file.st_dev, file.st_ino))
                    found.files[entry.path] = FileFacts(file.st_size, file.st_mtime_ns, file.st_ino)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ELOOP):  # gone meanwhile, or a link that leads nowhere
                found.problems.setdefault(directory, error.strerror or str(error))
