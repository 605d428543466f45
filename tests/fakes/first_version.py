"""The databases as the first version of this program made them. Their SQL is history: it is never changed."""

from __future__ import annotations

import sqlite3
from pathlib import Path

EVENT_LOG = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE sources (
  id INTEGER PRIMARY KEY, uuid TEXT NOT NULL UNIQUE, session TEXT NOT NULL,
  events INTEGER NOT NULL DEFAULT 0, last_call_at TEXT NOT NULL DEFAULT '');
CREATE INDEX sources_session ON sources (session);
CREATE TABLE segments (
  id INTEGER PRIMARY KEY, uuid TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, device INTEGER NOT NULL,
  inode INTEGER NOT NULL, position INTEGER NOT NULL, check_bytes BLOB NOT NULL, sealed INTEGER NOT NULL);
CREATE TABLE events (
  id INTEGER PRIMARY KEY, source INTEGER NOT NULL, type TEXT NOT NULL, ts TEXT NOT NULL, payload BLOB NOT NULL,
  tool TEXT NOT NULL, is_error INTEGER NOT NULL, agent_id TEXT NOT NULL, agent_type TEXT NOT NULL,
  tool_use_id TEXT NOT NULL, segment INTEGER NOT NULL, start INTEGER NOT NULL, length INTEGER NOT NULL);
CREATE INDEX events_source ON events (source, id);
CREATE INDEX events_attention ON events (source, id)
  WHERE type IN ('attention_raised', 'attention_cleared');
CREATE INDEX events_agent ON events (source, agent_id, id) WHERE agent_id <> '';
CREATE INDEX events_launch ON events (source, id) WHERE tool IN ('Agent', 'Task');
CREATE TABLE hooks (
  id INTEGER PRIMARY KEY, source INTEGER NOT NULL, name TEXT NOT NULL, ts TEXT NOT NULL, facts BLOB NOT NULL,
  agent_id TEXT NOT NULL, segment INTEGER NOT NULL, start INTEGER NOT NULL, length INTEGER NOT NULL);
CREATE INDEX hooks_source ON hooks (source, id);
CREATE INDEX hooks_agent ON hooks (source, agent_id, id) WHERE agent_id <> '';
INSERT INTO meta VALUES ('schema', '1');
"""

SEARCH = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE tools (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE docs (
  key INTEGER PRIMARY KEY, id INTEGER NOT NULL, source INTEGER NOT NULL, tool INTEGER NOT NULL,
  is_error INTEGER NOT NULL, text TEXT NOT NULL);
CREATE VIRTUAL TABLE words USING fts5 (
  text, log, tool, failed, content = '', tokenize = 'trigram', detail = none, columnsize = 0);
PRAGMA user_version = 2;
"""

COSTS = """
CREATE TABLE claude_sessions (
  id INTEGER PRIMARY KEY, uuid TEXT NOT NULL UNIQUE, session TEXT NOT NULL, input INTEGER NOT NULL,
  output INTEGER NOT NULL, cache INTEGER NOT NULL, micros INTEGER NOT NULL, source TEXT NOT NULL);
CREATE TABLE points (
  id INTEGER PRIMARY KEY, claude INTEGER NOT NULL, at REAL NOT NULL, model TEXT NOT NULL, input INTEGER NOT NULL,
  output INTEGER NOT NULL, cache INTEGER NOT NULL, micros INTEGER NOT NULL, source TEXT NOT NULL);
CREATE INDEX points_at ON points (at);
CREATE INDEX points_claude ON points (claude, at);
CREATE TABLE spent (
  day TEXT NOT NULL, claude INTEGER NOT NULL, model TEXT NOT NULL, source TEXT NOT NULL, micros INTEGER NOT NULL,
  PRIMARY KEY (day, claude, model, source)) WITHOUT ROWID;
PRAGMA user_version = 1;
"""

OUTBOX = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE deliveries (
  id INTEGER PRIMARY KEY, event TEXT NOT NULL, alert TEXT NOT NULL, session TEXT NOT NULL, body BLOB NOT NULL,
  created REAL NOT NULL, status TEXT NOT NULL, tries INTEGER NOT NULL DEFAULT 0, next_at REAL NOT NULL DEFAULT 0,
  last_status INTEGER, last_error TEXT NOT NULL DEFAULT '');
CREATE INDEX deliveries_waiting ON deliveries (session, id) WHERE status = 'pending';
CREATE INDEX deliveries_same ON deliveries (session, alert, event, created);
"""

UUID = "11111111-2222-4333-8444-555555555555"
FIRST_ID = 1_790_000_000_000_000_000


def make(path: Path, sql: str) -> None:
    """A database of the first version, empty, with its write-ahead log folded."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.executescript(sql)
    db.close()
    path.chmod(0o600)


def fill(path: Path, count: int, *, fold: bool = True) -> list[int]:
    """Tool calls of one log; their ids, in order. Without `fold` some of them are in the -wal alone.

    The -wal is made as a killed process leaves it: by copying the files while they are open.
    """
    ids = [FIRST_ID + n * 1000 for n in range(count)]
    work = path.with_name(path.name + ".making")
    make(work, EVENT_LOG)
    db = sqlite3.connect(work, isolation_level=None)
    db.execute("PRAGMA wal_autocheckpoint = 0")
    db.execute("INSERT INTO sources VALUES (1, ?, 'alpha', ?, '2026-09-21T00:00:00Z')", (UUID, count))
    for part in (ids[: count // 2], ids[count // 2 :]):
        db.execute("BEGIN")
        db.executemany(
            "INSERT INTO events VALUES (?, 1, 'tool_call', '2026-09-21T00:00:00Z', ?, 'Bash', 0, '', '', '', 0, 0, 0)",
            [(id_, b'"tool":"Bash","input":"m%d"}' % id_) for id_ in part],
        )
        db.execute("COMMIT")
        if part[0] == ids[0] or fold:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for suffix in ("",) if fold else ("", "-wal"):
        Path(f"{path}{suffix}").write_bytes(Path(f"{work}{suffix}").read_bytes())
        Path(f"{path}{suffix}").chmod(0o600)
    db.close()
    for suffix in ("", "-wal", "-shm"):
        Path(f"{work}{suffix}").unlink(missing_ok=True)
    return ids
