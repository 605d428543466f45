"""Reads the status-line dumps of a directory that others may write to. Blocking: call it in a thread."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterable
from pathlib import Path

import msgspec

from ctm_trio.system.owned import open_own_directory
from ctm_trio.system.regular import read_regular

log = logging.getLogger("ctm.quota")

DEFAULT_DIRECTORY = Path("/tmp/ctm-statusline")
"""Where dumps are unless `serve.statusline_dump_dir` says otherwise. Source: PROTOCOL.md, Files and directories."""

SUFFIX = ".json"

MAX_DUMP_BYTES = 1 << 20
"""A larger file is not a dump (real ones have 2 kB); it is ignored and logged."""

MAX_DUMPS = 5_000
"""Of more files in the directory only the newest so many are read."""


class DumpFile(msgspec.Struct, frozen=True):
    """A dump as it was read. `stamp` tells versions apart, `mtime` is in unix seconds."""

    stem: str
    data: bytes
    mtime: float
    stamp: tuple[int, int, int]


def read_dumps(directory: Path, names: Iterable[str] | None, known: dict[str, tuple[int, int, int]]) -> list[DumpFile]:
    """Read the dumps that have changed, the oldest first.

    Links, other kinds of files and files of other users are left alone, and so is a directory that is not ours alone:
    the default one is where everybody may make it first. What vanishes meanwhile is skipped.

    Args:
        directory: need not exist.
        names: of the files to look at; None for all.
        known: by stem, the stamp of the version read last, or ignored as too large; updated here.
    """
    try:
        folder = open_own_directory(directory)
    except FileNotFoundError:
        return _forgotten(known) if names is None else []
    except OSError as error:
        _say(directory, error)
        return []
    _said.pop(directory, None)
    try:
        return _read_all(folder, names, known)
    finally:
        os.close(folder)


def _read_all(folder: int, names: Iterable[str] | None, known: dict[str, tuple[int, int, int]]) -> list[DumpFile]:
    every = names is None
    found = [entry for name in (_listing(folder) if names is None else names) if (entry := _stat(folder, name))]
    found.sort(key=lambda entry: entry[1].st_mtime_ns)
    out = []
    for name, info in found[-MAX_DUMPS:]:
        stem = name.removesuffix(SUFFIX)
        stamp = (info.st_mtime_ns, info.st_size, info.st_ino)
        if known.get(stem) == stamp:
            continue
        if info.st_size > MAX_DUMP_BYTES:
            known[stem] = stamp
            log.warning("a status-line dump of %d bytes is ignored", info.st_size)
            continue
        try:
            data = read_regular(name, max_bytes=MAX_DUMP_BYTES, follow=False, owner=os.geteuid(), dir_fd=folder)
        except OSError:
            continue  # it is gone, or another one by now
        known[stem] = stamp
        out.append(DumpFile(stem, data, info.st_mtime, stamp))
    if every:
        here = {name.removesuffix(SUFFIX) for name, _ in found}
        for stem in [stem for stem in known if stem not in here]:
            del known[stem]
    return out


def directory_fault(directory: Path) -> str:
    """Why the dumps in this directory are ignored, for a person; "" if they are not, or if there is no directory."""
    try:
        os.close(open_own_directory(directory))
    except FileNotFoundError:
        return ""
    except OSError as error:
        return error.strerror or str(error)
    return ""


_said: dict[Path, str] = {}
"""What was logged of a directory last, so that it is said once."""


def _say(directory: Path, error: OSError) -> None:
    text = error.strerror or str(error)
    if _said.get(directory) != text:
        _said[directory] = text
        log.warning("status-line dumps in %s are ignored: %s", directory, text)


def _forgotten(known: dict[str, tuple[int, int, int]]) -> list[DumpFile]:
    known.clear()
    return []


def _listing(folder: int) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _stat(folder: int, name: str) -> tuple[str, os.stat_result] | None:
    if not name.endswith(SUFFIX) or name.startswith(".") or "/" in name:
        return None
    try:
        info = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError:
        return None
    if not stat.S_ISREG(info.st_mode) or info.st_uid != os.geteuid():
        return None
    return name, info
