"""What the event log still knows of some sessions: their last calls and hook events, and an alert that is not over."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import msgspec

from ctm_trio.journal.file import event_reader
from ctm_trio.journal.select import newest_id, sources_of
from ctm_trio.model.activity import Remembered
from ctm_trio.model.attention import Attention
from ctm_trio.model.decoding import BAD_JSON
from ctm_trio.model.event import HookFacts
from ctm_trio.model.line_order import RACE_S
from ctm_trio.model.payload import sessionless
from ctm_trio.model.times import parse_time
from ctm_trio.system.open_file import reading
from ctm_trio.system.store_errors import translated

HOOKS_A_SESSION = 60
"""Hook events read back of each log: enough to find the last question or the last end of a turn."""


class Recalled(msgspec.Struct, frozen=True):
    """What was found, by session name; `events` in the order of their ids. `last_id`: nothing newer is in it."""

    last_id: int = 0
    events: dict[str, list[Remembered]] = msgspec.field(default_factory=dict)
    raised: dict[str, Attention] = msgspec.field(default_factory=dict)
    """The state that was announced last and not cleared since."""
    statuses: dict[str, Mapping[str, object]] = msgspec.field(default_factory=dict)
    """What the last `status_changed` said."""


class _Raised(msgspec.Struct):
    state: str
    since: str
    details: str = ""


_facts = msgspec.json.Decoder(HookFacts)
_raised = msgspec.json.Decoder(_Raised)


def recall(path: Path, sessions: frozenset[str], calls: int) -> Recalled:
    """Read it, all at the same moment. Blocking: call it in a thread.

    Args:
        path: of the database.
        sessions: names.
        calls: how many of each log's newest tool calls.

    Raises:
        StoreUnavailable: the database cannot be read. DamageMet: it seems damaged, and its writer was told.
    """
    with reading(path), closing(event_reader(path)) as db, translated():
        return _recall(db, sessions, calls)


def _recall(db: sqlite3.Connection, sessions: frozenset[str], calls: int) -> Recalled:
    db.execute("BEGIN")
    found = Recalled(newest_id(db))
    for session in sessions:
        sources = sources_of(db, [session])
        events = [*_calls(db, sources, calls), *_hooks(db, sources)]
        if events:
            found.events[session] = sorted(events, key=lambda event: event.id)
        raised = _last_alert(db, sources)
        if raised is not None:
            found.raised[session] = raised
        status = _last(db, sources, "status_changed")
        if status is not None:
            found.statuses[session] = status
    return found


def recall_log(path: Path, uuid: str, calls: int) -> list[Remembered]:
    """The newest calls and hook events of one log, in the order of their ids. Blocking; raises as `recall` does."""
    with reading(path), closing(event_reader(path)) as db, translated():
        sources = [row[0] for row in db.execute("SELECT id FROM sources WHERE uuid = ?", (uuid,)).fetchall()]
        return sorted([*_calls(db, sources, calls), *_hooks(db, sources)], key=lambda event: event.id)


def _last(db: sqlite3.Connection, sources: list[int], type_: str) -> Mapping[str, object] | None:
    """The payload of the newest event of a type, without its session; None if there is none."""
    rows = [
        row
        for source in sources
        for row in db.execute(
            "SELECT id, payload FROM events WHERE source = ? AND type = ? ORDER BY id DESC LIMIT 1", (source, type_)
        ).fetchall()
    ]
    if not rows:
        return None
    try:
        found: Mapping[str, object] = msgspec.json.decode(sessionless(max(rows)[1]), type=dict)
    except BAD_JSON:
        return None
    return found


def _calls(db: sqlite3.Connection, sources: list[int], calls: int) -> list[Remembered]:
    return [
        Remembered(id_, uuid, *_written(db, id_, ts), None, bool(is_error), tool, agent_id)
        for source in sources
        for id_, uuid, ts, is_error, tool, agent_id in db.execute(
            "SELECT e.id, s.uuid, e.ts, e.is_error, e.tool, e.agent_id FROM events e JOIN sources s ON s.id = e.source"
            " WHERE e.source = ? AND e.type = 'tool_call' ORDER BY e.id DESC LIMIT ?",
            (source, calls),
        ).fetchall()
    ]


def _hooks(db: sqlite3.Connection, sources: list[int]) -> list[Remembered]:
    found = []
    for source in sources:
        for id_, uuid, ts, facts in db.execute(
            "SELECT h.id, s.uuid, h.ts, h.facts FROM hooks h JOIN sources s ON s.id = h.source"
            " WHERE h.source = ? ORDER BY h.id DESC LIMIT ?",
            (source, HOOKS_A_SESSION),
        ).fetchall():
            try:
                found.append(Remembered(id_, uuid, *_written(db, id_, ts), _facts.decode(facts)))
            except (*BAD_JSON, TypeError):
                continue  # one row that nobody can read hides no other
    return found


def _written(db: sqlite3.Connection, id_: int, ts: str) -> tuple[float, bool]:
    """When a line was written, in unix seconds, and whether it was read late.

    An id is the time at which the line was received, but for those that were given out after the clock was set back:
    each of them is the one before and one. What is not known to be late is not.
    """
    came, written = id_ / 1e9, parse_time(ts)
    if written is None or came - written <= RACE_S:
        return came if written is None else written, False
    counted = db.execute(
        "SELECT EXISTS (SELECT 1 FROM events WHERE id = ?) OR EXISTS (SELECT 1 FROM hooks WHERE id = ?)",
        (id_ - 1, id_ - 1),
    ).fetchone()[0]
    return written, not counted


def _last_alert(db: sqlite3.Connection, sources: list[int]) -> Attention | None:
    last = max(
        (
            row
            for source in sources
            for row in db.execute(
                "SELECT id, type, payload FROM events WHERE source = ?"
                " AND type IN ('attention_raised', 'attention_cleared') ORDER BY id DESC LIMIT 1",
                (source,),
            ).fetchall()
        ),
        default=None,
    )
    if last is None or last[1] != "attention_raised":
        return None
    try:
        raised = _raised.decode(sessionless(last[2]))
    except BAD_JSON:
        return None
    return Attention(raised.state, raised.since, raised.details)
