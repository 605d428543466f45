"""Ids for what is about to be committed: lines and drafts become events and database rows, in order."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import msgspec

from ctm_trio.journal.sources import Source
from ctm_trio.journal.store import CLOCK_TOP, EventStore, Stamped
from ctm_trio.model.event import HOOK_TYPE, MAX_ID, Event
from ctm_trio.model.log_line import LOGS, LineBatch, Row
from ctm_trio.model.payload import compose, strip_session
from ctm_trio.model.times import format_time
from ctm_trio.system.store_errors import StoreUsedUp

UNLOGGED = "session:"
"""How the key of a source begins that holds the events of a session without a log."""

_encode = msgspec.json.Encoder().encode


def stamp_lines(store: EventStore, batch: LineBatch) -> tuple[Stamped, list[Event]]:
    """Give the lines of one log their ids.

    A sub-agent's first line is preceded by its `subagent_start`. What repeats an event gets none; its position counts.
    Source: PROTOCOL.md, Events.
    """
    segment = batch.segment
    source = store.source(segment.uuid, "")
    session, source_id, uuid, segment_id = source.session, source.id, segment.uuid, segment.id
    head = b'{"session":%b,' % _encode(session)
    rows: list[tuple[object, ...]] = []
    hooks: list[tuple[object, ...]] = []
    events: list[Event] = []
    last, now_ns, last_call, last_id = store.last_id, time.time_ns, "", 0
    found: Sequence[Row] = batch.rows
    if last > MAX_ID - 2 * len(found):  # each line may be two events
        raise StoreUsedUp("The event log has run out of ids.")
    if segment.kind == LOGS:  # the calls are in there; hook events of the same log are compared with nothing
        if batch.anew:
            found = store.seen_all.new_of(store.db, source_id, segment_id, found)
        elif found or batch.end:
            store.seen_all.forget(source_id)
    for row in store.seen.first_of(source_id, found):
        agent = row.agent_id
        if agent and (source_id, agent) not in store.agents:
            starts = row.hook is None or row.hook.name == "SubagentStart"
            if starts and store.first_seen(source_id, agent):
                started = last = max(min(now_ns(), CLOCK_TOP), last + 1)
                tail = _encode({"agent_id": agent, "agent_type": row.agent_type, "ts": row.ts})[1:]
                rows.append(
                    (started, source_id, "subagent_start", row.ts, tail, "", 0, agent, row.agent_type, "", 0, 0, 0)
                )
                events.append(Event(started, "subagent_start", session, head + tail, row.ts, uuid, "", False, agent))
        id_ = now_ns()  # `EventStore.next_id`, without a call for each line
        if id_ > CLOCK_TOP:
            id_ = CLOCK_TOP
        if id_ <= last:
            id_ = last + 1
        last = id_
        if row.hook is not None:
            facts = _encode(row.hook)
            hooks.append((id_, source_id, row.tool, row.ts, facts, agent, segment_id, row.start, row.length))
            events.append(Event(id_, HOOK_TYPE, session, facts, row.ts, uuid, row.tool, False, agent, row.hook))
            continue
        rows.append(
            (id_, source_id, "tool_call", row.ts, row.tail, row.tool, row.is_error, agent, row.agent_type,
             row.tool_use_id, segment_id, row.start, row.length)
        )  # fmt: skip
        events.append(
            Event(
                id_, "tool_call", session, head + row.tail, row.ts, uuid, row.tool, row.is_error, agent, None,
                row.tool_use_id,
            )
        )  # fmt: skip
        last_call = row.ts
        last_id = id_
    store.last_id = last
    if last_call:
        source.last_call_at = last_call
        store.last_calls[source_id] = last_id
    source.events += len(rows)
    return Stamped(rows, hooks, {segment_id: segment}, {source_id: source}), events


def reads_back(store: EventStore, batch: LineBatch) -> bool:
    """True if all calls of a log have to be read back from the database before this batch is stamped."""
    if not batch.anew or not batch.rows or batch.segment.kind != LOGS:
        return False
    source = store.sources.get(batch.segment.uuid)
    return source is None or not store.seen_all.has(source.id, batch.segment.id)


def stamp_draft(
    store: EventStore, source: Source, type_: str, session: str, payload: bytes, ts: str
) -> tuple[Stamped, list[Event]]:
    """Give one event from another owner its id. Its time is now unless it has one."""
    id_ = store.next_id()
    ts = ts or format_time(time.time())
    source.events += 1
    row = (id_, source.id, type_, ts, strip_session(payload, session), "", 0, "", "", "", 0, 0, 0)
    uuid = "" if source.uuid.startswith(UNLOGGED) else source.uuid
    return Stamped([row], [], {}, {source.id: source}), [Event(id_, type_, session, payload, ts, uuid)]


def unstored(store: EventStore, type_: str, session: str, payload: bytes, ts: str) -> Event:
    """An event with an id that is never committed: it is told to who follows now, and gone with the next start."""
    return Event(store.next_id(), type_, session, payload, ts or format_time(time.time()), "")


def draft_source(store: EventStore, uuid: str, session: str, *, fleeting: bool = False) -> Source | None:
    """Where an event from another owner is filed: with its log, else with the session's newest log, else apart.

    Events without a log have sources called `session:NAME`; one that another session of that name had is not reused.

    Args:
        uuid, session: "" where unknown.
        fleeting: only with what is known already; None if there is nothing.
    """
    if not fleeting and (uuid or not session):
        return store.source(uuid, session)
    known = store.sources.get(uuid) if uuid else None
    if known is not None:
        return known
    mine = [source for source in store.sources.values() if session and source.session == session]
    if mine or fleeting:
        return max(mine, key=lambda source: source.id, default=None)
    key, n = f"{UNLOGGED}{session}", 0
    while key in store.sources:
        key, n = f"{UNLOGGED}{session}:{n}", n + 1
    return store.source(key, session)


def move_sources(store: EventStore, uuid: str, session: str) -> tuple[list[Source], Callable[[Event], bool] | None]:
    """Say that a log is that session's (`session:NAME`: what was published for that one without a log).

    Returns:
        The sources that changed, and which events have another session by it (None: no event can).
    """
    if uuid.startswith(UNLOGGED):
        old = uuid.removeprefix(UNLOGGED)
        moved = [s for s in store.sources.values() if s.session == old and s.uuid.startswith(UNLOGGED)]
        for source in moved:
            source.session = session
        return moved, (lambda event: not event.uuid and event.session == old) if moved else None
    known = uuid in store.sources
    source = store.source(uuid, session)
    if known and source.session == session:
        return [], None
    source.session = session
    return [source], (lambda event: event.uuid == uuid) if known else None


def relabel(event: Event, session: str) -> Event:
    """The event under its session's new name."""
    payload = compose(session, strip_session(event.payload, event.session))
    return Event(
        event.id, event.type, session, event.payload if event.type == HOOK_TYPE else payload, event.ts, event.uuid,
        event.tool, event.is_error, event.agent_id, event.hook, event.tool_use_id,
    )  # fmt: skip
