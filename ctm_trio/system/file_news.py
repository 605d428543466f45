"""News of single files in one directory: whoever follows one of them sleeps until it may have changed.

One watch on the directory serves them all. Files that are being written (databases) are no news until they are closed.
"""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import trio

from ctm_trio.core.bell import Bell
from ctm_trio.system.watch import DirectoryWatch


class FileNews:
    """The news of a directory.

    Args:
        directory: of the files; it need not exist.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._bells: dict[str, Bell] = {}

    def of(self, name: str) -> Bell:
        """A bell that rings when the file of this name may have changed. For one task."""
        return self._bells.setdefault(name, Bell())

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> NoReturn:
        """Ring the bells until cancelled.

        All of them ring now and then too (`watch.SCAN_S`): a file system on another machine, or a link to a file in
        another directory, gives no sign.
        """
        task_status.started()
        async with DirectoryWatch(self._directory, once_closed=True) as watch:
            while True:
                await watch.hand_on(self._ring)
                self._ring(self._bells)

    def _ring(self, names: frozenset[str] | dict[str, Bell]) -> None:
        for name in names:
            if (bell := self._bells.get(name)) is not None:
                bell.ring()
