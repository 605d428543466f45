"""What the database knows of a log's sub-agents, summed up once and then kept up to date by what is new.

The cost of a look is that of the rows since the last look, never that of the log.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path

import msgspec

from ctm_trio.archive.log_lines import LineReader, place_of
from ctm_trio.model.decoding import BAD_JSON
from ctm_trio.model.detail import agent_of
from ctm_trio.model.event import HookFacts
from ctm_trio.model.odd_json import looks_like_object
from ctm_trio.model.payload import sessionless
from ctm_trio.model.subagent import AgentFacts
from ctm_trio.model.times import parse_time

KEPT_AGENTS = 50_000
"""Sub-agents that are remembered of all these logs together; past it those of the log that was asked for longest ago
are summed up anew when they are asked for."""

KEPT_LOGS = 128
"""Logs whose sums are kept; past it the one not asked for the longest is summed up anew when it is asked for."""

_CALLS = (
    "SELECT agent_id, min(id), max(id), count(*), sum(is_error), min(rtrim(ts, 'Z')), max(rtrim(ts, 'Z')),"
    " max(agent_type) FROM events INDEXED BY {index}"
    " WHERE source = ? AND agent_id <> '' AND id > ? AND type = 'tool_call' GROUP BY agent_id"
)
_HOOKS = (
    "SELECT id, name, ts, agent_id, facts FROM hooks INDEXED BY hooks_source WHERE source = ? AND id > ?"
    " AND name IN ('SubagentStart', 'SubagentStop', 'SessionEnd') ORDER BY id"
)
_LAUNCHES = (
    "SELECT e.id, e.agent_id, e.ts, e.payload, s.uuid, g.name, g.device, g.inode, e.start, e.length"
    " FROM events e INDEXED BY events_launch JOIN sources s ON s.id = e.source JOIN segments g ON g.id = e.segment"
    " WHERE e.source = ? AND e.id > ? AND e.tool IN ('Agent', 'Task') AND e.is_error = 0 ORDER BY e.id"
)


class _Input(msgspec.Struct):
    input: str = ""


class LogAgents(msgspec.Struct):
    """The sub-agents of one log up to an event and a hook row. `ended`: id and unix time of its last SessionEnd."""

    agents: dict[str, AgentFacts] = {}
    event: int = 0
    hook: int = 0
    ended: tuple[int, float] = (0, 0.0)


class AgentBook:
    """Sums for the logs that were asked for. Thread-safe.

    Args:
        logs: the directory of the logs, for the lines of `Agent` calls.
    """

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._kept: OrderedDict[int, LogAgents] = OrderedDict()
        self._lock = threading.Lock()

    def look(self, db: sqlite3.Connection, sources: list[int]) -> list[LogAgents]:
        """The sub-agents of these logs as of now: copies, which the caller may keep."""
        with self._lock:
            found = []
            db.execute("BEGIN")
            try:
                for source in sources:
                    book = self._kept.pop(source, None) or LogAgents()
                    self._catch_up(db, source, book)
                    self._kept[source] = book
                    found.append(LogAgents({k: msgspec.structs.replace(a) for k, a in book.agents.items()}))
                    found[-1].ended = book.ended
            finally:
                db.execute("COMMIT")
            while len(self._kept) > KEPT_LOGS or sum(len(book.agents) for book in self._kept.values()) > KEPT_AGENTS:
                self._kept.popitem(last=False)
            return found

    def _catch_up(self, db: sqlite3.Connection, source: int, book: LogAgents) -> None:
        newest, newest_hook = db.execute(
            "SELECT (SELECT max(id) FROM events WHERE source = ?), (SELECT max(id) FROM hooks WHERE source = ?)",
            (source, source),
        ).fetchone()
        if newest is not None and newest > book.event:
            index = "events_source" if book.event else "events_agent"
            for row in db.execute(_CALLS.format(index=index), (source, book.event)).fetchall():
                self._add_calls(db, book, row)
            self._add_launches(db.execute(_LAUNCHES, (source, book.event)).fetchall(), book)
            book.event = newest
        if newest_hook is not None and newest_hook > book.hook:
            for row in db.execute(_HOOKS, (source, book.hook)):
                _add_hook(book, *row)
            book.hook = newest_hook

    def _add_calls(self, db: sqlite3.Connection, book: LogAgents, row: tuple[object, ...]) -> None:
        agent_id, first, last, calls, errors, first_ts, last_ts, type_ = row
        facts = book.agents.setdefault(str(agent_id), AgentFacts(str(agent_id)))
        if not facts.calls:
            (payload,) = db.execute("SELECT payload FROM events WHERE id = ?", (first,)).fetchone()
            facts.first_words = _input_of(payload)
        # The newest line may have an earlier time than another: the clock was set.
        (newest_ts,) = db.execute("SELECT ts FROM events WHERE id = ?", (last,)).fetchone()
        begin, end = _seconds(f"{first_ts}Z"), _seconds(f"{last_ts}Z")
        facts.first_at = min(facts.first_at or begin, begin)
        facts.last_at = max(facts.last_at, end)
        facts.newest_at = _seconds(newest_ts)
        facts.calls += int(str(calls))
        facts.errors += int(str(errors))
        facts.last_call = int(str(last))
        facts.type = facts.type or str(type_)

    def _add_launches(self, rows: list[tuple[object, ...]], book: LogAgents) -> None:
        """Join agents with the `Agent` calls that started them, whose lines name them."""
        for caller, ts, payload, line in self._lines(rows):
            agent_id = agent_of(line)
            if agent_id:
                facts = book.agents.setdefault(agent_id, AgentFacts(agent_id))
                facts.launch_at = _seconds(ts)
                facts.launched_by = caller or None
                facts.description = _input_of(payload)

    def _lines(self, rows: list[tuple[object, ...]]) -> Iterator[tuple[str, str, object, bytes]]:
        with LineReader(self._logs) as reader:
            for _, caller, ts, payload, *place in rows:
                line = reader.read(place_of(place), looks_like_object)
                if line is not None and b'"agentId"' in line:
                    yield str(caller), str(ts), payload, line


def _add_hook(book: LogAgents, id_: int, name: str, ts: str, agent_id: str, stored: bytes) -> None:
    at = _seconds(ts)
    if name == "SessionEnd":
        book.ended = (id_, at)
        return
    if not agent_id:
        return
    facts = book.agents.setdefault(agent_id, AgentFacts(agent_id))
    try:
        told = msgspec.json.decode(stored, type=HookFacts)
    except (*BAD_JSON, TypeError):
        told = HookFacts(name)  # a damaged row still tells that it began or ended
    facts.type = told.agent_type or facts.type
    if name == "SubagentStart":
        facts.start, facts.start_at = id_, facts.start_at or at
    else:
        facts.stop, facts.stop_at, facts.last_words = id_, at, told.text or facts.last_words


def _input_of(payload: object) -> str:
    """The input of a stored call, "" of a damaged one."""
    try:
        return msgspec.json.decode(sessionless(payload), type=_Input).input
    except BAD_JSON:
        return ""


def _seconds(ts: str) -> float:
    return parse_time(ts) or 0.0
