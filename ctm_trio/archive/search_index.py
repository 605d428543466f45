"""The search index: trigrams of every tool call in a database of its own, so that its writes never lock the journal's.

It follows the event log by id and keeps its own cursor: it can stop anywhere, and goes on there. A row's key is its
time in milliseconds with a number behind it, so that the newest come first without sorting.
Source: PROTOCOL.md, History, search, details.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from ctm_trio.archive.log_lines import LineReader, place_of
from ctm_trio.journal.file import event_reader
from ctm_trio.model.odd_json import looks_like_object
from ctm_trio.model.search import text_of_line, text_of_payload
from ctm_trio.model.times import parse_time
from ctm_trio.system.bulk_insert import insert_rows, inserts
from ctm_trio.system.file_watch import Watched
from ctm_trio.system.migration import Schema
from ctm_trio.system.open_file import OpenFile, is_current, reading
from ctm_trio.system.side_database import open_side_database
from ctm_trio.system.store_errors import DamageMet, StoreDamaged, StoreUnavailable, translate
from ctm_trio.system.transaction import transaction

TABLES = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tools (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS docs (
  key INTEGER PRIMARY KEY, id INTEGER NOT NULL, source INTEGER NOT NULL, tool INTEGER NOT NULL,
  is_error INTEGER NOT NULL, text TEXT NOT NULL);
-- `log`, `tool` and `failed` have one trigram each (see `tag`): filters are looked up like words.
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5 (
  text, log, tool, failed, content = '', tokenize = 'trigram', detail = none, columnsize = 0);
"""

INDEX = Schema(
    what="search index",
    application_id=0x63746D02,
    tables=TABLES,
    known_by={
        "meta": ("key", "value"),
        "tools": ("id", "name"),
        "docs": ("key", "id", "source", "tool", "is_error", "text"),
        "words": ("text", "log", "tool", "failed"),
    },
    first=2,
    unmarked=2,
)

KEY_BITS = 20
MAX_MS = (1 << 43) - 1
"""A key is a time in ms (what is later counts as the year 2248) and a number among those of that time."""

LAST_KEY = (MAX_MS + 1 << KEY_BITS) - 1
"""The largest that SQLite can hold: a bound above it would not fit its integers, so bounds are inclusive."""

STEP_ROWS = 2000
"""Calls indexed in one transaction: about a quarter of a second."""

HASH_SIZE = ("hashsize", 8 << 20)
"""Of FTS5: the words of a step are one segment."""

MERGING, BULK = (("automerge", 8), ("crisismerge", 16)), (("automerge", 0), ("crisismerge", 64))
"""How FTS5 merges segments: as they come, or, while there is much to index, later (see `SearchIndex.step`)."""

MERGE_PAGES = 500
"""Merged in one step, once all calls are indexed: some 2 MB."""

OPEN_FILES = 16

_EVENTS = (
    "SELECT e.id, e.source, e.ts, e.tool, e.is_error, e.payload, g.uuid, g.name, g.device, g.inode, e.start, e.length"
    " FROM events e LEFT JOIN segments g ON g.id = e.segment"
    " WHERE e.id > ? AND e.type = 'tool_call' ORDER BY e.id LIMIT ?"
)

PUT_DOCS, PUT_WORDS = inserts("docs", 6), inserts("words (rowid, text, log, tool, failed)", 5)

Tuning = tuple[tuple[str, int], ...]
"""Options of FTS5, or orders to it, and their values."""

Doc = tuple[int, int, int, int, int, str]
"""A row of `docs`."""


def tag(kind: str, number: int = 0) -> str:
    """A trigram that no text has (private-use characters), for a log, a tool, or a failure."""
    return chr(0xE000 + number % 2048) + chr(0xE800 + number // 2048 % 2048) + kind


LOG, TOOL, FAILED = "\uf000", "\uf001", "\uf002"


def first_key(unix_s: float) -> int:
    """The smallest key of a time in unix seconds."""
    return min(max(round(unix_s * 1000), 0), MAX_MS) << KEY_BITS


def last_key(first: int) -> int:
    """The largest key of the time whose smallest is `first`."""
    return first | (1 << KEY_BITS) - 1


class SearchIndex(Watched):
    """The index's writer. One thread at a time.

    Args:
        path: of the index. journal: of the event log's database. logs: the directory of the logs.

    `cursor` is the id of the last event indexed, `count` how many calls this object has indexed.

    Raises:
        StoreUnavailable: one of the databases cannot be opened now. StoreDamaged: the index must be set aside.
    """

    has_words = True

    def __init__(self, path: Path, journal: Path, logs: Path) -> None:
        super().__init__(path, _open)
        self._journal_path = journal
        self._lines = LineReader(logs, keep=OPEN_FILES)
        self.count = 0
        self._journal: sqlite3.Connection | None = None
        self._tuned: Tuning = MERGING
        try:
            self.db.execute("INSERT OR IGNORE INTO meta VALUES ('cursor', '0')")
            (text,) = self.db.execute("SELECT value FROM meta WHERE key = 'cursor'").fetchone()
            self.cursor = int(text)
            self._tools = self._known_tools()
            if not self._is_known(self.cursor):
                self._forget()
        except sqlite3.Error as error:
            self.close()
            raise translate(error) from error
        except ValueError as error:
            self.close()
            raise StoreDamaged(f"The search index has a position that is not a number: {error}") from error
        except BaseException:  # whatever it is, nobody else could close the connections
            self.close()
            raise

    def step(self, limit: int = STEP_ROWS, going_on: Callable[[], object] = lambda: None) -> bool:
        """Index the next calls, at most `limit`. True if there is more to do at once.

        While there are many, segments are left as they are, which is a quarter faster, and merged in the steps after.

        Args:
            going_on: called before each line is read, which may take long; what it raises ends the step, and nothing
                of that is in the index.

        Raises:
            StoreUnavailable: nothing of this step is in the index; try again later.
            StoreDamaged: the index is damaged.
        """
        rows = self._read(limit)
        try:
            if rows:
                texts = self._texts(rows, going_on)
                self._insert(rows, texts)
                self.cursor = int(str(rows[-1][0]))
                self.count += len(rows)
            if len(rows) < limit:
                return self._merge()
            if limit >= STEP_ROWS:
                self._tune(BULK)
            return True
        except sqlite3.Error as error:
            raise translate(error) from error

    def close(self) -> None:
        """Close the files and the connections."""
        self._lines.close()
        if self._journal is not None:
            self._journal.close()
        super().close()

    def _tune(self, how: Tuning) -> None:
        if how is not self._tuned:
            _set(self.db, how)
            self._tuned = how

    def _merge(self) -> bool:
        """Merge some of the segments that were left; True if there may be more."""
        if self._tuned is MERGING:
            return False
        before = self.db.total_changes
        _set(self.db, (("merge", MERGE_PAGES),))
        if self.db.total_changes - before > 1:  # else it has only taken the order, as FTS5 documents it
            return True
        self._tune(MERGING)
        return False

    def _read(self, limit: int) -> list[tuple[object, ...]]:
        """The next calls of the event log."""
        with self._event_log() as journal:
            return journal.execute(_EVENTS, (self.cursor, limit)).fetchall()

    def _is_known(self, event_id: int) -> bool:
        """True if the event log has this event, or if it is 0, before all of them."""
        with self._event_log() as journal:
            return (
                not event_id or journal.execute("SELECT 1 FROM events WHERE id = ?", (event_id,)).fetchone() is not None
            )

    @contextmanager
    def _event_log(self) -> Iterator[sqlite3.Connection]:
        """A connection to the event log as it is now. Whatever is wrong with that file, the index is not to blame.

        Raises:
            StoreUnavailable: it cannot be read now.
        """
        try:
            with reading(self._journal_path):
                if self._journal is None or self._journal_was_replaced():
                    if self._journal is not None:
                        self._journal.close()
                    self._journal = event_reader(self._journal_path)
                    self._journal_file = OpenFile(self._journal_path)
                yield self._journal
        except (sqlite3.Error, DamageMet) as error:
            raise StoreUnavailable(f"The event log cannot be read: {error}") from error

    def _journal_was_replaced(self) -> bool:
        return (
            not self._journal_file.is_ours() and os.path.exists(self._journal_path) and is_current(self._journal_path)
        )

    def _forget(self) -> None:
        """The event log was rebuilt, its ids are new: begin again."""
        with transaction(self.db):
            self.db.execute("INSERT INTO words (words) VALUES ('delete-all')")
            self.db.execute("DELETE FROM docs")
            self.db.execute("UPDATE meta SET value = '0' WHERE key = 'cursor'")
        self.cursor = 0

    def _texts(self, rows: Sequence[tuple[object, ...]], going_on: Callable[[], object]) -> list[str]:
        """What is searched of each row: from its log line, or, if that is gone, from the row."""
        texts = [""] * len(rows)
        order = sorted(range(len(rows)), key=lambda i: (str(rows[i][6]), str(rows[i][7]), int(str(rows[i][10]))))
        for i in order:
            going_on()
            _, _, _, tool, _, payload, *place = rows[i]
            text = None
            if place[0] is not None:
                head = b'"' + str(tool).encode() + b'"'
                line = self._lines.read(place_of(place), partial(_names, head))
                text = text_of_line(line) if line is not None else None
            texts[i] = (text if text is not None else text_of_payload(payload)).replace("\0", " ")
        return texts

    def _insert(self, rows: Sequence[tuple[object, ...]], texts: list[str]) -> None:
        db = self.db
        try:
            with transaction(db):
                docs = self._docs(rows, texts)
                insert_rows(db, PUT_DOCS, docs)
                words = [
                    (key, text, tag(LOG, source), tag(TOOL, tool), tag(FAILED) if error else "")
                    for key, _, source, tool, error, text in docs
                ]
                insert_rows(db, PUT_WORDS, words)
                db.execute("UPDATE meta SET value = ? WHERE key = 'cursor'", (str(rows[-1][0]),))
        except BaseException:  # it is raised again
            self._tools = {}  # numbers that were given out in this step are in no table
            raise

    def _docs(self, rows: Sequence[tuple[object, ...]], texts: list[str]) -> list[Doc]:
        """Rows for `docs`, in the order of their keys."""
        free: dict[int, int] = {}
        docs: list[Doc] = []
        for row, text in zip(rows, texts, strict=True):
            low = first_key(parse_time(str(row[2])) or 0.0)
            if low not in free:
                (last,) = self.db.execute(
                    "SELECT max(key) FROM docs WHERE key >= ? AND key <= ?", (low, last_key(low))
                ).fetchone()
                free[low] = low if last is None else last + 1
            docs.append(
                (free[low], int(str(row[0])), int(str(row[1])), self._tool(str(row[3])), int(bool(row[4])), text)
            )
            free[low] += 1
        docs.sort()
        return docs

    def _known_tools(self) -> dict[str, int]:
        return {name: number for number, name in self.db.execute("SELECT id, name FROM tools")}

    def _tool(self, name: str) -> int:
        if not self._tools:
            self._tools = self._known_tools()
        found = self._tools.get(name)
        if found is None:
            found = self._tools[name] = max(self._tools.values(), default=0) + 1
            self.db.execute("INSERT OR REPLACE INTO tools VALUES (?, ?)", (found, name))
        return found


def _open(path: Path) -> sqlite3.Connection:
    db = open_side_database(path, INDEX)
    _set(db, (HASH_SIZE, *MERGING))
    return db


def _set(db: sqlite3.Connection, options: Tuning) -> None:
    """Give FTS5 orders, each in a transaction of its own."""
    for option, value in options:
        db.execute("INSERT INTO words (words, rank) VALUES (?, ?)", (option, value))


def _names(tool: bytes, line: bytes) -> bool:
    """True if a line is an object that has the tool's name (in quotes) in it."""
    return looks_like_object(line) and tool in line
