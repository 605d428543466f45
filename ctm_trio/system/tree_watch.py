"""Which files of many directories changed, as it happens: one inotify instance for all, for a machine allows few.

`system.watch` follows one directory. A slow scan stands behind both.
"""

from __future__ import annotations

import errno
import logging
import os
import sys
from collections.abc import Collection, Iterable
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Self

import trio

if TYPE_CHECKING:
    from inotify_simple import INotify

log = logging.getLogger("ctm.watch")

WITHOUT_EVENTS_S = 1.0
"""How often everything is looked at where the system gives us no file events."""

LINGER_S = 0.02
"""Events that follow at once are collected: a client writes several lines of one message in a row."""

_OVERFLOW, _IGNORED, _MOVED_FROM, _IS_DIRECTORY = 0x4000, 0x8000, 0x40, 0x40000000
"""inotify's IN_Q_OVERFLOW, IN_IGNORED, IN_MOVED_FROM and IN_ISDIR."""


class TreeWatch:
    """A watch on directories that come and go, for one task. Use it with `async with`."""

    def __init__(self) -> None:
        self._notify: INotify | None = None
        self._places: dict[int, str] = {}
        self._watched: dict[str, int] = {}
        self.blind = ""
        """Why there are no file events, "" if there are."""

    async def __aenter__(self) -> Self:
        if sys.platform == "linux":
            from inotify_simple import INotify

            try:
                self._notify = INotify(nonblocking=True)
            except OSError as error:
                self._go_blind(error)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._notify is not None:
            self._notify.close()
            self._notify = None

    def watch(self, directories: Iterable[str]) -> bool:
        """Watch these as well; True if one of them was not watched before.

        One that has gone is left out; where the system allows no more, `blind` says so.
        """
        if self._notify is None:
            before = len(self._watched)
            self._watched.update(dict.fromkeys(directories, 0))
            return len(self._watched) > before
        new = False
        from inotify_simple import flags

        wanted = flags.MODIFY | flags.CREATE | flags.MOVED_TO | flags.MOVED_FROM | flags.DELETE | flags.ONLYDIR
        for directory in directories:
            if directory in self._watched:
                continue
            try:
                number = self._notify.add_watch(directory, wanted)
            except OSError as error:
                if error.errno == errno.ENOSPC:
                    self._go_blind(error)
                    return False
                continue
            if (known := self._places.get(number)) is not None:
                if _is_same(known, directory):
                    continue  # by another name
                self._watched.pop(known, None)  # it was renamed
            self._places[number], self._watched[directory] = directory, number
            new = True
        return new

    def keep(self, directories: Collection[str]) -> None:
        """Stop to watch all others."""
        for directory in self._watched.keys() - set(directories):
            self._unwatch(directory)

    def _unwatch(self, directory: str) -> None:
        number = self._watched.pop(directory)
        self._places.pop(number, None)
        if self._notify is not None:
            with suppress(OSError):  # it has gone, and its watch with it
                self._notify.rm_watch(number)

    async def changes(self, within_s: float) -> frozenset[str] | None:
        """Wait for the next changes: paths of files and directories. None: look at everything.

        Args:
            within_s: without an event, None comes after so many seconds.
        """
        if sys.platform != "linux":
            return await self._changes_elsewhere(within_s)
        if self._notify is None or self.blind:
            await trio.sleep(WITHOUT_EVENTS_S)
            return None
        with trio.move_on_after(within_s):
            await trio.lowlevel.wait_readable(self._notify.fileno())
            await trio.sleep(LINGER_S)
            return self._read(self._notify)
        return None

    def _read(self, notify: INotify) -> frozenset[str] | None:
        found = set()
        for event in notify.read(timeout=0):
            if event.mask & _OVERFLOW:
                return None
            directory = self._places.get(event.wd)
            if event.mask & _IGNORED:
                if directory is not None:
                    del self._places[event.wd]
                    self._watched.pop(directory, None)
            elif directory is not None and event.name:
                path = os.path.join(directory, event.name)
                found.add(path)
                if event.mask & _MOVED_FROM and event.mask & _IS_DIRECTORY:  # its watches go on under their old names
                    for moved in [one for one in self._watched if one == path or one.startswith(f"{path}/")]:
                        self._unwatch(moved)
        return frozenset(found)

    async def _changes_elsewhere(self, within_s: float) -> frozenset[str] | None:
        from watchfiles import awatch

        there = [directory for directory in self._watched if os.path.isdir(directory)]
        if not there:
            await trio.sleep(WITHOUT_EVENTS_S)
            return None
        with trio.move_on_after(within_s):
            async with aclosing(awatch(*there, step=20, debounce=50, recursive=False)) as changes:
                async for found in changes:
                    return frozenset(path for _, path in found)
        return None

    def _go_blind(self, error: OSError) -> None:
        self.blind = f"The system gives no file events for the transcripts ({error.strerror})."
        log.warning("%s They are looked at every %g s instead.", self.blind, WITHOUT_EVENTS_S)


def _is_same(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False
