"""One log, followed: half lines, truncation, rotation, packed parts. Each line reaches the journal exactly once.

What was read is remembered as segments (one for each physical file) that the journal commits together with the
events. A file is found again by its inode, or else by the bytes before the position; a file that has neither is new.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import msgspec
import trio

from ctm_trio.core.channels import ask
from ctm_trio.core.threads import in_thread
from ctm_trio.ingest.copies import MAX_LOOKS, Copies, LogFiles, always_moving
from ctm_trio.ingest.ends import Progress, TailEnds
from ctm_trio.ingest.log_copies import MovedError
from ctm_trio.ingest.log_files import PackedReader, PlainReader, Reader
from ctm_trio.messages.attribution import Sighting
from ctm_trio.messages.journal import Ingest, OpenSegment
from ctm_trio.model.log_line import CHECK_BYTES, LineBatch, Row, Segment, head_of
from ctm_trio.model.log_names import LogName
from ctm_trio.model.log_parse import Clues, parse_chunk
from ctm_trio.model.times import format_time

CHUNK_BYTES = 256 << 10
"""Read at once. A longer line makes the next read four times as big."""

INLINE_BYTES = 32 << 10
"""Up to here a read is done on the loop (the bytes were just written); more goes to a thread."""

MAX_LINE_BYTES = 32 << 20
"""A line of this size or more is skipped and counted: it must fit into memory several times over."""

ASK_S = 30.0
"""How long the journal and the attribution owner may take to answer; then the tailer is restarted."""


RECENT_S = 600.0
"""A log that was not written to for so long is old: its tailer ends when it has read it."""

ANEW_S = 60.0
"""A file that took the place of one that was read counts as read anew for so long, or until as much of it is read. It
may be written bit by bit, so that its end is met before."""

PartsOf = Callable[[str, bool], Awaitable[list[LogName]]]
"""Lists the rotated parts of a log (by its uuid), oldest first; True: anew, though nothing seems to have changed."""


class Tail(Copies):
    """State of one tailer: the segments, and the open current file."""

    def __init__(
        self, directory: Path, kind: str, uuid: str, progress: Progress, ends: TailEnds, parts_of: PartsOf
    ) -> None:
        super().__init__(directory, uuid)
        self.kind = kind
        self.progress = progress
        self.ends = ends
        self.parts_of = parts_of
        self.file: PlainReader | None = None
        self.clues = Clues()
        self.skipping = (0, 0, 0)
        """Of an endless line: its segment, its position, and up to where it was scanned for its end."""
        self.anew_until, self.met_end = 0.0, False
        self.trouble = ""
        """Why the log cannot be read now, as it was logged last."""

    def close(self) -> None:
        """Close the current file."""
        if self.file is not None:
            self.file.close()
            self.file = None

    def unreadable(self, error: OSError) -> None:
        """Say once that the log cannot be read, and let go of the file."""
        self.close()
        reason = error.strerror or type(error).__name__
        if reason != self.trouble:
            self.trouble = reason
            self.ends.report.say_one_of_many(logging.WARNING, f"the log {self.path.name} cannot be read: {reason}")
            self.ends.report.fault(self.kind, f"{self.kind}/{self.path.name}", f"cannot be read: {reason}")

    def readable(self) -> None:
        """The log can be read, again or still."""
        if self.trouble:
            self.trouble = ""
            self.ends.report.fault(self.kind, f"{self.kind}/{self.path.name}", "")

    def is_recent(self) -> bool:
        """True if the current file was written to lately, so that more is to be expected."""
        try:
            return self.file is not None and time.time() - os.fstat(self.file.fd).st_mtime < RECENT_S
        except OSError:
            return False

    # ------------------------------------------------------------ files

    def look(self) -> os.stat_result | None:
        """How the current file is; None if there is none, or it cannot be seen (reading it says why)."""
        try:
            return os.stat(self.path)
        except OSError:
            return None

    def has_much(self, seen: os.stat_result | None) -> bool:
        """True if there may be more to read than is read on the loop. `seen`: of `look`."""
        return seen is not None and seen.st_size - (self.live.position if self.live else 0) > INLINE_BYTES

    async def sync(self, seen: os.stat_result | None, *, look_at_parts: bool) -> None:
        """Read everything that is there to read, oldest first. `seen`: of `look`, a moment ago."""
        if look_at_parts:
            await self._sync_parts()
            return
        if self.file is None and self.live is not None and self.live.position:
            self._reopen(self.live)
        file, live = self.file, self.live
        if file is None or live is None or (seen is not None and (seen.st_dev, seen.st_ino) != file.key):
            await self._sync_parts()
        elif not await self.drain(file, live, None if seen is None else seen.st_size):
            await self._replace_live()

    def _reopen(self, live: Segment) -> None:
        """Open the current file again, if it is still the one that was read; else the parts tell where that went."""
        try:
            reader = PlainReader(self.path)
        except FileNotFoundError:
            return
        self.file, size = reader, len(live.check)  # so that it is closed whatever happens
        if reader.key != (live.device, live.inode) or reader.read(live.position - size, size) != live.check:
            self.close()

    def _is_current(self, file: PlainReader, *, missing: bool = True) -> bool:
        """True if the path still leads to this file; `missing` is the answer if it leads nowhere."""
        try:
            status = os.stat(self.path)
        except FileNotFoundError:
            return missing
        return (status.st_dev, status.st_ino) == file.key

    async def _sync_parts(self) -> None:
        if self.file is not None and self.live is not None and not await self.drain(self.file, self.live):
            await self._replace_live()
        for look in range(MAX_LOOKS):
            with suppress(MovedError):
                await self._sync_listed(fresh=look > 0)
                return
        raise always_moving(self.path)

    async def _sync_listed(self, *, fresh: bool) -> None:
        """Read the parts and the current file as they are listed now.

        Args:
            fresh: the last list was wrong, so none that is kept is used.

        Raises:
            MovedError: they changed meanwhile and have to be listed again.
        """
        try:
            current: PlainReader | None = PlainReader(self.path)
        except FileNotFoundError:
            current = None
        try:
            # Listed after the current file was opened: whatever was rotated away before it is in the list.
            files = LogFiles(current, await self.parts_of(self.uuid, fresh))
            if current is not None and not self._is_current(current, missing=False):
                # It was rotated: the list may have it too, packed and not to be recognised.
                raise MovedError(self.path.name)
            await self.read_strays(files)
            await self._read_parts(files)
            current = None  # from here on it is closed by who has it
            await self._take_current(files.current)
            await self.remember_copies()
        finally:
            if current is not None:
                current.close()

    async def _read_parts(self, files: LogFiles) -> None:
        for part in files.parts:
            known = self.parts.get(part.base)
            if known is not None and known.sealed:
                continue
            path = self.directory / part.name
            try:
                if part.packed:
                    await self._read_packed(part, path, known, files)
                    continue
                reader = PlainReader(path)
            except FileNotFoundError as error:
                # Packed or pruned: its lines, packed, would be taken for new.
                raise MovedError(part.name) from error
            try:
                current = files.current
                if current is not None and reader.key == current.key:
                    if not self._is_current(current, missing=False):
                        raise MovedError(self.path.name)
                    continue  # a second name of the current file
                await self._read_plain(part, reader, known, files)
            finally:
                reader.close()

    async def _read_plain(self, part: LogName, reader: PlainReader, known: Segment | None, files: LogFiles) -> None:
        if known is not None and reader.size() == known.position:
            return
        if known is None:
            known = await self._claim(reader, reader.key)
        if known is None or known.position == 0:  # of an empty file nothing could be told
            known = await self.segment_of(part, reader, files, known)
        segment = known
        if segment.name != part.base:
            segment.name = part.base
            await self.commit(segment)
        self.parts[part.base] = segment
        if not segment.sealed:
            await self.drain(reader, segment)

    async def _read_packed(self, part: LogName, path: Path, known: Segment | None, files: LogFiles) -> None:
        if known is None and self.file is not None and self.live is not None:
            # It may be what our open file is; all that was packed is in there, and read it can be recognised by it.
            await self.drain(self.file, self.live)
        reader = PackedReader(path)
        try:
            segment = known or await self._claim(reader, None)
            if segment is None:
                if await self.is_unfinished(path, reader, files):
                    return  # somebody is still writing it; the next write tells us
                segment = await self.segment_of(part, reader, files)
            segment.name = part.base
            self.parts[part.base] = segment
            if not segment.sealed:
                await self.drain(reader, segment)
                segment.sealed = True
                await self.commit(segment)
        finally:
            reader.close()

    async def _claim(self, reader: Reader, key: tuple[int, int] | None) -> Segment | None:
        """The live segment, if this rotated part is what the current file was."""
        live = self.live
        if live is None:
            return None
        same_file = key is not None and key == (live.device, live.inode)
        if not same_file and live.position == 0:
            return None
        if not await self._matches(reader, live) or (not same_file and await self.still_current(live)):
            return None
        elsewhere = not same_file and await self.goes_on_elsewhere(live)
        self.live = None
        self.close()
        if elsewhere:
            await self.let_go(live, ours=False)
            return None
        return live

    async def still_current(self, live: Segment) -> bool:
        """See `Copies`. Its inode does not tell: it may be in use again, or a copy's."""
        try:
            reader = PlainReader(self.path)
        except FileNotFoundError:
            return False
        try:
            return await self._is_of(reader, live)
        finally:
            reader.close()

    async def _is_of(self, file: PlainReader, live: Segment) -> bool:
        if live.position == 0:
            return file.key == (live.device, live.inode)
        return await self._matches(file, live)

    async def _take_current(self, current: PlainReader | None) -> None:
        """Go on with the current file: the one we had, one that replaced it, or a new one."""
        if current is None:
            return
        live = self.live
        if live is not None and self.file is not None and self.file.key == current.key:
            current.close()
        else:
            self.close()
            self.file = current
            if live is not None and not await self._is_of(current, live):
                self.live = None
                await self.let_go(live)
                live = None
            if live is None:
                new = not self.past
                self.live = await self.open_segment(current.key)
                if not new:  # it shall be known if it is rotated before it has a line
                    await self.commit(self.live)
            elif (live.device, live.inode) != current.key:
                live.device, live.inode = current.key
        assert self.file is not None
        assert self.live is not None
        head = await self.missing_head(self.file, self.live)
        if not await self.drain(self.file, self.live):
            await self._replace_live()
        elif not self.live.head:  # the file is still the one that was read
            self.live.head = head

    async def _replace_live(self) -> None:
        """The current file was truncated or written anew: what it has now is read from its start."""
        assert self.file is not None
        if self.live is not None:
            lost, self.live = self.live, None
            await self.let_go(lost)
        self.live = await self.open_segment(self.file.key)
        await self.commit(self.live)  # so that it is known if it is rotated before it has a line
        await self.drain(self.file, self.live)

    async def open_segment(self, key: tuple[int, int]) -> Segment:
        """See `Copies`."""
        make = partial(OpenSegment, self.uuid, self.kind)
        segment: Segment = await ask(self.ends.journal, make, timeout_s=ASK_S)
        segment.device, segment.inode = key
        self.anew_until, self.met_end = trio.current_time() + ANEW_S, False
        return segment

    async def _matches(self, reader: Reader, segment: Segment) -> bool:
        if segment.position == 0:
            return True
        size = len(segment.check)
        read = partial(reader.read, segment.position - size, size)
        if isinstance(reader, PlainReader):
            return read() == segment.check
        return await in_thread(read) == segment.check

    # ------------------------------------------------------------ lines

    async def drain(self, reader: Reader, segment: Segment, size: int | None = None) -> bool:
        """Read complete lines to the end of the file. False if the file is not what the segment was read from.

        Args:
            size: of the file in bytes, if it was looked at a moment ago.
        """
        chunk = CHUNK_BYTES
        while True:
            overlap = len(segment.check)
            start = segment.position - overlap
            want = chunk + overlap
            left = chunk
            if isinstance(reader, PlainReader):
                left = (reader.size() if size is None else size) - segment.position
                size = None
            if left < 0:
                return False
            if left == 0:
                self.progress.lag_bytes = 0
                self._end_anew(segment)
                return await self._matches(reader, segment)
            self.progress.lag_bytes = left
            if self.skipping[:2] == (segment.id, segment.position):  # what was scanned of it is not read again
                if not await self._matches(reader, segment):
                    return False
                if not await self._skip_line(reader, segment):
                    return True
                continue
            if left <= INLINE_BYTES and isinstance(reader, PlainReader):
                data = reader.read(start, want)
                used = await self._take(data, overlap, segment)
            else:
                async with self.ends.bulk:
                    data = await in_thread(partial(reader.read, start, want), abandon_on_cancel=reader.may_be_left)
                    used = await self._take(data, overlap, segment)
            if used is None:
                return False
            full = len(data) == want
            if used or not full:
                self.progress.lag_bytes = len(data) - overlap - used
                if not full:
                    self._end_anew(segment)
                    return True
                chunk = CHUNK_BYTES
                continue
            if chunk >= MAX_LINE_BYTES:
                if not await self._skip_line(reader, segment):
                    return True
                chunk = CHUNK_BYTES
            else:
                chunk = min(chunk * 4, MAX_LINE_BYTES)

    def _end_anew(self, segment: Segment) -> None:
        """At the end of a file: see whether it was read anew, and is read as far as the one before."""
        if self.anew and segment is self.live:
            self.met_end = True
            if segment.position >= self.anew:
                self.anew = 0

    async def _take(self, data: bytes, overlap: int, segment: Segment) -> int | None:
        """Send the complete lines of a chunk. Bytes used, or None if the chunk does not follow what was read."""
        if data[:overlap] != segment.check:
            return None
        end = data.rfind(b"\n", overlap) + 1
        if end <= overlap:
            return 0
        rows: list[Row] = []
        skipped = 0
        base = segment.position - overlap
        now = format_time(time.time())
        for part in parse_chunk(data[:end] if end != len(data) else data, overlap, base, now):
            rows += part.rows
            skipped += part.skipped
            for clues in part.clues:
                await self.sight(clues)
            if part.end < end:
                await trio.lowlevel.checkpoint()
        if base == 0:
            segment.head = head_of(data, end)
        segment.position += end - overlap
        segment.check = data[max(0, end - CHECK_BYTES) : end]
        self.progress.skipped += skipped
        await self._send(rows, segment, skipped)
        return end - overlap

    async def _skip_line(self, reader: Reader, segment: Segment) -> bool:
        """Find the end of a line that is too long and go on behind it. False if it has not ended yet."""
        line = (segment.id, segment.position)
        at = self.skipping[2] if self.skipping[:2] == line else segment.position + MAX_LINE_BYTES
        while True:
            data = await in_thread(partial(reader.read, at, CHUNK_BYTES), abandon_on_cancel=reader.may_be_left)
            end = data.find(b"\n") + 1
            if end:
                break
            at += len(data)
            self.skipping = (*line, at)
            if len(data) < CHUNK_BYTES:
                return False
        segment.position = at + end
        read = partial(reader.read, segment.position - CHECK_BYTES, CHECK_BYTES)
        segment.check = await in_thread(read, abandon_on_cancel=reader.may_be_left)
        self.progress.skipped += 1
        await self._send([], segment, 1)
        return True

    async def commit(self, segment: Segment) -> None:
        """See `Copies`."""
        await self._send([], segment, 0)

    async def _send(self, rows: list[Row], segment: Segment, skipped: int) -> None:
        if self.anew and self.met_end and trio.current_time() >= self.anew_until:
            self.anew = 0
        anew = self.anew > 0 and segment is self.live
        message = Ingest(LineBatch(msgspec.structs.replace(segment), rows, skipped, anew))
        try:
            try:
                self.ends.journal.send_nowait(message)  # a line need not go round the event loop for it
            except trio.WouldBlock:
                await self.ends.journal.send(message)
        except trio.BrokenResourceError:
            await trio.sleep_forever()  # the journal has ended, and so does the daemon: we are about to be cancelled

    async def sight(self, clues: Clues) -> None:
        """Tell the attribution owner what a line says, if it is news, and wait until the journal knows whose it is."""
        mine = (clues.session, clues.pane, clues.pid)
        last = (self.clues.session, self.clues.pane, self.clues.pid)
        boundary = clues.hook in ("SessionStart", "SessionEnd")
        if self.clues.ts != "" and mine == last and not boundary:
            return
        if self.ends.nobody_tells():
            return  # the next line asks again
        self.clues = msgspec.structs.replace(clues, ts=clues.ts or "-")
        await ask(self.ends.attribution, partial(Sighting, self.uuid, clues), timeout_s=ASK_S)
