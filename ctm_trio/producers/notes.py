"""`logs/.hook-errors.log`: what went wrong, for people."""

from __future__ import annotations

from ctm_trio.producers.environment import config_dir
from ctm_trio.producers.log_file import open_log
from ctm_trio.producers.log_line import timestamp
from ctm_trio.producers.trouble import Trouble

TYPE_CHECKING = False  # as in `hook`
if TYPE_CHECKING:
    import os as posix
else:
    import posix

ERRORS_MAX_BYTES = 1 << 20
"""Size at which `.hook-errors.log` is begun anew (the old one is kept beside it)."""


def note(text: str) -> None:
    """Add a line to `logs/.hook-errors.log`. If even that fails there is nowhere left to say it."""
    try:
        path = config_dir() + "/logs/.hook-errors.log"
        fd = open_log(path)
        try:
            if posix.fstat(fd).st_size > ERRORS_MAX_BYTES:
                posix.rename(path, path + ".1")
            posix.write(fd, timestamp() + b" " + text.replace("\n", " ").encode("utf-8", "replace")[:500] + b"\n")
        finally:
            posix.close(fd)
    except (OSError, Trouble):
        pass
