"""Reads the status-line dumps of a directory that others may write to. Blocking: call it in a thread."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ctm_trio.system.regular import read_regular

log = logging.getLogger("ctm.quota")

SUFFIX = ".json"

MAX_DUMP_BYTES = 1 << 20
"""A larger dump is no dump (real ones have 2 kB); it is ignored and logged."""

MAX_DUMPS = 5_000
"""Of more files in the directory only the newest so many are read."""


@dataclass(frozen=True, slots=True)
class DumpFile:
    """A dump as it was read. `stamp` tells versions apart, `mtime` is in unix seconds."""

    stem: str
    data: bytes
    mtime: float
    stamp: tuple[int, int, int]


def read_dumps(directory: Path, names: Iterable[str] | None, known: dict[str, tuple[int, int, int]]) -> list[DumpFile]:
    """Read the dumps that have changed, the oldest first.

    Links, other kinds of files and files of other users are left alone: the default directory is one that everybody
    may write to. What vanishes meanwhile is skipped.

    Args:
        directory: need not exist.
        names: of the files to look at; None for all.
        known: by stem, the stamp of the version read last; updated here.
    """
    every = names is None
    found = [entry for name in (_listing(directory) if names is None else names) if (entry := _stat(directory, name))]
    found.sort(key=lambda entry: entry[1].st_mtime_ns)
    out = []
    for name, info in found[-MAX_DUMPS:]:
        stem = name.removesuffix(SUFFIX)
        stamp = (info.st_mtime_ns, info.st_size, info.st_ino)
        if known.get(stem) == stamp:
            continue
        data = _read(directory / name)
        if data is not None:
            known[stem] = stamp
            out.append(DumpFile(stem, data, info.st_mtime, stamp))
    if every:
        here = {name.removesuffix(SUFFIX) for name, _ in found}
        for stem in [stem for stem in known if stem not in here]:
            del known[stem]
    return out


def _listing(directory: Path) -> list[str]:
    try:
        return os.listdir(directory)
    except OSError:
        return []


def _stat(directory: Path, name: str) -> tuple[str, os.stat_result] | None:
    if not name.endswith(SUFFIX) or name.startswith(".") or "/" in name:
        return None
    try:
        info = os.lstat(directory / name)
    except OSError:
        return None
    if not stat.S_ISREG(info.st_mode) or (os.geteuid() != 0 and info.st_uid not in (os.geteuid(), 0)):
        return None
    if info.st_size > MAX_DUMP_BYTES:
        log.warning("a status-line dump of %d bytes is ignored", info.st_size)
        return None
    return name, info


def _read(path: Path) -> bytes | None:
    try:
        return read_regular(path, max_bytes=MAX_DUMP_BYTES, follow=False)
    except OSError:
        return None
