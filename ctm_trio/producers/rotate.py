"""The rotation of a log: renamed, packed, and the oldest thrown away. Imported only when a log is due.

Source: PROTOCOL.md, Files and directories; Log lines.
"""

from __future__ import annotations

import contextlib
import fcntl
import gzip
import os
import shutil
import time

from ctm_trio.model.log_names import EARLIEST_NS, LATEST_NS, parts_among
from ctm_trio.producers.log_file import locked_log

PACK_LEVEL = 4
"""gzip level: 50 MB of JSON in about half a second, a twentieth of the size."""

SAFELY = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
"""No link is followed, and a pipe that somebody put there holds nobody up."""


def rotate(path: str, *, max_bytes: int, max_age_days: int, max_files: int) -> None:
    """Rotate `path` if it is over `max_bytes`, then pack and prune its old parts.

    Everything happens under an exclusive lock on `<path>.rotate.lock`. If another process holds it, that one is
    rotating right now, and there is nothing to do here.

    Raises:
        OSError: the disk is full or the directory cannot be written. No line is lost then.
    """
    lock = os.open(path + ".rotate.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        _set_aside(path, max_bytes)
        for part in parts(path):
            if not part.endswith(".gz"):
                _pack(part)
        _prune(path, max_age_days, max_files)
    finally:
        os.close(lock)


def parts(path: str) -> list[str]:
    """The rotated parts of a log, `<path>.<unix ns>` and `<path>.<unix ns>.gz`, oldest first.

    What has such a name and is not a regular file is not ours: it is neither opened nor deleted.
    """
    directory, name = os.path.split(path)
    with os.scandir(directory) as entries:
        names = [entry.name for entry in entries if entry.is_file(follow_symlinks=False)]
    return [os.path.join(directory, part.name) for part in parts_among(names, name.removesuffix(".jsonl"))]


def _set_aside(path: str, max_bytes: int) -> None:
    """Rename the log and begin a new one, while no hook can be writing."""
    fd = locked_log(path)
    try:
        if os.fstat(fd).st_size <= max_bytes:
            return  # another process was faster
        os.rename(path, f"{path}.{_new_number(path)}")
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    finally:
        os.close(fd)


def _new_number(path: str) -> int:
    """The number of the next part: the time in nanoseconds, but above that of every part, whatever the clock does."""
    directory, name = os.path.split(path)
    newest = max((p.order for p in parts_among(os.listdir(directory), name.removesuffix(".jsonl"))), default=0)
    now = time.time_ns()
    return max(now if EARLIEST_NS <= now < LATEST_NS else EARLIEST_NS, newest + 1)


def _pack(part: str) -> None:
    """Replace a part by its packed form, which appears complete or not at all. Its modification time stays."""
    temporary = os.path.join(os.path.dirname(part), f".{os.path.basename(part)}.tmp")
    with open(os.open(part, os.O_RDONLY | SAFELY), "rb") as source:
        fcntl.flock(source, fcntl.LOCK_EX)  # a writer that came late has finished
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | SAFELY, 0o600)
        try:
            with open(fd, "wb") as raw:
                with gzip.GzipFile("", "wb", PACK_LEVEL, raw, 0) as packed:
                    shutil.copyfileobj(source, packed, 1 << 20)
                raw.flush()
                os.fsync(raw.fileno())
            seen = os.fstat(source.fileno())
            os.utime(temporary, ns=(seen.st_atime_ns, seen.st_mtime_ns))
            os.rename(temporary, part + ".gz")
        except BaseException:  # whatever ends it, half a packed part is left for nobody
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
        os.unlink(part)


def _prune(path: str, max_age_days: int, max_files: int) -> None:
    """Delete parts older than `max_age_days`, and the oldest beyond `max_files`."""
    oldest = time.time() - max_age_days * 86_400
    kept = []
    for part in parts(path):
        if os.stat(part).st_mtime < oldest:
            os.unlink(part)
        else:
            kept.append(part)
    for part in kept[: max(0, len(kept) - max_files)]:
        os.unlink(part)
