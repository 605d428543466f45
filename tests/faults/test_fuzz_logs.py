"""Whatever happens to logs, in any order: every whole line once, in the order of its log, ids rising and unchanged.

Each example is a history of writes, halves of lines, rotations (plain, packed, packed later), truncations, and stops of
the daemon at any moment, with everything else going on meanwhile. `FUZZ_EXAMPLES` makes it look longer.
"""

from __future__ import annotations

import gzip
import os
import random
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.faults.rig import LogFile, Rig, line, stored

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "60"))

COPIES = ["bak", "{n}", "{n}", "17000000{n:02}", "2026112{n}", "{ns}", "{ns}", "{ns}", "{ns}9"]
"""Endings of copies: by hand, numbered, dated, in seconds, and as our own rotations name parts."""

which = st.integers(0, 1)
steps = st.one_of(
    st.tuples(st.just("append"), which, st.integers(1, 40), st.sampled_from([0, 0, 200, 3000, 70_000])),
    st.tuples(st.just("half"), which, st.floats(0.01, 0.99)),
    st.tuples(st.just("rotate"), which, st.booleans(), st.booleans()),
    st.tuples(st.just("pack"), which),
    st.tuples(st.just("truncate"), which),
    st.tuples(st.just("copy"), which, st.sampled_from(COPIES), st.booleans(), st.integers(0, 3)),
    st.tuples(
        st.just("logrotate"),
        which,
        st.sampled_from(["create", "copytruncate", "dated"]),
        st.booleans(),
        st.booleans(),
        st.booleans(),
    ),
    st.tuples(st.just("clock"), st.sampled_from([-86_400, -1, 0, 3, 864_000])),
    st.tuples(st.just("agents"), which, st.integers(1, 5)),
    st.tuples(st.just("junk"), which, st.binary(max_size=60)),
    st.just(("stop",)),
    st.just(("start",)),
    st.just(("settle",)),
    st.tuples(st.just("yield"), st.integers(1, 30)),
)


@dataclass
class Written:
    """One log as the model knows it."""

    file: LogFile
    markers: list[str] = field(default_factory=list)
    rest: bytes = b""
    """What is missing of a half line."""
    half: str = ""
    copies: int = 0
    known: bool = False
    """Lines of the current file were read."""

    def finish(self) -> None:
        """Write the other half."""
        if self.rest:
            self.file.append(self.rest)
            self.markers.append(self.half)
            self.rest = b""


@dataclass
class History:
    """Plays the steps on real files."""

    rig: Rig
    logs: list[Written]
    nursery: trio.Nursery
    life: tuple[trio.CancelScope, trio.Event] | None = None
    made: int = 0
    with_id: bool = False
    """Lines have a call's id, as in life; then a second reading may not show."""

    def marker(self, index: int) -> str:
        """A marker that no other line has."""
        self.made += 1
        return f"{index}-{self.made}"

    async def start(self) -> None:
        """Start the tasks."""
        if self.life is None:
            self.life = await self.nursery.start(self._live)

    async def _live(self, *, task_status: trio.TaskStatus[tuple[trio.CancelScope, trio.Event]]) -> None:
        ended = trio.Event()
        with trio.CancelScope() as scope:
            async with self.rig.running():
                task_status.started((scope, ended))
                await trio.sleep_forever()
        ended.set()

    async def stop(self) -> None:
        """Stop the tasks, in the middle of whatever they do."""
        if self.life is not None:
            (scope, ended), self.life = self.life, None
            scope.cancel()
            await ended.wait()

    async def settle(self) -> None:
        """Wait until all that was written is seen."""
        await self.start()
        await self.rig.settle(sum(len(log.markers) for log in self.logs))
        for log in self.logs:
            log.known = log.file.path.exists() and log.file.path.stat().st_size > 0 and not log.rest

    async def play(self, step: tuple[object, ...]) -> None:
        """One step."""
        match step:
            case ("append", int(i), int(count), int(size)):
                self.logs[i].finish()
                for _ in range(count if size < 10_000 else 3):
                    marker = self.marker(i)
                    self.logs[i].file.append(line(self.logs[i].file.uuid, marker, size=size, with_id=self.with_id))
                    self.logs[i].markers.append(marker)
            case ("agents", int(i), int(agent)):
                self.logs[i].finish()
                marker = self.marker(i)
                self.logs[i].file.append(line(self.logs[i].file.uuid, marker, agent=f"a{agent}"))
                self.logs[i].markers.append(marker)
            case ("half", int(i), float(share)):
                log = self.logs[i]
                log.finish()
                log.half = self.marker(i)
                whole = line(log.file.uuid, log.half, size=300)
                cut = max(1, int(len(whole) * share))
                log.file.append(whole[:cut])
                log.rest = whole[cut:]
            case ("junk", int(i), bytes(data)):
                self.logs[i].finish()
                self.logs[i].file.append(b"\x00" + data.replace(b"\n", b"") + b"\n")
            case ("rotate", int(i), bool(pack), bool(touch)):
                self.logs[i].finish()
                self.logs[i].file.rotate(pack=pack, touch=touch)
                self.logs[i].known = False
            case ("pack", int(i)):
                for part in self.logs[i].file.plain_parts()[:1]:
                    self.logs[i].file.pack(part)
            case ("truncate", int(i)):
                self.logs[i].finish()
                await self.settle()
                if self.logs[i].file.path.exists():
                    os.truncate(self.logs[i].file.path, 0)
                    self.logs[i].known = False
            case ("copy", int(i), str(ending), bool(pack), int(pick)):
                self.copy(self.logs[i], ending, pack, pick)
            case ("logrotate", int(i), str(style), bool(pack), bool(rush), bool(between)):
                await self.logrotate(i, style, pack, rush, between)
            case ("clock", int(seconds)):
                await self.settle()  # the order of unread parts is that of their names
                self.rig.clock_s = float(seconds)
            case ("stop",):
                await self.stop()
            case ("start",):
                await self.start()
            case ("settle",):
                await self.settle()
            case ("yield", int(turns)):
                for _ in range(turns):
                    await trio.lowlevel.checkpoint()

    async def logrotate(self, i: int, style: str, pack: bool, rush: bool, between: bool) -> None:
        """Have another program rotate a log; in a rush, lines that nobody has read yet are in it.

        Of a file that we never saw a line of, such lines cannot be told from those of a copy: then no rush.
        With `between` a line is written and read after the copy was made and before the log is emptied.
        """
        log = self.logs[i]
        log.finish()
        if not (rush and log.known):
            await self.settle()
        if style == "copytruncate" and between:

            async def one_more() -> None:
                await self.play(("append", i, 1, 0))
                await self.settle()

            await log.file.copytruncate(one_more, pack=pack)
        else:
            log.file.logrotate(style, pack=pack)
        log.known = False

    def copy(self, log: Written, ending: str, pack: bool, pick: int) -> None:
        """Copy the current file, or a part of it, under some name; what has that name stays."""
        files = [log.file.path, *sorted(log.file.directory.glob(f"{log.file.uuid}.jsonl.*"))]
        source = files[pick % len(files)]
        log.copies += 1
        end = ending.format(n=log.copies, ns=log.file.now_ns())
        target = log.file.directory / f"{log.file.uuid}.jsonl.{end}{'.gz' if pack else ''}"
        if not source.exists() or target.exists():
            return
        data = source.read_bytes()
        if source.suffix == ".gz":
            data = gzip.decompress(data)
        target.write_bytes(gzip.compress(data, 1) if pack else data)

    def check(self) -> None:
        """The invariant, once all has settled and stopped."""
        for i, log in enumerate(self.logs):
            assert [m for m in self.rig.markers if m.startswith(f"{i}-")] == log.markers
        ids = [id_ for id_, _ in self.rig.seen]
        assert ids == sorted(set(ids))
        assert self.rig.lost == 0
        assert stored(self.rig.database) == self.rig.seen


async def play(root: Path, history: list[tuple[object, ...]], *, with_id: bool = False) -> None:
    """Play a history and check it."""
    rig = Rig(root)
    uuids = ("11111111-0000-4000-8000-000000000000", "22222222-0000-4000-8000-000000000000")
    async with trio.open_nursery() as nursery:
        run = History(rig, [Written(rig.log(uuid)) for uuid in uuids], nursery, with_id=with_id)
        for step in history:
            await run.play(step)
        for log in run.logs:
            log.finish()
        await run.settle()
        assert dict(rig.health.latest.restarts) == {}
        await run.stop()
    run.check()
    async with rig.running():  # and once more from what is committed: nothing comes twice
        await rig.until(lambda: rig.tailers.latest.caught_up)
    run.check()


@settings(max_examples=EXAMPLES)
@given(st.lists(steps, min_size=1, max_size=25))
def test_any_history(history: list[tuple[object, ...]]) -> None:
    """Random histories keep the invariant."""
    with tempfile.TemporaryDirectory(prefix="ctm-fuzz-") as root:
        trio.run(play, Path(root), history)


@pytest.mark.parametrize("pack", [False, True], ids=["plain", "packed"])
@pytest.mark.parametrize("with_id", [False, True], ids=["without ids", "with ids"])
async def test_a_stop_between_any_two_writes(tmp_path: Path, pack: bool, with_id: bool) -> None:
    """Stops after every few writes and rotations, with no pause in between, keep the invariant."""
    steps: list[tuple[object, ...]] = []
    for i in range(25):
        steps += [("append", i % 2, 7, 200), ("start",), ("yield", i)]
        if i % 3 == 0:
            steps.append(("rotate", i % 2, pack, i % 2 == 0))
        steps.append(("stop",))
    await play(tmp_path, steps, with_id=with_id)


SEEDS = [*range(int(os.environ.get("FUZZ_SEEDS", "12"))), 25, 72, 81, 93, 177, 340, 519]
"""Of long histories; the last ones once read lines twice (up to 93), or lost lines or their order."""


def long_history(seed: int) -> list[tuple[object, ...]]:
    """A history that is denser than hypothesis likes to make them: rotations of all kinds, copies, stops."""
    dice, between = random.Random(seed), random.Random(seed)
    steps: list[tuple[object, ...]] = []
    for _ in range(dice.randrange(5, 40)):
        i = dice.randrange(2)
        choices: list[tuple[object, ...]] = [
            ("append", i, dice.randrange(1, 12), dice.choice([0, 0, 200, 3000])),
            ("half", i, dice.random() * 0.98 + 0.01),
            ("rotate", i, dice.random() < 0.5, dice.random() < 0.5),
            ("pack", i),
            ("truncate", i),
            ("agents", i, dice.randrange(1, 5)),
            ("copy", i, dice.choice(COPIES), dice.random() < 0.4, dice.randrange(4)),
            (
                "logrotate", i, dice.choice(["create", "copytruncate", "dated"]), dice.random() < 0.4,
                dice.random() < 0.7, between.random() < 0.5,
            ),
            ("clock", dice.choice([-86_400, -1, 0, 3, 864_000])),
            ("stop",),
            ("start",),
            ("settle",),
            ("yield", dice.randrange(1, 30)),
        ]  # fmt: skip
        steps += dice.choices(choices, [10, 2, 4, 2, 1, 1, 5, 5, 1, 4, 4, 2, 3])
    return steps


@pytest.mark.parametrize("seed", SEEDS)
async def test_long_histories(tmp_path: Path, seed: int) -> None:
    """Long histories of a fixed seed keep the invariant."""
    await play(tmp_path, long_history(seed))
