"""What is done to a session, the same way for the daemon and for the command line: make, end, forget, rename it.

An action is its steps on tmux and on `sessions.json`, in an order in which a failure can be taken back. Nothing is said
or published here. How a session is started again is in `session_restart.py`. Source: PROTOCOL.md, Sessions.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from ctm_trio.errors.sessions import BadName, NameExists, SessionNotFound
from ctm_trio.errors.tmux import TmuxGone
from ctm_trio.model.config import Settings
from ctm_trio.model.paths import Paths
from ctm_trio.model.session import Session, SessionBook, is_new_name, public_session
from ctm_trio.model.times import format_time
from ctm_trio.system.sessions_file import taken_by
from ctm_trio.system.spawn import renamed, spawned
from ctm_trio.system.tmux import Tmux, exactly

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


@dataclass(frozen=True, slots=True)
class SessionActions:
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

    async def create(self, name: str, workdir: str, mode: str) -> tuple[Session, str]:
        """Make the directory, the checkpoint, the tmux session, the record; a failure takes back what was made.

        Args:
            name: of the new session. mode: "yolo" or "safe".
            workdir: as `clean_workdir` makes it.

        Returns:
            The record, and the id of the tmux session, a target that stays right when it is renamed.

        Raises:
            BadName, NameRecorded, BrokenSessions: before anything was done.
            CtmError: what `spawned` raises, and NameRecorded if somebody else was faster.
        """
        if not is_new_name(name):
            raise BadName(f"{name!r} cannot be a session's name: give one of letters, digits, dots, _ and -.")
        refuse_taken(await self.records.read(), name)
        record = Session(name, str(uuid.uuid4()), mode, workdir, format_time(time.time()))
        async with spawned(self.tmux, record, self.paths, self.before(mode)) as target:
            await self.records.change(lambda book: refuse_taken(book, name).having(record))
        return record, target

    async def kill(self, name: str) -> None:
        """End the tmux session; already gone is fine. The record stays.

        Raises:
            TmuxFailed: tmux did not do it.
        """
        try:
            await self.tmux.kill(exactly(name))
        except TmuxGone:
            pass  # which is what was wanted

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

    def before(self, mode: str) -> Checkpoint | None:
        """What is done in the work directory before a client starts in this mode; None for nothing."""
        return self.checkpoint if mode == "yolo" and self.settings().git_checkpoint_before_yolo else None


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
