"""Which files hold the same lines.

A copy is known by its content, not by its name: it begins like the file that it is of, and where the shorter of the two
ends both have the same bytes. Of a file that is gone only its first lines and its last ones are known: what begins like
it and ends before it did is a copy too. Everything here blocks for the disk: call it in a thread.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec

from ctm_trio.ingest.log_files import (
    MIN_ARCHIVE_BYTES,
    PlainReader,
    Reader,
    open_reader,
)
from ctm_trio.model.log_line import CHECK_BYTES, Segment, begins_as, head_of
from ctm_trio.system.file_clock import TICK_S, file_clock_ns, shows_changes

HEAD_BYTES = 4096
"""So much of the beginning of two files is compared: the first line, and mostly its time."""

MAX_HEAD_BYTES = 32 << 20
"""So far the end of the first line is looked for; a longer one is skipped, and nothing is known by it."""

TAIL_BYTES = 1 << 20
"""So far back the end of a copy's last whole line is looked for; without one the copy is not remembered by it."""

SETTLE_S, MAX_CHANGES = 3.0, 5
"""A file is given up for now that changes so often while it is looked at; for so long the clock of files may stand:
some file systems keep every other second only."""

HALF_LINE_BYTES = 64 << 10
"""A longer half line at the end of a file is not looked through at the start; reading the file tells."""


class MovedError(Exception):
    """A file was renamed, packed or deleted between its listing and a comparison: list again, or its copy counts."""


class UnsettledError(Exception):
    """Nothing can be said of a file now: it is empty, or changes each time it is looked at. Its next change tells."""


class Repeats(msgspec.Struct, frozen=True):
    """How much of a file is read already: up to `position`, before which stands `check`; `whole`: it is a copy.

    `head` is how it begins, see `head_of`. `by_head`: only that tells, and what it is a copy of is gone.
    """

    position: int
    check: bytes
    whole: bool
    head: bytes
    by_head: bool = False


def ends_like(reader: Reader, segment: Segment) -> bool:
    """True if the file has, where the segment was read to, the bytes that stood there."""
    size = len(segment.check)
    return size > 0 and reader.read(segment.position - size, size) == segment.check


def read_head(reader: Reader) -> bytes:
    """How a file begins, see `head_of`; not whole also if its first lines are longer than `MAX_HEAD_BYTES`."""
    size = HEAD_BYTES
    while True:
        data = reader.read(0, size)
        if data.find(b"\n", CHECK_BYTES - 1) >= 0 or len(data) < size or size >= MAX_HEAD_BYTES:
            return head_of(data)
        size *= 4


def repeated(
    reader: Reader,
    known: Sequence[Segment],
    live: Segment | None,
    others: Iterable[Other],
    unread: Iterable[Path] = (),
    path: Path | None = None,
) -> Repeats | None:
    """What a file repeats of what is known, None if it repeats nothing.

    Unless all of it is a copy it did not change while it was looked at: what is read of it then is what was looked at,
    and a copy that is just being made does not turn out to be one too late.

    Args:
        reader: of the file; nothing of it is read yet.
        known: segments that were read, whether their files are still there or not.
        live: the segment of the current file: a file with its lines is a copy, its new lines are read from itself.
        others: files that are read, or will be. The current one is an open file: it may be renamed meanwhile.
        unread: files that will be read after this one. Which of two equal ones is the copy, their times tell.
        path: of the file, if there are any `unread`.

    Raises:
        MovedError: one of the others is not there any more. UnsettledError: it is empty, or changes all the time.
    """
    changes, until = 0, time.monotonic() + SETTLE_S
    while changes < MAX_CHANGES and time.monotonic() < until:
        looked_ns, state = file_clock_ns(), reader.state()
        repeats = _repeated(reader, known, live, others, unread, path)
        if repeats is not None and repeats.whole:
            return repeats
        if reader.state() != state:
            changes += 1
        elif state.size == 0:
            break
        elif shows_changes(state.written_ns, looked_ns):
            return repeats
        time.sleep(TICK_S)
    raise UnsettledError


def _repeated(
    reader: Reader,
    known: Sequence[Segment],
    live: Segment | None,
    others: Iterable[Other],
    unread: Iterable[Path],
    path: Path | None,
) -> Repeats | None:
    head = read_head(reader)
    longest, ended = None, False
    for segment in sorted(known, key=lambda s: s.position):  # forward only: unpacking goes no other way
        if ends_like(reader, segment):
            longest = segment
        ended = ended or _is_start_of(reader, head, segment)
    others, unread = list(others), list(unread)
    if live is not None and ends_like(reader, live):
        # Also if it is only as long by now as something else that was read.
        if _begins_one(reader, others, unread, path):
            return _all_of(reader, head)
        if any(isinstance(other, PlainReader) and not ends_like(other, live) for other in others):
            raise MovedError  # the current file was emptied while we looked
        # The current file is an older copy that was put back: what came behind its end is only here.
        return Repeats(live.position, live.check, False, head)
    if live is not None and _is_start_of(reader, head, live):
        return _all_of(reader, head, by_head=not _begins_one(reader, others, unread, path))
    if longest is not None and not reader.read(longest.position, 1):
        return Repeats(longest.position, longest.check, False, head)
    if longest is not None and not ended:
        return Repeats(longest.position, longest.check, False, head)
    begins = _begins_one(reader, others, unread, path)
    return _all_of(reader, head, by_head=not begins) if ended or begins else None


def _begins_one(reader: Reader, others: Iterable[Other], unread: Iterable[Path], path: Path | None) -> bool:
    return any(_begins(p, reader) for p in others) or any(_begins(p, reader, path or p) for p in unread)


def _is_start_of(reader: Reader, head: bytes, segment: Segment) -> bool:
    """True if a file with this head begins as a segment's and has nothing behind what was read of that."""
    # An archive in several pieces says the size of its last one: so it is read at that place.
    return begins_as(head, segment.head) and not reader.read(segment.position, 1)


def _all_of(reader: Reader, head: bytes, *, by_head: bool = False) -> Repeats:
    """All of a file, up to the end of its last whole line: what stands before that is in no other file."""
    size = reader.size()
    start = max(0, size - TAIL_BYTES)
    tail = reader.read(start, size - start)
    end = tail.rfind(b"\n") + 1
    return Repeats(start + end if end else 0, tail[max(0, end - CHECK_BYTES) : end], True, head, by_head)


def unfinished(path: Path, reader: Reader, recent_s: float) -> bool:
    """True for an archive without its end that was written to within `recent_s` seconds."""
    size = reader.size()
    whole = not reader.read(size, 1) and (size == 0 or len(reader.read(size - 1, 1)) == 1)
    try:
        status = path.stat()
    except OSError:
        return False
    # Also one that has no end because it has nothing yet.
    return (not whole or status.st_size < MIN_ARCHIVE_BYTES) and abs(time.time() - status.st_mtime) < recent_s


class Listed(msgspec.Struct, frozen=True):
    """A file whose name may be another file's by now, by the device and inode that it had when it was listed."""

    path: Path
    key: tuple[int, int]


Other = Path | Reader | Listed
"""A file to compare with: by a name that stays its own, open, or as it was listed."""


@contextmanager
def _opened(other: Other) -> Iterator[Reader]:
    """A reader of a file that may be open already; then it stays open.

    Raises:
        MovedError: it is not there any more. OSError: it cannot be read.
    """
    if not isinstance(other, Path | Listed):
        yield other
        return
    path = other.path if isinstance(other, Listed) else other
    try:
        reader = open_reader(path)
    except FileNotFoundError as error:
        raise MovedError(path.name) from error
    with closing(reader):
        if isinstance(other, Listed) and reader.key != other.key:
            raise MovedError(path.name)
        yield reader


def is_all_of(path: Path, segments: Iterable[Segment]) -> bool:
    """True if a file is one of these that were read, and has no whole line behind what was read of it. Blocks."""
    try:
        with closing(open_reader(path)) as reader:
            # A device has another number after each start of some machines; its bytes tell that it is the file.
            mine = [segment for segment in segments if segment.position and segment.inode == reader.key[1]]
            if isinstance(reader, PlainReader):
                return any(_ends_after(reader, segment) for segment in mine)
            return any(reader.size() == segment.position for segment in mine)  # unpacking it would cost too much
    except OSError:
        return False


def _ends_after(reader: Reader, segment: Segment) -> bool:
    size = len(segment.check)
    rest = reader.read(segment.position - size, size + HALF_LINE_BYTES)
    return rest.startswith(segment.check) and b"\n" not in rest[size:] and len(rest) < size + HALF_LINE_BYTES


def has_line(reader: Reader, start: int) -> bool:
    """True if a file has a whole line from a byte on."""
    while data := reader.read(start, TAIL_BYTES):
        if b"\n" in data:
            return True
        start += len(data)
    return False


def distinct(files: Sequence[Path]) -> list[Path]:
    """The files, without those that another one begins with; of several with the same content the last stays."""
    kept: list[Path] = []
    for i, path in enumerate(files):
        if _is_new(path, [*kept, *files[i + 1 :]]):
            kept.append(path)
    return kept


def _is_new(path: Path, others: Iterable[Path]) -> bool:
    """True if a file can be read and no other one begins with it."""
    try:
        with closing(open_reader(path)) as reader:
            return not any(_is_in(other, reader) for other in others if other != path)
    except OSError:
        return False


def _is_in(other: Path, reader: Reader) -> bool:
    """As `_begins`, but nothing is in a file that is gone."""
    try:
        return _begins(other, reader)
    except MovedError:
        return False


def _piece(reader: Reader, at: int, end: int) -> bytes:
    """`CHECK_BYTES` from `at` on, but nothing from `end` on: there one file may stop and the other go on."""
    return reader.read(at, min(CHECK_BYTES, end - at))


def _begins(other: Other, reader: Reader, read_from: Path | None = None) -> bool:
    """True if another file begins with all that `reader` has; False also if it cannot be read.

    With `read_from`, the file of `reader`, it must also go on behind that, or be the older one of the two: a rotation
    leaves a file's time as it was, a copy has a new one.

    Raises:
        MovedError: it is not there any more.
    """
    try:
        with _opened(other) as file:
            head = reader.read(0, HEAD_BYTES)
            if not head or file.read(0, len(head)) != head:
                return False
            size = reader.size()
            probes = (size // 2, max(0, size - CHECK_BYTES))
            same = all(_piece(reader, at, size) == _piece(file, at, size) != b"" for at in probes)
            if same and read_from is not None and isinstance(other, Path) and not file.read(size, 1):
                same = written_ns(other) < written_ns(read_from)
            return same and not reader.read(size, 1)  # an archive in several pieces says the size of its last one
    except OSError:
        return False


def written_ns(path: Path) -> int:
    """When a file was written to last, in nanoseconds by the clock of files. Blocks.

    Raises:
        MovedError: it is not there any more. OSError: it cannot be reached.
    """
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError as error:
        raise MovedError(path.name) from error
