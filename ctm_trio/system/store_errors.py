"""What can be wrong with a database of ours, and what follows from it.

Only a file that SQLite calls damaged, or that is not ours, is set aside. Everything else stays where it is: it is
tried again (`StoreUnavailable`), or concerns a row and not the file (`StoreRefused`).
Source: PROTOCOL.md, Databases and upgrades.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import stat
import time
from pathlib import Path

import msgspec

from ctm_trio.errors.base import CtmError

log = logging.getLogger("ctm.store")

BESIDE = ("-wal", "-shm")
"""What SQLite keeps beside a database while it is open."""

NO_MEMORY = "Not enough memory; trying again."


class StoreUnavailable(CtmError):
    """The database cannot be used now: locked, disk full, read-only, unreadable. Nothing of the batch is in it."""

    code, status = "store_unavailable", 503


class StoreRefused(StoreUnavailable):
    """The database is sound and takes other rows, but not one of these (a number that is taken, a value too large)."""

    code = "store_refused"


class StoreNewer(StoreUnavailable):
    """A newer version of this program made the file. It is left as it is, to the byte."""

    code = "store_newer"


class StoreDamaged(CtmError):
    """The file is not a sound SQLite database. It has to be set aside and rebuilt from the logs.

    `aside` goes into its new name.
    """

    code, status = "store_damaged", 500
    aside = "corrupt"


class WordsDamaged(StoreDamaged):
    """The full-text index in a database is damaged, which no check of the file's structure finds."""


class DamageMet(StoreUnavailable):
    """A reader met damage. The file's owner was told: it looks at all of it, and sets it aside if that is true."""

    code = "store_damaged"


class StoreForeign(StoreDamaged):
    """A database of another making stands in the place of ours."""

    aside = "foreign"


class StoreUsedUp(StoreDamaged):
    """The ids for events are used up; only a new file helps."""

    aside = "used-up"


def translate(error: sqlite3.Error) -> CtmError:
    """Our name for an SQLite error: damaged, refused (a row), or unavailable (for now)."""
    name = getattr(error, "sqlite_errorname", "") or ""
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")) or str(error) == "unsupported file format":
        kind = WordsDamaged if name == "SQLITE_CORRUPT_VTAB" else StoreDamaged
        return kind(f"The database is damaged: {error}")
    bound = isinstance(error, sqlite3.InterfaceError | sqlite3.ProgrammingError) and "rror binding" in str(error)
    if bound or isinstance(error, sqlite3.IntegrityError | sqlite3.DataError):
        return StoreRefused(f"The database rejected a row: {error}")
    return StoreUnavailable(str(error))


class translated:  # noqa: N801  # used as a function: a generator would cost more than a small statement
    """Errors of SQLite in the block under our names, and of stored values that this program never writes.

    For reads. What they look for is bounded where it comes in, so a value that SQLite cannot hold is a bug here.
    """

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, msgspec.MsgspecError):
            raise StoreDamaged(f"The database has values that do not belong there: {error}") from error
        _raise_ours(error)


class written:  # noqa: N801  # as above
    """Errors of SQLite in the block under our names, and of values that it cannot hold. For the writing of rows."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OverflowError | UnicodeEncodeError):
            raise StoreRefused(f"The database rejected a row: {error}") from error
        _raise_ours(error)


def _raise_ours(error: BaseException | None) -> None:
    """What may go wrong with every statement, under our names; nothing for what is no error of the database."""
    if isinstance(error, sqlite3.Error):
        raise translate(error) from error
    if isinstance(error, MemoryError):
        raise StoreUnavailable(NO_MEMORY) from error


def set_aside(path: Path, why: str = StoreDamaged.aside) -> Path:
    """Move a database (and its -wal, -shm) out of the way; where it is now.

    Args:
        path: of the file.
        why: one word for its new name.

    Raises:
        OSError: it cannot be moved; then it is where it was.
    """
    base = path.with_name(f"{path.name}.{why}.{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}")
    target, n = base, 0
    while os.path.lexists(target):
        n += 1
        target = base.with_name(f"{base.name}.{n}")
    os.replace(path, target)
    for suffix in BESIDE:
        try:
            os.replace(f"{path}{suffix}", f"{target}{suffix}")
        except FileNotFoundError:
            continue
    return target


def clear_beside(path: Path) -> None:
    """Move away what stands in the place of a database's -wal or -shm and is not a file.

    It may be a directory, a pipe or a link to nothing. SQLite cannot use it, and what was there before is gone already.

    Raises:
        OSError: it cannot be moved.
    """
    for suffix in BESIDE:
        found = path.with_name(f"{path.name}{suffix}")
        if os.path.lexists(found) and not _is_file(found):
            aside = found.with_name(f"{found.name}.replaced.{time.time_ns()}")
            os.replace(found, aside)
            log.error("%s is not a regular file; it is now %s", found.name, aside.name)


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except OSError:
        return False
