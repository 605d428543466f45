"""What a tailer does about copies of its log and about rotations by other programs: each line counts once.

`logrotate` renames the log to `.1` (create) or copies it there and empties it (copytruncate); people copy logs and
parts under any name. Names of ours (`<log>.<unix ns>`) are read, but not what they repeat; files with other names are
read only to finish a rotated log, or if numbered and never read.
"""

from __future__ import annotations

import errno
import logging
import math
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

import msgspec
import trio

from ctm_trio.core.threads import in_thread
from ctm_trio.ingest.log_copies import (
    MovedError,
    Other,
    Repeats,
    UnsettledError,
    ends_like,
    read_head,
    repeated,
    unfinished,
)
from ctm_trio.ingest.log_files import PackedReader, PlainReader, Reader, State, open_reader
from ctm_trio.ingest.rotated_files import became_one_of, continuation, strays_of
from ctm_trio.model.event import MAX_ID
from ctm_trio.model.log_line import Segment
from ctm_trio.model.log_names import LogName

log = logging.getLogger("ctm.tailer")

MAX_LOOKS = 64
"""How often the files of a log are listed again because one of them moved meanwhile; then it is tried again later."""

UNFINISHED_S = 30.0
"""An archive that was not written to for so long is damaged, not unfinished: what it has is read."""

UNSETTLED_S = 1.0
"""A file that changed each time it was looked at is looked at again after so long, at the latest."""

MAX_PAST = 256
"""Segments whose files are gone that are remembered for their ends: a copy may still turn up."""


class Names(NamedTuple):
    """The files of a log as they were listed.

    `parts` are oldest first; `rotated` are the names of files that other programs rotated the log to, `beside` those of
    all that are named after it and are not parts of it.
    """

    parts: list[LogName]
    rotated: list[str]
    beside: list[str]


NamesOf = Callable[[str, bool], Awaitable[Names]]
"""Lists the files of a log, by its uuid; True: anew, though nothing seems to have changed."""


class LogFiles(msgspec.Struct, frozen=True):
    """The files of a log at one moment: the current one, open, if there is one, and what was listed after that."""

    current: PlainReader | None
    parts: list[LogName]
    rotated: list[str]
    beside: list[str]


class Verdict(msgspec.Struct, frozen=True):
    """A copy, up to the byte `position` of it: what it repeats may not be read yet, and may go before it is.

    `part`: its name, if that is one of ours: then it has a segment of its own from now on. Else "".
    """

    segment: Segment
    position: int
    head: bytes
    part: str = ""


class Copies(ABC):
    """The part of a tailer that knows what was read before, under whatever name it is now.

    `parts`: the rotated parts that are read, by name; `past`: what is not there any more; `live`: of the current file.
    """

    def __init__(self, directory: Path, uuid: str, names_of: NamesOf) -> None:
        self.directory = directory
        self.uuid = uuid
        self.names_of = names_of
        self.path = directory / f"{uuid}.jsonl"
        self.parts: dict[str, Segment] = {}
        self.past: list[Segment] = []
        self.live: Segment | None = None
        self.anew = 0
        """Bytes of the file whose place the current one took, 0 if it took none's, or is read as far."""
        self.judged: dict[tuple[int, int], State] = {}
        """The files that others rotated the log to, by device and inode, as they were when they were looked at."""
        self.verdicts: list[Verdict] = []
        """The copies that were found in this pass."""
        self.spare: list[Segment] = []
        """Segments of files that went before they had a line: the next files have them."""
        self.compared: set[int] = set()
        """Segments of files that came when others of the log were read: each of their lines may be one of those."""
        self.read_once = False
        """Something of the log was read before this pass over its files."""
        self.again_at = math.inf
        """When the files are to be looked at again though nothing has changed, on Trio's clock."""

    def adopt(self, segments: tuple[Segment, ...]) -> None:
        """Start from what is committed."""
        self.read_once = any(segment.position for segment in segments)
        for segment in sorted(segments, key=lambda s: s.id):
            copy = msgspec.structs.replace(segment)
            if copy.name.startswith("gone:"):
                (self.past if copy.position else self.spare).append(copy)
            elif copy.name:
                self.parts[copy.name] = copy
            elif not copy.sealed:
                self.live = copy
        del self.past[:-MAX_PAST]
        if self.live is not None and self.past and self.live.position < self.past[-1].position:
            self.anew = 1  # it may have been read anew when the process ended; to its end it is now

    @abstractmethod
    async def open_segment(self, key: tuple[int, int], *, current: bool = False) -> Segment:
        """A segment for a file of which nothing is read. `current`: it is the log's current one."""

    @abstractmethod
    async def drain(self, reader: Reader, segment: Segment) -> bool:
        """Read complete lines to the end of the file."""

    @abstractmethod
    async def commit(self, segment: Segment) -> None:
        """Have the journal keep the segment as it is."""

    @abstractmethod
    async def read_parts(self, files: LogFiles, *, before_ns: int = MAX_ID) -> None:
        """Read the rotated parts that are not read yet, oldest first, up to one that is younger than a file.

        Args:
            before_ns: when that file was written to last, in nanoseconds by the clock of files.
        """

    @abstractmethod
    async def is_of(self, file: PlainReader | None, live: Segment) -> bool:
        """True if a file is what was read of this segment. Its inode does not tell: it may be in use again."""

    @abstractmethod
    async def was_edited(self, reader: Reader, repeats: Repeats) -> bool:
        """True if a file that begins as what was read ends with a call that was not: it is no copy."""

    @abstractmethod
    async def end_comparing(self) -> None:
        """All files of the log are read: what more comes to them is new."""

    @abstractmethod
    def file_fault(self, name: str, error: OSError | None) -> None:
        """Say in /health that one file of the log cannot be read, or that it can again."""

    async def is_unfinished(self, path: Path, reader: PackedReader) -> bool:
        """True for an archive without its end that was written to a moment ago: it is being made, or on its way."""
        look = partial(unfinished, path, reader, UNFINISHED_S)
        found = await in_thread(look, abandon_on_cancel=reader.may_be_left)
        if found:
            self.look_again(UNFINISHED_S)
        return found

    def look_again(self, after_s: float) -> None:
        """Have the files looked at again after so many seconds, at the latest."""
        self.again_at = min(self.again_at, trio.current_time() + after_s)

    async def segment_of(
        self, part: LogName, reader: Reader, files: LogFiles, segment: Segment | None = None
    ) -> Segment | None:
        """A segment for a part of which nothing is read: from its start, or from where on it repeats nothing.

        None for one that is empty or being written: it is kept in mind, and its next lines tell what it is.

        Args:
            part, reader: the part.
            segment: the one that it has already, if any.

        Raises:
            MovedError: a file is not there any more.
        """
        await self.let_go_if_lost(files)
        others: list[Other] = [files.current] if files.current else []
        unread: list[Path] = []
        for other in files.parts:
            if self._counts(other, part):
                (others if other.base in self.parts else unread).append(self.directory / other.name)
        past, known = list(self.past), [*self.past, *self.parts.values()]

        def look() -> Repeats | None:
            read = strays_of(self.directory, files.beside, past)
            return repeated(reader, known, self.live, [*others, *read], unread, self.directory / part.name)

        repeats, settled = None, True
        try:
            repeats = await in_thread(look, abandon_on_cancel=reader.may_be_left)
            if repeats is not None and await self.was_edited(reader, repeats):
                repeats = None
        except UnsettledError:
            settled = False
            self.look_again(UNSETTLED_S)
        if segment is None:
            segment = await self.open_segment(reader.key if isinstance(reader, PlainReader) else (0, 0))
        elif self.read_once:
            self.compared.add(segment.id)  # it was opened in an earlier pass, and nothing of it was read
        segment.name = part.base
        if repeats is not None:
            segment.sealed, segment.head = repeats.whole, repeats.head
            if repeats.whole:
                self.verdicts.append(Verdict(segment, repeats.position, repeats.head, part.base))
                # Known by its name from now on. Its end does not count: what it repeats may not be read so far yet.
                log.info("%s repeats lines that are read from another file; skipped", part.name)
            else:
                segment.position, segment.check = repeats.position, repeats.check
        self.parts[part.base] = segment
        await self.commit(segment)
        return segment if settled else None

    async def missing_head(self, reader: PlainReader, segment: Segment) -> bytes:
        """The head of a segment's file if the segment lacks it: an older version read it. Else empty."""
        if segment.head or not segment.position:
            return b""
        return await in_thread(partial(read_head, reader), abandon_on_cancel=reader.may_be_left)

    def _counts(self, other: LogName, part: LogName) -> bool:
        """True if the lines of another part are read from it, now or later: it is not itself a copy."""
        known = self.parts.get(other.base)
        return other.base != part.base and (known is None or known.position > 0)

    async def goes_on_elsewhere(self, live: Segment, files: LogFiles) -> bool:
        """True if others rotated the file of a segment: then its rest is there, and a part like it is a copy."""
        look = partial(continuation, self.directory, self.uuid, files.beside, live, (), (), self.judged)
        return await in_thread(look, abandon_on_cancel=True) is not None

    async def let_go_if_lost(self, files: LogFiles) -> None:
        """Let go of the live segment if the current file is not what was read of it."""
        # By the file that was open when the others were listed: where the name leads by now is no part of that list.
        live = self.live
        if live is not None and not await self.is_of(files.current, live):
            self.live = None
            await self.let_go(live)

    async def let_go(self, segment: Segment, *, ours: bool = True) -> None:
        """The file of a segment is not the current one any more: finish it where its lines are now, if anywhere.

        Our own rotation comes first: a copy of what is a part by now would be read before it, and so out of order.

        Args:
            ours: a part may be that file; False if it is known that others rotated it.
        """
        self.anew = max(1, segment.position)
        try:
            await self._finish_moved(segment, ours=ours)
        except OSError:
            if not segment.sealed:  # it is tried again with the next look at the files
                self.live = segment
            raise

    async def _finish_moved(self, segment: Segment, *, ours: bool) -> None:
        for turn in range(MAX_LOOKS):
            names = await self.names_of(self.uuid, turn > 0)
            look = partial(self._where_it_is, segment, [*self.past, *self.parts.values()], names, ours=ours)
            with suppress(MovedError):
                # In a thread that may be left alone: it only reads, files of its own.
                part, found = await in_thread(look, abandon_on_cancel=True)
                if part is not None:
                    await self._go_on_as(part, segment)
                    return
                if not segment.sealed:  # else that was done before a file moved
                    await (self._finish(found, segment) if found else self.retire(segment))
                return
        raise always_moving(self.path)

    def _where_it_is(
        self, lost: Segment, known: list[Segment], names: Names, *, ours: bool
    ) -> tuple[LogName | None, Path | None]:
        """The part that the file of a segment is now, or else the file that goes on with it. Blocks.

        Raises:
            MovedError: the files are not what was listed any more.
        """
        read = frozenset(segment.name for segment in known)
        copies = frozenset(segment.name for segment in known if segment.sealed and not segment.position)
        unread = [part for part in names.parts if ours and part.base not in read]
        part = became_one_of(self.directory, unread, lost, [part for part in names.parts if part.base in copies])
        if part is not None:
            return part, None
        files = [self.directory / part.name for part in names.parts]
        return None, continuation(self.directory, self.uuid, names.beside, lost, known, files, self.judged)

    async def _go_on_as(self, part: LogName, segment: Segment) -> None:
        self.anew = 0
        if not segment.position:  # the inode alone may be another file's by now: it is read in its turn
            await self.retire(segment)
            return
        segment.name = part.base
        self.parts[part.base] = segment
        await self.commit(segment)
        with suppress(OSError), closing(open_reader(self.directory / part.name)) as reader:
            await self.drain(reader, segment)  # now, before what follows; if it was just packed it is found later

    def taken_back(self, current: PlainReader) -> Segment | None:
        """The segment of a current file that others had moved away and moved back, to go on with; else None."""
        for segment in self.past:
            if segment.inode == current.key[1] and ends_like(current, segment):
                self.past.remove(segment)
                segment.name, segment.sealed, self.anew = "", False, 0
                return segment
        return None

    async def retire(self, segment: Segment) -> None:
        """Nothing more will come of this segment."""
        segment.name, segment.sealed = f"gone:{segment.id}", True
        (self.past if segment.position else self.spare).append(segment)
        del self.past[:-MAX_PAST]
        await self.commit(segment)

    async def _finish(self, path: Path, segment: Segment) -> None:
        """Read the rest of a file that is not part of the log by its name; nothing more will come of it."""
        try:
            reader = open_reader(path)
        except FileNotFoundError as error:
            raise MovedError(path.name) from error
        with closing(reader):
            if segment.position and not await in_thread(partial(ends_like, reader, segment)):
                raise MovedError(path.name)  # another file has this name by now
            segment.device, segment.inode = reader.key
            await self.drain(reader, segment)
        await self.retire(segment)


def always_moving(path: Path) -> OSError:
    """What is said when the files of a log moved each time they were looked at."""
    return OSError(errno.EAGAIN, "its files are renamed or deleted each time they are looked at", path.name)
