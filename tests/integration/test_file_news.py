"""Who follows a file of a directory is told when it may have changed, and sleeps otherwise."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio
import trio.testing

from ctm_trio.core.bell import Bell
from ctm_trio.system.file_news import FileNews
from ctm_trio.system.watch import SCAN_S

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")


class Followed:
    """Two files of a directory, by a clock that stands still."""

    def __init__(self, root: Path, news: FileNews) -> None:
        self.root = root
        self.config, self.sessions = news.of(root / "config.json"), news.of(root / "sessions.json")

    async def is_told(self, bell: Bell) -> None:
        """It rings."""
        await bell.wait()

    async def is_silent(self, bell: Bell) -> None:
        """It does not ring, whatever is on its way."""
        told = False

        async def wait() -> None:
            nonlocal told
            await bell.wait()
            told = True

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            await trio.testing.wait_all_tasks_blocked(0.01)
            assert not told
            nursery.cancel_scope.cancel()


@pytest.fixture
async def followed(tmp_path: Path, mock_clock: trio.testing.MockClock) -> AsyncIterator[Followed]:
    """They are told of once, when the watch stands."""
    news = FileNews(tmp_path / "config.json", tmp_path / "sessions.json")
    made = Followed(tmp_path, news)
    async with trio.open_nursery() as nursery:
        await nursery.start(news.run)
        await made.is_told(made.config)
        await made.is_told(made.sessions)
        yield made
        nursery.cancel_scope.cancel()


async def test_each_file_has_its_own_news(followed: Followed) -> None:
    """Written by hand, put in place, given other rights, deleted; the other one is told nothing."""
    path = followed.root / "config.json"
    path.write_text("{}")
    await followed.is_told(followed.config)
    (followed.root / "new").write_text("{}")
    os.replace(followed.root / "new", path)
    await followed.is_told(followed.config)
    path.chmod(0o600)
    await followed.is_told(followed.config)
    path.unlink()
    await followed.is_told(followed.config)
    await followed.is_silent(followed.sessions)


async def test_a_file_that_is_being_written_is_no_news(followed: Followed) -> None:
    """It is when it is closed: a database is written all the time."""
    with (followed.root / "config.json").open("wb", buffering=0) as file:
        await followed.is_told(followed.config)  # it was made
        for _ in range(5):
            file.write(b" ")
        await followed.is_silent(followed.config)
    await followed.is_told(followed.config)


async def test_all_are_looked_at_now_and_then(followed: Followed, mock_clock: trio.testing.MockClock) -> None:
    """A link's file in another directory gives no sign."""
    await followed.is_silent(followed.config)
    mock_clock.jump(SCAN_S)
    await followed.is_told(followed.config)
    await followed.is_told(followed.sessions)


async def test_all_are_looked_at_beside_a_busy_file(followed: Followed, mock_clock: trio.testing.MockClock) -> None:
    """A database in the directory has news all the time: that is no reason to look at the others less often."""
    for _ in range(3):
        mock_clock.jump(SCAN_S / 3)
        (followed.root / "ctm-trio.db-wal").write_bytes(b"")
        await trio.testing.wait_all_tasks_blocked(0.01)
    await followed.is_told(followed.config)


async def test_files_of_two_directories(tmp_path: Path, mock_clock: trio.testing.MockClock) -> None:
    """`Options` may put `sessions.json` elsewhere."""
    paths = tmp_path / "config.json", tmp_path / "other" / "sessions.json"
    paths[1].parent.mkdir()
    news = FileNews(*paths)
    async with trio.open_nursery() as nursery:
        await nursery.start(news.run)
        for path in paths:
            await news.of(path).wait()
        for path in paths:
            path.write_text("{}")
            await news.of(path).wait()
        nursery.cancel_scope.cancel()
