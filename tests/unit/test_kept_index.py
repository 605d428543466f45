"""An index in its thread: a damaged one is made anew while others go on opening it, and what is said to be wrong."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from ctm_trio.archive.search_index import SearchIndex
from ctm_trio.system.file_watch import Trouble
from ctm_trio.system.kept_index import KeptIndex
from ctm_trio.system.store_errors import StoreDamaged, StoreUnavailable


class Index:
    """An index that notes what is done with it; closing takes until it is let."""

    def __init__(self, done: list[str], may_close: threading.Event) -> None:
        self.done, self.may_close = done, may_close
        done.append("opened")

    def close(self) -> None:
        self.may_close.wait(5)
        self.done.append("closed")


async def test_the_file_is_not_moved_from_under_a_new_index(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The watch found the damage; the follower opens only after the file is aside, and the damage counts once."""
    done: list[str] = []
    may_close = threading.Event()

    def aside(path: Path, error: StoreDamaged) -> None:
        done.append("aside")

    monkeypatch.setattr("ctm_trio.system.kept_index.begin_anew", aside)
    make = cast("Callable[[], SearchIndex]", lambda: Index(done, may_close))
    indexer = KeptIndex(make, tmp_path / "index", Trouble(lambda said: None), "search index")
    await indexer.open()
    index, damage = indexer._index, StoreDamaged("torn")
    assert index is not None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(indexer._begin_anew, index, damage)
        await wait_all_tasks_blocked()
        nursery.start_soon(indexer.open)
        nursery.start_soon(indexer._begin_anew, index, damage)  # the follower found it too
        await wait_all_tasks_blocked()
        may_close.set()
    assert done == ["opened", "closed", "aside", "opened"]


async def test_what_is_wrong_with_writing_outlasts_a_read(tmp_path: Path) -> None:
    """On a full disk everything can be read; only what was written says that writing goes well again."""
    may_close = threading.Event()
    may_close.set()
    make = cast("Callable[[], SearchIndex]", lambda: Index([], may_close))
    said: list[str] = []
    indexer = KeptIndex(make, tmp_path / "index", Trouble(said.append), "search index")

    def fails(index: SearchIndex) -> int:
        raise StoreUnavailable("The disk is full.")

    def told(found: int | None) -> tuple[int | None, str]:
        return found, said[-1]

    assert told(await indexer.run(fails)) == (None, "The disk is full.")
    assert told(await indexer.read(lambda index: 1)) == (1, "The disk is full.")
    assert told(await indexer.run(lambda index: 2)) == (2, "")
    assert told(await indexer.read(fails)) == (None, "The disk is full.")
    assert told(await indexer.run(lambda index: 3)) == (3, "The disk is full.")
    assert told(await indexer.read(lambda index: 4)) == (4, "")
