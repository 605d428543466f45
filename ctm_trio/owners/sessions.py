"""The sessions owner: `sessions.json` and tmux in, one snapshot and the lifecycle events out; it also acts on them."""

from __future__ import annotations

import logging
import os
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import NoReturn, Protocol

import msgspec
import trio

from ctm_trio.core.bell import Bell
from ctm_trio.core.channels import StateReceiver, StateSender, fulfil
from ctm_trio.core.confine import confined
from ctm_trio.core.desk import Desk
from ctm_trio.errors.base import CtmError
from ctm_trio.errors.files import BrokenSessions
from ctm_trio.errors.orders import Unavailable
from ctm_trio.errors.sessions import BadName, NameExists, SessionNotFound
from ctm_trio.errors.tmux import PaneNotReady, TmuxFailed, TmuxGone
from ctm_trio.errors.typing import InputSessionNotFound, NotTypeable, NotYolo, TmuxDead
from ctm_trio.messages.config import ConfigSnapshot
from ctm_trio.messages.journal import Draft, JournalMessage, Publish
from ctm_trio.messages.sessions import (
    AdoptUuid,
    CreateSession,
    ForgetSession,
    KillSession,
    Lifecycle,
    RenameSession,
    SendInput,
    SessionsMessage,
    SessionsSnapshot,
)
from ctm_trio.model.paths import Paths
from ctm_trio.model.session import Session, SessionBook, hook_fields, is_name, is_new_name, public_session
from ctm_trio.model.session_names import base_name, new_name
from ctm_trio.model.times import format_time
from ctm_trio.owners.sessions_adoptions import Adoptions
from ctm_trio.system.files import UNREAD, Stamp
from ctm_trio.system.places import in_place
from ctm_trio.system.prompt import type_prompt
from ctm_trio.system.reach import reach, type_text
from ctm_trio.system.session_place import sessions_at
from ctm_trio.system.sessions_file import SessionsFile, taken_by
from ctm_trio.system.spawn import renamed, spawned
from ctm_trio.system.tmux import Tmux, exactly, tmux_name

log = logging.getLogger("ctm.sessions")

FILE_POLL_S = 0.5
"""How often `sessions.json` is looked at; one `stat`."""

TMUX_POLL_S = 2.0
"""How often tmux is asked which sessions live, all in one call: so soon it is seen that one has ended."""

UNANSWERED = 2
"""After so many failures in a row /health says that tmux cannot be asked; a single one passes."""

FIRST_PROBE_S = 0.5
"""How long the start waits for tmux's first answer; a slow tmux does not keep the daemon from being ready."""

MAX_COMMANDS = 8
"""Orders worked on at once, each for another session; the next one waits."""

MAX_WAITING = 64
"""Orders at work or waiting for their turn; whoever sends one more is told to come back."""

SEE_S = 2.0
"""How long an order that is done waits for tmux to say what lives now. If it does not, the next look tells."""

PUBLISH_S = 5.0
"""How long it waits for room in the journal's inbox."""

MAX_PROMPTS = 16
"""Sessions that may wait for their first screen at once; a prompt beyond that is not typed, and the log says so."""


EMPTY_FIELDS: Mapping[str, str] = MappingProxyType({})

Order = Lifecycle | CreateSession | KillSession | ForgetSession | RenameSession | SendInput


MAX_UNTYPED = 100
"""Prompts that were not typed which the doctor tells of."""


class Checkpoint(Protocol):
    """Makes a checkpoint commit of a work directory, if it is in a git repository; raises CtmError."""

    def __call__(self, workdir: str) -> Awaitable[None]:
        """Make the commit."""


async def run_sessions(
    inbox: trio.MemoryReceiveChannel[SessionsMessage],
    state: StateSender[SessionsSnapshot],
    journal: trio.MemorySendChannel[JournalMessage],
    settings: StateReceiver[ConfigSnapshot],
    paths: Paths,
    tmux: Tmux,
    checkpoint: Checkpoint | None,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> NoReturn:
    """Own the sessions: follow the file, ask tmux, act, publish. Until it is cancelled; closes `inbox` and `journal`.

    Args:
        inbox: orders, capacity 0: whoever sends waits.
        state: the snapshot; it is published before an order is answered.
        journal: lifecycle events go here; this owner waits if it is full.
        settings: whether a session in yolo mode begins with a checkpoint.
        paths: where `sessions.json`, `env.sh` and the overlay are.
        tmux: the server that the sessions live in.
        checkpoint: see `Checkpoint`; None never makes one.
    """
    with inbox, journal:
        owner = _SessionsOwner(state, journal, settings, paths, tmux, checkpoint)
        await owner.read_file()
        with trio.move_on_after(FIRST_PROBE_S):
            await owner.ask_tmux()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(owner.follow_file)
            nursery.start_soon(owner.follow_tmux)
            nursery.start_soon(owner.follow_processes)
            nursery.start_soon(owner.work, inbox, nursery)
            task_status.started()
    raise AssertionError("its tasks never end")


class _SessionsOwner:
    def __init__(
        self,
        state: StateSender[SessionsSnapshot],
        journal: trio.MemorySendChannel[JournalMessage],
        settings: StateReceiver[ConfigSnapshot],
        paths: Paths,
        tmux: Tmux,
        checkpoint: Checkpoint | None,
    ) -> None:
        self._state = state
        self._journal = journal
        self._settings = settings
        self._paths = paths
        self._file = SessionsFile(paths.sessions)
        self._tmux = tmux
        self._checkpoint = checkpoint
        self._book = SessionBook(records=state.latest.records)
        self._seen: Stamp | None = None
        self._live = frozenset[str]()
        self._known = False
        self._problem = self._tmux_problem = ""
        self._unanswered = 0
        self._file_lock = trio.Lock()  # an older reading must never replace a newer one
        self._tmux_lock = trio.Lock()
        self._desk = Desk(at_once=MAX_COMMANDS, waiting=MAX_WAITING)  # one order at a time a session
        self._adoptions = Adoptions(self._change, self._publish)
        self._prompts = 0
        self._untyped: dict[str, str] = {}
        self._coming: set[str] = set()  # names of sessions that are being made, as tmux spells them
        self._bell = Bell()

    # -- following

    async def follow_file(self) -> NoReturn:
        while True:
            await trio.sleep(FILE_POLL_S)
            if await self._file.stamp() != self._seen:
                await self.read_file()

    async def follow_tmux(self) -> NoReturn:
        while True:
            with trio.move_on_after(TMUX_POLL_S):
                await self._bell.wait()
            await self.ask_tmux()

    async def follow_processes(self) -> NoReturn:
        """Carry out the orders of the attribution owner."""
        await self._adoptions.run()

    async def read_file(self) -> None:
        """Read `sessions.json`. If it is broken, what was known stays and the snapshot says why."""
        async with self._file_lock:
            try:
                book, seen = await self._file.read()
            except BrokenSessions as error:
                self._seen = UNREAD
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
                self._unanswered, self._tmux_problem = 0, ""
            except TmuxFailed as error:
                if self._known:
                    log.warning("sessions: %s", error.message)
                self._known = False
                self._unanswered += 1
                if self._unanswered >= UNANSWERED:
                    self._tmux_problem = error.message
            self._publish()

    def probe_soon(self) -> None:
        """Ask tmux at once instead of at the next tick."""
        self._bell.ring()

    def _keep(self, book: SessionBook, seen: Stamp) -> None:
        if book.problem and book.problem != self._problem:
            log.warning("sessions: %s", book.problem)
        self._book, self._seen, self._problem = book, seen, book.problem
        self._publish()

    def _publish(self) -> None:
        dotted = {name for name in self._book.records if "." in name and tmux_name(name) in self._live}
        problem = self._problem or self._adoptions.problem
        untyped = {name: why for name, why in self._untyped.items() if name in self._book.records}
        self._state.publish(
            SessionsSnapshot(self._book.records, self._live | dotted, self._known, problem, untyped, self._tmux_problem)
        )

    # -- orders

    async def work(self, inbox: trio.MemoryReceiveChannel[SessionsMessage], nursery: trio.Nursery) -> NoReturn:
        """Take orders: events of the CLI one after the other, the rest side by side, but one at a time a session.

        Nothing is waited for here, so that an order that hangs is in nobody's way but of those for its session.
        """
        while True:
            message = await inbox.receive()
            if isinstance(message, AdoptUuid):
                self._adoptions.add(message)
            elif self._desk.full:
                message.reply.fail(Unavailable("Too many orders wait already; try again in a moment."))
            else:
                nursery.start_soon(confined, "sessions: an order", partial(self._act, message, nursery))

    async def _act(self, message: Order, nursery: trio.Nursery) -> None:
        if isinstance(message, CreateSession):
            await self._make(message, nursery)
            return
        async with self._desk.place(*_things(message)):
            if isinstance(message, Lifecycle):
                await fulfil(message.reply, partial(self._lifecycle, message))
            elif isinstance(message, SendInput):
                await fulfil(message.reply, partial(self._input, message))
            elif isinstance(message, KillSession):
                await fulfil(message.reply, partial(self._kill, message.name))
            elif isinstance(message, ForgetSession):
                await fulfil(message.reply, partial(self._forget, message.name))
            else:
                await fulfil(message.reply, partial(self._rename, message.name, message.to))

    async def _tell(self, event: str = "", fields: Mapping[str, str] = EMPTY_FIELDS) -> None:
        """What was done is seen and published. It cannot be cut off by a deadline any more, but takes its own time."""
        with trio.CancelScope(shield=True):
            with trio.move_on_after(SEE_S) as late:
                await self.ask_tmux()
            if late.cancelled_caught:
                self.probe_soon()
            if event:
                with trio.move_on_after(PUBLISH_S) as late:
                    await self._publish_event(event, dict(fields))
                if late.cancelled_caught:
                    log.warning("sessions: the event %s is not published: the event log takes nothing", event)

    async def _record(self, name: str) -> Session:
        """The record of that name as it is on disk now: the CLI may have changed it a moment ago, also its mode."""
        if name not in self._book.records or await self._file.stamp() != self._seen:
            await self.read_file()
        if name not in self._book.records:
            raise SessionNotFound(name)
        return self._book.records[name]

    async def _publish_event(self, event: str, fields: dict[str, str]) -> None:
        name, uuid_ = fields.get("name", ""), fields.get("uuid", "")
        session = name if is_name(name) or is_new_name(name) else ""
        record = self._book.records.get(session)
        if record is not None:
            uuid_ = record.uuid  # an id that the session does not have makes no log of its own
        draft = Draft(event, session, msgspec.json.encode(fields), uuid=uuid_, fleeting=record is None)
        await self._journal.send(Publish((draft,)))

    async def _lifecycle(self, message: Lifecycle) -> None:
        """The CLI did something: look at once, then publish its fields as they are.

        Source: PROTOCOL.md, Lifecycle events from the command line.
        """
        fields = dict(message.fields)
        if message.event == "session_attached":
            fields["at"] = format_time(time.time())
        await self.read_file()
        self.probe_soon()
        await self._publish_event(message.event, fields)

    async def _make(self, message: CreateSession, nursery: trio.Nursery) -> None:
        """Create a session, under its own name or one that is chosen here."""
        with message.reply as reply:
            try:
                with self._desk.here(), trio.fail_at(reply.deadline):  # counted, but at nobody's place
                    name = await self._name_for(message.workdir) if message.name is None else message.name
            except trio.TooSlowError:
                reply.fail(Unavailable("The directory does not answer, so no name was found; nothing was started."))
                return
            except CtmError as error:
                reply.fail(error)
                return
            self._coming.add(tmux_name(name))
            try:
                async with self._desk.place(tmux_name(name)):
                    await fulfil(reply, partial(self._create, name, message, nursery))
            finally:
                self._coming.discard(tmux_name(name))

    async def _create(self, name: str, message: CreateSession, nursery: trio.Nursery) -> Session:
        """Make the directory, the checkpoint, the tmux session, the record; a failure takes back what was made."""
        workdir, mode = message.workdir, message.mode
        if not is_new_name(name):
            raise BadName(f"{name!r} cannot be a session's name: give one of letters, digits, dots, _ and -.")
        await self.read_file()
        _free(self._book, name)
        wants_checkpoint = mode == "yolo" and self._settings.latest.settings.git_checkpoint_before_yolo
        before = self._checkpoint if wants_checkpoint else None
        record = Session(name, str(uuid.uuid4()), mode, workdir, format_time(time.time()))
        async with spawned(self._tmux, record, self._paths, before) as target:
            await self._change(lambda book: _free(book, name).having(record))
        await self._tell("session_new", hook_fields(record))
        if message.initial_prompt:
            prompt = partial(self._prompt, name, target, message.initial_prompt)
            nursery.start_soon(confined, "sessions: an initial prompt", prompt)
        return record

    async def _name_for(self, workdir: str) -> str:
        """A free name for a session in that directory: the directory's, or one like it.

        Raises:
            NameExists: the session that has the directory's name works there.
        """
        await self.read_file()
        records = self._book.records
        here = await in_place(sessions_at, records.values(), workdir)
        taken = {*map(tmux_name, records), *self._live, *self._coming}
        found = new_name(base_name(os.path.basename(workdir)), here, taken, tmux_name)
        if isinstance(found, Session):
            raise _taken(found)
        return found

    async def _prompt(self, name: str, target: str, prompt: str) -> None:
        def note(why: str) -> None:
            self._untyped.pop(name, None)
            if why:
                self._untyped[name] = why
                if len(self._untyped) > MAX_UNTYPED:
                    del self._untyped[next(iter(self._untyped))]
            self._publish()

        if self._prompts >= MAX_PROMPTS:
            log.warning("sessions: the initial prompt of %s is not typed: too many wait already", name)
            note("too many prompts wait already.")
            return
        self._prompts += 1
        note("")
        try:
            clients = self._paths.claude_home / "sessions"
            note(await type_prompt(self._tmux, target, name, prompt, clients, held=note))
        finally:
            self._prompts -= 1

    async def _kill(self, name: str) -> Session:
        record = await self._record(name)
        try:
            await self._tmux.kill(exactly(name))
        except TmuxGone:
            pass  # which is what was wanted
        await self._tell("session_killed", hook_fields(record))
        return record

    async def _forget(self, name: str) -> Session:
        gone: list[Session] = []

        def step(book: SessionBook) -> SessionBook:
            gone.append(_known(book, name).records[name])
            return book.without(name)

        await self._change(step)
        return gone[0]

    async def _rename(self, name: str, to: str) -> Session:
        """Tmux first, then the record; if the record cannot follow, tmux gets the old name back."""
        await self.read_file()
        record = await self._record(name)
        _free(self._book, to, but=name)
        async with renamed(self._tmux, name, to):
            await self._change(lambda book: _known(_free(book, to, but=name), name).renamed(name, to))
        await self._tell()
        return self._book.records.get(to, replace(record, name=to))

    async def _input(self, message: SendInput) -> None:
        try:
            record = await self._record(message.name)
        except SessionNotFound as error:
            raise InputSessionNotFound(error.message) from error
        if record.mode != "yolo":
            raise NotYolo
        clients = self._paths.claude_home / "sessions"
        try:
            if message.key:
                pane = await reach(self._tmux, record, clients, asks=message.asks, keys=True)
                await self._tmux.press(pane, message.key)
            else:
                await type_text(self._tmux, record, clients, message.text, asks=message.asks)
        except TmuxDead:
            self.probe_soon()
            raise
        except TmuxGone as error:
            self.probe_soon()
            raise TmuxDead from error
        except PaneNotReady as error:
            raise NotTypeable(error.message) from error


def _things(message: Lifecycle | KillSession | ForgetSession | RenameSession | SendInput) -> tuple[str, ...]:
    """What an order works on, in tmux's spelling of names. Events of the CLI are kept in order among themselves."""
    if isinstance(message, Lifecycle):
        return (":events",)  # not a name
    if isinstance(message, RenameSession):
        return tmux_name(message.name), tmux_name(message.to)
    return (tmux_name(message.name),)


def _known(book: SessionBook, name: str) -> SessionBook:
    if name not in book.records:
        raise SessionNotFound(name)
    return book


def _free(book: SessionBook, name: str, *, but: str = "") -> SessionBook:
    if by := taken_by(book, name, but=but):
        raise _taken(by)
    return book


def _taken(by: Session) -> NameExists:
    return NameExists(f"There is a session named {by.name} already.", fields={"session": public_session(by)})
