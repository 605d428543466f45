"""Lines of hook events, read back from their logs, and the events that came while nobody followed. Blocking."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec

from ctm_trio.archive.log_lines import LineReader, place_of
from ctm_trio.journal.file import event_reader
from ctm_trio.model.decoding import BAD_JSON
from ctm_trio.model.event import HOOK_TYPE, Event, HookFacts
from ctm_trio.system.open_file import reading
from ctm_trio.system.store_errors import translated

MAX_MISSED = 20_000
"""Events that are read back at most; of more the newest."""

_facts = msgspec.json.Decoder(HookFacts)


def hook_line(database: Path, directory: Path, id_: int) -> bytes | None:
    """The line of a hook event, None if its log is gone.

    Args:
        database: the event log. directory: of the hook events' logs. id_: of the event.

    Raises:
        StoreUnavailable: the database cannot be read.
    """
    with reading(database), closing(event_reader(database)) as db, translated():
        row = db.execute(
            "SELECT h.name, g.uuid, g.name, g.device, g.inode, h.start, h.length"
            " FROM hooks h JOIN segments g ON g.id = h.segment WHERE h.id = ?",
            (id_,),
        ).fetchone()
    if row is None:
        return None
    name, *place = row
    with LineReader(directory) as reader:
        return reader.read(place_of(place), lambda line: str(name).encode() in line)


def missed_events(database: Path, after: int) -> list[Event]:
    """The tool calls and hook events after an id, in their order; the newest `MAX_MISSED` of them.

    Raises:
        StoreUnavailable: the database cannot be read.
    """
    with reading(database), closing(event_reader(database)) as db, translated():
        found = [*_calls(db, after), *_hooks(db, after)]
    return sorted(found, key=lambda event: event.id)[-MAX_MISSED:]


def _calls(db: sqlite3.Connection, after: int) -> list[Event]:
    rows = db.execute(
        "SELECT e.id, s.session, e.ts, s.uuid, e.tool, e.is_error, e.agent_id, e.tool_use_id FROM events e"
        " JOIN sources s ON s.id = e.source WHERE e.id > ? AND e.type = 'tool_call' ORDER BY e.id DESC LIMIT ?",
        (after, MAX_MISSED),
    ).fetchall()
    return [
        Event(id_, "tool_call", session, b"{}", ts, uuid, tool, bool(is_error), agent, None, use)
        for id_, session, ts, uuid, tool, is_error, agent, use in rows
    ]


def _hooks(db: sqlite3.Connection, after: int) -> list[Event]:
    rows = db.execute(
        "SELECT h.id, s.session, h.ts, s.uuid, h.name, h.agent_id, h.facts FROM hooks h"
        " JOIN sources s ON s.id = h.source WHERE h.id > ? ORDER BY h.id DESC LIMIT ?",
        (after, MAX_MISSED),
    ).fetchall()
    found = []
    for id_, session, ts, uuid, name, agent, facts in rows:
        try:
            read = _facts.decode(facts)
        except (*BAD_JSON, TypeError):
            continue  # one row that nobody can read hides no other
        found.append(Event(id_, HOOK_TYPE, session, facts, ts, uuid, name, False, agent, read))
    return found
