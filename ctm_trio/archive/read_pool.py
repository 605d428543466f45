"""Reads of a database from worker threads: a few read-only connections, opened when needed and kept.

Opening one costs half a millisecond and its cache; a kept one answers a page of history in a fraction of that.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import trio

from ctm_trio.errors.orders import Unavailable
from ctm_trio.system.open_file import is_current, reading
from ctm_trio.system.store_errors import translate

T = TypeVar("T")

READ_LIMIT_S = 5.0
"""SQLite works no longer on a read: it is interrupted and its request gets 503. What was left alone stops just as soon.
The wait for a connection, and what a job does besides (reading lines of logs, say), do not end by this."""

CHECK_EVERY_STEPS = 20_000
"""Steps of SQLite's machine (some 0.2 ms) between two looks at the clock."""

WAITING = 64
"""Requests that may wait for a connection; further ones get 503 at once."""


class ReadPool:
    """Runs jobs on read-only connections in threads.

    Args:
        connect: opens a read-only connection; called in a thread.
        size: connections, so jobs at the same time.
        files: what they read. A connection to a file that was replaced is not used again.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection], *, size: int, files: Sequence[Path] = ()) -> None:
        self._connect = connect
        self._limiter = trio.CapacityLimiter(size)
        self._files = files
        self._idle: list[tuple[tuple[int, ...], sqlite3.Connection]] = []
        self._closed = False
        self._lock = threading.Lock()

    async def run(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """The job's result. A request that is cancelled leaves it; the job is then interrupted within milliseconds.

        Raises:
            Unavailable: too many wait, or it took longer than `READ_LIMIT_S`.
            StoreUnavailable: the database cannot be read. DamageMet: it seems damaged, and its writer was told.
        """
        if self._limiter.statistics().tasks_waiting >= WAITING:
            raise Unavailable("Too many reads wait for the database; try again in a moment.")
        left = threading.Event()
        try:
            return await trio.to_thread.run_sync(
                partial(self._job, job, left), limiter=self._limiter, abandon_on_cancel=True
            )
        finally:
            left.set()

    def close(self) -> None:
        """Close the idle connections; one that is at work closes itself when it is done."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for _, db in idle:
            db.close()

    def _marks(self) -> tuple[int, ...]:
        """The inodes of the files, 0 for one that is missing."""
        found = []
        for path in self._files:
            try:
                found.append(os.stat(path).st_ino)
            except OSError:
                found.append(0)
        return tuple(found)

    def _job(self, job: Callable[[sqlite3.Connection], T], left: threading.Event) -> T:
        with reading(*self._files):
            return self._with_connection(job, left)

    def _with_connection(self, job: Callable[[sqlite3.Connection], T], left: threading.Event) -> T:
        marks = self._marks()
        with self._lock:
            seen, db = self._idle.pop() if self._idle else (marks, None)
        # A file that was moved or replaced is about to be put back; what is open has all of it until then.
        if db is not None and seen != marks and 0 not in marks and all(map(is_current, self._files)):
            db.close()
            db = None
        if db is None:
            seen, db = marks, self._connect()
        until = time.monotonic() + READ_LIMIT_S
        sound = False
        try:
            db.set_progress_handler(lambda: left.is_set() or time.monotonic() > until, CHECK_EVERY_STEPS)
            result = job(db)
            sound = not db.in_transaction
            return result
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorname", "") == "SQLITE_INTERRUPT":
                raise Unavailable("That took too long to look up; ask for less, or try again.") from None
            raise translate(error) from error
        finally:
            with self._lock:
                keep = sound and not self._closed
                if keep:
                    self._idle.append((seen, db))
            if not keep:
                db.close()
