"""What is done to a session, the same way for the daemon and for the command line: make, end, forget, rename it.

An action is its steps on tmux and on `sessions.json`, in an order in which a failure can be taken back. Nothing is said
or published here. How a session is started again is in `session_restart.py`. Source: PROTOCOL.md, Sessions.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Protocol

import msgspec
import trio

from ctm_trio.errors.conversations import ConversationTaken, UnknownConversation
from ctm_trio.errors.files import BrokenSessions
from ctm_trio.errors.sessions import BadName, NameExists, SessionNotFound, StillRuns
from ctm_trio.errors.tmux import TmuxGone
from ctm_trio.model.config import Settings
from ctm_trio.model.panes import Pane
from ctm_trio.model.paths import Paths
from ctm_trio.model.session import FORKED_FROM, Session, SessionBook, is_new_name, public_session
from ctm_trio.model.times import format_time
from ctm_trio.system.running_twice import panes_of, refuse_running
from ctm_trio.system.sessions_file import taken_by
from ctm_trio.system.spawn import renamed, spawned
from ctm_trio.system.tmux import Tmux, exactly, tmux_name
from ctm_trio.system.transcripts import has_transcript

SEVERAL = (
    "Several clients have its conversation open, and none of them is in its tmux session; end them where they run."
)

Step = Callable[[SessionBook], SessionBook]
"""Makes the new book of the one on disk; what it raises leaves the file as it was."""


class Records(Protocol):
    """`sessions.json` in the hands of whoever acts: the daemon keeps its own reading in step with what is written."""

    async def read(self) -> SessionBook:
        """The records, for a look before the first step. May raise what `SessionsFile.read` raises."""

    async def change(self, step: Step) -> SessionBook:
        """Change the file and return what it has now. Raises what `SessionsFile.change` raises."""


class Checkpoint(Protocol):
    """Makes a checkpoint commit of a work directory, if it is in a git repository; raises CtmError."""

    def __call__(self, workdir: str) -> Awaitable[None]:
        """Make the commit."""


class NameRecorded(NameExists):
    """A recorded session has this name, or one that tmux takes for the same (`a.b` and `a_b`).

    Args:
        by: that session.
    """

    def __init__(self, by: Session) -> None:
        super().__init__(f"There is a session named {by.name} already.", fields={"session": public_session(by)})
        self.by = by


class SessionActions(msgspec.Struct, frozen=True):
    """The actions on one user's sessions.

    Args:
        tmux: the server that they live in.
        paths: where `env.sh` and the overlay are.
        records: see `Records`.
        settings: says whether a session in yolo mode begins with a checkpoint.
        checkpoint: see `Checkpoint`; None never makes one.
    """

    tmux: Tmux
    paths: Paths
    records: Records
    settings: Callable[[], Settings]
    checkpoint: Checkpoint | None

    async def create(
        self, name: str, workdir: str, mode: str, *, resume: str = "", fork: bool = False
    ) -> tuple[Session, str]:
        """Make the directory, the checkpoint, the tmux session, the record; a failure takes back what was made.

        Args:
            name: of the new session. mode: "yolo" or "safe".
            workdir: as `clean_workdir` makes it.
            resume: the conversation to go on with, "" to begin one. fork: in one of its own that begins with it.

        Returns:
            The record, and the id of the tmux session, a target that stays right when it is renamed.

        Raises:
            BadName, NameRecorded, BrokenSessions: before anything was done.
            UnknownConversation, ConversationTaken: likewise. StillRuns: likewise, a client has the conversation open.
            CtmError: what `spawned` raises, and NameRecorded or ConversationTaken if somebody else was faster.
        """
        if not is_new_name(name):
            raise BadName(f"{name!r} cannot be a session's name: give one of letters, digits, dots, _ and -.")
        book = refuse_taken(await self.records.read(), name)
        if resume:
            if not await trio.to_thread.run_sync(has_transcript, self.paths.claude_home, resume):
                raise UnknownConversation
            if not fork:
                refuse_shared(book, resume)
                await refuse_running(self.clients, resume)
        goes_on = bool(resume) and not fork
        id_ = resume if goes_on else str(uuid.uuid4())
        origin = ((FORKED_FROM, resume),) if fork else ()
        record = Session(name, id_, mode, workdir, format_time(time.time()), extra=origin)
        fork_of = resume if fork else ""

        def free(book: SessionBook) -> SessionBook:
            """Whoever was faster since has the name, or the conversation."""
            book = refuse_taken(book, name)
            if goes_on:
                refuse_shared(book, resume)
            return book.having(record)

        async with spawned(self.tmux, record, self.paths, self.before(mode), resume=goes_on, fork_of=fork_of) as target:
            await self.records.change(free)
        return record, target

    async def kill(self, name: str) -> None:
        """End the tmux session; already gone is fine. The record stays.

        If somebody has renamed the tmux session, or moved the client's pane to another one, that pane is ended, and
        what has the name now is left alone.

        Raises:
            TmuxFailed: tmux did not do it.
            StillRuns: several clients have its conversation open, none of them in its tmux session; none is ended.
        """
        try:
            pane = await self._elsewhere(name)
            if pane is None:
                await self.tmux.kill(exactly(name))
            else:
                await self.tmux.kill_pane(pane)
        except TmuxGone:
            pass  # which is what was wanted

    async def _elsewhere(self, name: str) -> Pane | None:
        """The pane that the session's client is known to run in, if that is not in the tmux session of its name."""
        try:
            records = (await self.records.read()).records
        except BrokenSessions:
            return None
        record = records.get(name)
        if record is None or not record.uuid:
            return None
        others = [other for other in records.values() if other.name != name]
        panes = await self.tmux.panes()
        found = await trio.to_thread.run_sync(panes_of, self.clients, record.uuid, panes)
        if not found:  # it may not have told of itself yet, as while a first-run dialog is open
            found = [pane for pane in panes if pane.conversation == record.uuid and not pane.dead]
        if any(pane.session == tmux_name(name) for pane in found):
            return None
        ours = [pane for pane in found if pane.client and not _is_another(pane, record, others)]
        if len(ours) > 1:
            raise StillRuns(SEVERAL)
        return ours[0] if ours else None

    async def forget(self, name: str) -> Session:
        """Drop the record, and return it; tmux goes on.

        Raises:
            SessionNotFound: there is none. BrokenSessions, FileLocked: the file cannot be changed.
        """
        gone: list[Session] = []

        def step(book: SessionBook) -> SessionBook:
            gone.append(recorded(book, name))
            return book.without(name)

        await self.records.change(step)
        return gone[0]

    async def rename(self, name: str, to: str) -> Session:
        """Tmux first, then the record; if the record cannot follow, tmux gets the old name back.

        Returns:
            The record under its new name.

        Raises:
            SessionNotFound: there is no such record.
            NameExists: another session has the new name, in the records or in tmux.
            TmuxFailed, BrokenSessions, FileLocked: it cannot be done.
        """

        def step(book: SessionBook) -> SessionBook:
            recorded(book, name)
            return refuse_taken(book, to, but=name).renamed(name, to)

        step(await self.records.read())
        async with renamed(self.tmux, name, to):
            return (await self.records.change(step)).records[to]

    @property
    def clients(self) -> Path:
        """The directory of the clients' status files."""
        return self.paths.claude_home / "sessions"

    def before(self, mode: str) -> Checkpoint | None:
        """What is done in the work directory before a client starts in this mode; None for nothing."""
        return self.checkpoint if mode == "yolo" and self.settings().git_checkpoint_before_yolo else None


def _is_another(pane: Pane, record: Session, others: Iterable[Session]) -> bool:
    """A pane that another session's client was started in; somebody went on with this session's conversation there."""
    if pane.conversation == record.uuid:
        return False
    return any(pane.conversation == other.uuid or pane.session == tmux_name(other.name) for other in others)


def refuse_shared(book: SessionBook, conversation: str) -> None:
    """Refuse to go on with a conversation that a session has: two clients would write into one transcript.

    Raises:
        ConversationTaken: a session has it.
    """
    by = next((record for record in book.records.values() if record.uuid == conversation), None)
    if by is not None:
        raise ConversationTaken(by.name, public_session(by))


def recorded(book: SessionBook, name: str) -> Session:
    """The record of that name.

    Raises:
        SessionNotFound: there is none.
    """
    if name not in book.records:
        raise SessionNotFound(name)
    return book.records[name]


def refuse_taken(book: SessionBook, name: str, *, but: str = "") -> SessionBook:
    """The book, if the name is free in it; see `taken_by`.

    Raises:
        NameRecorded: it is not.
    """
    if by := taken_by(book, name, but=but):
        raise NameRecorded(by)
    return book
