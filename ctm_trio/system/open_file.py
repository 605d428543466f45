"""Whether the file that a connection has open is still the one at its path, and still whole.

SQLite keeps its bookkeeping of a -wal in a -shm that it finds by name. If another file is put in the place of an open
database and this process opens that too, both share the -shm, and commits are lost. So nobody in this process opens a
path while its writer has another file open. Nor one that was cut: of an empty file SQLite throws the -wal away.
Source: PROTOCOL.md, Databases and upgrades.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from ctm_trio.system.store_errors import BESIDE, DamageMet, StoreDamaged, StoreUnavailable, translate

WAL_LIMIT_BYTES = 32 << 20
"""SQLite cuts no -wal of ours to less than this while it is open. This is the `journal_size_limit` of the search index
and the costs; the event log's is 64 MiB, and the outbox's -wal, which has none, is never cut."""

_writers: dict[str, OpenFile] = {}
"""The files that writers of this process have open, by path."""


class Look(msgspec.Struct, frozen=True):
    """What was seen.

    Attributes:
        problem: a sentence, "" if all is well.
        lost: what is open is not what is at its path any more, or not whole there.
        damaged: the open file itself was changed, so what its connection sees may be damaged too.
    """

    problem: str = ""
    lost: bool = False
    damaged: bool = False


class OpenFile:
    """The file at a path as it was when a connection was opened. Make it right after the first statement.

    Args:
        path: of the database.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._wal_path = f"{path}-wal"
        self._main = _mark(path)
        self._bytes = _size(path)
        """The largest size so far: the databases are never made smaller."""
        self._wal_bytes = 0
        self.suspect = False
        """True if somebody found damage in it, or its -wal has become smaller than SQLite makes it."""
        self.met: StoreDamaged | None = None
        """The damage that somebody found, until all of the file was looked at."""
        self.damage = ""
        """What was seen of it then. Whoever looks again, and less closely, must not take the file for sound."""
        self._beside = {suffix: _mark(f"{path}{suffix}") for suffix in BESIDE}

    def look(self) -> Look:
        """Compare. Blocks for a few `stat`s; opens nothing."""
        name = self.path.name
        try:
            status = os.stat(self.path)
        except FileNotFoundError:
            return Look(f"{name} was deleted while it was in use.", lost=True)
        except OSError as error:
            return Look(f"{name} cannot be reached: {error.strerror or error}.")
        if (status.st_dev, status.st_ino) != self._main:
            return Look(f"{name} was replaced while it was in use.", lost=True)
        if status.st_size < self._bytes:
            return Look(f"{name} was cut off while it was in use.", lost=True, damaged=True)
        self._bytes = status.st_size
        for suffix, mark in self._beside.items():
            found = _mark(f"{self.path}{suffix}")
            if mark is None:
                self._beside[suffix] = found
            elif found != mark:
                what = "deleted" if found is None else "replaced"
                return Look(f"{name}{suffix} was {what} while it was in use.", lost=True)
        wal = _size(self._wal_path)
        if wal < min(self._wal_bytes, WAL_LIMIT_BYTES):
            self.suspect = True
        self._wal_bytes = wal
        return Look(self._rights(status.st_mode))

    def _rights(self, mode: int) -> str:
        name, directory = self.path.name, self.path.parent
        if mode & 0o600 != 0o600:
            return f"{name} has the mode {mode & 0o777:03o}; its owner must be able to read and write it (chmod 600)."
        if not os.access(self.path, os.R_OK | os.W_OK, effective_ids=True):
            return f"{name} cannot be read and written; check its owner and whether the disk is read-only."
        with suppress(OSError):
            mode = os.stat(directory).st_mode
            if mode & 0o700 != 0o700:
                return f"{directory} has the mode {mode & 0o777:03o}; its owner needs all rights in it (chmod 700)."
        if not os.access(directory, os.W_OK | os.X_OK, effective_ids=True):
            return f"Nothing can be written in {directory}."
        return ""

    def is_ours(self) -> bool:
        """True if the file at the path is the open one."""
        return self._main is not None and _mark(self.path) == self._main

    def wal_is_ours(self) -> bool:
        """True if the -wal at the path is the open one."""
        wal = self._beside["-wal"]
        return wal is not None and _mark(self._wal_path) == wal

    def register(self) -> None:
        """A writer of this process has it open, until `forget`."""
        _writers[os.path.abspath(self.path)] = self

    def forget(self) -> None:
        """It is closed."""
        if _writers.get(os.path.abspath(self.path)) is self:
            del _writers[os.path.abspath(self.path)]


def is_current(path: Path) -> bool:
    """False while the writer of this process has another file open than the one at the path. Blocks for `stat`s."""
    writer = _writers.get(os.path.abspath(path))
    return writer is None or not writer.look().lost


def check_current(path: Path) -> None:
    """For whoever opens a database beside its writer.

    Raises:
        StoreUnavailable: another file is at the path; it is about to be put back.
    """
    if not is_current(path):
        raise StoreUnavailable(f"{path.name} was moved or replaced while it was in use; try again in a moment.")


def suspect(path: Path, damage: StoreDamaged) -> None:
    """Somebody found damage in a database: its writer looks at all of it soon."""
    writer = _writers.get(os.path.abspath(path))
    if writer is not None:
        writer.met = damage
        writer.suspect = True


def suspect_if_damaged(path: Path, error: sqlite3.Error) -> None:
    """As `suspect`, for whoever goes on without what could not be read."""
    problem = translate(error)
    if isinstance(problem, StoreDamaged):
        suspect(path, problem)


@contextmanager
def reading(*paths: Path) -> Iterator[None]:
    """For whoever reads databases beside their writers: the writers hear of damage that is met in the block.

    Raises:
        DamageMet: in the place of `StoreDamaged`; what was read may be there again in a moment.
        Whatever else the block raises.
    """
    try:
        yield
    except (sqlite3.Error, StoreDamaged) as error:
        problem = error if isinstance(error, StoreDamaged) else translate(error)
        if not isinstance(problem, StoreDamaged):
            raise
        for path in paths:
            suspect(path, problem)
        names = " or ".join(path.name for path in paths)
        text = f"{names} seems to be damaged and is looked at; try again in a moment. ({problem.message})"
        raise DamageMet(text) from error


def _mark(path: Path | str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _size(path: Path | str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0
