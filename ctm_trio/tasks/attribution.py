"""The attribution owner: tells the journal which session each log belongs to, before its lines come."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import trio

from ctm_trio.channels import StateReceiver, StateSender, ask
from ctm_trio.messages import (
    AdoptUuid,
    Attribute,
    AttributionSnapshot,
    JournalMessage,
    KnownSources,
    SessionsMessage,
    SessionsSnapshot,
    Sighting,
)
from ctm_trio.model.attribution import Attribution, orphan_name

INBOX = 64
"""Sightings that wait; a tailer waits for its answer anyway."""

ASK_S = 30.0
"""How long the journal may take to say what it knows."""

TELL_AT_LEAST = 512
"""While sightings queue up the snapshot is published once for so many changes: it is a copy of everything known."""

TRANSCRIPTS_S = 10.0
"""How often it is looked whether a log without a session has got a transcript by now."""


async def run_attribution(
    inbox: trio.MemoryReceiveChannel[Sighting],
    state: StateSender[AttributionSnapshot],
    sessions: StateReceiver[SessionsSnapshot],
    journal: trio.MemorySendChannel[JournalMessage],
    orders: trio.MemorySendChannel[SessionsMessage],
    projects: Path,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Own the answer to "whose log is this", until cancelled; closes the ends it was given.

    Args:
        inbox: sightings from the tailers, answered once the journal has been told.
        state: uuid → session name of every log known.
        sessions: the records; a change there moves logs.
        journal: gets `Attribute` for every log that is new or moves.
        orders: gets `AdoptUuid` when `/clear` gave a session's process a new uuid.
        projects: `~/.claude/projects`.
    """
    owner = _Owner(inbox, state, journal, projects)
    async with inbox, journal, orders:
        known: Mapping[str, str] = await ask(journal, KnownSources, timeout_s=ASK_S)
        owner.rules.use_records(sessions.latest.records)
        owner.rules.remember(known)
        await owner.tell(owner.rules.use_records(sessions.latest.records))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(owner.follow_records, sessions)
            nursery.start_soon(owner.look_for_transcripts)
            task_status.started()
            async for sighting in inbox:
                await owner.sighted(sighting, orders)


class _Owner:
    def __init__(
        self,
        inbox: trio.MemoryReceiveChannel[Sighting],
        state: StateSender[AttributionSnapshot],
        journal: trio.MemorySendChannel[JournalMessage],
        projects: Path,
    ) -> None:
        self.rules = Attribution()
        self.inbox = inbox
        self.untold = 0
        self.state = state
        self.journal = journal
        self.projects = projects

    async def sighted(self, sighting: Sighting, orders: trio.MemorySendChannel[SessionsMessage]) -> None:
        """Take in what a line says, tell the journal, answer the tailer."""
        rules, uuid = self.rules, sighting.uuid
        changed = rules.see(uuid, sighting.session, sighting.pane, sighting.pid)
        if rules.known[uuid] == orphan_name(uuid) and uuid not in rules.transcripts:
            changed |= await self._transcripts(uuid)
        await self.tell(changed)
        name = rules.adopt(uuid, sighting.hook, sighting.kind, sighting.ts)
        if name is not None:
            await orders.send(AdoptUuid(name, uuid))
        if sighting.reply is not None:
            sighting.reply.ok(rules.known[uuid])

    async def tell(self, changed: Mapping[str, str]) -> None:
        """Publish what changed, to the journal first."""
        for uuid, name in changed.items():
            await self.journal.send(Attribute(uuid, name))
        self.untold += len(changed)
        if self.untold and (self.untold >= TELL_AT_LEAST or not self.inbox.statistics().current_buffer_used):
            self.untold = 0
            self.state.publish(AttributionSnapshot(dict(self.rules.known)))

    async def follow_records(self, sessions: StateReceiver[SessionsSnapshot]) -> None:
        """Move logs when `sessions.json` changes."""
        version = sessions.version
        while True:
            await self.tell(self.rules.use_records(sessions.latest.records))
            version = await sessions.wait_newer(version)

    async def look_for_transcripts(self) -> None:
        """Look again at logs that belong to nobody: their transcript may have appeared."""
        while True:
            await trio.sleep(TRANSCRIPTS_S)
            orphans = [u for u, name in self.rules.known.items() if name == orphan_name(u)]
            for uuid in orphans:
                await self.tell(await self._transcripts(uuid))

    async def _transcripts(self, uuid: str) -> dict[str, str]:
        found = await trio.to_thread.run_sync(_directories_of, self.projects, uuid)
        return self.rules.learn_transcripts(uuid, found)


def _directories_of(projects: Path, uuid: str) -> tuple[str, ...]:
    """Directory names under projects that hold this uuid's transcript. Runs in a thread."""
    if not uuid or "/" in uuid or uuid in (".", ".."):
        return ()
    try:
        return tuple(sorted(d.name for d in projects.iterdir() if (d / f"{uuid}.jsonl").is_file()))
    except OSError:
        return ()
