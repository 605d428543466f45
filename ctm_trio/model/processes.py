"""Which logs one process wrote. Pure.

A process is a pid in a pane. Either may be missing on a line; a pid alone is used again by the system, and every tmux
server numbers its panes from `%0`, so both must agree where both are known.
"""

from __future__ import annotations

import msgspec


class Process(msgspec.Struct, eq=False):
    """One run of a client.

    Attributes:
        uuids: the logs that it wrote, each with the time of its newest line (unix seconds).
        began: when it began, 0 while that is unknown.
    """

    pid: str
    pane: str
    uuids: dict[str, float] = msgspec.field(default_factory=dict)
    began: float = 0.0


class Processes:
    """All processes that lines have told of. The newest of a pid (of a pane, for lines without a pid) is the one."""

    def __init__(self) -> None:
        self._by_pid: dict[str, Process] = {}
        self._by_pane: dict[str, Process] = {}
        self._of: dict[str, Process] = {}

    def of(self, uuid: str) -> Process | None:
        """The process that wrote this log last."""
        return self._of.get(uuid)

    def beside(self, uuid: str) -> list[str]:
        """The other logs of the process that wrote this one, in the order in which they were first seen."""
        process = self._of.get(uuid)
        return [] if process is None else [other for other in process.uuids if other != uuid]

    def see(self, uuid: str, pid: str, pane: str, at: float, *, fresh: bool, late: bool = True) -> bool:
        """A line of this log comes from there. True if that is news.

        Args:
            pid, pane: "" where unknown, not both.
            at: unix seconds, 0 if unknown.
            fresh: the process has just begun with this log: what the same numbers wrote before was another process.
            late: it may have been read long after it was written. One that was not is of the process that runs, though
                the clock may have been set back since that began.
        """
        process = self._find(pid, pane)
        if process is not None and late and at and at < process.began:
            # The numbers were somebody else's before: an old log that is read late.
            process = self._of.get(uuid)
            if process is None or process.began > at:
                process = Process(pid, pane)
        elif process is None:
            process = self._add(Process(pid, pane))
        elif fresh and process.began != at and any(other != uuid for other in process.uuids):
            process = self._split(process, uuid, at if late else 0.0)
        if fresh and at:
            process.began = at
        news = uuid not in process.uuids
        self._of[uuid] = process
        process.uuids[uuid] = max(at, process.uuids.get(uuid, 0.0))
        return news

    def _split(self, process: Process, uuid: str, at: float) -> Process:
        """A process that begins now under the numbers of another one.

        Lines of two files come in any order: what is newer than the start belongs to it all the same.
        """
        mine = {other: seen for other, seen in process.uuids.items() if other != uuid and at and seen > at}
        process.uuids = {other: seen for other, seen in process.uuids.items() if other not in mine and other != uuid}
        new = self._add(Process(process.pid, process.pane, mine))
        for other in mine:
            self._of[other] = new
        return new

    def _find(self, pid: str, pane: str) -> Process | None:
        if not pid:
            return self._by_pane.get(pane)
        process = self._by_pid.get(pid)
        if process is None or (pane and process.pane and pane != process.pane):
            return None
        process.pane = process.pane or pane
        return process

    def _add(self, process: Process) -> Process:
        if process.pid:
            self._by_pid[process.pid] = process
        if process.pane:
            self._by_pane[process.pane] = process
        return process
