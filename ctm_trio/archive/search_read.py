"""Looking up the search index: trigrams first, then the text itself. Source: PROTOCOL.md, History, search, details."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from msgspec.structs import replace

from ctm_trio.archive.search_index import FAILED, INDEX, LAST_KEY, LOG, TOOL, first_key, last_key, tag
from ctm_trio.model.event import format_event_id
from ctm_trio.model.search import Match, Matches, SearchQuery, find, snippet, trigrams
from ctm_trio.model.times import parse_time
from ctm_trio.system.open_file import check_current
from ctm_trio.system.side_database import connect_reader
from ctm_trio.system.store_errors import StoreUnavailable, translate

MAX_CANDIDATES = 100_000
"""Texts compared for one search; past it the answer is truncated."""

MAX_TAGS = 100
"""Logs of a session looked up by their trigrams; of one with more, the rows are sifted instead."""

_FIND = (
    "SELECT d.id, d.source, d.text FROM words CROSS JOIN docs d ON d.key = words.rowid"
    " WHERE words MATCH ? AND words.rowid >= ? AND words.rowid <= ? ORDER BY words.rowid DESC"
)


def connect_search(path: Path, journal: Path) -> sqlite3.Connection:
    """A read-only connection to the index, with the event log attached as `journal`.

    Raises:
        StoreUnavailable, StoreDamaged: one of them cannot be opened.
    """
    db = connect_reader(path, INDEX)
    try:
        check_current(journal)
        db.execute("ATTACH ? AS journal", (f"{journal.absolute().as_uri()}?mode=ro",))
    except sqlite3.Error as error:
        db.close()
        raise translate(error) from error
    except StoreUnavailable:
        db.close()
        raise
    return db


def search(query: SearchQuery, db: sqlite3.Connection) -> Matches:
    """Look up a query on a connection of `connect_search`."""
    complete = _complete(db)
    logs = None
    if query.session:
        logs = {n for (n,) in db.execute("SELECT id FROM journal.sources WHERE session = ?", (query.session,))}
    words = _words(db, query, logs)
    low, high = _range(db, query)
    if words is None or low > high or "\0" in query.text:
        return Matches(query.text, [], False, complete)
    wanted = query.text.lower()
    found: list[Match] = []
    for seen, (id_, source, text) in enumerate(db.execute(_FIND, (words, low, high)), 1):
        at = find(text, wanted)
        if at >= 0 and (logs is None or source in logs):
            if len(found) == query.limit:
                return Matches(query.text, found, True, complete)
            found += _match(db, id_, snippet(text, at))
        if seen == MAX_CANDIDATES:
            return Matches(query.text, found, True, complete)
    return Matches(query.text, found, False, complete)


def found_calls(query: SearchQuery, calls: Mapping[str, Sequence[str]], db: sqlite3.Connection) -> frozenset[str]:
    """Which of some calls the search finds too, on whatever page.

    Args:
        calls: as the client names them, each with the uuids of the logs that it may be in.
    """
    uuids = {uuid for some in calls.values() for uuid in some}
    low, high = _range(db, replace(query, before=0))
    rows = db.execute(
        "SELECT e.id, e.ts, e.tool_use_id, s.session FROM journal.sources s JOIN journal.events e ON e.source = s.id"
        " WHERE s.uuid IN (SELECT value FROM json_each(?)) AND e.type = 'tool_call'"
        " AND e.tool_use_id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(uuids)), json.dumps(list(calls))),
    ).fetchall()
    found = set()
    for id_, ts, call, session in rows:
        start = first_key(parse_time(ts) or 0.0)
        if query.session in ("", session):
            texts = db.execute(
                "SELECT text FROM docs WHERE key >= ? AND key <= ? AND id = ?",
                (max(low, start), min(high, last_key(start)), id_),
            )
            if any(find(text, query.text.lower()) >= 0 for (text,) in texts):
                found.add(call)
    return frozenset(found)


def _words(db: sqlite3.Connection, query: SearchQuery, logs: set[int] | None) -> str | None:
    """The query for the index; None if a filter lets nothing through."""
    terms = [_quoted(t) for t in trigrams(query.text)]
    if query.tool:
        row = db.execute("SELECT id FROM tools WHERE name = ?", (query.tool,)).fetchone()
        if row is None:
            return None
        terms.append(_quoted(tag(TOOL, row[0])))
    if query.error:
        terms.append(_quoted(tag(FAILED)))
    if logs is not None:
        if not logs:
            return None
        if len(logs) <= MAX_TAGS:
            terms.append("(" + " OR ".join(_quoted(tag(LOG, n)) for n in sorted(logs)) + ")")
    words = " AND ".join(terms)
    return f"({words}) NOT {_quoted(tag(FAILED))}" if query.error is False else words


def _range(db: sqlite3.Connection, query: SearchQuery) -> tuple[int, int]:
    """Keys from the one up to and with the other."""
    low = first_key(query.since) if query.since is not None else 0
    high = last_key(first_key(query.until)) if query.until is not None else LAST_KEY
    if query.before:
        row = db.execute("SELECT ts FROM journal.events WHERE id = ?", (query.before,)).fetchone()
        start = first_key((parse_time(row[0]) if row is not None else None) or query.before / 1e9)
        same = db.execute(
            "SELECT key FROM docs WHERE key >= ? AND key <= ? AND id = ?", (start, last_key(start), query.before)
        ).fetchone()
        high = min(high, (same[0] if same is not None else start) - 1)
    return low, high


def _match(db: sqlite3.Connection, id_: int, text: str) -> Iterator[Match]:
    """The match of an event; none if the event log does not have it any more."""
    for session, uuid, ts, tool, is_error, call in db.execute(
        "SELECT s.session, s.uuid, e.ts, e.tool, e.is_error, e.tool_use_id FROM journal.events e"
        " JOIN journal.sources s ON s.id = e.source WHERE e.id = ?",
        (id_,),
    ):
        yield Match(
            format_event_id(id_), session, uuid, ts, tool, bool(is_error), text, kind="call", tool_use_id=call or ""
        )


def _complete(db: sqlite3.Connection) -> bool:
    """True if no tool call is newer than what is indexed. Looks at a few rows only."""
    row = db.execute("SELECT value FROM meta WHERE key = 'cursor'").fetchone()
    cursor = int(row[0]) if row is not None else 0
    newest = db.execute(
        "SELECT 1 FROM (SELECT type FROM journal.events WHERE id > ? ORDER BY id LIMIT 200) WHERE type = 'tool_call'",
        (cursor,),
    ).fetchone()
    return newest is None


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
