"""`sessions.json` on disk, shared with the Go CLI: every change under its lock, every write atomic."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import trio

from ctm_trio.errors.files import BrokenSessions
from ctm_trio.model.session import MAX_SESSIONS_BYTES, Session, SessionBook, encode_sessions, parse_sessions
from ctm_trio.system.files import Stamp, atomic_write, ensure_private_dir, flocked, read_regular, stamp
from ctm_trio.system.tmux_words import tmux_name

LOCK_TIMEOUT_S = 8.0
"""How long a change waits for another program's lock; a request gives up after 10 s."""


class SessionsFile(msgspec.Struct, frozen=True):
    """Read and change `sessions.json` at `path`. Source: PROTOCOL.md, Files and directories."""

    path: Path

    async def stamp(self) -> Stamp:
        """Which version of the file is on disk now; tells without reading whether it has changed."""
        return await trio.to_thread.run_sync(stamp, self.path, abandon_on_cancel=True)

    async def read(self) -> tuple[SessionBook, Stamp]:
        """The records and the version they are from. A missing file has none.

        Raises:
            BrokenSessions: it does not parse or cannot be read.
        """
        return await trio.to_thread.run_sync(self._read, abandon_on_cancel=True)

    async def change(self, step: Callable[[SessionBook], SessionBook]) -> tuple[SessionBook, Stamp]:
        """Read, change and replace the file while holding `sessions.json.lock`.

        Args:
            step: makes the new book of the one that was read; what it raises is passed on and nothing is written.

        Raises:
            BrokenSessions: the file does not parse, or cannot be written; it is as it was.
            FileLocked: another program kept the lock for `LOCK_TIMEOUT_S`.
        """

        def rewrite() -> tuple[SessionBook, Stamp]:
            book, seen = self._read()
            new = step(book)
            if new == book:
                return book, seen
            try:
                atomic_write(self.path, encode_sessions(new))
            except OSError as error:
                raise BrokenSessions(f"{self.path} cannot be written: {error.strerror or error}.") from error
            return new, stamp(self.path)

        try:
            await trio.to_thread.run_sync(ensure_private_dir, self.path.parent)
            lock = self.path.with_name(self.path.name + ".lock")
            async with flocked(lock, timeout_s=LOCK_TIMEOUT_S):
                return await trio.to_thread.run_sync(rewrite)
        except OSError as error:
            raise BrokenSessions(f"{self.path} cannot be locked: {error.strerror or error}.") from error

    def _read(self) -> tuple[SessionBook, Stamp]:
        seen = stamp(self.path)  # before reading: a change in between is then noticed at the next look
        try:
            data = read_regular(self.path, max_bytes=MAX_SESSIONS_BYTES)
        except FileNotFoundError:
            return SessionBook(), seen
        except OSError as error:
            raise BrokenSessions(f"{self.path} cannot be read: {error.strerror or error}.") from error
        return parse_sessions(data), seen


def taken_by(book: SessionBook, name: str, *, but: str = "") -> Session | None:
    """The session that has this name, or one that tmux takes for the same (`a.b` and `a_b`); None if it is free.

    Args:
        but: the name of a session that does not count, as it is the one to be renamed.
    """
    others = (record for record in book.records.values() if record.name != but)
    return next((record for record in others if tmux_name(record.name) == tmux_name(name)), None)
