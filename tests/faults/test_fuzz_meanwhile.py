"""Files change at the very moments in which they are being looked at: each whole line once, in the order of its log.

Time passes for a tailer where it waits for a thread, and within that where a file is opened. There the next steps of a
random history are played: so a race takes no luck and no load. `FUZZ_SEEDS` makes it look longer.
"""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio

from ctm_trio.core import threads
from ctm_trio.ingest import copies, directory, lines, log_copies, log_files, rotated_files, strays
from tests.faults.rig import Rig, line
from tests.faults.test_fuzz_logs import COPIES, History, Written

ROUNDS = 12
"""Times that all is read, after which some steps happen at once."""

SEEDS = range(int(os.environ.get("FUZZ_SEEDS", "40")))


class Meanwhile:
    """Plays steps of a history whenever a tailer turns away."""

    def __init__(self, run: History, seed: int) -> None:
        self.run = run
        self.dice = random.Random(seed)
        self.left = 0
        self.lock = threading.Lock()
        self.begun: list[tuple[Path, bytes]] = []
        """Copies that are being made, and all that they are to have."""

    def some(self) -> None:
        """Play a few steps, or none. From any thread."""
        with self.lock:
            while self.left and self.dice.random() < 0.4:
                self.left -= 1
                self.step()

    def rest(self) -> None:
        """Play what is left."""
        with self.lock:
            while self.left:
                self.left -= 1
                self.step()

    def step(self) -> None:
        """One step, which waits for nothing."""
        dice = self.dice
        log = dice.choice(self.run.logs)
        kind = dice.choices(
            ["append", "half", "rotate", "pack", "copy", "begin a copy", "go on with a copy", "logrotate"],
            [6, 2, 4, 2, 3, 2, 3, 3],
        )[0]
        match kind:
            case "append":
                self.append(log, dice.randrange(1, 6), dice.choice([0, 200, 3000]))
            case "half":
                log.finish()
                log.half = self.run.marker(self.run.logs.index(log))
                whole = line(log.file.uuid, log.half, size=300)
                cut = dice.randrange(1, len(whole))
                log.file.append(whole[:cut])
                log.rest = whole[cut:]
            case "rotate":
                log.finish()
                log.file.rotate(pack=dice.random() < 0.5, touch=dice.random() < 0.5)
                log.known = False
            case "pack":
                for part in log.file.plain_parts()[:1]:
                    log.file.pack(part)
            case "copy":
                self.run.copy(log, dice.choice(COPIES), dice.random() < 0.4, dice.randrange(4))
            case "begin a copy" if log.file.path.exists():
                ending = dice.choice(COPIES).format(n=f"9{len(self.begun)}", ns=log.file.now_ns())
                target, data = Path(f"{log.file.path}.{ending}"), log.file.path.read_bytes()
                if not target.exists():
                    target.write_bytes(data[: dice.choice([0, len(data) // 2, len(data)])])
                    self.begun.append((target, data))
            case "go on with a copy" if self.begun:
                self.go_on(*self.begun.pop(), how=dice.choice(["append", "anew", "delete"]))
            case "logrotate" if log.known:  # else its lines cannot be told from those of a copy
                log.finish()
                log.file.logrotate(dice.choice(["create", "copytruncate", "dated"]), pack=dice.random() < 0.4)
                log.known = False

    def go_on(self, target: Path, data: bytes, *, how: str = "append") -> None:
        """Bring a copy to its end, as `cp` does, or write it once more, or give it up."""
        if not target.exists() or target.stat().st_size > len(data):
            return  # it was packed, or its name is another file's by now
        if how == "delete":
            target.unlink()
        elif how == "anew":
            target.write_bytes(data)
        else:
            with target.open("ab") as file:
                file.write(data[target.stat().st_size :])

    def append(self, log: Written, count: int, size: int) -> None:
        """Write whole lines."""
        log.finish()
        for _ in range(count):
            marker = self.run.marker(self.run.logs.index(log))
            log.file.append(line(log.file.uuid, marker, size=size))
            log.markers.append(marker)


def interrupt(monkeypatch: pytest.MonkeyPatch, meanwhile: Meanwhile) -> None:
    """Have steps played around every wait for a thread, and before every file that is opened in one."""
    real_thread: Callable[..., Any] = threads.in_thread
    real_open: Callable[..., Any] = log_files.open_reader

    async def in_thread(*args: Any, **more: Any) -> Any:
        meanwhile.some()
        result = await real_thread(*args, **more)
        meanwhile.some()
        return result

    def open_reader(path: Path) -> Any:
        meanwhile.some()
        return real_open(path)

    for module in (copies, lines, directory, strays):
        monkeypatch.setattr(module, "in_thread", in_thread)
    for module in (copies, log_copies, rotated_files, strays):
        monkeypatch.setattr(module, "open_reader", open_reader)


@pytest.mark.parametrize("seed", SEEDS)
async def test_steps_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """Any steps at any such moment keep the invariant, in this life and in the next."""
    rig = Rig(tmp_path)
    uuids = ("11111111-0000-4000-8000-000000000000", "22222222-0000-4000-8000-000000000000")
    async with trio.open_nursery() as nursery:
        run = History(rig, [Written(rig.log(uuid)) for uuid in uuids], nursery)
        meanwhile = Meanwhile(run, seed)
        interrupt(monkeypatch, meanwhile)
        for _ in range(ROUNDS):
            meanwhile.append(meanwhile.dice.choice(run.logs), meanwhile.dice.randrange(1, 5), 200)
            meanwhile.left = meanwhile.dice.randrange(1, 7)
            await run.settle()
            for log in run.logs:
                log.known = False  # steps may have come after its last line was read
            meanwhile.rest()
            for log in run.logs:
                log.finish()
            if meanwhile.dice.random() < 0.2:
                await run.stop()
            await run.settle()
        await run.stop()
    run.check()
    async with rig.running():
        await rig.until(lambda: rig.tailers.latest.caught_up)
    run.check()
