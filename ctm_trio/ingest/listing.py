"""What a directory of logs holds, and which of its files are read to their end."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import msgspec

from ctm_trio.ingest.log_copies import is_all_of
from ctm_trio.ingest.log_files import open_log_file
from ctm_trio.model.log_line import Segment
from ctm_trio.model.log_names import log_beside, parse_log_name, parse_others_name
from ctm_trio.system.file_clock import file_clock_ns, shows_changes
from ctm_trio.system.owned import believed_owners


class Listing(msgspec.Struct, frozen=True):
    """What a directory held: uuid → its files with (size, inode); its time of change then, and the time of the look.

    `rotated` are the files that other programs rotated logs to, in the same way; `beside` are the names of those and of
    all others that are named after a log and are not parts of it. `strange` are the names of logs under
    which there is something else: a directory, a pipe, a link, a file of another user. Times are in nanoseconds by the
    clock of files.
    """

    files: dict[str, dict[str, tuple[int, int]]] = msgspec.field(default_factory=dict)
    rotated: dict[str, dict[str, tuple[int, int]]] = msgspec.field(default_factory=dict)
    beside: dict[str, list[str]] = msgspec.field(default_factory=dict)
    strange: frozenset[str] = frozenset()
    changed_ns: int = 0
    taken_ns: int = 0

    def is_current(self, directory: Path) -> bool:
        """True if no name came, went or changed since; False also if that would not show."""
        try:
            now_ns = os.stat(directory).st_mtime_ns
        except OSError:
            return False
        return now_ns == self.changed_ns and shows_changes(self.changed_ns, self.taken_ns)


def scan(directory: Path) -> Listing:
    """List a directory of logs. Blocks. One that is missing has no files.

    Raises:
        OSError: it cannot be listed.
    """
    found: dict[str, dict[str, tuple[int, int]]] = {}
    rotated: dict[str, dict[str, tuple[int, int]]] = {}
    beside: dict[str, list[str]] = {}
    strange: set[str] = set()
    owners = believed_owners(directory)
    taken_ns, changed_ns = file_clock_ns(), 0
    try:
        changed_ns = os.stat(directory).st_mtime_ns
        with os.scandir(directory) as entries:
            for entry in entries:
                name = parse_log_name(entry.name)
                others = parse_others_name(entry.name) if name is None else None
                if name is None and (uuid := log_beside(entry.name)):
                    beside.setdefault(uuid, []).append(entry.name)
                if name is None and others is None:
                    continue
                try:
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue  # rotated away between the listing and the look
                ours = stat.S_ISREG(status.st_mode) and status.st_uid in owners
                seen = (status.st_size, status.st_ino)
                if name is not None and ours:
                    found.setdefault(name.uuid, {})[entry.name] = seen
                elif name is not None:
                    strange.add(entry.name)
                elif others is not None and ours:
                    rotated.setdefault(others.uuid, {})[entry.name] = seen
    except FileNotFoundError:
        pass  # it is waited for
    return Listing(found, rotated, beside, frozenset(strange), changed_ns, taken_ns)


def fully_read(directory: Path, listed: Listing, segments: tuple[Segment, ...]) -> set[str]:
    """Names of the files that need no reading: sealed parts, and files that end where their segment does. Blocks.

    Args:
        directory: of the logs. listed: what it holds. segments: how far its files are read.
    """
    gone: dict[int, list[Segment]] = {}
    for segment in segments:
        if segment.name.startswith("gone:") and segment.position:
            gone.setdefault(segment.inode, []).append(segment)
    done = {
        name
        for files in listed.rotated.values()
        for name, (_, inode) in files.items()
        if inode in gone and is_all_of(directory / name, gone[inode])
    }
    for segment in segments:
        name = segment.name or f"{segment.uuid}.jsonl"
        if segment.sealed:
            done |= {f"{segment.name}.gz", segment.name}
            continue
        try:
            with open(open_log_file(directory / name), "rb") as file:
                status = os.fstat(file.fileno())
                # A device has another number after each start of some machines; the bytes tell that it is the file.
                if status.st_ino == segment.inode and status.st_size == segment.position:
                    file.seek(segment.position - len(segment.check))
                    if file.read() == segment.check:
                        done.add(name)
        except OSError:
            continue
    return done
