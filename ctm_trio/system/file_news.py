"""News of single files: whoever follows one of them sleeps until it may have changed.

One watch on a directory serves all of its files. Files that are being written are no news until they are closed.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

import trio

from ctm_trio.core.bell import Bell
from ctm_trio.system.watch import SCAN_S, DirectoryWatch


class FileNews:
    """The news of some files.

    Args:
        paths: of the files. Neither they nor their directories need exist.
    """

    def __init__(self, *paths: Path) -> None:
        self._bells = {path: Bell() for path in paths}

    def of(self, path: Path) -> Bell:
        """A bell that rings when that file may have changed. For one task."""
        return self._bells[path]

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> NoReturn:
        """Ring the bells until cancelled.

        All of them ring every `SCAN_S` too, whatever else goes on in the directory: a file system on another machine, a
        link to another file, or a directory that was moved away gives no sign.
        """
        task_status.started()
        async with trio.open_nursery() as nursery:
            for directory in sorted({path.parent for path in self._bells}):
                nursery.start_soon(self._follow, directory, name=f"ctm: news of files in {directory.name}")
            while True:
                await trio.sleep(SCAN_S)
                self._ring(self._bells)
        raise AssertionError("unreachable")

    async def _follow(self, directory: Path) -> NoReturn:
        async with DirectoryWatch(directory, once_closed=True) as watch:
            while True:
                await watch.hand_on(lambda names: self._ring(directory / name for name in names))
                self._ring(path for path in self._bells if path.parent == directory)

    def _ring(self, paths: Iterable[Path]) -> None:
        for path in paths:
            if (bell := self._bells.get(path)) is not None:
                bell.ring()
