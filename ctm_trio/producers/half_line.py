"""A log that ends in the middle of a line: found quickly, because everybody waits for the lock meanwhile.

Imported by the hook only when it meets one.
"""

from __future__ import annotations

from ctm_trio.producers.payload import MAX_BYTES, understood
from ctm_trio.producers.trouble import Trouble

TYPE_CHECKING = False  # as in `hook`
if TYPE_CHECKING:
    import os as posix
    from collections.abc import Callable

    Note = Callable[[str], object]
else:
    import posix

LINE_MAX_BYTES = MAX_BYTES + (64 << 10)
"""No line of ours is longer, stamps included: so far back the start of an unfinished line is looked for."""

STEP_BYTES = 256 << 10
"""Read at once on the way back."""


def line_start(fd: int, size: int) -> int | None:
    """Where the last, unfinished line begins, None if that is further back than any line of ours."""
    end = size
    while end > 0 and size - end < LINE_MAX_BYTES:
        step = min(end, STEP_BYTES)
        at = posix.pread(fd, step, end - step).rfind(b"\n")
        if at >= 0:
            return end - step + at + 1
        end -= step
    return 0 if end == 0 else None


def mended_size(fd: int, size: int, note: Note) -> tuple[int, bytes]:
    """Where the next line may start in a log that does not end with a line break: (offset, what to write before it).

    A writer that was killed leaves half a line behind. Under the lock nobody is still writing it, so it goes; what is
    whole but for its line break stays, and so does what is too long to be a line of ours.

    Args:
        note: told what was removed.
    """
    start = line_start(fd, size)
    if start is None:
        return size, b"\n"
    if posix.pread(fd, 16, max(start, size - 16)).rstrip()[-1:] == b"}":  # else it surely is not whole
        try:
            understood(posix.pread(fd, size - start, start))
            return size, b"\n"
        except Trouble:
            pass
    posix.ftruncate(fd, start)
    note(f"half a line of {size - start} bytes was removed")
    return start, b""
