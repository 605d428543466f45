"""The outbox's tables, the steps of their versions, and how its file is opened."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from ctm_trio.system.migration import Schema
from ctm_trio.system.side_database import begin_anew, open_side_database
from ctm_trio.system.store_errors import StoreDamaged, translated

# `pause` before the next try and `waited` (all pauses so far) are in seconds that no clock can change; `created` and
# `next_at` are times of the wall clock, which may be set.
TABLES = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS deliveries (
  id INTEGER PRIMARY KEY, event TEXT NOT NULL, alert TEXT NOT NULL, session TEXT NOT NULL, body BLOB NOT NULL,
  created REAL NOT NULL, status TEXT NOT NULL, tries INTEGER NOT NULL DEFAULT 0, next_at REAL NOT NULL DEFAULT 0,
  last_status INTEGER, last_error TEXT NOT NULL DEFAULT '', pause REAL NOT NULL DEFAULT 0,
  waited REAL NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS deliveries_waiting ON deliveries (session, id) WHERE status = 'pending';
CREATE INDEX IF NOT EXISTS deliveries_same ON deliveries (session, alert, event, created);
"""


def _add_pauses(db: sqlite3.Connection) -> None:
    """Schema 2: `pause` and `waited`."""
    there = {row[1] for row in db.execute("PRAGMA table_info(deliveries)")}
    for name in ("pause", "waited"):
        if name not in there:
            db.execute(f"ALTER TABLE deliveries ADD COLUMN {name} REAL NOT NULL DEFAULT 0")


OUTBOX = Schema(
    what="outbox",
    application_id=0x63746D04,
    tables=TABLES,
    known_by={
        "meta": ("key", "value"),
        "deliveries": ("id", "event", "alert", "session", "body", "created", "status", "tries", "next_at"),
    },
    steps=(_add_pauses,),
)

PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # an alert that is stored is stored; there are few
)


def open_outbox(path: Path) -> sqlite3.Connection:
    """A connection to the file, which is made if it is missing, and set aside and begun anew if it is damaged.

    Raises:
        StoreUnavailable: locked, disk full, read-only. StoreNewer: a newer program made it.
    """
    db = open_side_database(path, OUTBOX, PRAGMAS)
    try:
        # It is small, so all of it is looked at: damage further in would stop every delivery, and the start with it.
        with translated():
            (verdict,) = db.execute("PRAGMA quick_check(1)").fetchone()
        if verdict == "ok":
            return db
        problem = StoreDamaged(f"The outbox is damaged: {verdict}.")
    except StoreDamaged as error:
        problem = error
    except BaseException:  # whatever it is, nobody else could close the connection
        db.close()
        raise
    db.close()
    begin_anew(path, problem)
    return open_side_database(path, OUTBOX, PRAGMAS)
