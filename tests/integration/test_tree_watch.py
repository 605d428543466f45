"""One watch for many directories: what changes in them as it happens, and what happens when there are no events."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from ctm_trio.system import tree_watch
from ctm_trio.system.tree_watch import TreeWatch

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")

LONG_S = 20.0


@pytest.fixture
async def watch() -> AsyncIterator[TreeWatch]:
    async with TreeWatch() as made:
        yield made


async def heard(watch: TreeWatch, *wanted: Path) -> set[str]:
    """All that is told until these have been."""
    found: set[str] = set()
    with trio.fail_after(LONG_S):
        while not {str(path) for path in wanted} <= found:
            found |= await watch.changes(LONG_S) or set()
    return found


async def nothing(watch: TreeWatch, known: Path) -> None:
    """Nothing but a file that is written now has changed."""
    known.write_text("x")
    found = await heard(watch, known)
    assert found == {str(known)}


async def test_what_changes_is_told(watch: TreeWatch, tmp_path: Path) -> None:
    """Files that are made, written to, moved in and out, deleted; directories that are made; in each directory."""
    one, two, other = tmp_path / "one", tmp_path / "two", tmp_path / "other"
    for path in (one, two, other):
        path.mkdir()
    watch.watch([str(one), str(two)])
    (one / "a").write_text("1")
    (two / "b").write_text("2")
    (other / "c").write_text("3")
    assert await heard(watch, one / "a", two / "b") == {str(one / "a"), str(two / "b")}
    with (one / "a").open("a") as file:
        file.write("more")
    await heard(watch, one / "a")
    (two / "b").rename(other / "b")
    (one / "a").unlink()
    (one / "new").mkdir()
    (other / "c").rename(two / "c")
    await heard(watch, two / "b", one / "a", one / "new", two / "c")


async def test_a_directory_that_was_renamed(watch: TreeWatch, tmp_path: Path) -> None:
    """Changes in it are told under its new name, also when the old one is there again; a link to it changes nothing."""
    one, two, link = tmp_path / "one", tmp_path / "two", tmp_path / "link"
    one.mkdir()
    watch.watch([str(one)])
    link.symlink_to(one)
    assert not watch.watch([str(link)])
    (one / "a").write_text("1")
    await heard(watch, one / "a")
    one.rename(two)
    assert watch.watch([str(two)])
    one.mkdir()
    assert watch.watch([str(one)])
    (one / "b").write_text("2")
    (two / "c").write_text("3")
    assert await heard(watch, one / "b", two / "c") == {str(one / "b"), str(two / "c")}
    watch.keep([str(two)])
    (one / "d").write_text("4")
    await nothing(watch, two / "e")


async def test_a_directory_in_the_place_of_one_that_was_moved(watch: TreeWatch, tmp_path: Path) -> None:
    """It is watched, and what is below it; what was moved away is not, wherever it is."""
    root, away = tmp_path / "root", tmp_path / "away"
    (root / "one" / "below").mkdir(parents=True)
    (root / "one-more").mkdir()
    names = [str(root), str(root / "one"), str(root / "one" / "below"), str(root / "one-more")]
    assert watch.watch(names)
    (root / "one").rename(away)
    await heard(watch, root / "one")
    (root / "one" / "below").mkdir(parents=True)
    assert watch.watch(names)
    (away / "below" / "a").write_text("1")
    (root / "one" / "below" / "b").write_text("2")
    (root / "one-more" / "c").write_text("3")
    found = await heard(watch, root / "one" / "below" / "b", root / "one-more" / "c")
    assert str(root / "one" / "below" / "a") not in found


async def test_what_is_kept(watch: TreeWatch, tmp_path: Path) -> None:
    """The others are watched no longer; they can be watched again."""
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    watch.watch([str(one), str(two)])
    watch.keep([str(two)])
    (one / "a").write_text("1")
    await nothing(watch, two / "b")
    watch.watch([str(one)])
    (one / "a").write_text("2")
    await heard(watch, one / "a")
    watch.keep([])
    with trio.move_on_after(LONG_S):
        assert await watch.changes(0.01) is None


async def test_a_directory_that_is_made_again(watch: TreeWatch, tmp_path: Path) -> None:
    """Once it is told that it went it can be watched like any other; one that has gone is left out."""
    one = tmp_path / "one"
    one.mkdir()
    watch.watch([str(tmp_path), str(one), str(tmp_path / "never")])
    one.rmdir()
    await heard(watch, one)
    one.mkdir()
    await heard(watch, one)
    watch.watch([str(one)])
    (one / "a").write_text("1")
    await heard(watch, one / "a")


async def test_one_directory_by_two_names(watch: TreeWatch, tmp_path: Path) -> None:
    """It is watched once, under the first."""
    (tmp_path / "one").mkdir()
    (tmp_path / "link").symlink_to("one")
    watch.watch([str(tmp_path / "one"), str(tmp_path / "link")])
    await nothing(watch, tmp_path / "one" / "a")


async def test_silence(watch: TreeWatch, tmp_path: Path) -> None:
    """After the time everything is to be looked at."""
    watch.watch([str(tmp_path)])
    with trio.fail_after(LONG_S):
        assert await watch.changes(0.01) is None


async def test_more_events_than_the_system_keeps(watch: TreeWatch, tmp_path: Path) -> None:
    """Everything is to be looked at: nobody knows what changed. Afterwards changes are told again."""
    limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    if limit > 100_000:
        pytest.skip("this system keeps too many events to go beyond")
    watch.watch([str(tmp_path)])
    one, two = tmp_path / "one", tmp_path / "two"
    one.touch()
    for _ in range(limit // 2 + 1):  # two events each, never two of the same in a row, which would be one
        one.rename(two)
        two.rename(one)
    found: list[frozenset[str] | None] = []
    with trio.fail_after(60):
        while None not in found:
            found.append(await watch.changes(LONG_S))
    await heard_after(watch, tmp_path / "three")


async def heard_after(watch: TreeWatch, path: Path) -> None:
    """A change of now is told."""
    path.write_text("x")
    await heard(watch, path)


async def test_no_room_for_more_directories(
    watch: TreeWatch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, autojump_clock: object
) -> None:
    """It says so, and everything is looked at instead."""
    notify = watch._notify
    assert notify is not None

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(notify, "add_watch", full)
    watch.watch([str(tmp_path)])
    assert watch.blind == f"The system gives no file events for the transcripts ({os.strerror(errno.ENOSPC)})."
    began = trio.current_time()
    assert await watch.changes(LONG_S) is None
    assert trio.current_time() - began == tree_watch.WITHOUT_EVENTS_S


async def test_no_events_at_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, autojump_clock: object) -> None:
    """The same where the system allows no watch."""

    def full(**_: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr("inotify_simple.INotify", full)
    async with TreeWatch() as watch:
        assert os.strerror(errno.EMFILE) in watch.blind
        watch.watch([str(tmp_path)])
        watch.keep([])
        assert await watch.changes(LONG_S) is None
