"""The tables of `ctm-trio.db`, the event log."""

from __future__ import annotations

from ctm_trio.system.migration import Schema

TABLES = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

-- A log (by its Claude session id) and the session it belongs to now. Events without a log belong to the source
-- of their session's log, or to 'session:NAME', or to ''. `events` and `last_call_at` are of the events up to the id
-- in `meta` (counted), so that a start counts only what came after it.
CREATE TABLE IF NOT EXISTS sources (
  id INTEGER PRIMARY KEY, uuid TEXT NOT NULL UNIQUE, session TEXT NOT NULL,
  events INTEGER NOT NULL DEFAULT 0, last_call_at TEXT NOT NULL DEFAULT '');
CREATE INDEX IF NOT EXISTS sources_session ON sources (session);

-- How far each file is read. Committed together with the events that came from it.
CREATE TABLE IF NOT EXISTS segments (
  id INTEGER PRIMARY KEY, uuid TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, device INTEGER NOT NULL,
  inode INTEGER NOT NULL, position INTEGER NOT NULL, check_bytes BLOB NOT NULL, sealed INTEGER NOT NULL,
  head BLOB NOT NULL DEFAULT x'');

-- Public events. `id` is the nanoseconds of the event id. `payload` lacks the leading session key, so that a
-- renamed session costs one small UPDATE of `sources`; (segment, start, length) is the line in the unpacked file.
CREATE TABLE IF NOT EXISTS events (
  id INTEGER PRIMARY KEY, source INTEGER NOT NULL, type TEXT NOT NULL, ts TEXT NOT NULL, payload BLOB NOT NULL,
  tool TEXT NOT NULL, is_error INTEGER NOT NULL, agent_id TEXT NOT NULL, agent_type TEXT NOT NULL,
  tool_use_id TEXT NOT NULL, segment INTEGER NOT NULL, start INTEGER NOT NULL, length INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS events_source ON events (source, id);
CREATE INDEX IF NOT EXISTS events_attention ON events (source, id)
  WHERE type IN ('attention_raised', 'attention_cleared');
CREATE INDEX IF NOT EXISTS events_status ON events (source, id) WHERE type = 'status_changed';
CREATE INDEX IF NOT EXISTS events_agent ON events (source, agent_id, id) WHERE agent_id <> '';
CREATE INDEX IF NOT EXISTS events_launch ON events (source, id) WHERE tool IN ('Agent', 'Task');

-- Claude Code's other hook events: not on the streams, read by attention and for sub-agents. Ids interleave.
CREATE TABLE IF NOT EXISTS hooks (
  id INTEGER PRIMARY KEY, source INTEGER NOT NULL, name TEXT NOT NULL, ts TEXT NOT NULL, facts BLOB NOT NULL,
  agent_id TEXT NOT NULL, segment INTEGER NOT NULL, start INTEGER NOT NULL, length INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS hooks_source ON hooks (source, id);
CREATE INDEX IF NOT EXISTS hooks_agent ON hooks (source, agent_id, id) WHERE agent_id <> '';
"""

EVENT_COLUMNS = 13
HOOK_COLUMNS = 9

PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    # A commit survives a killed process; after a power cut the logs are read again from the last synced position.
    "PRAGMA synchronous = NORMAL",
    # Checkpoints are made beside the commits (`EventStore.fold`), not inside one that somebody waits for.
    "PRAGMA wal_autocheckpoint = 0",
    "PRAGMA journal_size_limit = 67108864",
    "PRAGMA cache_size = -8000",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA mmap_size = 0",
)

ADD_HEADS = """
ALTER TABLE segments ADD COLUMN head BLOB NOT NULL DEFAULT x'';
UPDATE meta SET value = '2' WHERE key = 'schema';
"""
"""Schema 2: how the files begin; of those that were read before it is not known."""

ADD_STATUS = """
CREATE INDEX IF NOT EXISTS events_status ON events (source, id) WHERE type = 'status_changed';
UPDATE meta SET value = '3' WHERE key = 'schema';
"""
"""Schema 3: the last status of a session is found without a walk through its calls."""

EVENT_LOG = Schema(
    what="event log",
    application_id=0x63746D01,
    # The row says to a program of the first version, which knows no `user_version`, that it cannot write to the file.
    tables=TABLES + "INSERT OR IGNORE INTO meta VALUES ('schema', '3');\n",
    known_by={
        "meta": ("key", "value"),
        "sources": ("id", "uuid", "session", "events", "last_call_at"),
        "segments": ("id", "uuid", "kind", "name", "device", "inode", "position", "check_bytes", "sealed"),
        "events": ("id", "source", "type", "ts", "payload", "tool", "segment", "start", "length"),
        "hooks": ("id", "source", "name", "ts", "facts", "segment", "start", "length"),
    },
    steps=(ADD_HEADS, ADD_STATUS),
)
