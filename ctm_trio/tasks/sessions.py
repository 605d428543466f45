"""The sessions owner: `sessions.json` and tmux in, one snapshot and the lifecycle events out."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import msgspec
import trio

from ctm_trio.channels import StateSender
from ctm_trio.errors import BrokenSessions, FileLocked, TmuxFailed
from ctm_trio.messages import (
    AdoptUuid,
    Draft,
    JournalMessage,
    Lifecycle,
    Publish,
    SessionsMessage,
    SessionsSnapshot,
)
from ctm_trio.model.session import SessionBook, is_name, is_new_name
from ctm_trio.model.times import format_time
from ctm_trio.system.files import Stamp
from ctm_trio.system.sessions_file import SessionsFile
from ctm_trio.system.tmux import Tmux, tmux_name

log = logging.getLogger("ctm.sessions")

FILE_POLL_S = 0.5
"""How often `sessions.json` is looked at; one `stat`."""

TMUX_POLL_S = 2.0
"""How often tmux is asked which sessions live, all in one call. Source: issue 5."""

FIRST_PROBE_S = 0.5
"""How long the start waits for tmux's first answer; a slow tmux does not keep the daemon from being ready."""


async def run_sessions(
    inbox: trio.MemoryReceiveChannel[SessionsMessage],
    state: StateSender[SessionsSnapshot],
    journal: trio.MemorySendChannel[JournalMessage],
    path: Path,
    tmux: Tmux,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> NoReturn:
    """Own the sessions: follow the file, ask tmux, act, publish. Until it is cancelled; closes `inbox` and `journal`.

    Args:
        inbox: orders, capacity 0: whoever sends waits.
        state: the snapshot; it is published before an order is answered.
        journal: lifecycle events go here; this owner waits if it is full.
        path: `sessions.json`.
        tmux: the server that the sessions live in.
    """
    with inbox, journal:
        owner = _Owner(state, journal, SessionsFile(path), tmux)
        await owner.read_file()
        with trio.move_on_after(FIRST_PROBE_S):
            await owner.ask_tmux()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(owner.follow_file)
            nursery.start_soon(owner.follow_tmux)
            task_status.started()
            while True:
                await owner.take(await inbox.receive())
    raise AssertionError("unreachable")


class _Owner:
    def __init__(
        self,
        state: StateSender[SessionsSnapshot],
        journal: trio.MemorySendChannel[JournalMessage],
        file: SessionsFile,
        tmux: Tmux,
    ) -> None:
        self._state = state
        self._journal = journal
        self._file = file
        self._tmux = tmux
        self._book = SessionBook(records=state.latest.records)
        self._seen: Stamp | None = None
        self._live = frozenset[str]()
        self._known = False
        self._problem = ""
        self._file_lock = trio.Lock()  # an older reading must never replace a newer one
        self._tmux_lock = trio.Lock()
        self._bell, self._rung = trio.open_memory_channel[None](1)

    # -- following

    async def follow_file(self) -> NoReturn:
        while True:
            await trio.sleep(FILE_POLL_S)
            if await self._file.stamp() != self._seen:
                await self.read_file()

    async def follow_tmux(self) -> NoReturn:
        while True:
            with trio.move_on_after(TMUX_POLL_S):
                await self._rung.receive()
            await self.ask_tmux()

    async def read_file(self) -> None:
        """Read `sessions.json`. If it is broken, what was known stays and the snapshot says why."""
        async with self._file_lock:
            try:
                book, seen = await self._file.read()
            except BrokenSessions as error:
                self._seen = await self._file.stamp()
                if error.message != self._problem:
                    log.warning("sessions: %s The sessions known so far stay.", error.message)
                self._problem = error.message
                self._publish()
            else:
                self._keep(book, seen)

    async def _change(self, step: Callable[[SessionBook], SessionBook]) -> None:
        """Change `sessions.json` and publish; raises what `SessionsFile.change` raises."""
        async with self._file_lock:
            self._keep(*await self._file.change(step))

    async def ask_tmux(self) -> None:
        """Ask tmux which sessions live, in one call; the answer is newer than this call."""
        async with self._tmux_lock:
            try:
                self._live, self._known = await self._tmux.sessions(), True
            except TmuxFailed as error:
                if self._known:
                    log.warning("sessions: %s", error.message)
                self._known = False
            self._publish()

    def probe_soon(self) -> None:
        """Ask tmux at once instead of at the next tick."""
        try:
            self._bell.send_nowait(None)
        except trio.WouldBlock:
            pass  # it rings already

    def _keep(self, book: SessionBook, seen: Stamp) -> None:
        self._book, self._seen, self._problem = book, seen, ""
        self._publish()

    def _publish(self) -> None:
        dotted = {name for name in self._book.records if "." in name and tmux_name(name) in self._live}
        self._state.publish(SessionsSnapshot(self._book.records, self._live | dotted, self._known, self._problem))

    # -- orders

    async def take(self, message: SessionsMessage) -> None:
        if isinstance(message, Lifecycle):
            await self._lifecycle(message)
        elif isinstance(message, AdoptUuid):
            await self._adopt(message)
        else:
            message.reply.drop()

    async def _lifecycle(self, message: Lifecycle) -> None:
        """The CLI did something: look at once, then publish its fields as they are. Source: contract A4."""
        with message.reply as reply:
            fields = dict(message.fields)
            if message.event == "session_attached":
                fields["at"] = format_time(time.time())
            name = fields.get("name", "")
            session = name if is_name(name) or is_new_name(name) else ""
            await self.read_file()
            self.probe_soon()
            draft = Draft(message.event, session, msgspec.json.encode(fields), uuid=fields.get("uuid", ""))
            await self._journal.send(Publish((draft,)))
            reply.ok(None)

    async def _adopt(self, message: AdoptUuid) -> None:
        def step(book: SessionBook) -> SessionBook:
            record = book.records.get(message.name)
            return book if record is None else book.having(replace(record, uuid=message.uuid))

        try:
            await self._change(step)
        except (BrokenSessions, FileLocked) as error:
            log.warning("sessions: the new Claude session of %s is not recorded: %s", message.name, error.message)
