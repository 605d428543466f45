"""Rebuild the event log and the search index from the logs, beside the old ones, and put them in their place.

The daemon's own tasks do it, without the web: the wiring of a daemon that reads everything and stops.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import msgspec
import trio

from ctm_trio.archive.reindexing import log_bytes, remember_sources, replace_database, tool_calls
from ctm_trio.archive.search_index import SearchIndex
from ctm_trio.core.channels import Figures, StateReceiver, ask, open_state_channel
from ctm_trio.core.confine import confined
from ctm_trio.core.health import leaf
from ctm_trio.errors.base import CtmError
from ctm_trio.ingest.attribution import INBOX as SIGHTINGS
from ctm_trio.ingest.attribution import run_attribution
from ctm_trio.ingest.directory import run_tailers
from ctm_trio.ingest.ends import TailEnds
from ctm_trio.journal.tail import open_event_tail
from ctm_trio.journal.task import INBOX as JOURNAL_INBOX
from ctm_trio.journal.task import run_journal
from ctm_trio.messages.attribution import AttributionSnapshot, Sighting
from ctm_trio.messages.journal import JournalCounters, JournalMessage, JournalSnapshot, Positions
from ctm_trio.messages.sessions import SessionsMessage, SessionsSnapshot
from ctm_trio.messages.tailers import TailersSnapshot
from ctm_trio.model.log_line import HOOK_EVENTS, LOGS
from ctm_trio.model.paths import Paths
from ctm_trio.system.migration import remove_database
from ctm_trio.system.sessions_file import SessionsFile

LOOK_EVERY_S = 0.1
"""How often progress is told."""

ASK_S = 60.0
SUFFIX = ".rebuild"
BULK_TAILERS = 2


class NotWritten(CtmError):
    """The new database could not be written to its end; the old one is as it was."""

    code, status = "not_written", 507


class Progress(msgspec.Struct, frozen=True):
    """How far it is: bytes of the logs, then tool calls in the search index.

    Attributes:
        stage: "logs" or "search". done, total: bytes or calls; the total is an estimate for packed logs.
    """

    stage: str
    done: int
    total: int


Report = Callable[[Progress], None]


async def reindex(paths: Paths, report: Report) -> int:
    """Rebuild both databases from the logs; how many tool calls they have. The caller holds the lock.

    The old databases stay in place until the new ones are complete; costs are not touched.

    Raises:
        NotWritten: the disk is full or read-only; nothing was replaced.
        BrokenSessions: `sessions.json` does not parse, so the logs' owners are not known.
    """
    database = paths.database.with_name(paths.database.name + SUFFIX)
    index = paths.search_index.with_name(paths.search_index.name + SUFFIX)
    try:
        for path in (database, index):
            await trio.to_thread.run_sync(remove_database, path)
        await trio.to_thread.run_sync(remember_sources, paths.database, database)
        try:
            await _read_logs(paths, database, report)
        except ExceptionGroup as group:  # of the tasks' nursery; for a person only what is in it counts
            error = leaf(group)
            if isinstance(error, CtmError):
                raise error from group
            raise
        calls = await trio.to_thread.run_sync(tool_calls, database)
        await _index(index, database, paths.logs, calls, report)
        await trio.to_thread.run_sync(replace_database, database, paths.database)
        await trio.to_thread.run_sync(replace_database, index, paths.search_index)
        return calls
    finally:
        for path in (database, index):
            remove_database(path)


async def _read_logs(paths: Paths, database: Path, report: Report) -> None:
    """Run the journal and the tailers on a new database until every log is read and committed."""
    book, _ = await SessionsFile(paths.sessions).read()
    journal_send, journal_recv = trio.open_memory_channel[JournalMessage](JOURNAL_INBOX)
    sightings_send, sightings_recv = trio.open_memory_channel[Sighting](SIGHTINGS)
    orders_send, orders_recv = trio.open_memory_channel[SessionsMessage](0)
    journal_state, journal = open_state_channel(JournalSnapshot())
    events_send, _ = open_event_tail(database, journal_send)
    _, sessions = open_state_channel(SessionsSnapshot(book.records))
    attribution_state, _ = open_state_channel(AttributionSnapshot())
    ends = TailEnds(journal_send, sightings_send, trio.CapacityLimiter(BULK_TAILERS))
    parts: list[StateReceiver[TailersSnapshot]] = []
    total = await trio.to_thread.run_sync(log_bytes, (paths.logs, paths.hook_events))

    async def keep(name: str, run: Callable[[], Awaitable[None]]) -> None:
        # What cannot be read of a log now is read by the daemon when it can be: it goes on where this stopped.
        await confined(f"{name} is left to the daemon; it", run)

    async def drop_orders() -> None:
        async for _ in orders_recv:
            pass  # what a `/clear` of long ago says of sessions.json has been done

    async with trio.open_nursery() as nursery:
        await nursery.start(run_journal, database, journal_recv, journal_state, events_send, Figures(JournalCounters()))
        nursery.start_soon(drop_orders)
        await nursery.start(
            run_attribution, sightings_recv, attribution_state, sessions, journal_send.clone(), orders_send,
            paths.claude_home / "projects",
        )  # fmt: skip
        for kind, directory in ((HOOK_EVENTS, paths.hook_events), (LOGS, paths.logs)):
            sender, receiver = open_state_channel(TailersSnapshot())
            parts.append(receiver)
            await nursery.start(run_tailers, directory, kind, ends, sender, keep)
        complete = False
        while not complete:
            await trio.sleep(LOOK_EVERY_S)
            complete = all(part.latest.caught_up for part in parts)
            done = 0
            for kind in (HOOK_EVENTS, LOGS):  # answered after everything that was sent before
                segments = await ask(journal_send, partial(Positions, None, kind), timeout_s=ASK_S)
                done += sum(segment.position for segment in segments)
            report(Progress("logs", done, max(total, done)))
            if journal.latest.degraded:
                raise NotWritten(f"The new database cannot be written: {journal.latest.degraded}")
        nursery.cancel_scope.cancel()


async def _index(index: Path, database: Path, logs: Path, calls: int, report: Report) -> None:
    made = await trio.to_thread.run_sync(SearchIndex, index, database, logs)
    try:
        more = True
        while more:
            more = await trio.to_thread.run_sync(made.step)
            report(Progress("search", made.count, calls))
    finally:
        made.close()
