"""The attribution owner: tells the journal which session each log belongs to, before its lines come.

One task decides, and tells the journal in the order of its decisions; the others only bring it news. So nothing that
was decided on older records can overtake what was decided on newer ones.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import msgspec
import trio

from ctm_trio.core.channels import Reply, StateReceiver, StateSender, ask
from ctm_trio.core.threads import in_thread
from ctm_trio.ingest.last_stamps import running_writers
from ctm_trio.messages.attribution import AttributionSnapshot, Sighting
from ctm_trio.messages.journal import Attribute, JournalMessage, KnownSources
from ctm_trio.messages.sessions import AdoptUuid, SessionsMessage, SessionsSnapshot
from ctm_trio.model.attribution import Attribution, orphan_name
from ctm_trio.system.live_sessions import read_clients
from ctm_trio.system.transcripts import Transcripts, directories_of

INBOX = 64
"""Sightings that wait; a tailer waits for its answer anyway."""

NEWS = 64
"""News on their way to the task that decides; whoever brings more waits."""

ASK_S = 30.0
"""How long the journal may take to say what it knows."""

TELL_AT_LEAST = 512
"""While sightings queue up the snapshot is published once for so many changes: it is a copy of everything known."""

TRANSCRIPTS_S = 10.0
"""How often it is looked whether a log without a session has got a transcript by now."""

LOOKUPS = 2
"""Logs whose transcripts are looked for at the same time, each in a thread."""

LOOKUP_S = 2.0
"""How long a new log waits for its transcript to be found; a disk that hangs does not hold it up for longer."""

DOUBT_S = 0.4
"""How long a log that only names a session waits for the line, in another log, that proves whose it is."""


class _Records(msgspec.Struct, frozen=True):
    """`sessions.json` has changed."""


class _Transcripts(msgspec.Struct, frozen=True):
    """Where a log's transcripts are; None if it was not found out in time. `sighting`: the one that waits for it."""

    uuid: str
    directories: tuple[tuple[str, float], ...] | None
    sighting: Sighting | None = None


class _Waited(msgspec.Struct, frozen=True):
    """A doubtful log has waited long enough."""

    sighting: Sighting


_News = Sighting | _Records | _Transcripts | _Waited


async def run_attribution(
    inbox: trio.MemoryReceiveChannel[Sighting],
    state: StateSender[AttributionSnapshot],
    sessions: StateReceiver[SessionsSnapshot],
    journal: trio.MemorySendChannel[JournalMessage],
    orders: trio.MemorySendChannel[SessionsMessage],
    projects: Path,
    *,
    logs: Sequence[Path] = (),
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Own the answer to "whose log is this", until cancelled; closes the ends it was given.

    Args:
        inbox: sightings from the tailers, answered once the journal has been told.
        state: uuid → session name of every log known.
        sessions: the records; a change there moves logs.
        journal: gets `Attribute` for every log that is new or moves.
        orders: gets `AdoptUuid` when a session's process went on under a new uuid.
        projects: `~/.claude/projects`.
        logs: the directories of logs and hook events, to see whose process runs when this begins.
    """
    news_send, news = trio.open_memory_channel[_News](NEWS)
    async with inbox, journal, orders, news:
        owner = _AttributionOwner(inbox, state, sessions, journal, orders, projects, news_send)
        known: Mapping[str, tuple[str, str]] = await ask(journal, KnownSources, timeout_s=ASK_S)
        try:
            async with trio.open_nursery() as nursery:
                owner.nursery = nursery
                await owner.begin(known, logs)
                nursery.start_soon(owner.follow_sightings)
                nursery.start_soon(owner.follow_records)
                nursery.start_soon(owner.look_for_transcripts)
                nursery.start_soon(owner.give_orders)
                task_status.started()
                await owner.decide(news)
        finally:
            owner.answer_no_more()


class _AttributionOwner:
    def __init__(
        self,
        inbox: trio.MemoryReceiveChannel[Sighting],
        state: StateSender[AttributionSnapshot],
        sessions: StateReceiver[SessionsSnapshot],
        journal: trio.MemorySendChannel[JournalMessage],
        orders: trio.MemorySendChannel[SessionsMessage],
        projects: Path,
        news: trio.MemorySendChannel[_News],
    ) -> None:
        self.rules = Attribution()
        self.nursery: trio.Nursery
        self.inbox = inbox
        self.state = state
        self.sessions = sessions
        self.journal = journal
        self.orders = orders
        self.projects = projects
        self.transcripts = Transcripts(projects)
        self.news = news
        self.untold = 0
        self.unanswered: set[Reply[str]] = set()
        """Of the sightings that were taken: tailers wait for them."""
        self.following: dict[str, AdoptUuid] = {}
        """Orders for the sessions owner, the newest of each session."""
        self.ring = trio.Event()
        self.lookups = trio.CapacityLimiter(LOOKUPS)

    # ------------------------------------------------------------ those who bring news

    async def follow_sightings(self) -> None:
        """Hand on what the tailers say; with the last tailer's channel this ends, and so does the owner."""
        async for sighting in self.inbox:
            if sighting.reply is not None:
                self.unanswered.add(sighting.reply)
            await self.news.send(sighting)
        self.nursery.cancel_scope.cancel()

    async def follow_records(self) -> None:
        """Say when `sessions.json` has changed."""
        changes = self.sessions.changes()
        while True:
            await changes.next()
            await self.news.send(_Records())

    async def look_for_transcripts(self) -> None:
        """Look again at logs that belong to nobody: their transcript may have appeared."""
        while True:
            await trio.sleep(TRANSCRIPTS_S)
            rules = self.rules
            orphans = frozenset(uuid for uuid, name in rules.known.items() if name == orphan_name(uuid))
            if not orphans:
                continue
            found = await in_thread(
                partial(self.transcripts.look, orphans), limiter=self.lookups, abandon_on_cancel=True
            )
            for uuid in orphans:
                directories = found.get(uuid, ())
                if [name for name, _ in directories] != [name for name, _ in rules.transcripts.get(uuid, ())]:
                    await self.news.send(_Transcripts(uuid, directories))

    async def give_orders(self) -> None:
        """Hand records that follow their process to the sessions owner, which may be busy for long."""
        while True:
            await self.ring.wait()
            self.ring = trio.Event()
            while self.following:
                name = next(iter(self.following))
                await self.orders.send(self.following.pop(name))

    async def _look_up(self, sighting: Sighting) -> None:
        found: tuple[tuple[str, float], ...] | None = None
        with trio.move_on_after(LOOKUP_S):
            found = await self._directories(sighting.uuid)
        await self.news.send(_Transcripts(sighting.uuid, found, sighting))

    async def _wait(self, sighting: Sighting) -> None:
        await trio.sleep(DOUBT_S)
        await self.news.send(_Waited(sighting))

    async def _directories(self, uuid: str) -> tuple[tuple[str, float], ...]:
        return await in_thread(
            partial(directories_of, self.projects, uuid), limiter=self.lookups, abandon_on_cancel=True
        )

    # ------------------------------------------------------------ the one that decides

    async def begin(self, known: Mapping[str, tuple[str, str]], logs: Sequence[Path]) -> None:
        """Take over what the event log knew, as far as it is true of today's sessions, and which processes run now."""
        self.rules.use_records(self.sessions.latest.records)
        self.rules.remember(known)
        with trio.move_on_after(LOOKUP_S):
            uuids = list(self.rules.by_uuid)
            writers = await in_thread(partial(running_writers, logs, uuids), abandon_on_cancel=True)
            for uuid, stamp in writers.items():
                self.rules.processes.see(uuid, stamp.pid, stamp.pane, stamp.at, fresh=False)
        with trio.move_on_after(LOOKUP_S):
            clients = await in_thread(partial(read_clients, self.projects.parent / "sessions"), abandon_on_cancel=True)
            for client in clients:
                if client.alive:
                    self.rules.processes.see(client.uuid, str(client.pid), client.pane, 0.0, fresh=False)
        await self._tell(self.rules.settle_all())

    async def decide(self, news: trio.MemoryReceiveChannel[_News]) -> None:
        """Take the news one by one; what they change is told before the next one is looked at."""
        rules = self.rules
        async for item in news:
            changed: dict[str, str] = {}
            records = self.sessions.latest.records
            if records is not rules.records:
                changed = rules.use_records(records)
            waits: Sighting | None = None
            if isinstance(item, Sighting):
                waits, clues = item, item.clues
                changed |= rules.see(
                    item.uuid, clues.session, clues.pane, clues.pid, hook=clues.hook, kind=clues.kind, ts=clues.ts,
                    now=time.time(),
                )  # fmt: skip
            elif isinstance(item, _Transcripts):
                waits = item.sighting
                if item.directories is not None:
                    changed |= rules.learn_transcripts(item.uuid, item.directories)
            elif isinstance(item, _Waited):
                waits = item.sighting
                changed |= rules.trust(waits.uuid)
            await self._tell(changed)
            for name, uuid, was in rules.adoptions():
                self.following[name] = AdoptUuid(name, uuid, was)
                self.ring.set()
            if waits is not None:
                self._answer(waits, looked=isinstance(item, _Transcripts))

    def _answer(self, sighting: Sighting, *, looked: bool) -> None:
        """Answer a tailer, or have its log waited for or looked for first."""
        uuid = sighting.uuid
        if self.rules.is_doubtful(uuid):
            self.nursery.start_soon(self._wait, sighting)
        elif not looked and self.rules.known[uuid] == orphan_name(uuid) and uuid not in self.rules.transcripts:
            self.nursery.start_soon(self._look_up, sighting)
        elif sighting.reply is not None:
            self.unanswered.discard(sighting.reply)
            sighting.reply.ok(self.rules.known[uuid])

    def answer_no_more(self) -> None:
        """Let the tailers know that this owner has ended: they ask the next one."""
        with suppress(trio.WouldBlock, trio.EndOfChannel, trio.ClosedResourceError):
            while True:
                if (left := self.inbox.receive_nowait().reply) is not None:
                    left.drop()
        for reply in self.unanswered:
            reply.drop()

    async def _tell(self, changed: Mapping[str, str]) -> None:
        """Publish what changed, to the journal first."""
        for uuid, name in changed.items():
            await self.journal.send(Attribute(uuid, name))
        self.untold += len(changed)
        told, rules = self.state.latest, self.rules
        moved = told.records is not rules.records or told.forks is not rules.forks
        waiting = self.inbox.statistics().current_buffer_used + self.news.statistics().current_buffer_used
        if moved or (self.untold and (self.untold >= TELL_AT_LEAST or not waiting)):
            self.untold = 0
            self.state.publish(AttributionSnapshot(dict(rules.known), rules.records, rules.forks))
