"""Which transcripts there are: one watch for all directories, and a look at everything from time to time.

Source: PROTOCOL.md, Conversations.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NoReturn

import trio

from ctm_trio.core.threads import in_thread
from ctm_trio.owners.conversations.desk import ConversationsDesk
from ctm_trio.owners.conversations.queue import Compared, compare
from ctm_trio.system.tree_watch import TreeWatch
from ctm_trio.transcripts.finder import PROJECTS, Scan, scan, with_one_name
from ctm_trio.transcripts.place import SUFFIX, root_of, whose

SCAN_S = 10.0
"""How often everything is looked at anyway: network file systems and full queues send no event."""

MISSING_S = 0.5
"""How often a directory is looked for that is not there yet."""

SCAN_SHARE = 200.0
"""Or after so many times as long as the last look took, if that is longer."""

MOST_WATCHED = 4000
"""Directories that are watched at most, the ones that changed last. The others are looked at."""


class Directories:
    """See above.

    Args:
        desk: shared with the rest of the owner. watch: of the directories.
    """

    def __init__(self, desk: ConversationsDesk, watch: TreeWatch) -> None:
        self._desk = desk
        self._watch = watch
        self._limiter = trio.CapacityLimiter(1)

    async def follow(self) -> NoReturn:
        """Look at everything, then at what changes; and at everything again from time to time."""
        while True:
            began = trio.current_time()
            await self._look_at_everything()
            due = trio.current_time() + max(SCAN_S, SCAN_SHARE * (trio.current_time() - began))
            missing = await self._is_missing()
            while (now := trio.current_time()) < due:
                changed = await self._watch.changes(min(MISSING_S, due - now) if missing else due - now)
                if changed is not None:
                    await self.take_changes(changed)
                elif not missing or not await self._is_missing():
                    break

    async def _is_missing(self) -> bool:
        """True while the usual `projects` directory is not there. In a thread: its file system may hang."""
        there = partial(os.path.isdir, self._desk.roots[0])
        return not await in_thread(there, limiter=self._limiter, abandon_on_cancel=True)

    async def _look_at_everything(self) -> None:
        roots = self._desk.roots = await in_thread(
            partial(roots_of, self._desk.ends.homes, await self._desk.positions()),
            limiter=self._limiter,
            abandon_on_cancel=True,
        )
        while True:
            found = await in_thread(partial(scan, roots), limiter=self._limiter, abandon_on_cancel=True)
            newest = sorted(found.directories, key=found.directories.__getitem__, reverse=True)[:MOST_WATCHED]
            self._watch.keep(newest)
            if not self._watch.watch(newest):
                break
            del found  # of tens of thousands: something may have come between the look and the watch, so once more
        self._say_problems(found)
        compared, gone = await in_thread(
            partial(_compared, found, await self._desk.positions(), roots),
            limiter=self._limiter,
            abandon_on_cancel=True,
        )
        self._desk.queue.look(compared, first=not self._desk.scanned)
        self._desk.gone += gone
        self._desk.scanned = True
        self._desk.note_look(found.files)
        self._desk.bell.ring()

    async def take_changes(self, changed: frozenset[str]) -> None:
        """Take files and directories that an event of the watch named."""
        files = {path for path in changed if path.endswith(SUFFIX)}
        await self._change(files)
        for path in changed - files:
            found = await self._look_below(path)
            while self._watch.watch(found.directories):  # what was made before the watch stood is in no event
                found = await self._look_below(path)
            await self._change(found.files, path)
        self._desk.bell.ring()

    async def _look_below(self, path: str) -> Scan:
        return await in_thread(partial(_scan_below, path), limiter=self._limiter, abandon_on_cancel=True)

    async def _change(self, files: Iterable[str], below: str = "") -> None:
        """These files were written to. One that may be another by a new name is left to the next look at everything."""
        queue = self._desk.queue
        known = [path for path in files if queue.knows(path)]
        new = set(files).difference(known)
        if new:
            new = await in_thread(partial(with_one_name, new, below), limiter=self._limiter, abandon_on_cancel=True)
        for path in (*known, *new):
            queue.change(path)

    def _say_problems(self, found: Scan) -> None:
        told = [f"{path} cannot be read ({why})." for path, why in sorted(found.problems.items())]
        self._desk.files.note("directories", " ".join(told[:3]))
        self._desk.files.note("events", self._watch.blind)


def _scan_below(path: str) -> Scan:
    """What is in a directory that came just now; nothing if it is a link. Blocks."""
    return Scan() if os.path.islink(path) else scan((), path)


def roots_of(homes: Callable[[], Iterable[Path]], known: Iterable[str]) -> list[str]:
    """The `projects` directories: of all that are in use, and of all that something was read in. Blocks.

    Returns:
        Their real names: what is called `projects` may be a link to a directory of any name.
    """
    roots = dict.fromkeys(os.path.realpath(os.path.join(home, PROJECTS)) for home in homes())
    for path in known:
        if not root_among(roots, path) and (root := root_of(path)):
            roots.setdefault(root)
    return list(roots)


def root_among(roots: Iterable[str], path: str) -> str:
    """Which of these directories a path is below, "" if it is below none."""
    return next((root for root in roots if path.startswith(f"{root}/")), "")


def _compared(
    found: Scan, positions: Mapping[str, tuple[int, int]], roots: Sequence[str]
) -> tuple[Compared, list[str]]:
    """What is to be read, and what was deleted. Blocks."""
    compared = compare(found.files, positions, found.problems)
    gone = really_gone(compared.gone, roots)
    return compared, gone + moved(set(compared.gone).difference(gone), found.files)


def really_gone(paths: Iterable[str], roots: Sequence[str]) -> list[str]:
    """The files that were deleted, of those that were not found: a disk that is away has lost nothing. Blocks.

    Args:
        roots: the `projects` directories that are known.
    """
    return [
        path for path in paths if not os.path.lexists(path) and os.path.isdir(root_among(roots, path) or root_of(path))
    ]


def moved(paths: Iterable[str], files: Iterable[str]) -> list[str]:
    """Those of some files that are away which stand elsewhere now: as long as they are known, no entry leads there.

    A directory that was moved with all that is in it is not there any more, just as one on a disk that is away. Blocks.

    Args:
        files: that were found.
    """
    away = {path: place for path in paths if (place := whose(path)) and not os.path.lexists(path)}
    there = {whose(path) for path in files} if away else set()
    return [path for path, place in away.items() if place in there]
