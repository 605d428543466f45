"""Whatever happens to logs, in any order: every whole line once, in the order of its log, ids rising and unchanged.

Each example is a history of writes, halves of lines, rotations (plain, packed, packed later), truncations, and stops of
the daemon at any moment, with everything else going on meanwhile. `FUZZ_EXAMPLES` makes it look longer.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.faults.rig import LogFile, Rig, line, stored

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "60"))

which = st.integers(0, 1)
steps = st.one_of(
    st.tuples(st.just("append"), which, st.integers(1, 40), st.sampled_from([0, 0, 200, 3000, 70_000])),
    st.tuples(st.just("half"), which, st.floats(0.01, 0.99)),
    st.tuples(st.just("rotate"), which, st.booleans(), st.booleans()),
    st.tuples(st.just("pack"), which),
    st.tuples(st.just("truncate"), which),
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

    async def play(self, step: tuple[object, ...]) -> None:
        """One step."""
        match step:
            case ("append", int(i), int(count), int(size)):
                self.logs[i].finish()
                for _ in range(count if size < 10_000 else 3):
                    marker = self.marker(i)
                    self.logs[i].file.append(line(self.logs[i].file.uuid, marker, size=size))
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
            case ("pack", int(i)):
                for part in self.logs[i].file.plain_parts()[:1]:
                    self.logs[i].file.pack(part)
            case ("truncate", int(i)):
                self.logs[i].finish()
                await self.settle()
                if self.logs[i].file.path.exists():
                    os.truncate(self.logs[i].file.path, 0)
            case ("stop",):
                await self.stop()
            case ("start",):
                await self.start()
            case ("settle",):
                await self.settle()
            case ("yield", int(turns)):
                for _ in range(turns):
                    await trio.lowlevel.checkpoint()

    def check(self) -> None:
        """The invariant, once all has settled and stopped."""
        for i, log in enumerate(self.logs):
            assert [m for m in self.rig.markers if m.startswith(f"{i}-")] == log.markers
        ids = [id_ for id_, _ in self.rig.seen]
        assert ids == sorted(set(ids))
        assert self.rig.lost == 0
        assert stored(self.rig.database) == self.rig.seen


async def play(root: Path, history: list[tuple[object, ...]]) -> None:
    """Play a history and check it."""
    rig = Rig(root)
    uuids = ("11111111-0000-4000-8000-000000000000", "22222222-0000-4000-8000-000000000000")
    async with trio.open_nursery() as nursery:
        run = History(rig, [Written(rig.log(uuid)) for uuid in uuids], nursery)
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
async def test_a_stop_between_any_two_writes(tmp_path: Path, pack: bool) -> None:
    """Stops after every few writes and rotations, with no pause in between, keep the invariant."""
    steps: list[tuple[object, ...]] = []
    for i in range(25):
        steps += [("append", i % 2, 7, 200), ("start",), ("yield", i)]
        if i % 3 == 0:
            steps.append(("rotate", i % 2, pack, i % 2 == 0))
        steps.append(("stop",))
    await play(tmp_path, steps)
