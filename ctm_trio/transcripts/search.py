"""Searching what was said: matches as the search of calls has them. Blocks."""

from __future__ import annotations

import json
import os
import re
import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence

from msgspec.structs import replace

from ctm_trio.model.conversation.entry import words
from ctm_trio.model.conversation.piece import (
    RESULT,
    ROLES,
    TOOL,
    Piece,
    call_key,
    entry_id,
    number_of,
    parse_entry_id,
    result_key,
)
from ctm_trio.model.search import SNIPPET_BEFORE, SNIPPET_CHARS, Match, SearchQuery, find, place_in, snippet
from ctm_trio.model.times import format_time
from ctm_trio.transcripts.lookup import TooMany, find_entries
from ctm_trio.transcripts.pieces import COLUMNS, Reader, Row
from ctm_trio.transcripts.schema import KEY_BITS, LAST_KEY, conversation_tag, first_key, last_key, match_id, role_tag

MAX_CONVERSATIONS = 200
"""Conversations of a session that are looked up by their tags; of more, the newest."""

_WHITE = re.compile(r"\s+")


def search_entries(
    query: SearchQuery,
    until_ms: int | None,
    names: Mapping[str, str],
    db: sqlite3.Connection,
    going_on: Callable[[], object] = lambda: None,
) -> tuple[list[Match], bool]:
    """Matches, newest first, at most `query.limit` of them, and whether there are more.

    An entry is there once, on whatever page: where the newest of its lines stands that has the text. Its copies in
    forks are such lines, and so is the result of a call.

    Args:
        until_ms: nothing later than this, for a page behind a call; None for no such bound.
        names: conversation → session.
        going_on: called before each text is read; what it raises ends the search.
    """
    tags = (role_tag(query.role),) if query.role else ()
    allowed = _allowed(db, query, names)
    any_of = None if allowed is None else [conversation_tag(id_) for id_ in allowed]
    low, high = _range(query, until_ms)
    top = _range(replace(query, before_key=None), None)[1]
    found: list[Match] = []
    seen: set[int] = set()
    if low > high:
        return [], False
    with Reader(db) as reader:
        candidates = find_entries(reader, query.text, tags=tags, any_of=any_of, low=low, high=high, going_on=going_on)
        try:
            for row, piece in candidates:
                number = _number(piece)
                if number in seen or (query.role and ROLES.get(piece.kind) != query.role):
                    continue
                if allowed is not None and row.conversation not in allowed:  # the key was that of another entry once
                    continue
                if _is_found_before(reader, row, piece, top, allowed, query.text.lower()):
                    continue
                if len(found) == query.limit:
                    return found, True
                seen.add(number)
                found.append(_match(db, row, piece, number, query.text, names))
        except TooMany:
            return found, True
    return found, False


def holders_of(entries: Sequence[str], db: sqlite3.Connection) -> dict[str, list[str]]:
    """The conversations that have each of these entries, by the ids on the wire."""
    rows = db.execute(
        "SELECT DISTINCT e.number, c.uuid FROM entries e JOIN conversations c ON c.id = e.conversation"
        " WHERE e.number IN (SELECT value FROM json_each(?))",
        (json.dumps([parse_entry_id(entry) for entry in entries]),),
    )
    found: dict[str, list[str]] = {}
    for number, uuid in rows:
        found.setdefault(entry_id(number), []).append(uuid)
    return found


def _is_found_before(
    reader: Reader, row: Row, piece: Piece, top: int, allowed: Collection[int] | None, wanted: str
) -> bool:
    """True if the same entry is found by a newer line, which a page before has, or this one."""
    numbers = [row.number]
    if piece.tool_use_id and piece.kind in (TOOL, RESULT):
        numbers = [number_of(key(piece.tool_use_id)) for key in (call_key, result_key)]
    found = reader.db.execute(
        f"SELECT {COLUMNS} FROM entries e WHERE e.number IN (SELECT value FROM json_each(?))"
        " AND e.key > ? AND e.key <= ? AND e.file > 0",
        (json.dumps(numbers), row.key, top),
    )
    newer = [one for one in (Row(*values) for values in found) if allowed is None or one.conversation in allowed]
    return any((other := reader.piece(one)) is not None and wanted in words(other).lower() for one in newer)


def _allowed(db: sqlite3.Connection, query: SearchQuery, names: Mapping[str, str]) -> list[int] | None:
    """The conversations that may be searched, None for all."""
    of_session = _conversations_of(db, query.session, names) if query.session else None
    if not query.conversation:
        return of_session
    named = [id_ for (id_,) in db.execute("SELECT id FROM conversations WHERE uuid = ?", (query.conversation,))]
    return [id_ for id_ in named if of_session is None or id_ in of_session]


def _conversations_of(db: sqlite3.Connection, session: str, names: Mapping[str, str]) -> list[int]:
    uuids = [uuid for uuid, name in names.items() if name == session]
    rows = db.execute(
        "SELECT id FROM conversations WHERE uuid IN (SELECT value FROM json_each(?)) ORDER BY ended DESC LIMIT ?",
        (json.dumps(uuids), MAX_CONVERSATIONS),
    )
    return [id_ for (id_,) in rows]


def _range(query: SearchQuery, until_ms: int | None) -> tuple[int, int]:
    """Keys from the one up to and with the other."""
    low = first_key(round(query.since * 1000)) if query.since is not None else 0
    high = LAST_KEY
    if query.until is not None:
        high = min(high, last_key(round(query.until * 1000)))
    if until_ms is not None:
        high = min(high, last_key(until_ms))
    if query.before_key is not None:
        high = min(high, query.before_key - 1)
    return low, high


def _number(piece: Piece) -> int:
    """The entry that a piece belongs to: a result is shown with its call."""
    return number_of(call_key(piece.tool_use_id)) if piece.kind == RESULT else piece.number


def _match(db: sqlite3.Connection, row: Row, piece: Piece, number: int, text: str, names: Mapping[str, str]) -> Match:
    named = db.execute("SELECT uuid, title, cwd FROM conversations WHERE id = ?", (row.conversation,))
    uuid, title, cwd = named.fetchone()
    agent = db.execute("SELECT name FROM names WHERE id = ?", (row.agent,)).fetchone() if row.agent else None
    whole = words(piece)
    if piece.kind == TOOL:
        found = snippet(whole, find(whole, text.lower()))
    else:
        found = _snippet(whole, place_in(whole, whole.lower().find(text.lower())))
    return Match(
        match_id(row.key),
        names.get(uuid, ""),
        uuid,
        format_time((row.key >> KEY_BITS) / 1000),
        piece.tool,
        piece.is_error,
        found,
        kind=TOOL if piece.kind == RESULT else piece.kind,
        entry=entry_id(number),
        tool_use_id=piece.tool_use_id,
        agent_id=agent[0] if agent else "",
        title=title,
        project=os.path.basename(cwd.rstrip("/")),
    )


def _snippet(text: str, at: int) -> str:
    """Some words around a position, on one line."""
    begin = max(0, at - SNIPPET_BEFORE)
    cut = text[begin : begin + SNIPPET_CHARS]
    front, back = "…" if begin else "", "…" if begin + SNIPPET_CHARS < len(text) else ""
    return f"{front}{_WHITE.sub(' ', cut).strip()}{back}"
