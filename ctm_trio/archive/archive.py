"""Everything that is read back from disk for a request: history, one call in full, sub-agents, usage of the disk.

Reads run in worker threads on read-only connections; none of them waits for the journal, nor the journal for them.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import trio
from msgspec.structs import replace

from ctm_trio.archive.agents import AgentBook
from ctm_trio.archive.conversations import ConversationArchive
from ctm_trio.archive.log_lines import LineReader, place_of
from ctm_trio.archive.read_pool import ReadPool
from ctm_trio.archive.search_read import connect_search, found_calls, search
from ctm_trio.archive.usage import log_files
from ctm_trio.errors.base import CtmError
from ctm_trio.journal.file import event_reader
from ctm_trio.journal.select import event_of, select_events, sources_of
from ctm_trio.model.archive import LogFile
from ctm_trio.model.cost import WINDOWS_S, CostReport
from ctm_trio.model.detail import Detail, detail_of, is_call_at
from ctm_trio.model.event import Event
from ctm_trio.model.paths import Paths
from ctm_trio.model.search import Match, Matches, SearchQuery
from ctm_trio.model.subagent import AgentFacts, Subagent, Team, newest_first, started_at, teams_of, told
from ctm_trio.model.times import parse_time
from ctm_trio.system.cost_store import COSTS, read_costs
from ctm_trio.system.side_database import connect_reader
from ctm_trio.system.store_errors import StoreUnavailable
from ctm_trio.transcripts.schema import match_key

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
        self.conversations = ConversationArchive(paths)
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

    async def search(self, query: SearchQuery, names: Mapping[str, str]) -> Matches:
        """The newest matches of a search. What a call and a conversation both have is there once, as the call.

        Args:
            names: conversation → session.
        """
        calls = Matches(query.text, [], False, True)
        if query.calls:
            calls = await self._search.run(partial(search, query))
        if not query.entries:
            return calls
        try:
            said, more, end = await self._said(query, calls, names)
        except StoreUnavailable:
            if not query.calls:
                raise
            return replace(calls, complete=False)  # what is wrong with the one index hides nothing of the other
        both = sorted([*calls.matches, *said], key=_ms, reverse=True)  # of one ms the calls come first
        truncated = calls.truncated or more or len(both) > query.limit
        both = [match for match in both if _ms(match) >= end]  # what was not searched is behind the last one
        return Matches(query.text, both[: query.limit], truncated, calls.complete)

    async def _said(
        self, query: SearchQuery, calls: Matches, names: Mapping[str, str]
    ) -> tuple[list[Match], bool, int]:
        """The matches of conversations for a page that has these calls, and whether there are more.

        Returns:
            Also how far back it was searched, in unix ms, where a bound ended the search; else 0.
        """
        until_ms = await self._time_of(query) if query.before and query.before_key is None else None
        oldest = _ms(calls.matches[-1]) if len(calls.matches) == query.limit else 0
        said: list[Match] = []
        while True:
            entries, more = await self.conversations.search(query, until_ms, names)
            logged = await self._logged(query, entries) if query.calls else frozenset()
            said += [match for match in entries if match.tool_use_id not in logged]
            if not more or not entries or len(said) >= query.limit or _ms(entries[-1]) < oldest:
                return said, more, 0
            if said and len(entries) < query.limit:
                return said, more, _ms(entries[-1])
            query = replace(query, before_key=match_key(entries[-1].id))

    async def _logged(self, query: SearchQuery, entries: Sequence[Match]) -> frozenset[str]:
        """Which calls among entries the search of the logs finds as well."""
        named = {match.entry: match.tool_use_id for match in entries if match.tool_use_id}
        if not named:
            return frozenset()
        holders = await self.conversations.holders(list(named))
        calls = {call: holders.get(entry, ()) for entry, call in named.items()}
        return await self._search.run(partial(found_calls, query, calls))

    async def _time_of(self, query: SearchQuery) -> int:
        """The time in ms of the call that a page begins behind."""
        row = await self._events.run(
            lambda db: db.execute("SELECT ts FROM events WHERE id = ?", (query.before,)).fetchone()
        )
        at = parse_time(row[0]) if row is not None else None
        return round((at if at is not None else query.before / 1e9) * 1000)

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
        self.conversations.close()
        self._costs.close()

    def _look(self, session: str, since: float | None, db: sqlite3.Connection) -> list[tuple[float, Subagent]]:
        now = time.time()
        ended = {}
        agents: list[AgentFacts] = []
        for log in self._agents.look(db, sources_of(db, (session,))):
            agents += log.agents.values()
            ended.update(dict.fromkeys(log.agents, log.ended))
        return [(started_at(a), told(a, now, ended[a.id])) for a in newest_first(agents, since)]


def _ms(match: Match) -> int:
    """The time by which both indexes order their matches."""
    return round((parse_time(match.ts) or 0.0) * 1000)


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
