"""Files of a rebuild: how much there is to read, what to keep of the old database, and the exchange at the end."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from ctm_trio.errors.base import CtmError
from ctm_trio.ingest.log_files import open_log_file, unpacked_size
from ctm_trio.journal.file import event_reader
from ctm_trio.journal.store import EventStore, Stamped
from ctm_trio.model.log_names import parse_log_name
from ctm_trio.system.store_errors import BESIDE


def log_bytes(directories: Iterable[Path]) -> int:
    """Bytes of all logs, unpacked; of a packed one, what its end says (which is modulo 4 GiB).

    A directory that cannot be listed has none.
    """
    total = 0
    for directory in directories:
        try:
            with os.scandir(directory) as entries:
                total += sum(_size(entry) for entry in entries)
        except OSError:
            continue
    return total


def remember_sources(old: Path, new: Path) -> None:
    """Make the new database, knowing what the old one knows of whose log is whose (renames, `/clear`)."""
    known: list[tuple[str, str]] = []
    try:
        db = event_reader(old)
        try:
            known = db.execute(
                "SELECT uuid, session FROM sources WHERE uuid NOT LIKE 'session:%' ORDER BY id"
            ).fetchall()
        finally:
            db.close()
    except (sqlite3.Error, CtmError):
        pass  # there is none, or it is damaged: then the logs and sessions.json alone tell
    store = EventStore(new)
    try:
        sources = [store.source(uuid, session) for uuid, session in known]
        store.insert([Stamped([], [], {}, {source.id: source for source in sources})])
    finally:
        store.close()


def tool_calls(path: Path) -> int:
    """Number of tool calls in a database."""
    db = event_reader(path)
    try:
        (count,) = db.execute("SELECT count(*) FROM events WHERE type = 'tool_call'").fetchone()
        return int(count)
    finally:
        db.close()


def replace_database(new: Path, old: Path) -> None:
    """Put a closed database in the place of another one that nobody has open."""
    for suffix in BESIDE:
        Path(f"{old}{suffix}").unlink(missing_ok=True)
    os.replace(new, old)


def _size(entry: os.DirEntry[str]) -> int:
    name = parse_log_name(entry.name)
    try:
        if name is None:
            return 0
        size = entry.stat(follow_symlinks=False).st_size
        if not name.packed:
            return size
        with open(open_log_file(Path(entry.path)), "rb") as file:
            return max(unpacked_size(file.fileno()), size)
    except OSError:
        return 0
