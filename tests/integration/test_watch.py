"""A watch on a directory: names of files as they change, and a look at everything now and then."""

from __future__ import annotations

import shutil
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import trio
import trio.testing

from ctm_trio.system.watch import LOOK_S, SCAN_S, DirectoryWatch

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")


class Follower:
    """Takes names, and counts how often everything should be looked at."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.names: list[str] = []
        self.looks = 0

    async def run(self) -> None:
        """Follow until cancelled."""
        async with DirectoryWatch(self.path) as watch:
            while True:
                await watch.hand_on(self.names.extend)
                self.looks += 1

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until that is so."""
        for _ in range(100_000):
            if holds():
                return
            await trio.lowlevel.checkpoint()
        raise AssertionError((self.names, self.looks))

    async def hears_of(self, name: str) -> None:
        """Wait until a file was named."""
        await self.until(lambda: name in self.names)


@pytest.fixture
async def follower(tmp_path: Path, mock_clock: trio.testing.MockClock) -> AsyncIterator[Follower]:
    """One at work, by a clock that stands still."""
    path = tmp_path / "logs"
    path.mkdir()
    made = Follower(path)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(made.run)
        await made.until(lambda: made.looks == 1)
        yield made
        nursery.cancel_scope.cancel()


async def test_names_as_they_change(follower: Follower) -> None:
    """Files that are made, written, renamed and deleted; none of it is a reason to look at everything."""
    file = follower.path / "a"
    file.touch()
    await follower.hears_of("a")
    follower.names.clear()
    file.write_bytes(b"x")
    await follower.hears_of("a")
    file.rename(follower.path / "b")
    await follower.hears_of("b")
    follower.names.clear()
    (follower.path / "b").unlink()
    await follower.hears_of("b")
    assert follower.looks == 1


async def test_a_look_at_everything_after_a_silence(follower: Follower, mock_clock: trio.testing.MockClock) -> None:
    """So long after the last look or the last change, whichever came later."""
    mock_clock.jump(SCAN_S)
    await follower.until(lambda: follower.looks == 2)
    mock_clock.jump(SCAN_S - 1)
    (follower.path / "a").touch()
    await follower.hears_of("a")
    mock_clock.jump(SCAN_S - 1)
    await trio.testing.wait_all_tasks_blocked()
    assert follower.looks == 2
    mock_clock.jump(1)
    await follower.until(lambda: follower.looks == 3)


async def test_a_look_at_everything_though_files_keep_changing(
    follower: Follower, mock_clock: trio.testing.MockClock
) -> None:
    """Once in a while: a log that lies still beside busy ones would never be noticed otherwise."""
    for _ in range(int(LOOK_S // (SCAN_S - 1))):
        assert follower.looks == 1
        follower.names.clear()
        (follower.path / "a").touch()
        await follower.hears_of("a")
        mock_clock.jump(SCAN_S - 1)
        await trio.testing.wait_all_tasks_blocked()
    await follower.until(lambda: follower.looks == 2)


async def test_a_directory_that_is_replaced(follower: Follower, mock_clock: trio.testing.MockClock) -> None:
    """All of the new one is looked at, and it is followed from then on."""
    follower.path.rename(follower.path.with_name("old"))
    follower.path.mkdir()
    await follower.until(lambda: follower.looks == 2)
    (follower.path / "a").touch()
    await follower.hears_of("a")
    shutil.rmtree(follower.path)
    await trio.testing.wait_all_tasks_blocked()
    follower.path.mkdir()
    for _ in range(100):
        mock_clock.jump(SCAN_S)
        await trio.testing.wait_all_tasks_blocked()
        if follower.looks == 3:
            break
    follower.names.clear()
    (follower.path / "b").touch()
    await follower.hears_of("b")
