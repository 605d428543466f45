"""Pages of a conversation: one session's conversations in one order, each entry once. Blocks."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from ctm_trio.errors.conversations import UnknownEntry
from ctm_trio.model.conversation.asked import Page, WantedEntries
from ctm_trio.model.conversation.entry import entry_view
from ctm_trio.model.conversation.piece import RESULT, TOOL, Image, Piece, call_key, number_of, parse_entry_id
from ctm_trio.model.times import format_time
from ctm_trio.transcripts.file_state import Fresh
from ctm_trio.transcripts.pieces import COLUMNS, Reader, Row, rows_of
from ctm_trio.transcripts.schema import KEY_BITS, LAST_KEY, RESULT_NUMBER

EXPORT_ENTRIES = 200
"""Entries read at once for an export."""

PAGE_BYTES = 16 << 20
"""Of longer lines, with those of results, a page has fewer entries: some are tens of megabytes each."""

MOST_EMPTY = 100
"""Pages that are looked through for an entry that can be read."""

_NEXT = (
    "(SELECT n.message FROM entries n WHERE n.conversation = e.conversation AND n.agent = e.agent AND n.key > e.key"
    f" AND n.kind <> {RESULT_NUMBER} AND n.file > 0 ORDER BY n.key LIMIT 1)"
)
_SEEN_BEFORE = (
    "EXISTS (SELECT 1 FROM entries o INDEXED BY entries_by_number WHERE o.number = e.number AND o.key < e.key"
    " AND o.agent = e.agent AND o.file > 0 AND o.conversation IN (SELECT value FROM json_each(:chain)))"
)


def _query(newest_first: bool) -> str:
    bound, order = ("<", "DESC") if newest_first else (">", "ASC")
    return (
        f"SELECT {COLUMNS}, coalesce({_NEXT}, 0) FROM entries e"
        f" WHERE e.conversation = :conversation AND e.agent = :agent AND e.key {bound} :key"
        f" AND e.kind <> {RESULT_NUMBER} AND e.file > 0 AND NOT {_SEEN_BEFORE}"
        f" ORDER BY e.key {order} LIMIT :limit"
    )


_OF_NUMBERS = (
    f"SELECT c.uuid, coalesce(a.name, ''), {COLUMNS}, coalesce({_NEXT}, 0) FROM entries e"
    " JOIN conversations c ON c.id = e.conversation LEFT JOIN names a ON a.id = e.agent AND e.agent > 0"
    " WHERE e.number IN (SELECT value FROM json_each(?)) AND e.file > 0"
)
_BEFORE, _AFTER = _query(True), _query(False)


def read_page(wanted: WantedEntries, db: sqlite3.Connection) -> Page:
    """A page.

    Raises:
        UnknownEntry: `before` or `after` is no entry of these.
    """
    chain = _chain(db, wanted.uuids)
    agent = _agent(db, wanted.agent_id)
    if not chain or agent is None:
        if wanted.before or wanted.after:
            raise UnknownEntry
        return Page([], False, "")
    backwards = not wanted.after
    text = wanted.before or wanted.after
    key = _key(db, chain, agent, text) if text else LAST_KEY
    views, key = _entries(db, chain, agent, key, wanted, backwards=backwards)
    if backwards:
        views.reverse()
    return Page(views, bool(views and key), _title(db, wanted.uuids))


class Told(msgspec.Struct, frozen=True):
    """An entry that is new, or has its result now, as a page has it."""

    session: str
    view: dict[str, Any]


def views_of(db: sqlite3.Connection, fresh: Sequence[tuple[str, Fresh]]) -> list[Told]:
    """What is told of new pieces, in their order; a call again with its result.

    Args:
        fresh: of which session each is.
    """
    numbers: dict[tuple[str, int], str] = {}
    for session, one in fresh:
        piece = one.piece
        number = number_of(call_key(piece.tool_use_id)) if piece.kind == RESULT else piece.number
        numbers[one.uuid, number] = session
    rows = db.execute(_OF_NUMBERS, (json.dumps([number for _, number in numbers]),))
    found = {(uuid, values[1]): (Row(*values), agent) for uuid, agent, *values in rows}
    wanted = [(session, *found[key]) for key, session in numbers.items() if key in found]
    told = []
    with Reader(db) as reader:
        pieces = {row.key: (piece, result) for row, piece, result in reader.with_results([row for _, row, _ in wanted])}
    for session, row, agent in wanted:
        if row.key in pieces:
            piece, result = pieces[row.key]
            told.append(Told(session, _view(row, piece, result, agent)))
    return told


def next_entries(wanted: WantedEntries, key: int, db: sqlite3.Connection) -> tuple[list[dict[str, Any]], int]:
    """The next entries behind a key, for an export, and the key to go on from; 0 when there are no more."""
    chain, agent = _chain(db, wanted.uuids), _agent(db, wanted.agent_id)
    if not chain or agent is None:
        return [], 0
    return _entries(db, chain, agent, key, replace(wanted, limit=EXPORT_ENTRIES), backwards=False)


def image_of(entry: str, index: int, db: sqlite3.Connection) -> Image:
    """An image of an entry.

    Raises:
        UnknownEntry: there is none.
    """
    number = parse_entry_id(entry)
    rows = list(rows_of(db, {number: 0})) if number is not None else []
    with Reader(db) as reader:
        for _, piece, result in reader.with_results(rows):
            images = (result.images if result is not None else ()) if piece.kind == TOOL else piece.images
            if index < len(images):
                return images[index]
    raise UnknownEntry


def _chain(db: sqlite3.Connection, uuids: Sequence[str]) -> list[int]:
    rows = db.execute(
        "SELECT id FROM conversations WHERE uuid IN (SELECT value FROM json_each(?))", (json.dumps(uuids),)
    )
    return [id_ for (id_,) in rows]


def _agent(db: sqlite3.Connection, agent_id: str) -> int | None:
    """The number of a sub-agent, 0 for the main thread, None if nobody knows it."""
    if not agent_id:
        return 0
    row = db.execute("SELECT id FROM names WHERE name = ?", (agent_id,)).fetchone()
    return None if row is None else int(row[0])


def _key(db: sqlite3.Connection, chain: Sequence[int], agent: int, entry: str) -> int:
    number = parse_entry_id(entry)
    row = db.execute(
        "SELECT min(key) FROM entries WHERE number = ? AND agent = ? AND file > 0"
        " AND conversation IN (SELECT value FROM json_each(?))",
        (number, agent, json.dumps(chain)),
    ).fetchone()
    if row[0] is None:
        raise UnknownEntry
    return int(row[0])


def _entries(
    db: sqlite3.Connection, chain: Sequence[int], agent: int, key: int, wanted: WantedEntries, *, backwards: bool
) -> tuple[list[dict[str, Any]], int]:
    """The next entries from a key on, in the direction of reading, and the key to go on from; 0 at the end.

    Where all lines are gone, or cannot be read now, it goes on: nobody could go on from a page without entries.
    """
    for _ in range(MOST_EMPTY):
        rows = _rows(db, chain, agent, key, wanted.limit + 1, backwards=backwards)
        views, taken = _views(db, rows[: wanted.limit], wanted.agent_id)
        if taken == len(rows):
            return views, 0
        key = rows[taken - 1].key
        if views:
            break
    return views, key


def _rows(
    db: sqlite3.Connection, chain: Sequence[int], agent: int, key: int, limit: int, *, backwards: bool
) -> list[Row]:
    """The next rows of all conversations from a key on, in the direction of reading."""
    found: list[Row] = []
    for conversation in chain:
        values = {
            "conversation": conversation, "agent": agent, "key": key, "limit": limit, "chain": json.dumps(chain),
        }  # fmt: skip
        found += [Row(*row) for row in db.execute(_BEFORE if backwards else _AFTER, values)]
    found.sort(key=lambda row: row.key, reverse=backwards)
    return found[:limit]


def _views(db: sqlite3.Connection, rows: Sequence[Row], agent_id: str) -> tuple[list[dict[str, Any]], int]:
    """The entries of the first of these rows, in their order, and how many rows that are."""
    with Reader(db) as reader:
        found, taken = reader.with_results_within(rows, PAGE_BYTES)
        return [_view(row, piece, result, agent_id) for row, piece, result in found], taken


def _view(row: Row, piece: Piece, result: Piece | None, agent_id: str) -> dict[str, Any]:
    ts = format_time((row.key >> KEY_BITS) / 1000)
    return entry_view(piece, ts=ts, turn=row.turn, agent_id=agent_id, result=result, whole=row.whole)


def _title(db: sqlite3.Connection, uuids: Sequence[str]) -> str:
    row = db.execute(
        "SELECT title FROM conversations WHERE uuid IN (SELECT value FROM json_each(?)) ORDER BY ended DESC LIMIT 1",
        (json.dumps(uuids),),
    ).fetchone()
    return row[0] if row is not None else ""
