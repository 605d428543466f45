"""Files as everything here writes them: atomic, private, and under a lock that others honour too."""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import msgspec

from ctm_trio.errors.files import FileLocked
from ctm_trio.system.regular import open_regular as open_regular
from ctm_trio.system.regular import read_regular as read_regular
from ctm_trio.system.regular import refuse_irregular

LOCK_TRY_S = 0.02
"""How often a taken lock is tried again. `flock` cannot be waited for without a thread that nothing could cancel."""


def make_private_dir(path: Path) -> None:
    """Make `path` and every parent that is missing, 0700 each whatever the umask is; what exists stays as it is.

    A parent that others may write to is as good as the directory: they could put another one in its place.

    Raises:
        OSError: it cannot be made, or something else than a directory is there.
    """
    if not path.parent.exists():
        make_private_dir(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)


def ensure_private_dir(path: Path) -> None:
    """Make `path` with its parents, 0700; a directory that exists and is ours is tightened to 0700.

    Raises:
        OSError: it cannot be made.
    """
    make_private_dir(path)
    status = path.stat()
    if status.st_mode & 0o077 and status.st_uid == os.geteuid():
        path.chmod(0o700)


def atomic_write(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Replace `path` by `data`: a reader sees the old file or the new one, also after a power cut.

    Which one that is then is not known where the directory cannot be synced. Blocks (fsync): call it in a thread.
    A symlink is followed, so that a file kept elsewhere stays there. Nothing but a regular file is replaced: as root, a
    link to a device would cost the machine that device.

    Args:
        path: the file; its directory must exist.
        data: the whole content.
        mode: permission bits of the new file.

    Raises:
        OSError: nothing has changed then, and no temporary file is left.
    """
    target = Path(os.path.realpath(path)) if path.is_symlink() else path
    if target.is_symlink():
        raise OSError(errno.ELOOP, "the symbolic link leads in a circle", str(path))
    refuse_irregular(target)
    temp = target.with_name(f".{target.name}.{secrets.token_hex(6)}.tmp")
    fd = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with open(fd, "wb") as file:
            os.fchmod(fd, mode)  # the umask may have taken bits away
            file.write(data)
            file.flush()
            os.fsync(fd)
        os.replace(temp, target)
    except BaseException:  # whatever ends it, no temporary file is left
        with suppress(FileNotFoundError):
            temp.unlink()
        raise
    with suppress(OSError):  # the new file is in its place: an error now would say that nothing has changed
        directory = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


@asynccontextmanager
async def flocked(path: Path, *, timeout_s: float) -> AsyncIterator[None]:
    """Hold the exclusive `flock` of `path`, which is made (0600) if it is missing and never removed.

    Args:
        path: the lock file.
        timeout_s: how long to wait for it, in seconds.

    Raises:
        FileLocked: somebody else held it all the time.
        OSError: the lock file cannot be made, or is not a regular file.
    """
    import trio  # here, because quick commands read files and have no use for it

    fd = open_regular(path, os.O_RDWR | os.O_CREAT)
    try:
        with trio.move_on_after(timeout_s) as scope:
            while True:
                try:
                    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    await trio.sleep(LOCK_TRY_S)
        if scope.cancelled_caught:
            raise FileLocked(f"{path} has been locked by another program for {timeout_s:.0f} s; try again.")
        yield
    finally:
        os.close(fd)  # which lets go of the lock


class Stamp(msgspec.Struct, frozen=True):
    """What tells one version of a file from the next. All zero: there is no file."""

    mtime_ns: int = 0
    inode: int = 0
    size: int = 0


GONE_S = 0.5
"""So long a file that is followed must be missing until that is believed: `mv` and `cp` leave a gap."""

UNREAD = Stamp(mtime_ns=-1)
"""The version of a file that could not be used: a `chmod` that mends it changes no stamp, so it is looked at again."""


def stamp(path: Path) -> Stamp:
    """The stamp of `path` now. Blocks for one `stat`; a file that cannot be reached has the zero stamp."""
    try:
        status = path.stat()
    except OSError:
        return Stamp()
    return Stamp(status.st_mtime_ns, status.st_ino, status.st_size)
