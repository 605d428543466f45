"""The whole copy of a database that waits to be put in its place, and what becomes of it after a kill in between.

`write_copy` gives it its name only when it is whole and on disk; the database at the path may be gone by then.
Source: PROTOCOL.md, Databases and upgrades.
"""

from __future__ import annotations

import logging
import os
from contextlib import closing
from pathlib import Path

from ctm_trio.system.migration import Schema, copying, examine, refuse_damaged, remove_database
from ctm_trio.system.sqlite_file import connect
from ctm_trio.system.store_errors import BESIDE, StoreDamaged, StoreUnavailable, set_aside, translated

log = logging.getLogger("ctm.store")

RESCUED = ".rescued"


def rescued_of(path: Path) -> Path:
    """Where the copy of a database waits."""
    return path.with_name(f".{path.name}{RESCUED}")


def put_in_place(path: Path) -> None:
    """Put the copy where the database was. Nobody may have the database open.

    Raises:
        OSError: it cannot be moved.
    """
    for suffix in BESIDE:
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    os.replace(rescued_of(path), path)


def take_over(path: Path, schema: Schema) -> None:
    """For whoever opens a database first: finish what a killed process began.

    Half a copy, and one that is not needed because there is a whole database, are deleted. What is damaged at the path
    is set aside for the copy: it may be the file that was cut off, for which the copy was made.

    Raises:
        StoreUnavailable: it cannot be done now.
        StoreNewer: a newer program made the copy; it stays as it is.
    """
    rescued = rescued_of(path)
    try:
        remove_database(copying(rescued))
        if not os.path.lexists(rescued):
            return
        if not _is_sound(path, schema, whole=True) and _is_sound(rescued, schema):
            if os.path.lexists(path):
                aside = set_aside(path)
                log.error("%s is damaged; it is now %s", path.name, aside.name)
            put_in_place(path)
            log.warning("%s was lost when its process was killed; it was put back with all its contents", path.name)
            return
        remove_database(rescued)
    except OSError as error:
        raise StoreUnavailable(f"{path} cannot be used: {error.strerror or error}") from error


def _is_sound(path: Path, schema: Schema, *, whole: bool = False) -> bool:
    """True if a database of ours is there.

    Args:
        whole: look at all of it, which takes seconds for gigabytes: one that is cut off is sound at its beginning.
    """
    try:
        if examine(path, schema).version <= 0:
            return False
        if whole:
            with closing(connect(path, "ro")) as db, translated():
                refuse_damaged(db)
    except StoreDamaged:
        return False
    return True
