"""Images that people give to sessions, as files of ours: private, bounded, and named by nobody but us.

Only files with a name of our own pattern are ever removed, and no link is followed.
Source: PROTOCOL.md, Prompts and keys; Files and directories.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import trio

from ctm_trio.core.threads import in_thread
from ctm_trio.errors.orders import Unavailable
from ctm_trio.system.files import atomic_write, make_private_dir
from ctm_trio.system.owned import believed_owners

MAX_FILES = 200
"""Past that the oldest are removed."""

MAX_BYTES = 500 * 10**6
"""All together; past that the oldest are removed."""

MAX_AGE_S = 30 * 86400
"""Older ones are removed."""

_OURS = re.compile(r"[0-9a-f]{32}\.(?:png|jpg|gif|webp)|\.[0-9a-f]{32}\.(?:png|jpg|gif|webp)\.[0-9a-f]{12}\.tmp")
"""An image, or what a write that was cut off has left of one."""


class ImageStore:
    """The directory of images. One image is written at a time.

    Args:
        directory: made with the first image, 0700.
        clock: unix seconds.
    """

    def __init__(self, directory: Path, clock: Callable[[], float] = time.time) -> None:
        self._directory, self._clock = directory, clock
        self._one = trio.CapacityLimiter(1)

    async def save(self, parts: Sequence[bytes], extension: str) -> str:
        """Write an image in a thread, after the oldest have made room for it.

        Args:
            parts: its bytes, in order.
            extension: of `model.image.EXTENSIONS`.

        Returns:
            The absolute path of its file, 0600.

        Raises:
            Unavailable: the disk refuses it, or the directory is not ours.
        """
        try:
            return str(await in_thread(partial(self.write, parts, extension), limiter=self._one))
        except OSError as error:
            raise Unavailable(f"The image cannot be saved: {error.strerror or error}.") from error

    def write(self, parts: Sequence[bytes], extension: str) -> Path:
        """What `save` does. Blocks (fsync).

        Raises:
            OSError: as `save`; no part of the image is left.
        """
        data = b"".join(parts)
        make_private_dir(self._directory)
        with _open_ours(self._directory) as directory:
            self._make_room(directory, len(data))
            path = self._directory.absolute() / f"{secrets.token_hex(16)}.{extension}"
            atomic_write(path, data)
        return path

    def _make_room(self, directory: int, size: int) -> None:
        """Remove what is too old, and the oldest until one more of `size` bytes fits in."""
        found = sorted(_images_in(directory))
        count, held = len(found), sum(held for _, _, held in found)
        too_old = self._clock() - MAX_AGE_S
        for changed, name, length in found:
            if changed >= too_old and count < MAX_FILES and held + size <= MAX_BYTES:
                return
            with suppress(OSError):  # somebody else's business then; the disk says so if it matters
                os.unlink(name, dir_fd=directory)
            count, held = count - 1, held - length


def _images_in(directory: int) -> Iterator[tuple[float, str, int]]:
    """Time of the last change (unix seconds), name and size in bytes of each file of ours."""
    with os.scandir(directory) as entries:
        for entry in entries:
            if not _OURS.fullmatch(entry.name):
                continue
            with suppress(FileNotFoundError):
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(status.st_mode):
                    yield status.st_mtime, entry.name, status.st_size


@contextmanager
def _open_ours(path: Path) -> Iterator[int]:
    """A descriptor of the directory, which is closed to others.

    Raises:
        OSError: it is a link, or not a directory, or somebody else's.
    """
    if path.is_symlink():
        raise OSError(errno.ELOOP, f"{path} is a symbolic link", str(path))
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        status = os.fstat(directory)
        if status.st_uid not in believed_owners(path.parent):
            raise OSError(errno.EPERM, f"{path} belongs to another user", str(path))
        if status.st_mode & 0o077 and status.st_uid == os.geteuid():
            os.fchmod(directory, 0o700)
        yield directory
    finally:
        os.close(directory)
