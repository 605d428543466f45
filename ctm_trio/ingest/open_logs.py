"""How many logs are open at the same time: few, whatever their number.

A tailer keeps its log open while it waits for the next line, because that is the quickest. Of those that wait, the
ones that were read longest ago are closed; a closed log is found again by what was read of it.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Protocol

import trio

MAX_OPEN_LOGS = 112
"""Logs that are open at most, those that are being read included: with the 16 that the search index may keep open, 128.
(One that is being rotated is open twice for a moment.)"""

MAX_READING = 48
"""Logs that are read at the same time; the others wait for a few milliseconds."""

MAX_READING_BIG = 8
"""The same for logs with much to read, apart, so that a new line of another one does not wait for them."""


RESERVED, MIN_OPEN_LOGS = 100, 4
"""Descriptors that are left to connections, databases and programs where few are allowed; the least number of logs
kept open."""


def limit_within(descriptors: int) -> int:
    """How many logs may be open in a process that may have so many descriptors (negative: any number)."""
    if descriptors < 0:
        return MAX_OPEN_LOGS
    return max(MIN_OPEN_LOGS, min(MAX_OPEN_LOGS, (descriptors - RESERVED) // 2))


class Log(Protocol):
    """What keeps a file open: a tailer."""

    def close(self) -> None:
        """Let go of the file. It is opened again when it is needed."""


class OpenLogs:
    """Bounds what is open. One for all tailers of the daemon."""

    def __init__(self, limit: int = MAX_OPEN_LOGS) -> None:
        self._limit = limit
        self._idle: OrderedDict[Log, None] = OrderedDict()
        self._reading = 0
        self._small = trio.Semaphore(min(MAX_READING, limit))
        self._big = trio.Semaphore(min(MAX_READING_BIG, limit))

    def reading(self, log: Log, *, big: bool) -> Reading:
        """A context manager that waits until this log may be read.

        While the block runs the log is not closed by us, afterwards it may be. The block is given whether it waited.

        Args:
            log: whose file is read.
            big: there is much to read.
        """
        return Reading(self, log, self._big if big else self._small)

    def begin(self, log: Log) -> None:
        """For `Reading`: this log is being read."""
        self._idle.pop(log, None)
        self._reading += 1
        while self._idle and len(self._idle) + self._reading > self._limit:
            self._idle.popitem(last=False)[0].close()

    def end(self, log: Log, *, idle: bool) -> None:
        """For `Reading`: it is not being read any more; `idle` says whether its file may be open still."""
        self._reading -= 1
        if idle:
            self._idle[log] = None

    def forget(self, log: Log) -> None:
        """This log is closed, and nobody reads it any more. Safe to repeat."""
        self._idle.pop(log, None)

    def shed(self) -> None:
        """Close all that nobody reads now: the system has no descriptor left."""
        while self._idle:
            self._idle.popitem()[0].close()


class Reading:
    """See `OpenLogs.reading`. A generator would cost as much as reading the line."""

    __slots__ = ("_log", "_logs", "_turn")

    def __init__(self, logs: OpenLogs, log: Log, turn: trio.Semaphore) -> None:
        self._logs, self._log, self._turn = logs, log, turn

    async def __aenter__(self) -> bool:
        waited = False
        try:
            self._turn.acquire_nowait()  # as almost always; a line need not go round the event loop for it
        except trio.WouldBlock:
            await self._turn.acquire()
            waited = True
        self._logs.begin(self._log)
        return waited

    async def __aexit__(self, kind: object, *_: object) -> None:
        self._logs.end(self._log, idle=kind is None)
        self._turn.release()
