"""Which files of a directory changed, as it happens: inotify on Linux, watchfiles elsewhere, a slow scan under both.

One watch for a directory, not one for a file: a machine allows few watches, and sessions are many.
"""

from __future__ import annotations

import errno
import logging
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import trio

log = logging.getLogger("ctm.watch")

SCAN_S = 5.0
"""How often everything is looked at anyway: network file systems and full queues send no event."""

MISSING_S = 0.5
"""How often a directory that does not exist is looked for."""

WITHOUT_EVENTS_S = 0.25
"""How often everything is looked at where the system gives us no file events (watch limit reached)."""

AGAIN_S = 60.0
"""How long that goes on before file events are asked for again."""

BUSY_S, LINGER_S = 0.004, 0.003
"""Events that follow each other faster than this are collected for a moment: beyond 250 lines a second the wake-ups of
everything downstream are what costs, not the lines."""

Changes = frozenset[str] | None
"""Names of changed files, or None: look at everything."""


async def watch_directory(
    path: Path,
    out: trio.MemorySendChannel[Changes],
    *,
    scan_s: Callable[[], float] = lambda: SCAN_S,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Send the names of files that were written, made, moved or deleted in `path`, until cancelled; closes `out`.

    The first item is None, sent once the watch stands: what the receiver lists after it can miss nothing. While the
    receiver is busy the kernel's queue collects; if that overflows, the next item is None. A directory that is
    missing or replaced is waited for.

    Args:
        path: the directory; it need not exist.
        out: of any capacity; the sender waits.
        scan_s: says how many seconds are between two None without an event.
    """
    watch = _inotify if sys.platform == "linux" else _watchfiles
    async with out:
        task_status.started()
        while True:
            if not _is_directory(path):
                if os.path.lexists(path):
                    await out.send(None)  # something else stands there; whoever lists it finds out and says so
                await trio.sleep(MISSING_S)
                continue
            await watch(path, out, scan_s)


def _is_directory(path: Path) -> bool:
    try:
        return stat.S_ISDIR(os.stat(path).st_mode)
    except OSError:
        return False  # missing, or on a path that we may not walk now


async def _inotify(path: Path, out: trio.MemorySendChannel[Changes], scan_s: Callable[[], float]) -> None:
    """Watch with inotify until the directory goes away."""
    from inotify_simple import INotify, flags

    wanted = (
        flags.MODIFY | flags.CREATE | flags.MOVED_TO | flags.MOVED_FROM | flags.DELETE | flags.ATTRIB
        | flags.DELETE_SELF | flags.MOVE_SELF | flags.ONLYDIR
    )  # fmt: skip
    gone = flags.IGNORED | flags.MOVE_SELF | flags.DELETE_SELF | flags.UNMOUNT
    try:
        notify = INotify(nonblocking=True)
    except OSError as error:
        return await _scan_only(path, out, error)
    with notify:
        try:
            notify.add_watch(path, wanted)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR):
                return
            return await _scan_only(path, out, error)
        try:
            here = os.stat(path)
        except OSError:
            return  # gone already
        await out.send(None)
        last = -BUSY_S
        while True:
            events = []
            with trio.move_on_after(scan_s()):
                await trio.lowlevel.wait_readable(notify.fileno())
                busy = trio.current_time() - last < BUSY_S
                last = trio.current_time()  # before the pause: an even 200 a second must not look like a rush
                if busy:
                    await trio.sleep(LINGER_S)
                events = notify.read(timeout=0)
            if not events:
                try:
                    now = os.stat(path)
                except OSError:
                    return
                if (now.st_dev, now.st_ino) != (here.st_dev, here.st_ino):
                    return
                await out.send(None)
                continue
            seen = 0
            for event in events:
                seen |= event.mask
            if seen & gone:
                return
            if seen & flags.Q_OVERFLOW:
                log.warning("more file events in %s than the system keeps; looking at every file", path.name)
                await out.send(None)
            else:
                await out.send(frozenset([event.name for event in events]))


async def _scan_only(path: Path, out: trio.MemorySendChannel[Changes], error: OSError) -> None:
    log.warning("no file events for %s (%s); looking every %s s instead", path.name, error.strerror, WITHOUT_EVENTS_S)
    with trio.move_on_after(AGAIN_S):
        while _is_directory(path):
            await out.send(None)
            await trio.sleep(WITHOUT_EVENTS_S)


async def _watchfiles(path: Path, out: trio.MemorySendChannel[Changes], scan_s: Callable[[], float]) -> None:
    """Watch with the watchfiles library until the directory goes away."""
    from watchfiles import awatch

    stop = trio.Event()
    try:
        await out.send(None)
        async for changes in awatch(
            path, step=5, debounce=20, rust_timeout=int(scan_s() * 1000), yield_on_timeout=True, stop_event=stop,
            recursive=False,
        ):  # fmt: skip
            if not _is_directory(path):
                return
            await out.send(frozenset(os.path.basename(name) for _, name in changes) if changes else None)
    finally:
        stop.set()
