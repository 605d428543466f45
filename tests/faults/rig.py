"""Journal, attribution and tailers over a real directory, in this process, with a subscriber that notes everything."""

from __future__ import annotations

import contextlib
import gzip
import itertools
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import msgspec
import trio

from ctm_trio.core.channels import Figures, StateReceiver, open_state_channel
from ctm_trio.core.health import Health, HealthSnapshot
from ctm_trio.core.supervise import Child, keep_running
from ctm_trio.ingest.attribution import run_attribution
from ctm_trio.ingest.directory import run_tailers
from ctm_trio.ingest.ends import TailEnds
from ctm_trio.ingest.log_files import list_parts
from ctm_trio.ingest.open_logs import OpenLogs
from ctm_trio.journal.tail import EventTail, open_event_tail
from ctm_trio.journal.task import INBOX, run_journal
from ctm_trio.journal.view import After, Batch, EventView, Ring
from ctm_trio.messages.attribution import AttributionSnapshot, Sighting
from ctm_trio.messages.journal import JournalCounters, JournalMessage, JournalSnapshot
from ctm_trio.messages.sessions import SessionsMessage, SessionsSnapshot
from ctm_trio.messages.tailers import TailersSnapshot
from ctm_trio.model.log_line import LOGS
from ctm_trio.system.file_clock import file_clock_ns

State = StateReceiver[JournalSnapshot] | StateReceiver[HealthSnapshot] | StateReceiver[TailersSnapshot]

SETTLE_S = 30.0
"""How long what was written may take to arrive; a test that waits longer has failed."""


_microseconds = itertools.count()


def line(uuid: str, marker: str, *, size: int = 0, agent: str = "", with_id: bool = False) -> bytes:
    """A log line whose event's `input` is the marker, padded to about `size` bytes.

    A line with an id, as in life, is swallowed when it is read again soon (`journal.seen`), which would hide it here.
    """
    value = {
        "session_id": uuid,
        "hook_event_name": "PostToolUse",
        "tool_name": "Bash",
        "tool_input": {"command": marker},
        "tool_response": {"stdout": "x" * size},
    }
    if with_id:
        value["tool_use_id"] = f"toolu_{marker}"
    if agent:
        value |= {"agent_id": agent, "agent_type": "Explore"}
    # Never twice the same, as in life: the end of a line tells whether a file is still the one that was read.
    value["ctm_timestamp"] = f"2026-05-01T10:00:00.{next(_microseconds) % 1_000_000:06d}Z"
    return msgspec.json.encode(value) + b"\n"


def marker_of(payload: bytes) -> str:
    """The marker of a tool_call's payload, "" for other events."""
    value = msgspec.json.decode(payload)
    return str(value.get("input", "")) if "tool" in value else ""


def stored(database: Path) -> list[tuple[int, str]]:
    """(id, marker) of every tool call in the database, in the order of the ids."""
    db = sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)
    try:
        rows = db.execute("SELECT id, payload FROM events WHERE type = 'tool_call' ORDER BY id").fetchall()
    finally:
        db.close()
    return [(id_, marker_of(b"{" + payload)) for id_, payload in rows]


@dataclass
class LogFile:
    """A log as a producer writes it."""

    directory: Path
    uuid: str
    clock_s: Callable[[], float] = float
    """How far the clock is ahead, in seconds."""

    @property
    def path(self) -> Path:
        """The current file."""
        return self.directory / f"{self.uuid}.jsonl"

    def append(self, data: bytes) -> None:
        """Write bytes at the end, making the file if need be."""
        fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(fd, data)
        finally:
            os.close(fd)

    def rotate(self, *, pack: bool = False, touch: bool = False, upwards: bool = False) -> None:
        """Rename the current file to `<log>.<ns>`, and perhaps pack it and begin a new one at once.

        Args:
            upwards: number it above every other part, as our own rotation does, whatever the clock says.
        """
        if not self.path.exists():
            return
        next_tick()
        part = Path(f"{self.path}.{self.next_ns() if upwards else self.now_ns()}")
        self.path.rename(part)
        if touch:
            self.path.touch(0o600)
        if pack:
            self.pack(part)

    def now_ns(self) -> int:
        """The time in nanoseconds by the clock of the test."""
        return time.time_ns() + int(self.clock_s() * 1e9)

    def next_ns(self) -> int:
        """The number of the next part as our own rotation chooses it: the time, but above every other part's."""
        return max(self.now_ns(), 1 + max((p.order for p in list_parts(self.directory, self.uuid)), default=0))

    def logrotate(self, style: str, *, pack: bool) -> None:
        """Rotate as `logrotate` does: `create` and `dated` rename and begin anew, `copytruncate` copies and empties."""
        if not self.path.exists():
            return
        next_tick()
        first = self._make_room(style)
        if style == "copytruncate":
            first.write_bytes(self.path.read_bytes())
            os.truncate(self.path, 0)
        else:
            self.path.rename(first)
            self.path.touch(0o600)
        if pack:
            _pack_at_once(first)

    async def copytruncate(self, meanwhile: Callable[[], Awaitable[None]], *, pack: bool) -> None:
        """Rotate as `logrotate copytruncate` does; `meanwhile` happens between the copy and the truncation."""
        if not self.path.exists():
            return
        next_tick()
        first = self._make_room("copytruncate")
        first.write_bytes(self.path.read_bytes())
        await meanwhile()
        os.truncate(self.path, 0)
        if pack:
            _pack_at_once(first)

    def _make_room(self, style: str) -> Path:
        """Where `logrotate` puts what it rotates; the numbered files go up by one."""
        if style == "dated":
            days = len(list(self.directory.glob(f"{self.uuid}.jsonl-*")))
            return Path(f"{self.path}-{20_260_101 + days}")
        for n in range(30, 0, -1):
            for suffix in ("", ".gz"):
                with contextlib.suppress(FileNotFoundError):
                    os.rename(f"{self.path}.{n}{suffix}", f"{self.path}.{n + 1}{suffix}")
        return Path(f"{self.path}.1")

    def pack(self, part: Path) -> None:
        """Replace a rotated part by its packed form, which appears whole and keeps its time, as our own does."""
        temporary = part.with_name(f".{part.name}.tmp")
        temporary.write_bytes(gzip.compress(part.read_bytes(), 1))
        status = part.stat()
        os.utime(temporary, ns=(status.st_atime_ns, status.st_mtime_ns))
        temporary.rename(f"{part}.gz")
        part.unlink()

    def plain_parts(self) -> list[Path]:
        """Rotated parts that are not packed, oldest first."""
        return sorted(p for p in self.directory.glob(f"{self.uuid}.jsonl.*") if p.suffix != ".gz")


def next_tick() -> None:
    """Wait until the clock of files moves: what is rotated in the tick of its last line has no order but by luck."""
    tick = file_clock_ns()
    while file_clock_ns() == tick:
        pass


def _pack_at_once(path: Path) -> None:
    Path(f"{path}.gz").write_bytes(gzip.compress(path.read_bytes(), 1))
    path.unlink()


@dataclass
class Rig:
    """What survives restarts: the files, and what the subscriber has seen."""

    root: Path
    seen: list[tuple[int, str]] = field(default_factory=list)
    lost: int = 0
    clock_s: float = 0.0
    cursor: int = 0
    arrived: trio.Event = field(default_factory=trio.Event)
    tailers: StateReceiver[TailersSnapshot] = field(init=False)
    journal: StateReceiver[JournalSnapshot] = field(init=False)
    health: StateReceiver[HealthSnapshot] = field(init=False)
    events: EventTail = field(init=False)
    counters: Figures[JournalCounters] = field(init=False)
    send: trio.MemorySendChannel[JournalMessage] = field(init=False)

    def __post_init__(self) -> None:
        self.logs = self.root / "logs"
        self.database = self.root / "ctm-trio.db"
        self.logs.mkdir(exist_ok=True)

    def log(self, uuid: str = "11111111-2222-4333-8444-555555555555") -> LogFile:
        """A log of that Claude session."""
        return LogFile(self.logs, uuid, lambda: self.clock_s)

    @property
    def markers(self) -> list[str]:
        """The markers that were seen, in order."""
        return [marker for _, marker in self.seen]

    async def settle(self, count: int) -> None:
        """Wait until so many tool calls were seen."""
        with trio.fail_after(SETTLE_S):
            while len(self.seen) < count:
                self.arrived = trio.Event()
                await self.arrived.wait()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until an event, or a snapshot of the journal or a child, makes a condition true."""
        with trio.fail_after(SETTLE_S):
            while True:
                states: list[State] = [self.journal, self.health, self.tailers]
                versions, head = [state.version for state in states], self.events.source.head()
                self.arrived = trio.Event()
                if condition():
                    return
                async with trio.open_nursery() as nursery:
                    for state, version in zip(states, versions, strict=True):
                        nursery.start_soon(_newer, state, version, nursery.cancel_scope)
                    nursery.start_soon(_set, self.arrived, nursery.cancel_scope)
                    await self.events.source.moved(head)
                    nursery.cancel_scope.cancel()

    def check(self, expected: list[str]) -> None:
        """Assert the invariant, once stopped: all lines, once, in order, ids rising, and the database agrees."""
        assert self.markers == expected
        ids = [id_ for id_, _ in self.seen]
        assert ids == sorted(set(ids))
        assert self.lost == 0
        assert stored(self.database) == self.seen

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """One life of the three tasks; leaving the block cancels them all at once."""
        journal_send, journal_recv = trio.open_memory_channel[JournalMessage](INBOX)
        sightings_send, sightings_recv = trio.open_memory_channel[Sighting](64)
        orders_send, orders_recv = trio.open_memory_channel[SessionsMessage](0)
        journal_state, self.journal = open_state_channel(JournalSnapshot())
        attribution_state, _ = open_state_channel(AttributionSnapshot())
        _, sessions = open_state_channel(SessionsSnapshot())
        tailers_state, self.tailers = open_state_channel(TailersSnapshot())
        health_state, self.health = open_state_channel(HealthSnapshot())
        health = Health(health_state)
        self.send = journal_send
        ends = TailEnds(journal_send, sightings_send, trio.CapacityLimiter(2), OpenLogs(), health)

        async def keep(name: str, run: Callable[[], Awaitable[None]]) -> None:
            async def incarnation(*, task_status: trio.TaskStatus[None]) -> None:
                task_status.started()
                await run()

            await keep_running(Child(name, incarnation, quiet=True), health)

        with orders_recv:
            async with trio.open_nursery() as nursery:
                self.counters = Figures(JournalCounters())
                events_send, self.events = open_event_tail(self.database, journal_send)
                await nursery.start(run_journal, self.database, journal_recv, journal_state, events_send, self.counters)
                await nursery.start(
                    partial(
                        run_attribution, sightings_recv, attribution_state, sessions, journal_send.clone(), orders_send,
                        self.root / "projects",
                    )
                )  # fmt: skip
                await nursery.start(self._follow)
                await nursery.start(partial(run_tailers, self.logs, LOGS, ends, tailers_state, keep))
                yield
                nursery.cancel_scope.cancel()

    async def _follow(self, *, task_status: trio.TaskStatus[None]) -> None:
        start = After(self.cursor, deep=True) if self.cursor else Ring()
        async with self.events.follow(EventView(), start) as following:
            self._note(following.replay)
            task_status.started()
            async for batch in following.live:
                self._note(batch)

    def _note(self, batch: Batch) -> None:
        self.lost += batch.lost
        for event in batch.events:
            self.cursor = event.id
            if event.type == "tool_call":
                self.seen.append((event.id, marker_of(event.payload)))
        self.arrived.set()


async def _set(event: trio.Event, scope: trio.CancelScope) -> None:
    await event.wait()
    scope.cancel()


async def _newer(state: State, version: int, scope: trio.CancelScope) -> None:
    await state.wait_newer(version)
    scope.cancel()
