"""Dialogs that no hook tells of: found on the screen of a client that says that it waits, or never said anything.

The screen is read only where a dialog is known to be open and no request stands for it. Source: PROTOCOL.md, Requests.
"""

from __future__ import annotations

import logging
import math
from typing import NoReturn

import msgspec
import trio

from ctm_trio.errors.tmux import TmuxFailed
from ctm_trio.messages.status import StatusSnapshot
from ctm_trio.model.dialogs import Dialog, parse_dialog, same_dialog
from ctm_trio.model.panes import Pane, client_pane
from ctm_trio.model.request_record import ELSEWHERE, WITHDRAWN
from ctm_trio.model.status import DIALOG, EXITED, GONE
from ctm_trio.owners.requests.desk import RequestsDesk
from ctm_trio.owners.requests.open_request import Open
from ctm_trio.owners.requests.opening import PERMISSION_WAITS, call_at, dialog_request, is_of

log = logging.getLogger("ctm.requests")

STANDS_S = 0.45
"""A dialog is read when it has stood for so long: it is drawn by then, and the hook that knows it would have come."""

CLOSES_S = 1.0
"""After an answer the client's dialog closes within a tenth of a second; what stands then is another one."""

AGAIN_S, AGAIN_MAX_S = 1.0, 30.0
"""When a screen that was not understood is read again: after so long, then after twice as long each time."""

FIRST_RUN_S = 2.0
"""How often a first-run dialog is looked at: no file of the client tells of the next one, or of an answer."""

MAX_LOOKS = 4
"""Screens that are read at the same time."""


class _Search(msgspec.Struct):
    """One session's dialog. `since`: when it opened, unix seconds. `due`: when it is read, on Trio's clock."""

    since: float
    due: float
    pause: float = AGAIN_S
    first_run: bool = False


class Screens:
    """Looks for dialogs.

    Args:
        desk: shared with the rest of the owner.
    """

    def __init__(self, desk: RequestsDesk) -> None:
        self._desk = desk
        self._searches: dict[str, _Search] = {}
        self._limiter = trio.CapacityLimiter(MAX_LOOKS)

    async def follow_statuses(self) -> NoReturn:
        """A first-run dialog is a matter of time: the session's status says it."""
        changes = self._desk.ends.status.changes()
        while True:
            sessions = (await changes.next()).sessions
            for entry in list(self._desk.book.open.values()):
                status = sessions.get(entry.request.session)
                if (
                    entry.request.from_screen
                    and not entry.pid
                    and status is not None
                    and status.state in (GONE, EXITED)
                ):
                    self._desk.book.close(entry.request.id, WITHDRAWN, self._desk.ends.clock())
            if self._desk.book.closed:
                await self._desk.settle()
            self._desk.bell.ring()

    async def run(self) -> NoReturn:
        """Look whenever a dialog is open that is not known."""
        while True:
            self._choose()
            due = min((search.due for search in self._searches.values()), default=math.inf)
            with trio.move_on_at(due):
                await self._desk.bell.wait()
                continue
            now = trio.current_time()
            names = [name for name, search in self._searches.items() if search.due <= now]
            async with trio.open_nursery() as nursery:
                for name in names:
                    nursery.start_soon(self._look, name, self._searches[name], name=f"ctm: dialog of {name}")

    def _choose(self) -> None:
        """Find out where to look, and forget the others."""
        ends, book = self._desk.ends, self._desk.book
        wanted: dict[str, tuple[float, bool]] = {}
        clients, statuses = ends.clients.latest.clients, ends.status.latest
        for name, client in clients.items():
            if client.status == "waiting" and client.pane:
                wanted[name] = client.since, False
        for name in _first_runs(statuses):
            if name not in wanted and (name not in clients or not clients[name].status):
                wanted[name] = statuses.sessions[name].since, True
        for entry in list(book.open.values()):
            name = entry.request.session
            if entry.request.from_screen and entry.dialog is None:
                continue  # of the time before a restart
            if name in wanted and entry.shows_dialog and (entry.dialog is None or not wanted[name][1]):
                since, _ = wanted[name]
                if entry.dialog is not None and since > entry.request.asked_at:
                    continue  # another one has opened since
                del wanted[name]
        now = trio.current_time()
        for name, (since, first_run) in wanted.items():
            known = self._searches.get(name)
            if known is None or known.since != since:
                opened = max(since + STANDS_S, book.closed_at.get(name, 0.0) + CLOSES_S)
                stands = min(max(0.0, opened - ends.clock()), CLOSES_S)  # the clock may have been set back
                self._searches[name] = _Search(since, now + stands, first_run=first_run)
        self._searches = {name: search for name, search in self._searches.items() if name in wanted}

    async def _look(self, name: str, search: _Search) -> None:
        async with self._limiter:
            seen, dialog = await self._read(name)
        desk = self._desk
        if self._searches.get(name) is not search:
            return
        if not seen:  # its terminal has gone, or hangs: that answers nothing, and its status will say which it is
            search.due = trio.current_time() + search.pause
            search.pause = min(2 * search.pause, AGAIN_MAX_S)
            return
        mine = next((e for e in desk.book.open.values() if e.request.from_screen and e.request.session == name), None)
        if mine is not None and mine.dialog is None and dialog is not None and is_of(mine.request.asked, dialog):
            mine.dialog = dialog
            desk.note_answerable(mine)
        if search.first_run:
            search.due = trio.current_time() + FIRST_RUN_S
            if mine is not None:
                if mine.dialog is not None and dialog is not None and same_dialog(mine.dialog, dialog):
                    return
                await self._close(mine)
        else:
            search.due = trio.current_time() + search.pause
            search.pause = min(2 * search.pause, AGAIN_MAX_S)
            if mine is not None and mine.dialog is dialog:
                return  # it was read again, or cannot be read yet
            if mine is not None:
                await self._close(mine)
        if dialog is not None and dialog.rows:
            await self._open(name, search, dialog)

    async def _close(self, entry: Open) -> None:
        desk = self._desk
        if desk.book.close(entry.request.id, ELSEWHERE, desk.ends.clock()) is not None:
            await desk.settle()

    async def _open(self, name: str, search: _Search, dialog: Dialog) -> None:
        desk = self._desk
        record = desk.ends.sessions.latest.records.get(name)
        client = desk.ends.clients.latest.clients.get(name)
        if record is None:
            return
        uuid = client.uuid if client is not None else record.uuid
        waiting_for = client.waiting_for if client is not None else ""
        use = desk.book.last_use(uuid) if waiting_for in PERMISSION_WAITS else None
        call = None
        if use is not None:
            call = await trio.to_thread.run_sync(
                call_at, desk.ends.database, desk.ends.hook_events, use.event, abandon_on_cancel=True
            )
        cwd = client.cwd if client is not None else record.workdir
        request = await trio.to_thread.run_sync(
            dialog_request, dialog, name, uuid, cwd, waiting_for, max(search.since, desk.ends.clock() - 1), call,
            abandon_on_cancel=True,
        )  # fmt: skip
        entry = desk.book.add(
            request, pid=client.pid if client is not None else 0, ready=False, dialog=dialog
        )  # fmt: skip
        if request.id in desk.book.open:
            await desk.opened(entry)

    async def _read(self, name: str) -> tuple[bool, Dialog | None]:
        """Whether the screen of a session's client could be read, and the dialog on it."""
        pane = await self._pane(name)
        if pane is None:
            return False, None
        try:
            return True, parse_dialog(await self._desk.ends.tmux.capture(pane, plain=True))
        except TmuxFailed:
            return False, None

    async def _pane(self, name: str) -> str | None:
        ends = self._desk.ends
        client = ends.clients.latest.clients.get(name)
        if client is not None and client.pane:
            return client.pane
        panes: tuple[Pane, ...] = ends.sessions.latest.panes
        pane = client_pane(p for p in panes if p.session == name.replace(".", "_"))
        return None if pane is None or pane.dead else pane.id


def _first_runs(statuses: StatusSnapshot) -> list[str]:
    return [name for name, status in statuses.sessions.items() if status.state == DIALOG]
