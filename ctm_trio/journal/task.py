"""The journal: every event gets its id here, is committed, and only then is handed on.

One task owns the store. It waits for nothing but its inbox and its commit, so no cycle through it can block; it knows
no reader (see `journal.tail`). Source: PROTOCOL.md, Events.
"""

from __future__ import annotations

import logging
import math
from contextlib import suppress
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import NoReturn

import trio
from msgspec.structs import replace

from ctm_trio.core.channels import Figures, StateSender
from ctm_trio.core.threads import in_thread
from ctm_trio.errors.orders import Unavailable
from ctm_trio.journal.backlog import Backlog
from ctm_trio.journal.counts import Counts
from ctm_trio.journal.last_calls import newest_calls
from ctm_trio.journal.replay import read_replay, read_ring
from ctm_trio.journal.rescue import insert_what_can_be
from ctm_trio.journal.seen_all import is_stored
from ctm_trio.journal.stamping import reads_back, relabel
from ctm_trio.journal.store import EventStore
from ctm_trio.journal.tail import EventSender
from ctm_trio.messages.journal import Ingest, IsStored, JournalCounters, JournalMessage, JournalSnapshot, ReadReplay
from ctm_trio.system.file_watch import watch_file
from ctm_trio.system.mounts import may_hang
from ctm_trio.system.store_errors import StoreDamaged, StoreUnavailable

log = logging.getLogger("ctm.journal")

INBOX = 256
"""Messages that wait for the journal. Senders wait when it is full: for a tailer the log file is the buffer."""

TURN_MESSAGES = 128
"""Messages taken in one turn: the size of a group commit."""

TURN_ROWS = 3000
"""And lines, at most about so many: a turn stays under a tenth of a second."""

LOOP_ROWS = 16
"""A turn of so few lines is committed on the loop: that takes a quarter of the time of a round through a thread."""

LOOP_COMMIT_S, THREAD_S = 0.005, 1.0
"""When a commit on the loop takes longer than this, or the database is locked, the thread has the commits for a
second: a slow disk must not hold up everybody. On a file system that may hang the thread has all of them."""

BACKLOG_EVENTS = 20_000
"""Events, and batches of them, that are kept in memory while the database cannot be written. Past it the journal takes
nothing more."""

FLUSH_RETRY_S = 0.5
"""How often it is tried again meanwhile."""

WAL_FOLD_BYTES = 8 << 20
"""From this size on the write-ahead log is folded into the database, beside the commits."""


async def run_journal(
    path: Path,
    inbox: trio.MemoryReceiveChannel[JournalMessage],
    state: StateSender[JournalSnapshot],
    events: EventSender,
    counters: Figures[JournalCounters],
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> NoReturn:
    """Own the event log until cancelled. Closes the inbox and `events` at the end; the last batch is on disk.

    Raises:
        StoreDamaged: the database is damaged; set it aside and start again, the logs rebuild it.
    """
    journal = Journal(path, state, events)
    await in_thread(journal.open, limiter=journal.writer)
    try:
        counters.provide(journal.counters)
        async with trio.open_nursery() as nursery:
            journal.nursery = nursery
            watch = partial(watch_file, journal.store, journal.writer, journal.say, lock=journal.file_lock)
            nursery.start_soon(watch, name="ctm: watch of the event log's file")
            task_status.started()
            with inbox:
                try:
                    while True:
                        await journal.turn(inbox)
                finally:
                    journal.take_rest(inbox)
    finally:
        events.close()
        # Not abandoned: nobody may touch the database while the thread does. If the disk hangs, so does this, and
        # the process ends at the last bound of the stop (`daemon.hard_stop`).
        with trio.CancelScope(shield=True):
            await in_thread(journal.shut, limiter=journal.writer)
        state.publish(replace(state.latest, closed=journal.whole))


class Journal:
    """State of the journal's task. Nobody else holds it."""

    def __init__(self, path: Path, state: StateSender[JournalSnapshot], events: EventSender) -> None:
        self.path = path
        self.state = state
        self.events = events
        self.nursery: trio.Nursery
        self.store: EventStore
        self.backlog: Backlog
        self.writer = trio.CapacityLimiter(1)
        self.readers = trio.CapacityLimiter(1)
        self.taken: list[JournalMessage] = []
        """Messages of which nothing is stamped yet."""
        self.degraded = ""
        self.file_problem = ""
        self.file_lock = trio.Lock()
        self.whole = False
        """Once it is shut: all that was published is on disk, in its place."""
        self.flush_at = 0.0
        self.thread_until = math.inf if may_hang(path.parent) else 0.0
        self.folding, self.fold_at = False, WAL_FOLD_BYTES
        self.counts = Counts()

    def open(self) -> None:
        """Open the store and fill the ring from it (in a thread)."""
        store = self.store = EventStore(self.path)
        try:
            store.last_calls = newest_calls(store.db, store.sources.values())
            ring = read_ring(store.db)
        except BaseException:
            store.close()  # or it would be set aside while it is open, and its ids be given again
            raise
        self.backlog = Backlog(store, self.events, self._read_soon)
        total = sum([source.events for source in store.sources.values()])
        self.events.begin(ring, total=total, newest_id=lambda: store.last_id)

    def shut(self) -> None:
        """Commit what is left and close (in a thread)."""
        store = self.store
        try:
            self._stamp()
            if self.backlog.pending:
                store.settle()
                store.insert(self.backlog.batches())
                self.backlog.committed()
        except (StoreUnavailable, StoreDamaged) as error:  # the logs still have it; nothing else can be done now
            log.error("the last events are not on disk: %s", error.message)
        store.close()
        if store.detached and not self.backlog.pending:
            log.error("the event log is not at its place: %s", store.detached)
        self.whole = not self.backlog.pending and not store.detached

    def take_rest(self, inbox: trio.MemoryReceiveChannel[JournalMessage]) -> None:
        """Take what is queued when the journal ends: who sent it was told that it will be stored, and has gone on."""
        with suppress(trio.WouldBlock, trio.EndOfChannel):
            while True:
                self.taken.append(inbox.receive_nowait())

    # ------------------------------------------------------------ one turn

    async def turn(self, inbox: trio.MemoryReceiveChannel[JournalMessage]) -> None:
        """Take what has queued, commit it, hand it on."""
        messages = self.taken
        rows = 0
        if not self.backlog.pending:
            messages.append(await inbox.receive())
        elif self.backlog.size() >= BACKLOG_EVENTS:
            await trio.sleep_until(self.flush_at)
        else:
            with trio.move_on_at(self.flush_at):
                messages.append(await inbox.receive())
        while messages:
            last = messages[-1]
            rows += len(last.batch.rows) if isinstance(last, Ingest) else 1
            if len(messages) == TURN_MESSAGES or rows >= TURN_ROWS:
                break
            try:
                messages.append(inbox.receive_nowait())
            except trio.WouldBlock:
                break
        started = perf_counter()
        await self._commit(rows)
        done = perf_counter()
        self.counts.ingest_s += done - started
        self._hand_on()
        self.counts.fanout_s += perf_counter() - done
        if not self.folding and self.counts.commits % 64 == 0 and self.store.wal_bytes() > self.fold_at:
            self.folding = True
            self.nursery.start_soon(self._fold, name="ctm: fold of the event log's write-ahead log")

    async def _commit(self, rows: int) -> None:
        """Stamp and commit, on the loop if that is quick. What cannot be committed now stays pending, with its ids."""
        due = not self.degraded or trio.current_time() >= self.flush_at
        announced = len(self.backlog.pending)
        if rows <= LOOP_ROWS and due and self._may_use_loop() and not self._reads_back():
            started, left_out = perf_counter(), self.backlog.left_out
            self._stamp()
            settled = self._flush_quickly()
            if not settled or perf_counter() - started > LOOP_COMMIT_S:
                self.thread_until = max(self.thread_until, trio.current_time() + THREAD_S)
            if settled:
                if self.backlog.left_out != left_out:
                    self.publish_state()
                return
        commit = partial(self._stamp_and_flush, announced, due=due)
        await in_thread(commit, limiter=self.writer, say=self._say_degraded)
        if self.degraded and due:  # tried, and in vain
            self.flush_at = trio.current_time() + FLUSH_RETRY_S
        self.publish_state()

    def _stamp(self) -> None:
        """Give what was taken its ids."""
        messages, self.taken = self.taken, []
        self.backlog.stamp(messages)

    def _may_use_loop(self) -> bool:
        return (
            not self.degraded
            and not self.backlog.pending
            and self.writer.available_tokens == 1
            and trio.current_time() >= self.thread_until
        )

    def _reads_back(self) -> bool:
        """True if all calls of a log have to be read back first."""
        return any(isinstance(message, Ingest) and reads_back(self.store, message.batch) for message in self.taken)

    def _flush_quickly(self) -> bool:
        """Commit what was stamped, without waiting for any lock. False: leave it to the thread."""
        if not self.backlog.pending:
            return True
        try:
            self.store.wait_for_locks(False)
            self.store.insert(self.backlog.batches(), quickly=True)
        except StoreUnavailable:
            return False
        self._committed()
        return True

    def _stamp_and_flush(self, announced: int, *, due: bool) -> None:
        """Stamp, and commit if it is `due` (in the writer's thread).

        Args:
            announced: so many of the pending batches, the first ones, have ids that readers know.
        """
        self._stamp()
        if not self.backlog.pending:
            self.degraded = ""  # there was no thread for a while, and nothing waited to be written
        if not self.backlog.pending or not due:
            return
        try:
            self.store.wait_for_locks(True)
            backlog = self.backlog
            backlog.leave_out(*insert_what_can_be(self.store, backlog.batches(), announced, backlog.fresh))
        except StoreUnavailable as error:
            self.degraded = error.message
        else:
            self.degraded = ""
            self._committed()

    def _committed(self) -> None:
        self.counts.commits += 1
        self.backlog.committed()

    def _hand_on(self) -> None:
        """Answer, and hand on what nobody has seen yet."""
        backlog = self.backlog
        for answer in backlog.answers:
            answer()
        backlog.answers.clear()
        events, backlog.fresh = backlog.fresh, []
        if events:
            self.counts.add(events)
        self.events.send(events, held=bool(backlog.pending))
        for event, session in backlog.strays:
            self.events.refile(event.id, partial(relabel, session=session))
        backlog.strays.clear()

    # ------------------------------------------------------------ beside the turns

    def _read_soon(self, message: ReadReplay | IsStored) -> None:
        if isinstance(message, ReadReplay):
            self.nursery.start_soon(self._read_replay, message, name="ctm: replay through the journal")
        else:
            self.nursery.start_soon(self._look_up, message, name="ctm: look for a call in the event log")

    async def _read_replay(self, message: ReadReplay) -> None:
        with message.reply:
            try:
                found = await in_thread(lambda: read_replay(self.store.db, message.wanted), limiter=self.writer)
            except StoreUnavailable as error:
                message.reply.fail(error)
            else:
                message.reply.ok(found)

    async def _look_up(self, message: IsStored) -> None:
        def look() -> bool:  # in the writer's thread, as all that it looks at is the writer's
            source = self.store.sources.get(message.uuid)
            return source is not None and is_stored(self.store.db, source.id, message.tool_use_id, message.agent_id)

        with message.reply:
            try:
                if self.backlog.pending:
                    raise StoreUnavailable("Events wait to be written.")
                found = await in_thread(look, limiter=self.writer)
            except StoreUnavailable as error:
                message.reply.fail(Unavailable(error.message))
            else:
                message.reply.ok(found)

    async def _fold(self) -> None:
        """Fold the write-ahead log into the database: most of it beside the commits, the rest between two of them."""
        try:
            async with self.file_lock:
                await in_thread(self.store.fold, limiter=self.readers, abandon_on_cancel=True)
                await in_thread(self.store.fold_rest, limiter=self.writer)
        finally:
            self.folding = False
            # Where a reader keeps it from being emptied it is tried again when it has grown by as much again.
            self.fold_at = self.store.wal_bytes() + WAL_FOLD_BYTES

    def say(self, problem: str) -> None:
        """Publish what is wrong with the file, "" for nothing."""
        self.file_problem = problem
        self.publish_state()

    def _say_degraded(self, problem: str) -> None:
        self.degraded = problem
        self.publish_state()

    def publish_state(self) -> None:
        """Publish how the event log is; readers are woken if that has changed."""
        count, why = self.backlog.left_out, self.backlog.refusal
        left_out = f"{count} events could not be stored. {why}" if count else ""
        self.state.publish(JournalSnapshot(self.degraded or self.file_problem or left_out))

    def counters(self) -> JournalCounters:
        """The counters, computed when they are read."""
        return self.counts.read(self.store, self.backlog)
