"""The requests owner: what the sessions ask their person, and what is answered.

Hooks and dialogs in, events and one snapshot out; answers go to the hook that waits, or as keys into the terminal.
Source: PROTOCOL.md, Requests.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, NoReturn, assert_never

import trio

from ctm_trio.archive.hook_lines import missed_events
from ctm_trio.core.channels import StateSender, fulfil
from ctm_trio.core.confine import confined
from ctm_trio.errors.asked import RequestNotFound
from ctm_trio.errors.base import CtmError
from ctm_trio.journal.announcer import Announcer
from ctm_trio.journal.fold import fold_events
from ctm_trio.journal.view import EventView
from ctm_trio.messages.journal import JournalMessage
from ctm_trio.messages.requests import (
    AnswerRequest,
    GetRequest,
    ListRequests,
    NoteKeys,
    NotePresence,
    RequestsMessage,
    RequestsSnapshot,
)
from ctm_trio.model.event import HOOK_TYPE, Event
from ctm_trio.model.request_record import WITHDRAWN, Request
from ctm_trio.model.status import EXITED, GONE
from ctm_trio.owners.requests.answers import Answers
from ctm_trio.owners.requests.book import AGENT_ANSWERED_S
from ctm_trio.owners.requests.desk import RequestsDesk, RequestsEnds
from ctm_trio.owners.requests.holds import Holds
from ctm_trio.owners.requests.open_request import Open
from ctm_trio.owners.requests.presence import Presence
from ctm_trio.owners.requests.printed import PrintedAnswers
from ctm_trio.owners.requests.screens import Screens
from ctm_trio.system.document_store import REQUESTS
from ctm_trio.system.hook_socket import serve_hooks
from ctm_trio.system.kept_documents import Keeping, kept_documents
from ctm_trio.system.live_sessions import runs
from ctm_trio.system.process_end import process_ended

log = logging.getLogger("ctm.requests")

KEEPING = Keeping(REQUESTS, Request, lambda request: request.asked_at)
"""How they are kept on disk."""

INBOX = 64
"""Orders and questions that wait; whoever sends more waits."""

RETRY_S = 5.0
"""How soon a socket that could not be made is tried again."""

LOOK_BACK_S = 6 * 3600
"""Without a cursor of its own (the first start) it takes in what came within so long before."""

ALONE_S, ALONE_LOOK_S = 300.0, 15.0
"""A request that nobody can answer is withdrawn after so long; how often it is looked for such ones."""

ALONE = "Its hook has ended, and no Claude Code is known that still waits for it."

TURN_EVENTS = 500
"""Events between two checkpoints of the loop."""

LOGS_S = 2.0
"""After a start the logs are read within so long."""

EVENTS = EventView(types=frozenset({"tool_call", HOOK_TYPE}), internal=True)


async def run_requests(
    ends: RequestsEnds,
    inbox: trio.MemoryReceiveChannel[RequestsMessage],
    state: StateSender[RequestsSnapshot],
    journal: trio.MemorySendChannel[JournalMessage],
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> NoReturn:
    """Own the requests until cancelled; closes `inbox` and `journal`. Hooks that wait are let go then, without a word.

    Args:
        ends: see there. inbox: orders and questions. state: what is open.
        journal: gets `request_opened`, `request_changed` and `request_closed`.
    """
    async with inbox, journal:
        announcer = Announcer(journal)
        async with kept_documents(ends.store, KEEPING, ends.report) as kept:
            desk = RequestsDesk(ends, state, announcer, kept)
            await desk.load()
            async with trio.open_nursery() as nursery:
                owner = _RequestsOwner(desk, nursery)
                nursery.start_soon(kept.watch, name="ctm: watch of the requests' file")
                nursery.start_soon(announcer.run, name="ctm: announcements of requests")
                nursery.start_soon(desk.publish_crowd, name="ctm: a crowd of requests")
                nursery.start_soon(owner.follow_events, name="ctm: events for requests")
                nursery.start_soon(owner.follow_clients, name="ctm: clients for requests")
                nursery.start_soon(owner.follow_sessions, name="ctm: sessions for requests")
                nursery.start_soon(owner.follow_attribution, name="ctm: names of logs for requests")
                nursery.start_soon(owner.withdraw_gone, name="ctm: clients that ended meanwhile")
                nursery.start_soon(owner.withdraw_alone, name="ctm: requests that nobody can answer")
                nursery.start_soon(owner.screens.run, name="ctm: dialogs without a hook")
                nursery.start_soon(owner.screens.follow_statuses, name="ctm: statuses for dialogs")
                nursery.start_soon(owner.serve, name="ctm: hooks that wait")
                task_status.started()
                await owner.work(inbox)
    raise AssertionError("unreachable")


class _RequestsOwner:
    def __init__(self, desk: RequestsDesk, nursery: trio.Nursery) -> None:
        self.desk = desk
        self.nursery = nursery
        self.presence = Presence()
        self.holds = Holds(desk, nursery, self.presence)
        self.answers = Answers(desk)
        self.screens = Screens(desk)
        self.printed = PrintedAnswers(desk, nursery)
        desk.book.printed = self.printed.follow
        self.watched: set[int] = set()
        desk.watch = self.watch

    async def serve(self) -> None:
        """Let hooks wait. Without a socket the terminal's dialogs go on as ever, and /health says so."""
        said = ""
        ends = self.desk.ends

        def lost(why: str) -> None:
            nonlocal said
            problem = f"hooks cannot wait for answers: {why}"
            if problem != said:
                log.error("requests: %s", problem)
            said = problem
            ends.socket_report(problem)

        while True:
            try:
                await serve_hooks(ends.socket, self.holds.take, begun=partial(ends.socket_report, ""), lost=lost)
            except (OSError, CtmError) as error:
                lost(str(error))
            await trio.sleep(RETRY_S)

    async def follow_events(self) -> NoReturn:
        """Take in what came while nobody followed, then what comes."""
        await fold_events(self.desk.ends.events, EVENTS, self.remember, self.take)

    async def remember(self) -> None:
        """Take in what the event log has behind the cursor."""
        desk = self.desk
        after = desk.kept.cursor or time.time_ns() - LOOK_BACK_S * 1_000_000_000
        try:
            missed = await trio.to_thread.run_sync(missed_events, desk.ends.database, after, abandon_on_cancel=True)
        except CtmError as error:
            log.warning("requests: what was missed cannot be read: %s", error.message)
            return
        await self.take(tuple(missed))

    async def take(self, events: tuple[Event, ...]) -> None:
        """Fold events in their order."""
        desk, book = self.desk, self.desk.book
        for number, event in enumerate(events, 1):
            if event.id <= desk.kept.cursor or not event.uuid:
                continue
            desk.kept.cursor = event.id
            if event.hook is not None and event.hook.name == "PermissionRequest":
                self.holds.heard(event)
            else:
                book.fold(event, desk.ends.clock())
                self.printed.fold(event)
            if number % TURN_EVENTS == 0:
                await trio.lowlevel.checkpoint()
        if book.closed:
            await desk.settle()

    async def follow_clients(self) -> NoReturn:
        """A client that no longer waits has its answer; one that is gone takes its requests along."""
        desk = self.desk
        changes = desk.ends.clients.changes()
        while True:
            with trio.move_on_after(AGENT_ANSWERED_S if desk.book.must_look_again() else math.inf):
                desk.book.use_clients(await changes.next(), desk.ends.clock())
            desk.book.look_at_all(desk.ends.clock())
            self.printed.use_clients(desk.ends.clients.latest)
            for entry in list(desk.book.open.values()):
                self.watch(entry)
                desk.note_answerable(entry)
            desk.bell.ring()
            if desk.book.closed:
                await desk.settle()

    def watch(self, entry: Open) -> None:
        """Wait for the end of the client that asks, whatever else is known of it."""
        if entry.pid and entry.pid not in self.watched:
            self.watched.add(entry.pid)
            self.nursery.start_soon(
                confined, "requests: a client's end", partial(self._client_ended, entry.pid),
                name=f"ctm: end of client {entry.pid}",
            )  # fmt: skip

    async def _client_ended(self, pid: int) -> None:
        try:
            await process_ended(pid)
        finally:
            self.watched.discard(pid)
        self.desk.book.ended(pid, self.desk.ends.clock())
        await self.desk.settle()

    async def withdraw_gone(self) -> None:
        """What a client asked that has ended while no daemon ran is withdrawn, unless its log tells more by then."""
        desk = self.desk
        asked = [entry.request for entry in desk.book.open.values() if entry.request.pid]
        await trio.sleep(LOGS_S)
        here = await trio.to_thread.run_sync(lambda: [runs(r.pid, r.begun) for r in asked], abandon_on_cancel=True)
        for request, runs_on in zip(asked, here, strict=True):
            entry = desk.book.open.get(request.id)
            if entry is not None and not runs_on:
                desk.book.close(request.id, WITHDRAWN, desk.ends.clock())
            elif entry is not None:
                entry.pid = entry.pid or request.pid
                self.watch(entry)
        if desk.book.closed:
            await desk.settle()

    async def withdraw_alone(self) -> NoReturn:
        """What nobody can answer any more, and no client is known to wait for, does not stay open for ever."""
        desk, since = self.desk, dict[str, float]()
        while True:
            await trio.sleep(ALONE_LOOK_S)
            now = trio.current_time()
            since = {id_: since.get(id_, now) for id_ in desk.book.alone(self._may_run)}
            for id_, at in since.items():
                if now - at >= ALONE_S:
                    desk.book.close(id_, WITHDRAWN, desk.ends.clock(), why=ALONE)
            if desk.book.closed:
                await desk.settle()

    def _may_run(self, session: str) -> bool:
        """A recorded session that tmux has may run a client that writes no status file."""
        record = self.desk.ends.sessions.latest.records.get(session)
        status = self.desk.ends.status.latest.sessions.get(session)
        return record is not None and (status is None or status.state not in (EXITED, GONE))

    async def follow_sessions(self) -> NoReturn:
        """Requests follow their sessions to other names."""
        desk = self.desk
        changes = desk.ends.sessions.changes()
        before: frozenset[str] = frozenset()
        while True:
            records = (await changes.next()).records
            await self._rename()
            before, forgotten = frozenset(records), before - records.keys()
            for entry in list(desk.book.open.values()):
                if entry.request.session in forgotten and not entry.pid:  # else its process tells
                    desk.book.close(entry.request.id, WITHDRAWN, desk.ends.clock())
            if desk.book.closed:
                await desk.settle()

    async def follow_attribution(self) -> NoReturn:
        """Requests follow the logs that they came from: the record that has their name now may be another session."""
        changes = self.desk.ends.attribution.changes()
        while True:
            await changes.next()
            await self._rename()

    async def _rename(self) -> None:
        desk = self.desk
        if moved := desk.book.rename(desk.ends.sessions.latest.records, desk.ends.attribution.latest.sessions):
            desk.publish()
            await desk.kept.save(*moved)

    async def work(self, inbox: trio.MemoryReceiveChannel[RequestsMessage]) -> NoReturn:
        """Take orders; each is carried out in a task of its own, one at a time for each request."""
        while True:
            message = await inbox.receive()
            match message:
                case NotePresence():
                    self.presence.note(message.page, visible=message.visible)
                case NoteKeys():
                    self.desk.book.note_keys(message.session, self.desk.ends.clock() + message.within_s)
                case GetRequest():
                    self._carry_out(message, partial(self._get, message.id))
                case ListRequests():
                    self._carry_out(message, partial(self.desk.newest, message.limit, message.session))
                case AnswerRequest():
                    self._carry_out(message, partial(self.answers.answer, message))
                case _:
                    assert_never(message)

    def _carry_out(
        self, message: GetRequest | ListRequests | AnswerRequest, work: Callable[[], Awaitable[Any]]
    ) -> None:
        self.nursery.start_soon(
            confined, "requests: an order", partial(fulfil, message.reply, work), name="ctm: an order for requests"
        )

    async def _get(self, id_: str) -> Request:
        entry = self.desk.book.open.get(id_)
        if entry is not None and entry.ready:
            return entry.request
        found = await self.desk.kept.get(id_)
        if found is None:
            raise RequestNotFound
        return found
