"""The tables of the index of conversations.

An entry's `key` is its time in ms with a number behind it: the order in which entries stand. Within a file that time
never goes back, so their order is the file's. `number` is the same for all copies of an entry (`model.conversation`).
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from ctm_trio.model.conversation.entry import KINDS
from ctm_trio.model.conversation.piece import RESULT
from ctm_trio.system.migration import Schema
from ctm_trio.system.side_database import PRAGMAS, open_side_database

TABLES = """
CREATE TABLE IF NOT EXISTS conversations (
  id INTEGER PRIMARY KEY, uuid TEXT NOT NULL UNIQUE, title TEXT NOT NULL, rank INTEGER NOT NULL, cwd TEXT NOT NULL,
  started INTEGER NOT NULL, ended INTEGER NOT NULL, prompts INTEGER NOT NULL, input INTEGER NOT NULL,
  output INTEGER NOT NULL, cache_creation INTEGER NOT NULL, cache_read INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS conversations_by_end ON conversations (ended);
CREATE TABLE IF NOT EXISTS names (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
-- `conversation` 0: not known yet. `tail`: of the bytes before `position`. `at`: ms of its newest line.
CREATE TABLE IF NOT EXISTS files (
  id INTEGER PRIMARY KEY, path BLOB NOT NULL UNIQUE, conversation INTEGER NOT NULL, agent INTEGER NOT NULL,
  device INTEGER NOT NULL, inode INTEGER NOT NULL, position INTEGER NOT NULL, tail BLOB NOT NULL,
  at INTEGER NOT NULL, turn INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS files_of_conversation ON files (conversation);
-- `file` below 0: it was there, and the file has been written anew since. `agent` 0: the main thread.
CREATE TABLE IF NOT EXISTS entries (
  key INTEGER PRIMARY KEY, number INTEGER NOT NULL, conversation INTEGER NOT NULL, agent INTEGER NOT NULL,
  file INTEGER NOT NULL, start INTEGER NOT NULL, length INTEGER NOT NULL, kind INTEGER NOT NULL,
  turn INTEGER NOT NULL, message INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS entries_in_order ON entries (conversation, agent, key);
CREATE INDEX IF NOT EXISTS entries_by_number ON entries (number);
-- `copied` 1: all of its lines are copies of another conversation's, as far as they say.
CREATE TABLE IF NOT EXISTS messages (
  conversation INTEGER NOT NULL, number INTEGER NOT NULL, agent INTEGER NOT NULL, model INTEGER NOT NULL,
  day INTEGER NOT NULL, input INTEGER NOT NULL, output INTEGER NOT NULL, cache_creation INTEGER NOT NULL,
  cache_read INTEGER NOT NULL, copied INTEGER NOT NULL DEFAULT 1,
  PRIMARY KEY (conversation, number)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS messages_by_number ON messages (number, conversation);
CREATE TABLE IF NOT EXISTS terms (id INTEGER PRIMARY KEY, term TEXT NOT NULL UNIQUE);
CREATE VIRTUAL TABLE IF NOT EXISTS term_parts USING fts5 (
  term, content = '', tokenize = 'trigram', detail = none, columnsize = 0);
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5 (
  text, tags, content = '', tokenize = 'unicode61 remove_diacritics 0', columnsize = 0);
"""

_ADD_COPIED = """
ALTER TABLE messages ADD COLUMN copied INTEGER NOT NULL DEFAULT 1;
UPDATE files SET position = 0, tail = x'', at = 0, turn = 0;
"""
"""Schema 2: `copied`. The lines say it, so all are read again; no entry of them is new then."""

CONVERSATIONS = Schema(
    what="index of conversations",
    application_id=0x63746D09,
    tables=TABLES,
    known_by={"files": ("path", "position"), "entries": ("key", "number"), "words": ("text", "tags")},
    steps=(_ADD_COPIED,),
)

KEY_BITS = 20
"""A key is ms << this, with a number among those of that ms behind it."""

MAX_MS = 7_258_118_399_999
"""The end of 2199: a later time counts as this one, and no key comes near the largest number."""

LAST_KEY = (1 << 63) - 1

KIND_NUMBERS = {kind: number for number, kind in enumerate((*KINDS, RESULT))}
RESULT_NUMBER = KIND_NUMBERS[RESULT]


def open_conversations(path: Path) -> sqlite3.Connection:
    """The writer's connection."""
    db = open_side_database(path, CONVERSATIONS, PRAGMAS)
    db.execute("INSERT INTO words (words, rank) VALUES ('hashsize', ?)", (8 << 20,))
    return db


def first_key(ms: int) -> int:
    """The smallest key of a time in ms."""
    return min(max(ms, 0), MAX_MS) << KEY_BITS


def last_key(ms: int) -> int:
    """The largest key of a time in ms."""
    return first_key(ms + 1) - 1 if ms < MAX_MS else LAST_KEY


def match_id(key: int) -> str:
    """A key in the shape of an event's id: nanoseconds, and a number above 0, which no event has."""
    return f"{(key >> KEY_BITS) * 1_000_000}-{(key & (1 << KEY_BITS) - 1) + 1}"


def match_key(id_: str) -> int:
    """The key that `match_id` made an id of."""
    ns, _, number = id_.partition("-")
    return (int(ns) // 1_000_000 << KEY_BITS) + int(number) - 1


def conversation_tag(id_: int) -> str:
    """The word by which the entries of a conversation are found."""
    return f"c{id_}"


def role_tag(role: str) -> str:
    """The word by which the entries of a role are found."""
    return f"r{role}"
