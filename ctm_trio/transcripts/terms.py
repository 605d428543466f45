"""The words that occur, each once, so that parts of words can be looked up. A part leads to words, words to entries."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable

MIN_CHARS, MAX_CHARS = 2, 256
"""Words of other lengths are found as they are, not by their parts."""

TRIGRAM = 3
"""Parts of so many characters are looked up; for shorter ones all words are looked at."""

_WORD = re.compile(r"[^\W_]+")


def words_of(text: str) -> list[str]:
    """The words of a text in lower case. The index gets no more of it: FTS5 takes newer characters for letters."""
    return _WORD.findall(text.lower())


def new_terms(db: sqlite3.Connection, texts: Iterable[Iterable[str]]) -> None:
    """Add the words of texts that are not known yet, in their order."""
    found = dict.fromkeys(word for words in texts for word in words)
    terms = [term for term in found if MIN_CHARS <= len(term) <= MAX_CHARS]
    if not terms:
        return
    (last,) = db.execute("SELECT coalesce(max(id), 0) FROM terms").fetchone()
    db.execute(
        "INSERT OR IGNORE INTO terms (term) SELECT value FROM json_each(?)", (json.dumps(terms, ensure_ascii=False),)
    )
    db.execute("INSERT INTO term_parts (rowid, term) SELECT id, term FROM terms WHERE id > ?", (last,))
