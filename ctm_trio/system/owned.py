"""Whose a file is: what another user of the machine has made, or may change, is not believed, also if we run as root.

Whoever owns one of our directories could put anything into it anyway, so their files in it are as good as the
directory is: a container's root that works on a user's files goes on. A link of ours to a file of ours, as tools for
dotfiles make it, is fine.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

WORLD, GROUP = 0o002, 0o020


def open_own_directory(path: Path) -> int:
    """Open a directory that must be real, ours, and closed to what others write. The caller closes it.

    For directories in places where everybody may make one first, as /tmp.

    Raises:
        OSError: it is missing, or not such a one, with `strerror` for a person.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR) and path.is_symlink():
            raise OSError(errno.ELOOP, "it is a symbolic link; name the directory itself", str(path)) from None
        raise
    status = os.fstat(fd)
    problem = ""
    if status.st_uid != os.geteuid():
        problem = f"it belongs to another user (uid {status.st_uid})"
    elif status.st_mode & (WORLD | GROUP):
        problem = "others may write to it; run `chmod go-w` on it"
    if problem:
        os.close(fd)
        raise OSError(errno.EPERM, problem, str(path))
    return fd


def believed_owners(directory: Path | str) -> frozenset[int]:
    """The uids whose files in a directory of ours are believed: ours, root's, and that of the directory's owner."""
    try:
        return frozenset({os.geteuid(), 0, os.stat(directory).st_uid})
    except OSError:
        return frozenset({os.geteuid(), 0})


def file_fault(path: Path) -> str:
    """Why a file of ours must not be believed, for a person; "" if it may be, or if there is none. Two `stat`s."""
    owners = believed_owners(path.parent)
    try:
        link, status = os.lstat(path), os.stat(path)
    except OSError:
        return ""
    if link.st_uid not in owners:
        return f"it was made by another user (uid {link.st_uid})"
    if status.st_uid not in owners:
        return f"it belongs to another user (uid {status.st_uid})"
    if status.st_mode & WORLD and not stat.S_ISLNK(status.st_mode):
        return "everybody may write to it"
    return ""


def is_open_to_group(path: Path) -> bool:
    """True if a group may write to the file: common, and a matter of who is in it."""
    try:
        return bool(os.stat(path).st_mode & GROUP)
    except OSError:
        return False
