"""What the event log still knows of some sessions: their last calls and hook events, and an alert that is not over."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from ctm_trio.model.attention import Attention
from ctm_trio.model.event import HookFacts
from ctm_trio.system.store import open_database, sources_of, translate

HOOKS_A_SESSION = 60
"""Hook events read back of each log: enough to find the last question or the last end of a turn."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """A tool call or (with `hook`) a hook event as it is stored. `id` is the event's, `ts` RFC 3339."""

    id: int
    ts: str
    hook: HookFacts | None = None
    is_error: bool = False
    tool: str = ""
    agent_id: str = ""


@dataclass(frozen=True, slots=True)
class Recalled:
    """What was found, by session name; `events` in the order of their ids. `last_id`: nothing newer is in it."""

    last_id: int = 0
    events: dict[str, list[Remembered]] = field(default_factory=dict)
    raised: dict[str, Attention] = field(default_factory=dict)
    """The state that was announced last and not cleared since."""


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
        StoreUnavailable, StoreDamaged: the database cannot be read.
    """
    db = open_database(path, read_only=True)
    try:
        db.execute("BEGIN")
        newest = db.execute(
            "SELECT max((SELECT coalesce(max(id), 0) FROM events), (SELECT coalesce(max(id), 0) FROM hooks))"
        ).fetchone()[0]
        found = Recalled(newest)
        for session in sessions:
            sources = sources_of(db, [session])
            events = [*_calls(db, sources, calls), *_hooks(db, sources)]
            if events:
                found.events[session] = sorted(events, key=lambda event: event.id)
            raised = _last_alert(db, sources)
            if raised is not None:
                found.raised[session] = raised
        return found
    except sqlite3.Error as error:
        raise translate(error) from error
    finally:
        db.close()


def _calls(db: sqlite3.Connection, sources: list[int], calls: int) -> list[Remembered]:
    return [
        Remembered(id_, ts, None, bool(is_error), tool, agent_id)
        for source in sources
        for id_, ts, is_error, tool, agent_id in db.execute(
            "SELECT id, ts, is_error, tool, agent_id FROM events WHERE source = ? AND type = 'tool_call'"
            " ORDER BY id DESC LIMIT ?",
            (source, calls),
        ).fetchall()
    ]


def _hooks(db: sqlite3.Connection, sources: list[int]) -> list[Remembered]:
    return [
        Remembered(id_, ts, _facts.decode(facts))
        for source in sources
        for id_, ts, facts in db.execute(
            "SELECT id, ts, facts FROM hooks WHERE source = ? ORDER BY id DESC LIMIT ?", (source, HOOKS_A_SESSION)
        ).fetchall()
    ]


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
    payload = last[2] if isinstance(last[2], bytes) else str(last[2]).encode()
    raised = _raised.decode(payload if payload.startswith(b"{") else b"{" + payload)
    return Attention(raised.state, raised.since, raised.details)
