"""Whether the file that a connection has open is still the one at its path.

SQLite keeps its bookkeeping of a -wal in a -shm that it finds by name. If another file is put in the place of an open
database and this process opens that too, both share the -shm, and commits are lost. So nobody in this process opens a
path while its writer has another file open. Source: contract C11.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ctm_trio.system.store_errors import StoreUnavailable

_writers: dict[str, OpenFile] = {}
"""The files that writers of this process have open, by path."""


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen. `problem`: a sentence, "" if all is well; `lost`: the open file is not at its path any more."""

    problem: str = ""
    lost: bool = False


class OpenFile:
    """The file at a path as it was when a connection was opened. Make it right after the first statement.

    Args:
        path: of the database.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._wal_path = f"{path}-wal"
        self._main = _mark(path)
        self._wal = _mark(self._wal_path)

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
        wal = _mark(self._wal_path)
        if self._wal is None:
            self._wal = wal
        elif wal != self._wal:
            what = "deleted" if wal is None else "replaced"
            return Look(f"{name}-wal was {what} while it was in use.", lost=True)
        return Look(self._rights(status.st_mode))

    def _rights(self, mode: int) -> str:
        name, directory = self.path.name, self.path.parent
        if mode & 0o600 != 0o600:
            return f"{name} has the mode {mode & 0o777:03o}; its owner must be able to read and write it (chmod 600)."
        if not os.access(self.path, os.R_OK | os.W_OK, effective_ids=True):
            return f"{name} cannot be read and written; see who owns it, and whether the disk is read-only."
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
        return self._wal is not None and _mark(self._wal_path) == self._wal

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


def _mark(path: Path | str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino
