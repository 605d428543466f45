"""A side database of JSON documents by id, each with a session, a state and a time. Blocking: one thread at a time.

Requests and prompts are kept so: an owner has all that are open in memory, and looks up the others here.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial, wraps
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import msgspec

from ctm_trio.system.file_watch import Watched
from ctm_trio.system.migration import Schema
from ctm_trio.system.side_database import PRAGMAS, open_side_database
from ctm_trio.system.store_errors import StoreDamaged, StoreUnavailable, translated, written
from ctm_trio.system.transaction import transaction

P = ParamSpec("P")
R = TypeVar("R")

LOCKED_S = 1.0
"""How long a read or a write waits for another program's lock: the owner keeps in memory what cannot be saved."""

KEEP_CLOSED = 5000
"""Documents that are not open and are kept; of more the oldest go."""

TABLES = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
-- `open` is 1 while its owner works on it; `at` is in unix seconds; `body` is JSON.
CREATE TABLE IF NOT EXISTS documents (
  id TEXT PRIMARY KEY, session TEXT NOT NULL, open INTEGER NOT NULL, at REAL NOT NULL, body BLOB NOT NULL)
  WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS documents_open ON documents (at) WHERE open = 1;
CREATE INDEX IF NOT EXISTS documents_at ON documents (at);
CREATE INDEX IF NOT EXISTS documents_session ON documents (session, at);
"""

_COLUMNS = "SELECT CAST(id AS TEXT), CAST(session AS TEXT), open, CAST(at AS REAL), CAST(body AS BLOB) FROM documents"
"""SQLite keeps whatever it is given; another program's row must not be in the way of ours."""

KNOWN_BY = {"meta": ("key", "value"), "documents": ("id", "session", "open", "at", "body")}

REQUESTS = Schema("requests", 0x63746D05, TABLES, KNOWN_BY)
PROMPTS = Schema("prompts", 0x63746D06, TABLES, KNOWN_BY)


class Document(msgspec.Struct, frozen=True):
    """One document. `open`: its owner works on it. `at`: when it began, unix seconds. `body`: JSON."""

    id: str
    session: str
    open: bool
    at: float
    body: bytes


def _mended(method: Callable[Concatenate[DocumentStore, P], R]) -> Callable[Concatenate[DocumentStore, P], R]:
    """The method; if the file turns out to be damaged, once more on a new one."""

    @wraps(method)
    def run(self: DocumentStore, /, *args: P.args, **more: P.kwargs) -> R:
        try:
            return method(self, *args, **more)
        except StoreDamaged as error:
            self.begin_anew(error)
            return method(self, *args, **more)

    return run


class DocumentStore(Watched):
    """The database. What was saved survives a kill of the process.

    Args:
        path: created with mode 0600. schema: one of those above.

    Raises:
        StoreUnavailable: locked, disk full, read-only. StoreNewer: a newer program made it.
    """

    def __init__(self, path: Path, schema: Schema) -> None:
        pragmas = (*PRAGMAS, f"PRAGMA busy_timeout = {int(LOCKED_S * 1000)}")
        super().__init__(path, partial(open_side_database, schema=schema, pragmas=pragmas))

    @_mended
    def opened(self) -> list[Document]:
        """The open documents, oldest first."""
        return self._select("WHERE open = 1 ORDER BY at", ())

    @_mended
    def get(self, id_: str) -> Document | None:
        """The document of that id, None if there is none (any more)."""
        found = self._select("WHERE id = ?", (id_,))
        return found[0] if found else None

    @_mended
    def newest(self, limit: int, session: str = "") -> list[Document]:
        """The newest documents, of one session or of all, newest first."""
        if session:
            return self._select("WHERE session = ? ORDER BY at DESC LIMIT ?", (session, limit))
        return self._select("ORDER BY at DESC LIMIT ?", (limit,))

    @_mended
    def cursor(self) -> int:
        """What `save` was told last; 0 if it never was."""
        row = self._run("SELECT value FROM meta WHERE key = 'cursor'").fetchone()
        return int(row[0]) if row is not None and str(row[0]).isdecimal() else 0

    @_mended
    def save(self, documents: Iterable[Document], cursor: int | None = None) -> None:
        """Write documents, each in the place of the one of its id, and the cursor; all of it or nothing.

        Raises:
            StoreUnavailable: it cannot be written now; nothing was.
        """
        rows = [(d.id, d.session, int(d.open), d.at, d.body) for d in documents]
        with self._writing():
            self.db.executemany("INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?, ?)", rows)
            if cursor is not None:
                self.db.execute("INSERT OR REPLACE INTO meta VALUES ('cursor', ?)", (str(cursor),))

    @_mended
    def prune(self) -> None:
        """Drop the oldest documents that are not open, beyond `KEEP_CLOSED`."""
        with self._writing():
            self.db.execute(
                "DELETE FROM documents WHERE open = 0 AND at < coalesce((SELECT at FROM documents WHERE open = 0"
                " ORDER BY at DESC LIMIT 1 OFFSET ?), 0)",
                (KEEP_CLOSED - 1,),
            )

    def _select(self, where: str, values: Sequence[object]) -> list[Document]:
        rows = self._run(f"{_COLUMNS} {where}", values).fetchall()
        return [Document(id_, session, bool(open_), at, body) for id_, session, open_, at, body in rows]

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """All of the block is kept, or nothing of it."""
        if self.detached:
            raise StoreUnavailable(self.detached)
        with written(), transaction(self.db):
            yield

    def _run(self, sql: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        if self.detached:
            raise StoreUnavailable(self.detached)
        with translated():
            return self.db.execute(sql, tuple(values))
