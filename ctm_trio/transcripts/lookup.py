"""Looking up whole texts: words by the index, then the text itself, read again from its transcript. Blocks."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Container, Iterator, Sequence

from ctm_trio.model.conversation.entry import words
from ctm_trio.model.conversation.piece import Piece
from ctm_trio.transcripts.pieces import COLUMNS, Reader, Row
from ctm_trio.transcripts.schema import LAST_KEY
from ctm_trio.transcripts.terms import TRIGRAM, words_of

MAX_CANDIDATES = 5000
"""Texts that are compared for one search at most."""

MAX_BYTES = 256 << 20
"""Bytes of lines that are read for one search at most, which takes the better part of a second: a line may have
megabytes."""

MAX_ROWS = 50_000
"""Rows that are gone through for one search at most, with those that need not be compared."""

MAX_FORMS = 800
"""A part of a word that occurs in more words than this is found in so many of them, and wherever it begins a word.
Each of them costs 40 µs."""


class TooMany(Exception):
    """A bound of the above was met, or words were left out for `MAX_FORMS`: there may be more matches."""


def find_entries(
    reader: Reader,
    text: str,
    *,
    tags: Sequence[str] = (),
    any_of: Sequence[str] | None = None,
    low: int = 0,
    high: int = LAST_KEY,
    besides: Container[int] = (),
    going_on: Callable[[], object] = lambda: None,
) -> Iterator[tuple[Row, Piece]]:
    """Entries (and results of calls) that have a text in them, in any case, newest first.

    Args:
        reader: reads them; what it has read counts among `MAX_BYTES`, be it for this or for the caller.
        text: looked for as it stands.
        tags: words of the column `tags` that each must have. any_of: and of which it must have one; None for any.
        low, high: bounds of the keys, inclusive.
        besides: ids of conversations that are left out; the caller may add some meanwhile.
        going_on: called before each text is read; what it raises ends the search.

    Raises:
        TooMany: behind the last match that was found.
    """
    db = reader.db
    query, whole = _expression(db, text, tags, any_of)
    if query is None:
        return
    wanted = text.lower()
    if query:
        rows = db.execute(
            f"SELECT {COLUMNS} FROM words CROSS JOIN entries e ON e.key = words.rowid WHERE words MATCH ?"
            " AND words.rowid >= ? AND words.rowid <= ? AND e.file > 0 ORDER BY words.rowid DESC",
            (query, low, high),
        )
    else:
        rows = db.execute(
            f"SELECT {COLUMNS} FROM entries e WHERE e.key >= ? AND e.key <= ? AND e.file > 0 ORDER BY e.key DESC",
            (low, high),
        )
    compared = 0
    for gone_through, values in enumerate(rows):
        row = Row(*values)
        if gone_through == MAX_ROWS or compared == MAX_CANDIDATES or reader.bytes >= MAX_BYTES:
            raise TooMany
        if row.conversation in besides:
            continue
        going_on()
        compared += 1
        piece = reader.piece(row)
        if piece is not None and wanted in words(piece).lower():
            yield row, piece
    if not whole:
        raise TooMany


def _expression(
    db: sqlite3.Connection, text: str, tags: Sequence[str], any_of: Sequence[str] | None
) -> tuple[str | None, bool]:
    """What is asked of the index; None if nothing can match, "" if anything may. And whether it finds every match."""
    parts = [f"tags : {_quoted(tag)}" for tag in tags]
    if any_of is not None:
        if not any_of:
            return None, True
        parts.append("(" + " OR ".join(f"tags : {_quoted(tag)}" for tag in any_of) + ")")
    words_ = words_of(text)
    if not words_:
        return " AND ".join(parts), True
    found, whole = _phrases(db, words_, whole_first=not text[:1].isalnum(), whole_last=not text[-1:].isalnum())
    if not found:
        return None, True
    parts.append("(" + " OR ".join(f"text : {phrase}" for phrase in found) + ")")
    return " AND ".join(parts), whole


def _phrases(
    db: sqlite3.Connection, asked: list[str], *, whole_first: bool, whole_last: bool
) -> tuple[list[str], bool]:
    """Phrases of which one occurs wherever the words do, the first and the last perhaps as parts of words.

    Returns:
        None of them if nothing can match. False: some were left out.
    """
    first = asked[0]
    end = "" if whole_last else " *"
    if len(asked) == 1:
        if whole_first:
            return [_quoted(first) + end], True
        forms, whole = _forms(db, first, end=whole_last)
        if whole and len(first) >= TRIGRAM:
            return [*map(_quoted, forms)], True
        if not whole:
            forms, whole = _forms(db, first, end=whole_last, inside=True)
        return [_quoted(first) + end, *map(_quoted, forms)], whole
    if whole_first:
        return [_quoted(" ".join(asked)) + end], True
    if len(first) >= TRIGRAM:
        forms, whole = _forms(db, first, end=True)
        if whole:
            return [_quoted(" ".join([form, *asked[1:]])) + end for form in forms], True
    return [_quoted(" ".join(asked[1:])) + end], True


def _forms(db: sqlite3.Connection, part: str, *, end: bool, inside: bool = False) -> tuple[list[str], bool]:
    """Words that have a part in them, or at their end, at most `MAX_FORMS`; and whether these are all.

    Of more, half are those that came up last, and half those that came up first: the newest transcripts are read first
    when an index is made, and what is used often came up early.

    Args:
        inside: without those that are found as they are, because they begin with the part, or are it.
    """
    trigrams = " AND ".join(_quoted(part[i : i + 3]) for i in range(len(part) - 2))
    condition = "substr(t.term, -length(:part)) = :part" if end else "instr(t.term, :part)"
    if inside:
        condition += " AND t.term <> :part" if end else " AND substr(t.term, 1, length(:part)) <> :part"
    terms, key = "terms t WHERE", "t.id"
    if trigrams:
        terms = "term_parts CROSS JOIN terms t ON t.id = term_parts.rowid WHERE term_parts MATCH :trigrams AND"
        key = "term_parts.rowid"  # in the order of `t.id` all of them would be sorted

    def some(order: str, limit: int) -> list[str]:
        query = f"SELECT t.term FROM {terms} {condition} ORDER BY {key} {order} LIMIT :limit"
        return [term for (term,) in db.execute(query, {"trigrams": trigrams, "part": part, "limit": limit})]

    newest = some("DESC", MAX_FORMS + 1)
    if len(newest) <= MAX_FORMS:
        return newest, True
    half = MAX_FORMS // 2
    return list(dict.fromkeys(newest[: MAX_FORMS - half] + some("ASC", half))), False


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
