"""An index of ours in its thread, whatever state its file is in: opened when it can be, damaged ones made anew."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Generic, NoReturn, TypeVar

import trio

from ctm_trio.system.file_watch import Trouble, Watched, watch_file
from ctm_trio.system.side_database import begin_anew
from ctm_trio.system.store_errors import StoreDamaged, StoreUnavailable, translate

log = logging.getLogger("ctm.store")

RETRY_S = 5.0
"""While an index cannot be written (disk full): how soon it is tried again."""

I = TypeVar("I", bound=Watched)  # noqa: E741  # the index
T = TypeVar("T")


class KeptIndex(Generic[I]):
    """An index that can be made anew from what it is of.

    Args:
        make: opens it; called in its thread. path: of its file. trouble: told how it is. what: its name, for the log.
    """

    def __init__(self, make: Callable[[], I], path: Path, trouble: Trouble, what: str) -> None:
        self._make = make
        self._trouble = trouble
        self._path = path
        self._what = what
        self._index: I | None = None
        self.ended = trio.Event()
        """The index that was open is not any more."""
        self._watching = trio.CancelScope()
        self._limiter = trio.CapacityLimiter(1)
        self._file = trio.Lock()
        """Whoever opens the file, or sets it aside: it must not be moved from under an index that was just opened."""

    async def open(self) -> bool:
        """Open the index if it is not open. False if that cannot be done now; a damaged file is set aside first."""
        async with self._file:
            if self._index is None:
                try:
                    self._index = await trio.to_thread.run_sync(self._make, limiter=self._limiter)
                except StoreDamaged as error:
                    await self._set_aside(error)
                except (StoreUnavailable, OSError) as error:
                    self._wait(str(error))
                else:
                    self.ended = trio.Event()
                    self._trouble.note("index", "")
            return self._index is not None

    async def run(self, job: Callable[[I], T]) -> T | None:
        """What a job that writes makes of the index, in its thread; None if it could not be done now."""
        return await self._run(job, "index")

    async def read(self, job: Callable[[I], T]) -> T | None:
        """The same for a job that only reads. It may go well while nothing can be written, and says nothing of that."""
        return await self._run(job, "reads")

    async def _run(self, job: Callable[[I], T], who: str) -> T | None:
        if not await self.open() or (index := self._index) is None:
            return None
        try:
            result = await trio.to_thread.run_sync(_translated, job, index, limiter=self._limiter)
        except StoreUnavailable as error:
            self._wait(error.message, who)
        except StoreDamaged as error:
            await self._begin_anew(index, error)
        else:
            self._trouble.note(who, "")
            return result
        return None

    async def watch(self) -> NoReturn:
        """Watch the index's file, whenever it is open."""
        while True:
            index = self._index
            if index is None:
                await trio.sleep(RETRY_S)
                continue
            with trio.CancelScope() as self._watching:
                try:
                    await watch_file(index, self._limiter, partial(self._trouble.note, "file"))
                except StoreDamaged as error:
                    await self._begin_anew(index, error)

    async def _begin_anew(self, index: I, error: StoreDamaged) -> None:
        """Make the index anew, unless that was done since: it holds nothing that the event log has not."""
        with trio.CancelScope(shield=True):  # closing ends the watch, which may be who found the damage
            async with self._file:
                if self._index is index:
                    await self.close()
                    await self._set_aside(error)

    async def _set_aside(self, error: StoreDamaged) -> None:
        """Set the damaged file aside. The caller has `_file`, and the index is closed."""
        try:
            with trio.CancelScope(shield=True):
                await trio.to_thread.run_sync(begin_anew, self._path, error, limiter=self._limiter)
        except StoreUnavailable as problem:
            self._wait(problem.message)
        else:
            self._trouble.note("file", "")

    def _wait(self, problem: str, who: str = "index") -> None:
        if self._trouble.note(who, problem):
            log.warning("the %s waits: %s", self._what, problem)

    async def close(self) -> None:
        """Close the index if it is open."""
        index, self._index = self._index, None
        self.ended.set()
        self._watching.cancel()
        if index is not None:
            await trio.to_thread.run_sync(index.close, limiter=self._limiter)


def _translated(job: Callable[[I], T], index: I) -> T:
    """What the job makes of the index, also if it only reads and lets SQLite's own errors through."""
    try:
        return job(index)
    except sqlite3.Error as error:
        raise translate(error) from error
