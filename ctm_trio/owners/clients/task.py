"""The clients owner: which client runs for which session, and the sessions that nobody recorded.

It follows the clients' status files, their processes and the panes of our tmux server. It publishes who runs, and tells
the sessions owner which sessions somebody started by hand. Source: PROTOCOL.md, Status.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NoReturn

import msgspec
import trio

from ctm_trio.core.bell import Bell
from ctm_trio.core.channels import StateReceiver, StateSender
from ctm_trio.core.confine import confined
from ctm_trio.errors.tmux import TmuxFailed
from ctm_trio.messages.attribution import AttributionSnapshot
from ctm_trio.messages.clients import ClientsSnapshot
from ctm_trio.messages.sessions import AdoptUuid, FoundUnmanaged, LookAtTmux, SessionsMessage, SessionsSnapshot
from ctm_trio.model.clients import Bindings, Bound, Client
from ctm_trio.model.panes import Pane
from ctm_trio.model.session import Session
from ctm_trio.system.client_registry import ClientRegistry
from ctm_trio.system.live_sessions import runs
from ctm_trio.system.process_end import process_ended
from ctm_trio.system.tmux import Tmux
from ctm_trio.system.watch import DirectoryWatch

SETTLE_S = 0.01
"""News that come together are looked at together."""

FULL_LOOK_S = 30.0
"""How often all files are read anyway: a file system on another machine tells of no change."""

FIRST_LOOK_S = 1.0
"""How long the start waits for the first look; a disk that hangs does not keep the daemon from being ready."""

MAX_WATCHED = 256
"""Clients whose end is waited for, each with a descriptor; the end of another one is seen with the next scan."""

ADOPT_AFTER_S = 2.0
"""A record follows its client to another id by the hooks, which come at once; after this by the status file."""


class ClientsEnds(msgspec.Struct, frozen=True):
    """What the owner reads and whom it asks.

    Attributes:
        directory: of the status files.
        logs: the directories in which a client's hooks leave a file of its id.
        sessions: the recorded ones, and the panes.
        attribution: tells that a new log has appeared.
        tmux: the server that our sessions live in.
        orders: to the sessions owner, which also looks at tmux when a client begins or ends.
    """

    directory: Path
    logs: Sequence[Path]
    sessions: StateReceiver[SessionsSnapshot]
    attribution: StateReceiver[AttributionSnapshot]
    tmux: Tmux
    orders: trio.MemorySendChannel[SessionsMessage]


async def run_clients(
    ends: ClientsEnds,
    state: StateSender[ClientsSnapshot],
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> NoReturn:
    """Own the answer to "who runs" until cancelled; closes `ends.orders`.

    Args:
        ends: see there.
        state: who runs.
    """
    async with ends.orders, trio.open_nursery() as nursery:
        owner = _ClientsOwner(ends, state, nursery)
        nursery.start_soon(owner.work)
        with trio.move_on_after(FIRST_LOOK_S):
            await owner.looked.wait()
            await owner.tell()
        nursery.start_soon(owner.follow_files)
        nursery.start_soon(owner.follow_sessions)
        nursery.start_soon(owner.follow_logs)
        nursery.start_soon(owner.tell_sessions_owner)
        task_status.started()
    raise AssertionError("unreachable")


class _ClientsOwner:
    def __init__(
        self,
        ends: ClientsEnds,
        state: StateSender[ClientsSnapshot],
        nursery: trio.Nursery,
    ) -> None:
        self.ends = ends
        self.state = state
        self.nursery = nursery
        self.registry = ClientRegistry(ends.directory)
        self.bindings = Bindings(runs)
        self.bound = Bound()
        self.news: set[str] | None = None  # None: everything
        self.bell, self.bell_to_tell = Bell(), Bell()
        self.bell.ring()
        self.looked = trio.Event()
        self.told: Mapping[str, Session] | None = None
        self.watched: set[tuple[int, str]] = set()
        self.heard: set[str] = set()
        self.seen: set[tuple[int, str]] = set()
        self.look_at_tmux = False
        self.moved: dict[str, tuple[str, float]] = {}
        """Recorded session → the id that its client has instead, and when that was first seen, on Trio's clock."""

    # -- what brings news

    async def follow_files(self) -> NoReturn:
        """Look at a client's file when it changes."""
        async with DirectoryWatch(self.ends.directory, lambda: FULL_LOOK_S, once_closed=True) as watch:
            while True:
                await watch.hand_on(self._note)
                self._note(None)

    async def follow_sessions(self) -> NoReturn:
        """Sessions or panes have changed."""
        changes, seen = self.ends.sessions.changes(from_now=True), self.ends.sessions.latest
        while True:
            now = await changes.next()
            if now.panes != seen.panes or now.records != seen.records:
                self._note(())
            seen = now

    async def follow_logs(self) -> NoReturn:
        """A log has appeared: the hooks of a client arrive that were not heard of before."""
        changes = self.ends.attribution.changes(from_now=True)
        while True:
            await changes.next()
            if self.bound.unwatched:
                self._note(())

    async def _wait_for_end(self, client: Client) -> None:
        try:
            await process_ended(client.pid)
        finally:
            self.watched.discard(client.process)
        self.look_at_tmux = True
        self.bell_to_tell.ring()
        self._note((f"{client.pid}.json",))

    def _note(self, names: Iterable[str] | None) -> None:
        if names is None:
            self.news = None
        elif self.news is not None:
            self.news |= set(names)
        self.bell.ring()

    # -- what follows from it

    async def work(self) -> NoReturn:
        """Look whenever there is news."""
        while True:
            await self.bell.wait()
            await trio.sleep(SETTLE_S)
            await self.look()

    async def look(self) -> None:
        """Read what has changed, decide whose each client is, publish."""
        names, self.news = self.news, set()
        panes: Sequence[Pane] = self.ends.sessions.latest.panes
        clients = await self._read(names, panes)
        new = {client.process for client in clients if not client.pane} - self.seen
        self.seen = {client.process for client in clients}
        if new:  # their panes may be newer than what tmux said last
            with suppress(TmuxFailed):
                panes = await self.ends.tmux.panes()
                clients = await self._read((), panes)
        unknown = {client.uuid for client in clients} - self.heard
        if unknown:
            self.heard |= await trio.to_thread.run_sync(self._heard_of, unknown, abandon_on_cancel=True)
        self.bound = bound = self.bindings.bind(self._recorded(), clients, panes, frozenset(self.heard))
        self._watch(clients)
        self._note_moved()
        self.look_at_tmux = self.look_at_tmux or bool(new)
        if not bound.unmanaged.keys() <= self.ends.sessions.latest.records.keys():
            self.told = None  # its owner has begun anew, or has not heard of them yet
        if self.look_at_tmux or bound.unmanaged != self.told:
            self.bell_to_tell.ring()
        self.state.publish(ClientsSnapshot(bound.clients, bound.ended, bound.unwatched, looked=True))
        self.looked.set()

    async def _read(self, names: Iterable[str] | None, panes: Sequence[Pane]) -> list[Client]:
        return await trio.to_thread.run_sync(partial(self.registry.look, names, panes), abandon_on_cancel=True)

    def _recorded(self) -> dict[str, Session]:
        return {name: record for name, record in self.ends.sessions.latest.records.items() if record.managed}

    def _heard_of(self, uuids: Iterable[str]) -> set[str]:
        return {u for u in uuids if any(os.path.exists(f"{logs}/{u}.jsonl") for logs in self.ends.logs)}

    def _watch(self, clients: Sequence[Client]) -> None:
        for client in clients:
            if client.process not in self.watched and len(self.watched) < MAX_WATCHED:
                self.watched.add(client.process)
                self.nursery.start_soon(
                    confined, "clients: waiting for one's end", partial(self._wait_for_end, client),
                    name=f"ctm: end of client {client.pid}",
                )  # fmt: skip

    def _note_moved(self) -> None:
        now = trio.current_time()
        for name, uuid in self.bound.moved.items():
            if self.moved.get(name, ("", 0.0))[0] != uuid:
                self.moved[name] = uuid, now
                self.bell_to_tell.ring()
        self.moved = {name: seen for name, seen in self.moved.items() if name in self.bound.moved}

    async def tell_sessions_owner(self) -> NoReturn:
        """Say what is new whenever something is."""
        while True:
            due = min((seen + ADOPT_AFTER_S for _, seen in self.moved.values()), default=math.inf)
            with trio.move_on_at(due):
                await self.bell_to_tell.wait()
            await self.tell()

    async def tell(self) -> None:
        """Tell the unmanaged sessions; ask for a look at tmux; let records follow clients where no hook does it."""
        orders = self.ends.orders
        if self.bound.unmanaged != self.told:
            self.told = self.bound.unmanaged
            await orders.send(FoundUnmanaged(self.told))
        if self.look_at_tmux:
            self.look_at_tmux = False
            await orders.send(LookAtTmux())
        for name, (uuid, seen) in list(self.moved.items()):
            if trio.current_time() >= seen + ADOPT_AFTER_S:
                del self.moved[name]
                records = self._recorded()
                if name in records and all(record.uuid != uuid for record in records.values()):
                    await orders.send(AdoptUuid(name, uuid, records[name].uuid))
