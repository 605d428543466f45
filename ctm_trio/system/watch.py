"""Which files of a directory changed, as it happens: inotify on Linux, watchfiles elsewhere, a slow scan under both.

One watch for a directory, not one for a file: a machine allows few watches, and sessions are many.
"""

from __future__ import annotations

import errno
import logging
import os
import stat
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import trio

if TYPE_CHECKING:
    from inotify_simple import INotify

log = logging.getLogger("ctm.watch")

SCAN_S = 5.0
"""How often everything is looked at anyway: network file systems and full queues send no event."""

MISSING_S = 0.5
"""How often a directory that does not exist is looked for."""

WITHOUT_EVENTS_S = 0.25
"""How often everything is looked at where the system gives us no file events (watch limit reached)."""

LOOK_S = 60.0
"""Everything is looked at as often as this while files keep changing, or each `scan_s` if that is longer."""

AGAIN_S = 60.0
"""How long that goes on before file events are asked for again."""

BUSY_S, LINGER_S = 0.004, 0.003
"""Events that follow each other faster than this are collected for a moment: beyond 250 lines a second the wake-ups of
everything downstream are what costs, not the lines."""

Changes = frozenset[str] | None
"""Names of changed files, or None: look at everything."""


class _Gone(Exception):
    """The directory is not there any more, or it is another one."""


_GONE_MASK = 0x8000 | 0x800 | 0x400 | 0x2000
"""inotify's IN_IGNORED, IN_MOVE_SELF, IN_DELETE_SELF and IN_UNMOUNT."""

_OVERFLOW_MASK = 0x4000
"""inotify's IN_Q_OVERFLOW."""


class DirectoryWatch:
    """A watch on one directory, for one task: `async with` it, and call `changes` again and again.

    While its user is busy the kernel's queue collects. A directory that is missing or replaced is waited for.

    Args:
        path: the directory; it need not exist.
        scan_s: says how many seconds are between two None without an event.
        once_closed: a file that was written is named when it is closed, not while it is being written.
    """

    def __init__(self, path: Path, scan_s: Callable[[], float] = lambda: SCAN_S, *, once_closed: bool = False) -> None:
        self._path = path
        self._scan_s = scan_s
        self._once_closed = once_closed
        self._notify: INotify | None = None
        self._here = (0, 0)
        self._last = 0.0
        self._blind_until = 0.0
        """Until then there are no file events (a limit of the system), and everything is looked at again and again."""
        self._others: AsyncIterator[set[tuple[Any, str]]] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._end()
        if self._others is not None:
            with trio.CancelScope(shield=True):
                await aclosing(self._others).__aexit__(None, None, None)  # type: ignore[type-var]

    async def hand_on(self, take: Callable[[frozenset[str]], object]) -> None:
        """Hand on the names of changed files as they come. Returns when everything should be looked at; see `changes`.

        It costs less than `changes` for each name.

        Args:
            take: called with the names; what it raises ends this.
        """
        while True:
            if self._notify is not None:
                try:
                    await self._follow(self._notify, take)
                    return
                except _Gone:
                    self._end()
            names = await self.changes()
            if names is None:
                return
            take(names)

    async def changes(self) -> Changes:
        """Wait for the next changes: the names of files that were written, made, moved or deleted.

        The first answer is None, once the watch stands: what is listed after it can miss nothing. It is None too when
        the kernel's queue has overflowed, and every `scan_s` without an event.
        """
        while True:
            try:
                if self._notify is not None:
                    return await self._read(self._notify)
                if self._others is not None:
                    return await self._next_of_others(self._others)
            except _Gone:
                self._end()
            if trio.current_time() < self._blind_until:
                await trio.sleep(WITHOUT_EVENTS_S)
                return None
            if _is_directory(self._path) and self._begin():
                await trio.lowlevel.checkpoint()
                return None
            await trio.sleep(MISSING_S)
            if os.path.lexists(self._path) and not _is_directory(self._path):
                return None  # something else stands there; whoever lists it finds out and says so

    def _begin(self) -> bool:
        """Begin to watch the directory, or to look at all of it again and again. False if it has just gone."""
        if sys.platform != "linux":
            from watchfiles import awatch

            self._others = awatch(
                self._path, step=5, debounce=20, rust_timeout=int(self._scan_s() * 1000), yield_on_timeout=True,
                recursive=False,
            )  # fmt: skip
            return True
        from inotify_simple import INotify, flags

        written = flags.CLOSE_WRITE if self._once_closed else flags.MODIFY
        wanted = (
            written | flags.CREATE | flags.MOVED_TO | flags.MOVED_FROM | flags.DELETE | flags.ATTRIB
            | flags.DELETE_SELF | flags.MOVE_SELF | flags.ONLYDIR
        )  # fmt: skip
        try:
            self._notify = INotify(nonblocking=True)
            self._notify.add_watch(self._path, wanted)
            status = os.stat(self._path)
        except OSError as error:
            self._end()
            if error.errno in (errno.ENOENT, errno.ENOTDIR):
                return False
            self._blind_until = trio.current_time() + AGAIN_S
            text = "no file events for %s (%s); looking every %s s instead"
            log.warning(text, self._path.name, error.strerror, WITHOUT_EVENTS_S)
            return True
        self._here = (status.st_dev, status.st_ino)
        self._last = -BUSY_S
        return True

    def _end(self) -> None:
        if self._notify is not None:
            self._notify.close()
            self._notify = None

    async def _follow(self, notify: INotify, take: Callable[[frozenset[str]], object]) -> None:
        """Hand on changes by inotify until everything should be looked at.

        One deadline serves many waits: one for each would cost as much as all the rest.
        """
        began, scan_s = trio.current_time(), self._scan_s()
        due = began + scan_s
        while due > trio.current_time():
            with trio.move_on_at(due):
                while (names := await self._next(notify)) is not None:
                    take(names)
                return
            due = min(max(due, self._last + scan_s), began + max(scan_s, LOOK_S))
        self._check_place()

    async def _read(self, notify: INotify) -> Changes:
        """The next changes by inotify."""
        with trio.move_on_after(self._scan_s()):
            return await self._next(notify)
        self._check_place()
        return None

    def _check_place(self) -> None:
        """Raise `_Gone` if the path leads to another directory by now, or to none."""
        try:
            status = os.stat(self._path)
        except OSError:
            raise _Gone from None
        if (status.st_dev, status.st_ino) != self._here:
            raise _Gone

    async def _next(self, notify: INotify) -> Changes:
        """The next changes by inotify, however long that takes."""
        await trio.lowlevel.wait_readable(notify.fileno())
        now = trio.current_time()
        busy, self._last = now - self._last < BUSY_S, now  # an even 200 a second must not look like a rush
        if busy:
            await trio.sleep(LINGER_S)
        events = notify.read(timeout=0)
        seen = 0
        for event in events:
            seen |= event.mask
        if seen & _GONE_MASK:
            raise _Gone
        if seen & _OVERFLOW_MASK:
            log.warning("more file events in %s than the system keeps; looking at every file", self._path.name)
            return None
        return frozenset([event.name for event in events])

    async def _next_of_others(self, others: AsyncIterator[set[tuple[Any, str]]]) -> Changes:
        """The next changes by watchfiles."""
        changes = await anext(others, None)
        if changes is None or not _is_directory(self._path):
            self._others = None
            raise _Gone
        return frozenset(os.path.basename(name) for _, name in changes) if changes else None


def _is_directory(path: Path) -> bool:
    try:
        return stat.S_ISDIR(os.stat(path).st_mode)
    except OSError:
        return False  # missing, or on a path that we may not walk now
