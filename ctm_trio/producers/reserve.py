"""The room that is set aside for counting lost events. Imported by the hook only with the first line of a log."""

from __future__ import annotations

from ctm_trio.producers.log_file import open_log

TYPE_CHECKING = False  # as in `hook`
if TYPE_CHECKING:
    import os as posix
else:
    import posix

LOST_NAME = ".hook-lost"
RESERVE_BYTES = 4096
"""Where lost events are counted (`producers.lost`), and its size: it is as large empty as full, so that a full disk has
room for the count. One block of most file systems."""


def make_reserve(config_dir: str) -> None:
    """Set the room aside in which lost events are counted, unless it is there. A failure does not matter."""
    path = f"{config_dir}/logs/{LOST_NAME}"
    try:
        posix.stat(path)
    except FileNotFoundError:
        try:
            fd = open_log(path)
            try:
                if not posix.fstat(fd).st_size:
                    posix.write(fd, b" " * (RESERVE_BYTES - 1) + b"\n")
            finally:
                posix.close(fd)
        except OSError:
            pass
