"""What `sessions.json` and tmux say: followed, and published as one snapshot."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import NoReturn

import trio

from ctm_trio.core.bell import Bell
from ctm_trio.core.channels import StateSender
from ctm_trio.errors.files import BrokenSessions
from ctm_trio.errors.tmux import TmuxFailed
from ctm_trio.messages.sessions import SessionsSnapshot
from ctm_trio.model.panes import Pane, living
from ctm_trio.model.session import Session, SessionBook
from ctm_trio.system.at_shell import with_shells
from ctm_trio.system.files import GONE_S, UNREAD, Stamp
from ctm_trio.system.session_actions import Step, recorded
from ctm_trio.system.sessions_file import SessionsFile
from ctm_trio.system.tmux import Tmux, tmux_name

log = logging.getLogger("ctm.sessions")

TMUX_POLL_S = 2.0
"""How often tmux is asked which sessions live, all in one call: so soon it is seen that one has ended."""

UNANSWERED = 2
"""After so many failures in a row /health says that tmux cannot be asked; a single one passes."""


class FollowedSessions:
    """The records and which sessions live, as they were seen last. Whatever changes is published at once.

    It is the `Records` of the actions, so what they have written is in the snapshot when `change` returns.

    Args:
        state: the snapshot.
        file: `sessions.json`. tmux: the server that the sessions live in.
    """

    def __init__(self, state: StateSender[SessionsSnapshot], file: SessionsFile, tmux: Tmux) -> None:
        self._state = state
        self._file = file
        self._tmux = tmux
        self._book = SessionBook(records=state.latest.records)
        self._seen: Stamp | None = None
        self._live = frozenset[str]()
        self._panes: tuple[Pane, ...] = ()
        self._unmanaged: Mapping[str, Session] = MappingProxyType({})
        self._known = False
        self._problem = self._tmux_problem = self._not_adopted = ""
        self._unanswered = 0
        self._file_lock = trio.Lock()  # an older reading must never replace a newer one
        self._tmux_lock = trio.Lock()
        self._bell = Bell()

    @property
    def records(self) -> Mapping[str, Session]:
        """The records, by name."""
        return self._book.records

    def is_unmanaged(self, name: str) -> bool:
        """There is a session of that name that nobody recorded."""
        return name in self._unmanaged and name not in self._book.records

    @property
    def live(self) -> frozenset[str]:
        """The names of all tmux sessions that live, as tmux spells them."""
        return self._live

    # -- the file

    async def follow_file(self, changed: Callable[[], Awaitable[object]]) -> NoReturn:
        """Read the file whenever another version of it is there, until cancelled.

        Args:
            changed: returns when the file may have changed since the last time.
        """
        while True:
            await changed()
            if await self._file.stamp() != self._seen:
                await self.read()

    async def read(self) -> SessionBook:
        """Read the file. If it is broken, what was known stays and the snapshot says why."""
        async with self._file_lock:
            try:
                book, seen = await self._file.read()
                if seen == Stamp() and self._book.records:
                    await trio.sleep(GONE_S)
                    book, seen = await self._file.read()
            except BrokenSessions as error:
                self._seen = UNREAD
                if error.message != self._problem:
                    log.warning("sessions: %s The sessions known so far stay.", error.message)
                    self._problem = error.message
                    self._publish()
            else:
                self._keep(book, seen)
            return self._book

    async def change(self, step: Step) -> SessionBook:
        """Change the file and publish; raises what `SessionsFile.change` raises."""
        async with self._file_lock:
            book, seen = await self._file.change(step)
            self._keep(book, seen)
            return book

    async def record(self, name: str) -> Session:
        """The record of that name as it is on disk now: the CLI may have changed it a moment ago, also its mode.

        Raises:
            SessionNotFound: there is none.
        """
        if name not in self._book.records or await self._file.stamp() != self._seen:
            await self.read()
        return recorded(self._book, name)

    def _keep(self, book: SessionBook, seen: Stamp) -> None:
        if book.problem and book.problem != self._problem:
            log.warning("sessions: %s", book.problem)
        self._book, self._seen, self._problem = book, seen, book.problem
        self._publish()

    # -- tmux

    async def follow_tmux(self) -> NoReturn:
        """Ask tmux regularly, until cancelled."""
        while True:
            with trio.move_on_after(TMUX_POLL_S):
                await self._bell.wait()
            await self.ask_tmux()

    async def ask_tmux(self) -> None:
        """Ask tmux which sessions live, in one call; the answer is newer than this call."""
        async with self._tmux_lock:
            try:
                panes = await self._tmux.panes()
                self._panes = await trio.to_thread.run_sync(with_shells, panes, abandon_on_cancel=True)
                self._live, self._known = living(self._panes), True
                self._unanswered, self._tmux_problem = 0, ""
            except TmuxFailed as error:
                if self._known:
                    log.warning("sessions: %s", error.message)
                self._known = False
                self._unanswered += 1
                if self._unanswered >= UNANSWERED:
                    self._tmux_problem = error.message
            self._publish()

    def ask_soon(self) -> None:
        """Ask tmux at once instead of at the next tick; nobody waits for it."""
        self._bell.ring()

    # -- the snapshot

    def tell_not_adopted(self, problem: str) -> None:
        """Publish why a record does not follow its process; "" if they all do."""
        self._not_adopted = problem
        self._publish()

    def tell_unmanaged(self, sessions: Mapping[str, Session]) -> None:
        """Publish the sessions that nobody recorded."""
        self._unmanaged = sessions
        self._publish()

    def _publish(self) -> None:
        records = self._book.records
        dotted = {name for name in records if "." in name and tmux_name(name) in self._live}
        problem = self._problem or self._not_adopted
        unmanaged = {name: session for name, session in self._unmanaged.items() if name not in records}
        every = {**records, **unmanaged} if unmanaged else records
        alive = self._live | dotted | frozenset(unmanaged)
        self._state.publish(SessionsSnapshot(every, alive, self._known, problem, self._tmux_problem, self._panes))
