"""Opening and reading files of ours: regular ones only, never blocking, never more than a bound.

It imports little: the command line starts with it.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Collection
from pathlib import Path

KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFLNK: "a symbolic link",
}


def open_regular(
    path: Path | str,
    flags: int = os.O_RDONLY,
    *,
    mode: int = 0o600,
    follow: bool = True,
    owner: int | Collection[int] | None = None,
    dir_fd: int | None = None,
) -> int:
    """Open a file that must be a regular one; never blocks, whatever stands in its place. The caller closes it.

    Every file of ours is opened with this: a FIFO would block for ever, a device may act when it is opened.

    Args:
        path: the file.
        flags: as for `os.open`; O_CLOEXEC and O_NONBLOCK are added.
        mode: permission bits if O_CREAT makes it.
        follow: follow a symbolic link in the last place; False refuses it.
        owner: the uid that it must belong to, or several of which one will do, and then it must not be open to what
            everybody writes; None for any.
        dir_fd: of an open directory that `path` is in; None for the current one.

    Raises:
        OSError: it cannot be opened, with `strerror` for a person: also for what is not a regular file (EINVAL), a
            link that is not followed (ELOOP), and a file of another user or of everybody (EPERM).
    """
    flags |= os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY | (0 if follow else os.O_NOFOLLOW)
    try:
        fd = os.open(path, flags, mode, dir_fd=dir_fd)
    except OSError as error:
        if error.errno == errno.ENXIO:  # a FIFO that nobody reads, or a socket
            raise OSError(errno.EINVAL, "it is not a regular file", str(path)) from None
        raise
    try:
        status = os.fstat(fd)
        _refuse(status.st_mode, path)
        owners = (owner,) if isinstance(owner, int) else owner
        if owners is not None and status.st_uid not in owners:
            raise OSError(errno.EPERM, "it belongs to another user", str(path))
        if owners is not None and status.st_mode & stat.S_IWOTH:
            raise OSError(errno.EPERM, "everybody may write to it", str(path))
    except BaseException:  # whatever it is, nobody else could close the descriptor
        os.close(fd)
        raise
    return fd


def _refuse(mode: int, path: Path | str) -> None:
    if not stat.S_ISREG(mode):
        kind = KINDS.get(stat.S_IFMT(mode), "something else")
        raise OSError(errno.EINVAL, f"it is {kind}, not a regular file", str(path))


def refuse_irregular(path: Path) -> None:
    """Refuse to replace anything but a regular file; where there is nothing all is well. A link counts as itself.

    Raises:
        OSError: something else than a regular file is there (EINVAL), or it cannot be seen.
    """
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    _refuse(mode, path)


def read_regular(
    path: Path | str,
    *,
    max_bytes: int,
    follow: bool = True,
    owner: int | Collection[int] | None = None,
    dir_fd: int | None = None,
) -> bytes:
    """The content of a regular file of at most `max_bytes` bytes. Blocks for the disk alone; see `open_regular`.

    Raises:
        OSError: as `open_regular`, and EFBIG for a file that is larger; no more than `max_bytes` + 1 bytes are read.
    """
    with open(open_regular(path, follow=follow, owner=owner, dir_fd=dir_fd), "rb") as file:
        # `read` takes as much memory as it is told, so it is not told more than there is.
        here = os.fstat(file.fileno()).st_size
        data = file.read(min(here, max_bytes) + 1)
        if len(data) == here + 1:  # it has grown, or its file system gives no size
            data += file.read(max(0, max_bytes + 1 - len(data)))
    if len(data) > max_bytes:
        raise OSError(errno.EFBIG, f"it is larger than {max_bytes} bytes", str(path))
    return data


def cannot_be_read(path: Path, error: OSError, verb: str = "read") -> str:
    """Why a file of ours cannot be read, or what `verb` says, as a sentence; also if its directory is a file."""
    if isinstance(error, (NotADirectoryError, FileExistsError)):
        return f"{path.parent} must be a directory, but it is a file."
    return f"{path} cannot be {verb}: {error.strerror or error}."
