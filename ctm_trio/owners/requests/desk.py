"""What the parts of the requests owner share: the book, the store, and what everybody is told."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import msgspec
import trio
from msgspec.structs import replace

from ctm_trio.core.bell import Bell
from ctm_trio.core.channels import StateReceiver, StateSender
from ctm_trio.core.clock import Clock
from ctm_trio.journal.announcer import Announcer
from ctm_trio.journal.tail import EventTail
from ctm_trio.messages.attribution import AttributionSnapshot
from ctm_trio.messages.clients import ClientsSnapshot
from ctm_trio.messages.config import ConfigSnapshot
from ctm_trio.messages.journal import Draft
from ctm_trio.messages.requests import RequestsSnapshot
from ctm_trio.messages.sessions import SessionsSnapshot
from ctm_trio.messages.status import StatusSnapshot
from ctm_trio.model.attribution import orphan_name
from ctm_trio.model.request import choices_by_keys
from ctm_trio.model.request_record import Request, changed_payload, closed_payload, opened_payload
from ctm_trio.owners.requests.book import Book
from ctm_trio.owners.requests.open_request import Open
from ctm_trio.system.kept_documents import KeptDocuments
from ctm_trio.system.process_tree import process_fields
from ctm_trio.system.tmux import Tmux

CROWD, CROWD_S = 50, 0.1
"""While more requests than this are open, what is open is published once in so many seconds."""

NO_ROW = "It waited too long, or the daemon was restarted: by now only its terminal takes an answer."

NO_PANE = "It runs in no terminal that can be typed into from here; answer it where it runs."


class RequestsEnds(msgspec.Struct, frozen=True):
    """What the owner reads and whom it asks.

    Attributes:
        events: the event log. sessions, clients, status, attribution, settings: the snapshots of their owners.
        store: path of the database. socket: path at which hooks wait. hook_events: directory of their logs.
        database: path of the event log. tmux: the server that our sessions live in.
        report, socket_report: told what is wrong with the database, and with the socket; "" when nothing is any more.
        clock: unix seconds.
    """

    events: EventTail
    sessions: StateReceiver[SessionsSnapshot]
    clients: StateReceiver[ClientsSnapshot]
    status: StateReceiver[StatusSnapshot]
    attribution: StateReceiver[AttributionSnapshot]
    settings: StateReceiver[ConfigSnapshot]
    store: Path
    socket: Path
    hook_events: Path
    database: Path
    tmux: Tmux
    report: Callable[[str], object] = len
    socket_report: Callable[[str], object] = len
    clock: Clock = time.time


class RequestsDesk:
    """See above.

    Args:
        ends: see there. state: what is open.
        announcer: gets the events. kept: requests, open or not, as they are on disk.

    Attributes:
        bell: rings when something that the search for dialogs goes by may have changed.
        watch: called with each request that is there, so that its client's end is waited for.
    """

    def __init__(
        self,
        ends: RequestsEnds,
        state: StateSender[RequestsSnapshot],
        announcer: Announcer,
        kept: KeptDocuments[Request],
    ) -> None:
        self.ends = ends
        self.book = Book()
        self.kept = kept
        self.bell = Bell()
        self.watch: Callable[[Open], None] = lambda entry: None
        self._state = state
        self._tell = announcer.tell
        self._to_publish = Bell()

    # -- the store

    async def load(self) -> None:
        """Take over what was open when the daemon ended."""
        for request in await self.kept.load():
            entry = self.book.add(replace(request, answerable="no"))
            entry.held_before = request.answerable == "hook"
            self.note_answerable(entry, announce=False)
        self.publish()

    async def newest(self, limit: int, session: str) -> tuple[Request, ...]:
        """The newest requests, open or not, oldest first."""
        found = {request.id: request for request in await self.kept.newest(limit, session)}
        for entry in self.book.open.values():
            if entry.ready and session in ("", entry.request.session):
                found[entry.request.id] = entry.request
        return tuple(sorted(found.values(), key=lambda request: request.asked_at)[-limit:])

    # -- what everybody is told

    async def opened(self, entry: Open) -> None:
        """A request is there: save it, and tell everybody, unless it is over already."""
        if entry.pid:
            entry.request = replace(entry.request, pid=entry.pid, begun=process_fields(entry.pid)[19])
        if not self.book.make_ready(entry):
            await self.settle()
            return
        self.watch(entry)
        closed = self._tell_closed()
        self._tell(
            Draft("request_opened", entry.request.session, opened_payload(entry.request), uuid=entry.request.uuid)
        )
        await self.kept.save(*closed, entry.request)
        self.publish()  # what can be looked up is there after a kill too

    async def settle(self) -> None:
        """Save and announce what has just closed."""
        closed = self._tell_closed()
        self.publish()
        if closed:
            await self.kept.save(*closed)

    def _tell_closed(self) -> list[Request]:
        closed, self.book.closed = self.book.closed, []
        for request in closed:
            self._tell(Draft("request_closed", request.session, closed_payload(request), uuid=request.uuid))
        return closed

    def note_answerable(self, entry: Open, *, announce: bool = True) -> None:
        """Find out how a request can be answered now, and tell everybody if that has changed."""
        old = entry.request
        client = self.ends.clients.latest.clients.get(old.session)
        if entry.holds:
            new = replace(old, answerable="hook", why_not="")
        elif entry.dialog is not None or (client is not None and client.pane and not old.from_screen):
            can = bool(choices_by_keys(old.asked))
            new = replace(old, answerable="keys" if can else "no", why_not="" if can else NO_ROW)
        else:
            new = replace(old, answerable="no", why_not=NO_PANE)
        if new != old:
            entry.request = new
            if announce and entry.ready:
                self._tell(Draft("request_changed", new.session, changed_payload(new), uuid=new.uuid))
                self.publish()

    def publish(self) -> None:
        """Publish what is open: at once, or in a crowd together with what follows."""
        if len(self.book.open) > CROWD:
            self._to_publish.ring()
        else:
            self._publish()

    def _publish(self) -> None:
        self._state.publish(self.book.snapshot())
        self.bell.ring()

    async def publish_crowd(self) -> NoReturn:
        """Publish a crowd's changes now and then: each snapshot names all that are open."""
        while True:
            await self._to_publish.wait()
            self._publish()
            await trio.sleep(CROWD_S)

    def session_of(self, uuid: str) -> str:
        """The session that a Claude session id belongs to."""
        for name, record in self.ends.sessions.latest.records.items():
            if record.uuid == uuid:
                return name
        return self.ends.attribution.latest.sessions.get(uuid) or orphan_name(uuid)
