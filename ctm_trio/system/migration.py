"""Which file is ours, of which schema, and how an older one becomes a newer one.

Source: PROTOCOL.md, Databases and upgrades.

Every database says by `application_id` that it is ours and by `user_version` which schema it has. Files of the first
version have no `application_id`; they are known by their tables. An older file is brought up to date in place, in one
transaction, after a copy of it was made; the copy stays until the next start. A newer file is not touched at all.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path

import msgspec

from ctm_trio.system.regular import KINDS
from ctm_trio.system.sqlite_file import cannot_be_used, connect
from ctm_trio.system.store_errors import (
    StoreDamaged,
    StoreForeign,
    StoreNewer,
    StoreUnavailable,
    clear_beside,
    translate,
)
from ctm_trio.system.transaction import transaction

log = logging.getLogger("ctm.store")

COPY = ".before-migration"
"""Added to a file's name for the copy of what it was before its schema changed."""

_copies: set[Path] = set()
"""Copies that this process made: they stay until the next one starts."""

Step = str | Callable[[sqlite3.Connection], object]
"""From one schema to the next: SQL, or a function. It runs in a transaction that it must not end."""


class Schema(msgspec.Struct, frozen=True):
    """One kind of file.

    Attributes:
        what: for people, e.g. "event log".
        application_id: no other kind of file has it.
        tables: SQL that makes a new file, of the newest schema.
        known_by: the tables of the first version, with columns that each has.
        first: number of the first version's schema.
        unmarked: what `user_version` says in files of the first version.
        steps: the first leads from schema `first` to the next one, and so on.
    """

    what: str
    application_id: int
    tables: str
    known_by: Mapping[str, tuple[str, ...]]
    first: int = 1
    unmarked: int = 0
    steps: Sequence[Step] = ()

    @property
    def version(self) -> int:
        """The newest schema: what this program reads and writes."""
        return self.first + len(self.steps)


class Found(msgspec.Struct, frozen=True):
    """What stands at a path. `version` is 0 for nothing; `marked`: it says itself that it is ours."""

    version: int = 0
    marked: bool = False


def open_current(path: Path, schema: Schema, pragmas: Sequence[str]) -> sqlite3.Connection:
    """A writer's connection to a file of the newest schema: made, or brought up to date, if need be.

    Only one process may do this at a time (the instance lock). A new file is private before SQLite writes to it.

    Args:
        path: of the file. schema: what it must be. pragmas: done first, in this order.

    Raises:
        StoreNewer: it stays as it is, to the byte.
        StoreDamaged, StoreForeign: it must be set aside.
        StoreUnavailable: it cannot be opened or brought up to date now; it is as it was.
    """
    try:
        clear_beside(path)
    except OSError as error:
        raise StoreUnavailable(f"{path} cannot be used: {error.strerror or error}") from error
    found = examine(path, schema)
    try:
        if found.version == 0:
            with suppress(FileExistsError):
                # Never opened and closed beside SQLite when it exists: that would drop SQLite's own locks.
                os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        os.chmod(path, 0o600)
    except OSError as error:
        raise StoreUnavailable(f"{path} cannot be used: {error.strerror or error}") from error
    db = connect(path, "rw")
    try:
        for pragma in pragmas:
            db.execute(pragma)
        if found.version == 0:
            _run(db, schema, schema.version, [schema.tables])
        elif not found.marked or found.version < schema.version:
            _migrate(db, path, schema, found)
        elif (copy := path.with_name(path.name + COPY)) not in _copies:
            copy.unlink(missing_ok=True)
    except sqlite3.Error as error:
        db.close()
        raise cannot_be_used(path, error) from error
    except OSError as error:
        db.close()
        raise StoreUnavailable(f"{path} cannot be used: {error.strerror or error}") from error
    except BaseException:  # whatever it is, nobody else could close the connection
        db.close()
        raise
    return db


def examine(path: Path, schema: Schema) -> Found:
    """What stands at a path, without changing a byte of it or of its -wal.

    Raises:
        StoreNewer: it is ours, of a schema that this program does not know.
        StoreForeign: it is a database of another making.
        StoreDamaged: it is not a sound database.
        StoreUnavailable: it cannot be read now, or is not a regular file.
    """
    sizes = [_size(f"{path}{suffix}") for suffix in ("", "-wal", "-shm")]
    if not sizes[0]:
        return Found()
    # Without a -wal the file is all there is; then SQLite need not (and here must not) make files beside it.
    db = connect(path, "ro" if sizes[1] else "ro&immutable=1")
    try:
        (application,) = db.execute("PRAGMA application_id").fetchone()
        (number,) = db.execute("PRAGMA user_version").fetchone()
        if application == schema.application_id:
            return Found(_known(path, schema, number), marked=True)
        if application:
            raise StoreForeign(f"{path.name} is a database of another program.")
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not tables and not number:
            return Found()
        if not _is_first_version(db, tables, schema):
            raise StoreForeign(f"{path.name} is a database of another program.")
        return Found(_known(path, schema, _first_number(db, tables, schema, number)))
    except sqlite3.Error as error:
        raise cannot_be_used(path, error) from error
    finally:
        db.close()
        if sizes[1] and sizes[2] is None:
            with suppress(OSError):
                os.unlink(f"{path}-shm")  # made by our look


def refuse_newer(db: sqlite3.Connection, path: Path, schema: Schema) -> None:
    """For readers: the tables of a newer file may mean something else.

    Raises:
        StoreNewer: it is one. sqlite3.Error: it cannot be read.
    """
    (number,) = db.execute("PRAGMA user_version").fetchone()
    if number > schema.version:
        _known(path, schema, number)


def _known(path: Path, schema: Schema, number: int) -> int:
    """The number, if this program knows that schema."""
    if number > schema.version:
        raise StoreNewer(
            f"{path} was made by a newer version of ctm-trio (schema {number}; this one knows {schema.version})."
            " Use that version, or move the file away; it was not changed."
        )
    if number < schema.first:
        raise StoreDamaged(f"{path.name} has schema {number}, which is older than any that can be brought up to date.")
    return number


def _is_first_version(db: sqlite3.Connection, tables: set[str], schema: Schema) -> bool:
    if not schema.known_by.keys() <= tables:
        if tables and tables <= schema.known_by.keys():
            raise StoreDamaged(f"Tables of this {schema.what} are missing: its creation was interrupted.")
        return False
    for table in schema.known_by:
        columns = {row[1] for row in db.execute(f'PRAGMA table_info("{table}")')}
        if not columns >= set(schema.known_by[table]):
            return False
    return True


def _first_number(db: sqlite3.Connection, tables: set[str], schema: Schema, number: int) -> int:
    """The schema of a file of the first version: that of `user_version`, or of a row of `meta`."""
    if number == schema.unmarked or number == 0:
        row = None
        if "meta" in tables:
            row = db.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone()
        if row is not None and str(row[0]).isascii() and str(row[0]).isdigit():
            return int(str(row[0]))
        return schema.first
    return number


def _migrate(db: sqlite3.Connection, path: Path, schema: Schema, found: Found) -> None:
    """Bring a file up to date: copy it, then all steps in one transaction."""
    copy = path.with_name(path.name + COPY)
    try:
        write_copy(db, copy)
    except StoreUnavailable as error:
        raise StoreUnavailable(
            f"{path} must be upgraded to schema {schema.version}, but its backup cannot be written: {error.message}."
            " Free some disk space; the file is unchanged."
        ) from error
    _copies.add(copy)
    try:
        _run(db, schema, schema.version, schema.steps[found.version - schema.first :])
    except BaseException:  # whatever it is, the copy must not stay
        _copies.discard(copy)
        with suppress(OSError):
            copy.unlink()  # nothing has changed, so it is worth nothing
        raise
    log.info("%s has schema %d now; as it was: %s, until the next start", path.name, schema.version, copy.name)


def _run(db: sqlite3.Connection, schema: Schema, version: int, steps: Sequence[Step]) -> None:
    """Do the steps and mark the file, in one transaction."""
    with transaction(db):
        for step in steps:
            if callable(step):
                step(db)
                continue
            for statement in statements(step):
                db.execute(statement)
        db.execute(f"PRAGMA application_id = {schema.application_id:d}")
        db.execute(f"PRAGMA user_version = {version:d}")


def statements(sql: str) -> Iterator[str]:
    """The statements of a script, one by one (`executescript` would commit in between)."""
    held = ""
    for piece in sql.split(";"):
        held += piece + ";"
        if sqlite3.complete_statement(held):
            if held.strip(" \n\t;"):
                yield held
            held = ""


def write_copy(db: sqlite3.Connection, to: Path, *, check: bool = False) -> None:
    """Write everything that a connection sees, its -wal included, into a new file of its own. Blocks.

    Args:
        db: open on the original. to: replaced when the copy is whole and on disk. check: see that the copy is sound.

    Raises:
        StoreUnavailable: it could not be written; nothing is left of it. StoreDamaged: the original is damaged.
    """
    temp = copying(to)
    try:
        remove_database(temp)
        os.close(os.open(temp, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        with closing(connect(temp, "rw")) as copy:
            copy.execute("PRAGMA synchronous = OFF")  # it is synced as a whole below
            db.backup(copy)
            if check:
                refuse_damaged(copy)
            copy.execute("PRAGMA journal_mode = DELETE")
        fd = os.open(temp, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
        os.replace(temp, to)
    except BaseException as error:
        with suppress(OSError):
            remove_database(temp)
        if isinstance(error, sqlite3.Error):
            raise translate(error) from error
        if isinstance(error, OSError):
            raise StoreUnavailable(error.strerror or str(error)) from error
        raise


def copying(to: Path) -> Path:
    """The file that `write_copy` writes until it is whole."""
    return to.with_name(f".{to.name}.tmp")


def refuse_damaged(db: sqlite3.Connection) -> None:
    """Look at all of a database. Blocks.

    Raises:
        StoreDamaged: it is damaged.
    """
    (verdict,) = db.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise StoreDamaged(f"The database is damaged: {' '.join(str(verdict).split())}")


def remove_database(path: Path) -> None:
    """Delete a database and what SQLite keeps beside it; missing is fine.

    Raises:
        OSError: a file cannot be deleted.
    """
    for suffix in ("", "-journal", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)


def _size(path: str) -> int | None:
    """Bytes of a regular file, None if there is none."""
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreUnavailable(f"{path} cannot be read: {error.strerror or error}") from error
    if not stat.S_ISREG(status.st_mode):
        kind = KINDS.get(stat.S_IFMT(status.st_mode), "something else")
        raise StoreUnavailable(f"{path} is {kind}, not a regular file; move it away")
    return status.st_size
