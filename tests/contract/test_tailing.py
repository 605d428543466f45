"""Tailers and the journal on real files: every line exactly once, in order."""

from __future__ import annotations

import gzip
import json
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import trio

from ctm_trio.core.channels import Figures, open_state_channel
from ctm_trio.ingest.directory import run_tailers
from ctm_trio.ingest.ends import TailEnds
from ctm_trio.journal.tail import open_event_tail
from ctm_trio.journal.task import run_journal
from ctm_trio.journal.view import Batch, EventView, Following, Ring
from ctm_trio.messages.attribution import Sighting
from ctm_trio.messages.journal import Attribute, JournalCounters, JournalMessage, JournalSnapshot
from ctm_trio.messages.tailers import TailersSnapshot

UUID = "11111111-2222-4333-8444-555555555555"
LIMIT_S = 60.0


def line(text: str) -> bytes:
    """One log line whose event shows `text` as its input."""
    return json.dumps({"tool_name": "Bash", "tool_input": {"command": text}}).encode() + b"\n"


async def answer(
    sightings: trio.MemoryReceiveChannel[Sighting], journal: trio.MemorySendChannel[JournalMessage]
) -> None:
    """Attribute every log to one session."""
    async for sighting in sightings:
        await journal.send(Attribute(sighting.uuid, "alpha"))
        if sighting.reply is not None:
            sighting.reply.ok("alpha")


async def keep(name: str, run: Callable[[], Awaitable[None]]) -> None:
    """No supervision: a crash fails the test."""
    await run()


class Run:
    """A journal with tailers on a directory."""

    def __init__(self, following: Following) -> None:
        self.live = following.live
        self.inputs: list[str] = []
        self.ids: list[int] = []
        self._take(following.replay)

    async def until(self, last: str) -> list[str]:
        """Collect until the call `last` came, then what follows within a moment."""
        with trio.fail_after(LIMIT_S):
            while self.inputs[-1:] != [last]:
                self._take(await self.live.receive())
        with trio.move_on_after(0.15):
            while True:
                self._take(await self.live.receive())
        return self.inputs

    def _take(self, batch: Batch) -> None:
        assert not batch.lost
        for event in batch.events:
            if event.type == "tool_call":
                self.inputs.append(json.loads(event.payload)["input"])
                self.ids.append(event.id)


@asynccontextmanager
async def running(root: Path) -> AsyncIterator[Run]:
    """A journal and its tailers on `root/logs`, with a subscriber."""
    journal_send, journal_recv = trio.open_memory_channel[JournalMessage](256)
    sightings_send, sightings_recv = trio.open_memory_channel[Sighting](64)
    journal_state, _ = open_state_channel(JournalSnapshot())
    tailers_state, _ = open_state_channel(TailersSnapshot())
    ends = TailEnds(journal_send, sightings_send, trio.CapacityLimiter(2))
    async with trio.open_nursery() as nursery:
        events_send, events = open_event_tail(root / "log.db", journal_send)
        counters = Figures(JournalCounters())
        await nursery.start(run_journal, root / "log.db", journal_recv, journal_state, events_send, counters)
        nursery.start_soon(answer, sightings_recv, journal_send)
        await nursery.start(partial(run_tailers, root / "logs", "logs", ends, tailers_state, keep))
        async with events.follow(EventView(), Ring()) as following:
            yield Run(following)
        nursery.cancel_scope.cancel()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """The path of the current log file."""
    (tmp_path / "logs").mkdir()
    return tmp_path / "logs" / f"{UUID}.jsonl"


def append(path: Path, data: bytes) -> None:
    """Append as the hook does."""
    with open(path, "ab") as file:
        file.write(data)


def rotate(path: Path, *, pack: bool) -> None:
    """Rename, make a new empty file, gzip: what the hook does."""
    part = path.with_name(f"{path.name}.{time.time_ns()}")
    path.rename(part)
    path.touch()
    if pack:
        part.with_name(part.name + ".gz").write_bytes(gzip.compress(part.read_bytes()))
        part.unlink()


@pytest.mark.parametrize("seed", range(12))
async def test_rotations_in_a_hurry(log: Path, seed: int) -> None:
    """Twenty rotations within a moment, plain and packed at random: each line once, in order."""
    chance = random.Random(seed)

    def write() -> list[str]:
        wanted = []
        for turn in range(20):
            for i in range(chance.randrange(4)):
                wanted.append(f"{turn}-{i}")
                append(log, line(wanted[-1]))
            if log.exists():
                rotate(log, pack=chance.random() < 0.6)
        append(log, line("last"))
        return [*wanted, "last"]

    async with running(log.parent.parent) as run:
        wanted = await trio.to_thread.run_sync(write)
        assert await run.until("last") == wanted
        assert run.ids == sorted(set(run.ids))


async def test_half_lines_wait(log: Path) -> None:
    """Half a line is no event; the other half completes it, over a restart too."""
    whole = line("in two parts")
    append(log, line("first") + whole[:20])
    async with running(log.parent.parent) as run:
        assert await run.until("first") == ["first"]
    append(log, whole[20:-1])
    async with running(log.parent.parent) as run:
        assert await run.until("first") == ["first"]
        append(log, whole[-1:] + line("next"))
        assert await run.until("next") == ["first", "in two parts", "next"]


async def test_restart_repeats_nothing(log: Path) -> None:
    """What was committed keeps its id; what was written meanwhile follows; rotation meanwhile changes nothing."""
    append(log, line("one") + line("two"))
    async with running(log.parent.parent) as run:
        await run.until("two")
        ids = run.ids
    append(log, line("three"))
    rotate(log, pack=True)
    append(log, line("four"))
    rotate(log, pack=False)
    append(log, line("five"))
    async with running(log.parent.parent) as run:
        assert await run.until("five") == ["one", "two", "three", "four", "five"]
        assert run.ids[:2] == ids
    async with running(log.parent.parent) as again:
        assert await again.until("five") == ["one", "two", "three", "four", "five"]
        assert again.ids == run.ids


@pytest.mark.parametrize("longer", [True, False])
async def test_truncated_and_written_anew(log: Path, longer: bool) -> None:
    """A log that is emptied and written anew goes on with its new lines, whether it is longer than before or not."""
    append(log, line("old one") + line("old two"))
    async with running(log.parent.parent) as run:
        await run.until("old two")
        log.write_bytes(b"".join(line(f"new {'x' * 100 if longer else ''}{i}") for i in range(3)))
        append(log, line("end"))
        inputs = await run.until("end")
        assert inputs[:2] == ["old one", "old two"]
        assert inputs[2:] == [f"new {'x' * 100 if longer else ''}{i}" for i in range(3)] + ["end"]


async def test_a_line_too_long_is_skipped(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line beyond the limit is passed over, the next one counts; also if it is written in pieces."""
    monkeypatch.setattr("ctm_trio.ingest.lines.MAX_LINE_BYTES", 1 << 20)
    async with running(log.parent.parent) as run:
        append(log, line("before") + b'{"tool_name":"' + b"x" * (3 << 20))
        await run.until("before")
        append(log, b"y" * (2 << 20) + b'"}\n' + line("after"))
        assert await run.until("after") == ["before", "after"]


async def test_rubbish_is_skipped(log: Path) -> None:
    """Binary lines, other JSON, lines without a tool: passed over, nothing around them is lost."""
    junk = b'\xff\xfe\x00\n[1,2]\n"text"\n42\n{"half":\n{}\n{"tool_name":7}\n\n{"tool_name":""}\n'
    append(log, line("a") + junk + line("b"))
    async with running(log.parent.parent) as run:
        assert await run.until("b") == ["a", "b"]
