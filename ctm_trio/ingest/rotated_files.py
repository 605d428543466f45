"""The files that other programs than ours rotated a log to: which there are, and where a file that was read is now.

Everything here blocks for the disk: call it in a thread.
"""

from __future__ import annotations

import errno
import heapq
import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from ctm_trio.ingest.log_copies import MovedError, UnsettledError, ends_like, has_line, repeated
from ctm_trio.ingest.log_files import PlainReader, State, key_of, list_strays, open_reader, state_of
from ctm_trio.model.log_line import Segment
from ctm_trio.model.log_names import LogName, parse_others_name

MAX_ROTATED = 100
"""Files of other programs' rotations of a log that are looked at, the newest."""

NOT_OURS = frozenset({errno.ENOENT, errno.EACCES, errno.EPERM, errno.ELOOP, errno.EINVAL, errno.EISDIR, errno.ENXIO})
"""Of a file with a name of the log: it is gone, or not a file of ours. Other errors may pass, and are tried again."""

UNREADABLE = frozenset(
    getattr(errno, name)
    for name in ("EIO", "EBADMSG", "EUCLEAN", "ESTALE", "ENODATA", "EREMOTEIO")
    if hasattr(errno, name)  # not every system has all of them
)
"""Of one file: its bytes cannot be had, now or ever. The other files of its log are read all the same."""


def continuation(
    directory: Path,
    uuid: str,
    beside: Sequence[str],
    lost: Segment,
    known: Sequence[Segment],
    parts: Sequence[Path],
    judged: Mapping[tuple[int, int], State],
) -> Path | None:
    """Where the lines of a current file are that was renamed, or copied and emptied, by others; None if nowhere.

    What the same rotation left later is read in its turn, as all that others rotated the log to.

    Args:
        directory, uuid: of the log. beside: the names of the files beside it that are not parts of it.
        lost: what was read of the file that was the current one.
        known: other segments that were read. parts: their files, as far as they are known by name.
        judged: what was there before that file was lost: archives among them are not it, and are not unpacked.

    Raises:
        MovedError: one of the parts is not there any more. OSError: a file cannot be read just now.
    """
    current = directory / f"{uuid}.jsonl"
    others = [current, *parts] if current.exists() else parts
    going_on: list[tuple[bool, int, int, Path]] = []
    unpacked = 0
    for path, status in sorted(_strays(directory, beside).items(), key=_plain_and_newest_first):
        if path.suffix == ".gz":
            if going_on or unpacked == MAX_ROTATED or judged.get(key_of(status)) == state_of(status):
                continue
            unpacked += 1
        same = key_of(status) == (lost.device, lost.inode)
        # Without a line that was read only the inode is left, which another file may have by now.
        by_inode = same and lost.position == 0 and parse_others_name(path.name) is None
        if not by_inode and lost.position == 0:
            continue
        with suppress(UnsettledError), _unreadable(), closing(open_reader(path)) as reader:
            if ends_like(reader, lost) or (by_inode and repeated(reader, known, None, others) is None):
                going_on.append((same, reader.size(), status.st_mtime_ns, path))
    return max(going_on)[3] if going_on else None


def _plain_and_newest_first(item: tuple[Path, os.stat_result]) -> tuple[bool, int]:
    return item[0].suffix == ".gz", -item[1].st_mtime_ns


@contextmanager
def _unreadable() -> Iterator[None]:
    """Pass over a file that is gone, or that cannot be read; any other trouble with it passes, and is the caller's."""
    try:
        yield
    except OSError as error:
        if error.errno not in NOT_OURS | UNREADABLE:
            raise


def became_one_of(
    directory: Path, parts: Iterable[LogName], lost: Segment, copies: Iterable[LogName] = ()
) -> LogName | None:
    """The part that is, or has all of, the file that a segment was read from; None if there is none. Blocks.

    Args:
        copies: parts that were copies when they were looked at: one that goes on behind the segment has its rest.
    """
    for part in parts:
        with suppress(OSError), closing(open_reader(directory / part.name)) as reader:
            same = isinstance(reader, PlainReader) and reader.key == (lost.device, lost.inode)
            if (same and lost.position == 0) or ends_like(reader, lost):
                return part
    for part in copies:
        with suppress(OSError), closing(open_reader(directory / part.name)) as reader:
            if ends_like(reader, lost) and has_line(reader, lost.position):
                return part
    return None


def strays_of(directory: Path, beside: Sequence[str], read: Sequence[Segment]) -> list[Path]:
    """The files beside a log, by their names, that are what was read of one of these segments."""
    segments = {segment.inode: segment for segment in read if segment.inode and segment.position}
    found = []
    for path, status in (_strays(directory, beside) if segments else {}).items():
        if (segment := segments.get(status.st_ino)) is not None:
            with _unreadable(), closing(open_reader(path)) as reader:
                if ends_like(reader, segment):
                    found.append(path)
    return found


def _strays(directory: Path, names: Iterable[str]) -> dict[Path, os.stat_result]:
    """The regular files among these names.

    Raises:
        MovedError: one is not there any more: its lines may have another name by now, which is not in the list.
    """
    found = {}
    for name in names:
        path = directory / name
        try:
            status = path.stat(follow_symlinks=False)
        except FileNotFoundError as error:
            raise MovedError(name) from error
        except OSError:
            continue
        if stat.S_ISREG(status.st_mode):
            found[path] = status
    return found


def rotated_by_others(directory: Path, uuid: str) -> list[Path]:
    """The files beside a log that other programs rotated it to, oldest first. Reads the whole directory."""
    found = {}
    for name in filter(parse_others_name, list_strays(directory, uuid)):
        with suppress(OSError):
            status = os.stat(directory / name, follow_symlinks=False)
            if stat.S_ISREG(status.st_mode):
                found[directory / name] = status
    return oldest_first(found)


def oldest_first(files: Mapping[Path, os.stat_result]) -> list[Path]:
    """Such files in the order of their lines, the newest `MAX_ROTATED`.

    Numbers fall and dates rise, whatever the files' times are; those tell how numbered and dated ones follow each
    other. A packed one stands before the plain one of its name: it is that one, being packed, or an older one.
    """
    names = {path: name for path in files if (name := parse_others_name(path.name)) is not None}
    packed_first = sorted(names, key=lambda path: not names[path].packed)
    numbered = sorted((path for path in packed_first if names[path].number >= 0), key=lambda path: -names[path].number)
    dated = sorted((path for path in packed_first if names[path].number < 0), key=lambda path: names[path].date)
    return list(heapq.merge(numbered, dated, key=lambda path: files[path].st_mtime_ns))[-MAX_ROTATED:]
