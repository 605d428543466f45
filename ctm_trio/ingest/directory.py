"""The owner of one log directory: a tailer for each log that has something to read.

It knows which files there are; a tailer knows how far they are read. A log that is read to its end and lies still has
no task, so ten thousand old logs cost a line in a table each.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import NoReturn, Protocol

import msgspec
import trio

from ctm_trio.core.channels import Figures, StateSender, ask
from ctm_trio.core.threads import in_thread
from ctm_trio.errors.orders import Unavailable
from ctm_trio.ingest.copies import Names
from ctm_trio.ingest.ends import ASK_S, Progress, TailEnds, TailerBell
from ctm_trio.ingest.follow import tail_log
from ctm_trio.ingest.listing import Listing, fully_read, scan
from ctm_trio.messages.journal import Positions
from ctm_trio.messages.tailers import TailersCounters, TailersSnapshot
from ctm_trio.model.log_line import Segment
from ctm_trio.model.log_names import LogName, parse_log_name, parse_others_name, parts_among
from ctm_trio.system.watch import SCAN_S, DirectoryWatch

log = logging.getLogger("ctm.tailers")

AGAIN_S = 0.5
"""How soon a tailer that the journal did not answer tries again."""

SCAN_SHARE = 200.0
"""Everything is looked at again after so many times as long as the last look took, `SCAN_S` at least."""

IDLE_S = 300.0
"""A log that nothing is written to for so long needs no task and no descriptor; the next line starts one again."""

AT_ONCE = 100
"""Logs that a look has found with something to read, and that are read at the same time. The others wait without a
task; one that is written to waits for nobody."""


class Keep(Protocol):
    """Runs one tailer under supervision: `keep(name, incarnation)` returns when it ends by itself."""

    def __call__(self, name: str, run: Callable[[], Awaitable[None]]) -> Awaitable[None]:
        """Run it until it ends by itself."""


class _Log(msgspec.Struct):
    uuid: str
    progress: Progress
    bell: TailerBell = msgspec.field(default_factory=TailerBell)
    files: dict[str, tuple[int, int]] = msgspec.field(default_factory=dict)
    """name → (size, inode) when it was last looked at."""
    running: bool = False


async def run_tailers(
    directory: Path,
    kind: str,
    ends: TailEnds,
    state: StateSender[TailersSnapshot],
    keep: Keep,
    counters: Figures[TailersCounters] | None = None,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Follow every log of a directory until cancelled.

    Args:
        directory: of the logs; it may appear later.
        kind: `model.log_line.LOGS` or `HOOK_EVENTS`.
        ends: what each tailer is given; the channels stay the caller's to close.
        state: how far we are.
        keep: supervises one tailer.
        counters: ours to provide.
    """
    owner = _DirectoryOwner(directory, kind, ends, state, keep)
    if counters is not None:
        counters.provide(owner.counters)
    async with trio.open_nursery() as nursery, DirectoryWatch(directory, lambda: owner.scan_s) as watch:
        owner.nursery = nursery
        task_status.started()
        await owner.follow(watch)


class _DirectoryOwner:
    def __init__(
        self, directory: Path, kind: str, ends: TailEnds, state: StateSender[TailersSnapshot], keep: Keep
    ) -> None:
        self.directory = directory
        self.kind = kind
        self.ends = ends
        self.state = state
        self.keep = keep
        self.logs: dict[str, _Log] = {}
        self.nursery: trio.Nursery
        self.looked = False
        self.listed = Listing()
        self.listing = trio.Lock()
        self.listings = 0
        """How many listings were begun for `names_of`."""
        self.listing_done = True
        """False if the last one of them failed."""
        self.behind = 0
        """Logs of which something is not read yet."""
        self.waiting: dict[str, _Log] = {}
        """Those of them that have no tailer yet, see `AT_ONCE`."""
        self.strange: frozenset[str] = frozenset()
        self.trouble = ""
        self.scan_s = SCAN_S

    def counters(self) -> TailersCounters:
        """The tailers' counters together."""
        entries = self.logs.values()
        return TailersCounters(
            tailers=sum([entry.running for entry in entries]),
            lag_bytes=sum([entry.progress.lag_bytes for entry in entries]),
            skipped=sum([entry.progress.skipped for entry in entries]),
        )

    def _one_caught_up(self) -> None:
        self.behind -= 1
        if self.waiting and not self._has_enough():
            self._start(next(iter(self.waiting.values())))
        self._tell_caught_up()

    def _has_enough(self) -> bool:
        """True if so many logs are being read that another one can wait."""
        return self.behind - len(self.waiting) >= AT_ONCE

    def _tell_caught_up(self) -> None:
        """Say once that everything that was there at the start has been read."""
        if self.looked and not self.behind and not self.state.latest.caught_up:
            self.state.publish(TailersSnapshot(caught_up=True))

    async def follow(self, watch: DirectoryWatch) -> NoReturn:
        """Wake the tailers of the files that change."""
        segments = await ask(self.ends.journal, partial(Positions, None, self.kind), timeout_s=ASK_S)
        try:
            while True:
                await watch.hand_on(self._names_changed)
                if await self._look_at_everything(segments):
                    segments = ()
                    self.looked = True
                    self._tell_caught_up()
        finally:
            self._name_strange(frozenset())  # the next incarnation does not know what this one has named

    def _names_changed(self, names: frozenset[str]) -> None:
        for name in names:
            entry = self.logs.get(name.removesuffix(".jsonl"))
            if entry is not None and name in entry.files:  # the current file of a log, as almost always
                self._ring(entry, rotated=False)
            elif (parsed := parse_log_name(name)) is not None:
                self._changed(parsed)
            elif (others := parse_others_name(name)) is not None:
                self._ring(self._log(others.uuid), rotated=True)

    def _log(self, uuid: str) -> _Log:
        found = self.logs.get(uuid)
        if found is None:
            found = self.logs[uuid] = _Log(uuid, Progress(self._one_caught_up))
        return found

    def _changed(self, name: LogName) -> None:
        entry = self._log(name.uuid)
        rotated = bool(name.base) or not entry.files
        if not name.base:
            entry.files.setdefault(name.name, (-1, 0))
        self._ring(entry, rotated=rotated)

    def _ring(self, entry: _Log, *, rotated: bool, can_wait: bool = False) -> None:
        can_wait = can_wait and self._has_enough()
        if entry.progress.caught_up:
            entry.progress.caught_up = False
            self.behind += 1
        entry.bell.ring(rotated=rotated)
        if not entry.running:
            if can_wait:
                self.waiting[entry.uuid] = entry
            else:
                self._start(entry)

    def _start(self, entry: _Log) -> None:
        self.waiting.pop(entry.uuid, None)
        entry.running = True
        self.nursery.start_soon(self._supervised, entry, name=self._name(entry))

    async def _supervised(self, entry: _Log) -> None:
        try:
            await self.keep(self._name(entry), partial(self._tail, entry))
            while not entry.progress.caught_up:  # the log was written to while its tailer was ending
                await self.keep(self._name(entry), partial(self._tail, entry))
        finally:
            entry.running = False
            entry.progress.lag_bytes = 0

    def _name(self, entry: _Log) -> str:
        return f"tailer:{self.kind}/{entry.uuid}"

    async def _tail(self, entry: _Log) -> None:
        """One incarnation: it starts from what the journal has committed, after all that was sent before."""
        ended = False
        try:
            await self._tail_until_idle(entry)
            ended = True
        finally:
            if not ended:
                entry.progress.reached_end()  # crashed: nobody waits for what it cannot read

    async def _tail_until_idle(self, entry: _Log) -> None:
        while True:
            try:
                mine = await ask(self.ends.journal, partial(Positions, entry.uuid, self.kind), timeout_s=ASK_S)
                await tail_log(
                    self.directory,
                    self.kind,
                    entry.uuid,
                    mine,
                    entry.bell,
                    entry.progress,
                    self.ends,
                    self.names_of,
                )
            except Unavailable:
                # The disk is full or the journal is busy for long. That is not a crash of ours: the log waits.
                await trio.sleep(AGAIN_S)
            else:
                return

    async def names_of(self, uuid: str, fresh: bool = False) -> Names:
        """See `NamesOf`, as they are now. One listing serves everybody who asked before it began.

        Args:
            fresh: list again though the directory seems unchanged: its time of change can be wrong.

        Raises:
            OSError: the directory cannot be listed now; without it nothing is known of the parts.
        """
        if fresh or not self.listed.is_current(self.directory):
            before = self.listings
            async with self.listing:
                if self.listings == before or not self.listing_done:
                    self.listings += 1
                    self.listing_done = False
                    self.listed = await self._scan()
                    self.listing_done = True
        listed = self.listed
        parts = parts_among(listed.files.get(uuid, ()), uuid)
        return Names(parts, list(listed.rotated.get(uuid, ())), listed.beside.get(uuid, []))

    async def _look_at_everything(self, segments: tuple[Segment, ...]) -> bool:
        """List the directory and wake the tailers of what has changed since the last look. False if that cannot be."""
        began = trio.current_time()
        try:
            self.listed = await self._scan()
        except OSError as error:
            self._cannot_list(error)
            return False
        self._cannot_list(None)
        listed = self.listed
        found = {
            uuid: listed.files.get(uuid, {}) | listed.rotated.get(uuid, {})
            for uuid in listed.files.keys() | listed.rotated.keys()
        }
        self._name_strange(self.listed.strange)
        read = partial(fully_read, self.directory, listed, segments)
        done = await in_thread(read, abandon_on_cancel=True) if segments else set()
        for segment in segments:
            if not segment.name and not segment.sealed and f"{segment.uuid}.jsonl" not in found.get(segment.uuid, {}):
                self._ring(self._log(segment.uuid), rotated=True)  # its file was moved away meanwhile
        for uuid, files in found.items():
            entry = self._log(uuid)
            if files == entry.files:
                continue
            rotated = files.keys() != entry.files.keys() or not entry.files
            entry.files = files
            if not entry.running and all(name in done for name in files):
                continue
            self._ring(entry, rotated=rotated, can_wait=True)
        idle = trio.current_time() - IDLE_S
        for uuid, entry in list(self.logs.items()):
            if entry.bell.idle_since < idle:
                entry.bell.end()
            if uuid not in found:
                entry.files = {}
                if not entry.running and uuid not in self.waiting:
                    del self.logs[uuid]  # its files are gone
        self.scan_s = max(SCAN_S, (trio.current_time() - began) * SCAN_SHARE)
        return True

    async def _scan(self) -> Listing:
        waits = False

        def say(why: str) -> None:
            nonlocal waits
            waits = True
            self.ends.report.fault(self.kind, f"{self.kind}/", why)

        listed = await in_thread(partial(scan, self.directory), abandon_on_cancel=True, say=say)
        if waits:
            self._cannot_list(None)
        return listed

    def _cannot_list(self, error: OSError | None) -> None:
        """Say, once, that the directory cannot be listed, or no more that it can."""
        why = "" if error is None else f"the directory cannot be listed: {error.strerror}"
        if why and why != self.trouble:
            log.warning("%s: %s", self.directory.name, why)
        self.trouble = why
        self.ends.report.fault(self.kind, f"{self.kind}/", why)

    def _name_strange(self, strange: frozenset[str]) -> None:
        """Report entries named like logs that are not log files; of a log with a tailer, that one says it."""
        for name in strange ^ self.strange:
            what = "not a regular file of this user; ignored" if name in strange else ""
            self.ends.report.fault(self.kind, f"{self.kind}/{name}", what)
        self.strange = strange
