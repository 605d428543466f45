"""The journal: every event gets its id here, is committed, and only then reaches the streams.

One task owns the store, the window of recent events and every subscriber's cursor. It waits for nothing but its inbox
and its commit, so no cycle through it can block. Source: design of the event log, contract B1.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import NoReturn

import trio

from ctm_trio.channels import StateSender
from ctm_trio.fanout import FanOut, Subscriber, gap, missing
from ctm_trio.messages import (
    Attribute,
    Batch,
    EndStreams,
    Ingest,
    JournalMessage,
    JournalSnapshot,
    KnownSources,
    OpenSegment,
    Positions,
    Publish,
    Subscribe,
    Unsubscribe,
)
from ctm_trio.model.event import RING_EVENTS, Event
from ctm_trio.system.file_watch import watch_file
from ctm_trio.system.last_calls import last_call_at, newest_calls
from ctm_trio.system.replay import DEEP_EVENTS, read_replay
from ctm_trio.system.rescue import insert_what_can_be
from ctm_trio.system.stamping import draft_source, move_sources, relabel, stamp_draft, stamp_lines, unstored
from ctm_trio.system.store import (
    EventStore,
    Stamped,
    StoreDamaged,
    StoreUnavailable,
    checkpoint,
    ring_sizes,
    select_events,
)
from ctm_trio.system.threads import in_thread

log = logging.getLogger("ctm.journal")

INBOX = 256
"""Messages that wait for the journal. Senders wait when it is full: for a tailer the log file is the buffer."""

TURN_MESSAGES = 128
"""Messages taken in one turn: the size of a group commit."""

TURN_ROWS = 3000
"""And lines, at most about so many: a turn stays under a tenth of a second."""

BACKLOG_EVENTS = 20_000
"""Events kept in memory while the database cannot be written. Past it the journal takes nothing more."""

FLUSH_RETRY_S = 0.5
"""How often it is tried again meanwhile."""

BEHIND_RETRY_S = 0.004
"""How soon a full mailbox is tried again; more with many subscribers, see `fanout.gap`."""

WAL_FOLD_BYTES = 8 << 20
"""From this size on the write-ahead log is folded into the database, beside the commits."""

SNAPSHOT_SHARE = 20.0
"""With thousands of logs the counters take time: they are published after so many times as long as it took."""

SNAPSHOT_GAP_S = 0.05
"""Counters are published at once, but not more often than this: with many sessions they cost more than an event."""


async def run_journal(
    path: Path,
    inbox: trio.MemoryReceiveChannel[JournalMessage],
    state: StateSender[JournalSnapshot],
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> NoReturn:
    """Own the event log until cancelled. Closes the inbox and every mailbox at the end; the last batch is on disk.

    Raises:
        StoreDamaged: the database is no sound one; set it aside and start again, the logs rebuild it.
    """
    journal = Journal(path, state)
    await trio.to_thread.run_sync(journal.open, limiter=journal.writer)
    try:
        async with trio.open_nursery() as nursery:
            journal.nursery = nursery
            journal.publish_state(force=True)
            watch = partial(watch_file, journal.store, journal.writer, journal.say, lock=journal.file_lock)
            nursery.start_soon(watch, name="ctm: watch of the event log's file")
            task_status.started()
            with inbox:
                while True:
                    await journal.turn(inbox)
    finally:
        journal.fan.close()
        # Not abandoned: nobody may touch the database while the thread does. If the disk hangs, so does this, and
        # the process ends at the last bound of the stop (`hard_stop`).
        with trio.CancelScope(shield=True):
            await in_thread(journal.shut, limiter=journal.writer)
        state.publish(replace(state.latest, closed=not journal.pending))


Write = Publish | Ingest | Attribute | OpenSegment | Positions | KnownSources


class Journal:
    """State of the journal's task. Nobody else holds it."""

    def __init__(self, path: Path, state: StateSender[JournalSnapshot]) -> None:
        self.path = path
        self.state = state
        self.fan = FanOut()
        self.nursery: trio.Nursery
        self.store: EventStore
        self.writer = trio.CapacityLimiter(1)
        self.readers = trio.CapacityLimiter(2)
        self.pending: deque[tuple[Stamped, list[Event]]] = deque()
        self.pending_events = 0
        self.strays: list[tuple[Event, str]] = []
        """Events whose log is another session's by now, and that session: they are on the streams once, as they
        were announced, and are filed with their log."""
        self.degraded = ""
        self.file_problem = ""
        self.file_lock = trio.Lock()
        self.left_out, self.refusal = 0, ""
        self.flush_at = 0.0
        self.serve_at = 0.0
        self.waiting = False
        self.behind = False
        self.folding = False
        self.by_type: dict[str, int] = {}
        self.published = self.commits = self.skipped = self.unstored = 0
        self.ingest_s = self.fanout_s = 0.0
        self.state_at = 0.0
        self.subscribers_shown = 0

    def open(self) -> None:
        """Open the store and fill the window from it (in a thread)."""
        self.store = EventStore(self.path)
        self.store.last_calls = newest_calls(self.store.db, self.store.sources.values())
        self.fan.append(select_events(self.store.db, limit=RING_EVENTS))

    def shut(self) -> None:
        """Commit what is left and close (in a thread)."""
        if self.pending:
            with suppress(StoreUnavailable, StoreDamaged):  # the logs still have it; nothing else can be done now
                self.store.insert([stamped for stamped, _ in self.pending])
                self.pending.clear()
        self.store.close()

    # ------------------------------------------------------------ one turn

    async def turn(self, inbox: trio.MemoryReceiveChannel[JournalMessage]) -> None:
        """Take what has queued, commit it, hand it on."""
        messages: list[JournalMessage] = []
        commits = self.commits
        if self.pending_events >= BACKLOG_EVENTS:
            await trio.sleep_until(self.flush_at)
        else:
            with trio.move_on_at(self._wake_at()):
                messages.append(await inbox.receive())
            rows = 0
            while messages and len(messages) < TURN_MESSAGES and rows < TURN_ROWS:
                last = messages[-1]
                rows += len(last.batch.rows) if isinstance(last, Ingest) else 1
                try:
                    messages.append(inbox.receive_nowait())
                except trio.WouldBlock:
                    break
        writes = [m for m in messages if isinstance(m, Write)]
        if writes or (self.pending and trio.current_time() >= self.flush_at):
            await self._write(writes)
        for message in messages:
            if isinstance(message, Subscribe):
                self._subscribe(message)
            elif isinstance(message, Unsubscribe):
                self.fan.forget(message.to)
            elif isinstance(message, EndStreams):
                self.fan.close()
        self._serve()
        if messages or commits != self.commits or self.state_at < 0:
            self.publish_state()

    def _wake_at(self) -> float:
        wake = float("inf")
        if self.pending:
            wake = self.flush_at
        if self.waiting or self.behind:
            wake = min(wake, self.serve_at)
        if self.state_at < 0:
            wake = min(wake, -self.state_at)
        return wake

    async def _write(self, messages: list[Write]) -> None:
        started, started_at = perf_counter(), trio.current_time()
        due = not self.degraded or started_at >= self.flush_at
        events, answers = await in_thread(
            partial(self._commit, messages, due), limiter=self.writer, say=self._say_degraded
        )
        for answer in answers:
            answer()
        if self.degraded and due:  # tried, and in vain
            self.flush_at = trio.current_time() + FLUSH_RETRY_S
        for event in events:
            self.by_type[event.type] = self.by_type.get(event.type, 0) + 1
        self.published += len(events)
        self.fan.append(events)
        for event, session in self.strays:
            self.fan.refile(event.id, partial(relabel, session=session))
        self.strays.clear()
        self.ingest_s += perf_counter() - started
        if not self.folding and self.commits % 64 == 0 and self.store.wal_bytes() > WAL_FOLD_BYTES:
            self.folding = True
            self.nursery.start_soon(self._fold)

    def _commit(self, messages: list[Write], due: bool) -> tuple[list[Event], list[Callable[[], None]]]:
        """Stamp and commit (in the writer's thread). What cannot be committed now stays pending, with its ids.

        Args:
            messages: what to stamp.
            due: try to commit; False between two tries of a journal that is degraded.
        """
        announced = len(self.pending)
        fresh: list[Event] = []
        answers: list[Callable[[], None]] = []
        for message in messages:
            try:
                self._stamp(message, fresh, answers)
            except (TypeError, ValueError, OverflowError) as error:  # a value that cannot be encoded; one message
                log.exception("a message of type %s could not be recorded", type(message).__name__)
                self.left_out, self.refusal = self.left_out + 1, str(error)
        if self.pending and due:
            try:
                left, why = insert_what_can_be(self.store, [s for s, _ in self.pending], announced, fresh)
                self.left_out, self.refusal = self.left_out + left, why or self.refusal
            except StoreUnavailable as error:
                self.degraded = error.message
            else:
                self.degraded = ""
                self.commits += 1
                self.pending.clear()
                self.pending_events = 0
        return fresh, answers

    def _stamp(self, message: Write, fresh: list[Event], answers: list[Callable[[], None]]) -> None:
        """Give one message's events their ids, and hold them; what it asks is answered later."""
        store = self.store
        if isinstance(message, Ingest):
            self._hold(*stamp_lines(store, message.batch), fresh)
            self.skipped += message.batch.skipped
        elif isinstance(message, Publish):
            for d in message.drafts:
                source = draft_source(store, d.uuid, d.session, fleeting=d.fleeting)
                if source is None:
                    fresh.append(unstored(store, d.type, d.session, d.payload, d.ts))
                    self.unstored += 1
                    continue
                stamped, events = stamp_draft(store, source, d.type, d.session, d.payload, d.ts)
                self._hold(stamped, events, fresh)
                if d.session and source.session != d.session:
                    self.strays += [(event, source.session) for event in events]
        elif isinstance(message, Attribute):
            self._attribute(message, fresh)
        elif isinstance(message, OpenSegment):
            answers.append(partial(message.reply.ok, store.new_segment(message.uuid, message.kind)))
        elif isinstance(message, KnownSources):
            known = {u: (s.session, s.last_call_at) for u, s in store.sources.items()}
            answers.append(partial(message.reply.ok, known))
        else:
            found = store.positions(message.uuid, message.kind, [stamped for stamped, _ in self.pending])
            answers.append(partial(message.reply.ok, found))

    def _hold(self, stamped: Stamped, events: list[Event], fresh: list[Event]) -> None:
        self.pending.append((stamped, events))
        self.pending_events += len(events)
        fresh += events

    def _attribute(self, message: Attribute, fresh: list[Event]) -> None:
        moved, told = move_sources(self.store, message.uuid, message.session)
        self.pending.extend((Stamped([], [], {}, {source.id: source}), []) for source in moved)
        if told is not None:
            renew = partial(relabel, session=message.session)
            self.fan.relabel(told, renew)
            fresh[:] = [renew(event) if told(event) else event for event in fresh]

    def say(self, problem: str) -> None:
        """Publish what is wrong with the file, "" for nothing."""
        self.file_problem = problem
        self.publish_state(force=True)

    def _say_degraded(self, problem: str) -> None:
        self.degraded = problem
        self.publish_state(force=True)

    async def _fold(self) -> None:
        try:
            async with self.file_lock:
                await in_thread(partial(checkpoint, self.path), limiter=self.readers, abandon_on_cancel=True)
        finally:
            self.folding = False

    # ------------------------------------------------------------ subscribers

    def _subscribe(self, order: Subscribe) -> None:
        if not order.brisk and order.since is not None and order.since > self.store.last_id:
            # An id that was never given here: the client followed another history (a clock, another database), so
            # what it has missed cannot be told. It hears `lost` and gets everything that is held.
            order = replace(order, since=0, deep=False)
        if order.since == -1 or order.internal:
            events = [] if order.since is None else [e for e in self.fan.window if e.id > order.since >= 0]
            self._first(self.fan.add(order, ready=True), Batch(tuple(events), replay=True, cursor=self.store.last_id))
            return
        whole = sum(s.events for s in self.store.sources.values()) + self.unstored <= len(self.fan.recent)
        if order.sessions is None or whole:
            ring = self.fan.ring(order.sessions, order.types)
            lost = order.since is not None and bool(ring) and order.since < ring[0].id
            if not (order.deep and lost):
                events = ring if order.since is None or lost else [e for e in ring if e.id > order.since]
                batch = Batch(tuple(events), lost=lost, replay=True, cursor=self.store.last_id)
                self._first(self.fan.add(order, ready=True), batch)
                return
        held = [e for _, events in self.pending for e in events]
        self.nursery.start_soon(self._replay, order, self.fan.add(order, ready=False), self.store.last_id, held)

    async def _replay(self, order: Subscribe, subscriber: Subscriber, until: int, held: list[Event]) -> None:
        """Fetch a replay from the database, join what is `held` uncommitted, and start the subscriber's live tail."""
        read = partial(
            read_replay, sessions=order.sessions, types=order.types, since=order.since, until=until, deep=order.deep
        )
        try:
            try:
                stored, lost = await in_thread(partial(read, self.path), limiter=self.readers, abandon_on_cancel=True)
            except StoreUnavailable:  # the file may be gone; the writer has it open
                stored, lost = await in_thread(lambda: read(self.store.db), limiter=self.writer)
        except StoreUnavailable:
            stored, lost = [], order.since is not None
        stored += missing(stored, held, subscriber.filter, None if lost else order.since)
        limit = DEEP_EVENTS if order.deep and order.since is not None else RING_EVENTS
        self._first(subscriber, Batch(tuple(stored[-limit:]), lost=lost, replay=True, cursor=until))

    def _first(self, subscriber: Subscriber, batch: Batch) -> None:
        try:
            subscriber.to.send_nowait(batch)
        except (trio.WouldBlock, trio.BrokenResourceError, trio.ClosedResourceError):
            self.fan.drop(subscriber)
        else:
            subscriber.ready = True
            self.waiting = True

    def _serve(self) -> None:
        now = trio.current_time()
        started = perf_counter()
        if now < self.serve_at:
            self.fan.serve(now, brisk_only=True)
            self.waiting = True
        else:
            self.behind = self.fan.serve(now)
            self.waiting = False
            self.serve_at = now + max(gap(len(self.fan.subscribers)), BEHIND_RETRY_S if self.behind else 0.0)
        self.fanout_s += perf_counter() - started

    # ------------------------------------------------------------ counters

    def publish_state(self, *, force: bool = False) -> None:
        """Publish the counters, not more often than every `SNAPSHOT_GAP_S` unless `force`d."""
        now = trio.current_time()
        sources = self.store.sources
        if now < abs(self.state_at) and not force:
            self.state_at = -abs(self.state_at)
            return
        began = perf_counter()
        rings = ring_sizes(sources.values())
        left_out = f"{self.left_out} events could not be stored. {self.refusal}" if self.left_out else ""
        self.state.publish(
            JournalSnapshot(
                degraded=self.degraded or self.file_problem or left_out,
                published=self.published,
                dropped=self.fan.dropped,
                subscribers=sum(not s.brisk for s in self.fan.subscribers),
                backlog=self.pending_events,
                ring_sizes=rings,
                by_type=dict(self.by_type),
                last_call_at=last_call_at(sources.values(), self.store.last_calls),
                last_id=self.store.last_id,
                ingest_seconds=self.ingest_s,
                fanout_seconds=self.fanout_s,
                commits=self.commits,
                skipped_lines=self.skipped,
            )
        )
        self.state_at = now + min(max(SNAPSHOT_GAP_S, SNAPSHOT_SHARE * (perf_counter() - began)), 1.0)
