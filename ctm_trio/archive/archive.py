"""Everything that is read back from disk for a request: history, one call in full, sub-agents, usage of the disk.

Reads run in worker threads on read-only connections; none of them waits for the journal, nor the journal for them.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import trio

from ctm_trio.archive.agents import AgentBook
from ctm_trio.archive.log_lines import LineReader, place_of
from ctm_trio.archive.read_pool import ReadPool
from ctm_trio.archive.search_read import connect_search, search
from ctm_trio.archive.usage import log_files
from ctm_trio.errors.base import CtmError
from ctm_trio.journal.file import event_reader
from ctm_trio.journal.select import event_of, select_events, sources_of
from ctm_trio.model.archive import LogFile
from ctm_trio.model.cost import WINDOWS_S, CostReport
from ctm_trio.model.detail import Detail, detail_of, is_call_at
from ctm_trio.model.event import Event
from ctm_trio.model.paths import Paths
from ctm_trio.model.search import Matches, SearchQuery
from ctm_trio.model.subagent import AgentFacts, Subagent, Team, newest_first, started_at, teams_of, told
from ctm_trio.system.cost_store import COSTS, read_costs
from ctm_trio.system.side_database import connect_reader

READERS = 3
"""Connections for reads: two cores, and one that waits for the disk."""

SEARCHERS = 2
"""And for searches."""

TOOL_CALL = frozenset({"tool_call"})


class CallNotFound(CtmError):
    """No such tool call in that session."""

    code, status = "tool_call_not_found", 404

    def __init__(self) -> None:
        super().__init__("This session has no such tool call.")


class LogGone(CtmError):
    """The call is on record, the log with its details is not there any more. `fields` say what is still known."""

    code, status = "log_gone", 410

    def __init__(self, event: Event) -> None:
        super().__init__(
            "The log with this call was deleted or replaced; only its summary is left.",
            fields={"tool": event.tool, "ts": event.ts, "is_error": event.is_error},
        )


class Archive:
    """The reads. Construct it in Trio; `close` it when the web has stopped.

    Args:
        paths: the daemon's files.
    """

    def __init__(self, paths: Paths) -> None:
        self._logs = paths.logs
        self._events = ReadPool(partial(event_reader, paths.database, kept=True), size=READERS, files=(paths.database,))
        self._search = ReadPool(
            partial(connect_search, paths.search_index, paths.database),
            size=SEARCHERS,
            files=(paths.search_index, paths.database),
        )
        self._costs = ReadPool(partial(connect_reader, paths.costs, COSTS), size=1, files=(paths.costs,))
        self._files = trio.CapacityLimiter(1)
        self._agents = AgentBook(paths.logs)

    async def history(self, session: str, before: int, limit: int) -> tuple[list[Event], bool]:
        """A page of a session's tool calls, newest first, and whether there are older ones.

        Args:
            before: event id in nanoseconds; only older calls are on the page.
            limit: number of calls.
        """
        found = await self._events.run(
            lambda db: select_events(db, limit=limit + 1, sessions=(session,), types=TOOL_CALL, until=before - 1)
        )
        return found[:-limit - 1:-1], len(found) > limit  # fmt: skip

    async def detail(self, session: str, id_: int) -> Detail:
        """One tool call in full, from its line in the log.

        Raises:
            CallNotFound: the session has none with this id. LogGone: its log is gone.
        """
        return await self._events.run(partial(_detail, self._logs, session, id_))

    async def subagents(self, session: str, since: float | None) -> list[Subagent]:
        """A session's sub-agents that started after `since` (unix seconds, None for all), newest first."""
        return [agent for _, agent in await self._events.run(partial(self._look, session, since))]

    async def teams(self, session: str) -> list[Team]:
        """A session's teams, newest first."""
        return teams_of(await self._events.run(partial(self._look, session, None)))

    async def search(self, query: SearchQuery) -> Matches:
        """The newest matches of a search."""
        return await self._search.run(partial(search, query))

    async def cost(self, window: str, session: str, names: Mapping[str, str], prices_as_of: str) -> CostReport:
        """The costs of one of `model.cost.WINDOWS_S` up to now; of one session, or of all if it is "".

        Args:
            names: Claude session id → session. prices_as_of: date of the price table.
        """
        start = time.time() - WINDOWS_S[window]
        return await self._costs.run(lambda db: read_costs(db, window, start, session, names, prices_as_of))

    async def log_files(self) -> list[LogFile]:
        """The log files, largest first.

        Raises:
            TooManyLogs: more than are listed.
        """
        return await trio.to_thread.run_sync(log_files, self._logs, limiter=self._files, abandon_on_cancel=True)

    def close(self) -> None:
        """Close the connections."""
        self._events.close()
        self._search.close()
        self._costs.close()

    def _look(self, session: str, since: float | None, db: sqlite3.Connection) -> list[tuple[float, Subagent]]:
        now = time.time()
        ended = {}
        agents: list[AgentFacts] = []
        for log in self._agents.look(db, sources_of(db, (session,))):
            agents += log.agents.values()
            ended.update(dict.fromkeys(log.agents, log.ended))
        return [(started_at(a), told(a, now, ended[a.id])) for a in newest_first(agents, since)]


_DETAIL = (
    "SELECT e.id, e.type, s.session, e.payload, e.ts, s.uuid, e.tool, e.is_error, e.agent_id,"
    " e.tool_use_id, g.uuid, g.name, g.device, g.inode, e.start, e.length"
    " FROM events e JOIN sources s ON s.id = e.source LEFT JOIN segments g ON g.id = e.segment"
    " WHERE e.id = ? AND e.type = 'tool_call' AND s.session = ?"
)


def _detail(logs: Path, session: str, id_: int, db: sqlite3.Connection) -> Detail:
    row = db.execute(_DETAIL, (id_, session)).fetchone()
    if row is None:
        raise CallNotFound
    event = event_of(row[:9])
    tool_use_id, *place = row[9:]
    if place[0] is None:
        raise LogGone(event)
    fits = partial(is_call_at, tool=event.tool, ts=event.ts, tool_use_id=tool_use_id)
    with LineReader(logs) as reader:
        line = reader.read(place_of(place), fits)
    found = detail_of(line, event.ts) if line is not None else None
    if found is None:
        raise LogGone(event)
    return found
