"""The lines of one file: read, parsed, and sent to the journal with the position behind them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import msgspec
import trio

from ctm_trio.core.channels import ask
from ctm_trio.core.threads import in_thread
from ctm_trio.ingest.copies import NamesOf
from ctm_trio.ingest.ends import ASK_S, Progress, TailEnds
from ctm_trio.ingest.log_copies import TAIL_BYTES, Repeats
from ctm_trio.ingest.log_files import PlainReader, Reader
from ctm_trio.ingest.strays import Strays
from ctm_trio.messages.attribution import Sighting
from ctm_trio.messages.journal import Ingest, IsStored, OpenSegment
from ctm_trio.model.log_line import CHECK_BYTES, LOGS, LineBatch, Row, Segment, head_of
from ctm_trio.model.log_parse import Clues, parse_chunk
from ctm_trio.model.times import current_time

CHUNK_BYTES = 256 << 10
"""Read at once. A longer line makes the next read four times as big."""

INLINE_BYTES = 32 << 10
"""Up to here a read is done on the loop (the bytes were just written); more goes to a thread."""

MAX_LINE_BYTES = 32 << 20
"""A line of this size or more is skipped and counted: it must fit into memory several times over."""

ANEW_S = 60.0
"""A file that took the place of one that was read counts as read anew for so long, or until as much of it is read. It
may be written bit by bit, so that its end is met before."""


class Lines(Strays):
    """The part of a tailer that reads lines; which file is the current one, `Tail` knows."""

    def __init__(
        self, directory: Path, kind: str, uuid: str, progress: Progress, ends: TailEnds, names_of: NamesOf
    ) -> None:
        super().__init__(directory, uuid, names_of)
        self.kind = kind
        self.progress = progress
        self.ends = ends
        self.clues = Clues()
        self.skipping = (0, 0, 0)
        """Of an endless line: its segment, its position, and up to where it was scanned for its end."""
        self.anew_until, self.met_end = 0.0, False
        self.before_first: Callable[[], Awaitable[None]] | None = None
        """Called between the reading and the sending of the first lines of the current file; may refuse them."""

    async def open_segment(self, key: tuple[int, int], *, current: bool = False) -> Segment:
        """See `Copies`."""
        if self.spare:
            segment = self.spare.pop()
            segment.name, segment.sealed = "", False
        else:
            make = partial(OpenSegment, self.uuid, self.kind)
            segment = await ask(self.ends.journal, make, timeout_s=ASK_S)
        segment.device, segment.inode = key
        self.skipping = (0, 0, 0)  # it may be of another file that had this segment
        if current:
            self.anew_until, self.met_end = trio.current_time() + ANEW_S, False
        elif self.read_once:
            self.compared.add(segment.id)
        return segment

    async def end_comparing(self) -> None:
        """See `Copies`."""
        self.read_once = True
        if self.compared:
            known = self.live or next(iter([*self.parts.values(), *self.past]), None)
            self.compared.clear()
            if known is not None:
                await self._send([], known, 0, end=True)

    async def was_edited(self, reader: Reader, repeats: Repeats) -> bool:
        """See `Copies`. Of lines without ids nothing can be told: such a file counts as a copy."""
        if not repeats.by_head or self.kind != LOGS:
            return False
        look = partial(last_call, reader, repeats.position)
        call = await in_thread(look, abandon_on_cancel=reader.may_be_left)
        if call is None:
            return False
        wanted = partial(IsStored, self.uuid, call.tool_use_id, call.agent_id)
        return not await ask(self.ends.journal, wanted, timeout_s=ASK_S)

    async def matches(self, reader: Reader, segment: Segment) -> bool:
        """True if the file has, where the segment was read to, the bytes that stood there."""
        if segment.position == 0:
            return True
        size = len(segment.check)
        read = partial(reader.read, segment.position - size, size)
        if isinstance(reader, PlainReader):
            return read() == segment.check
        return await in_thread(read) == segment.check

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
                return await self.matches(reader, segment)
            self.progress.lag_bytes = left
            if self.skipping[:2] == (segment.id, segment.position):  # what was scanned of it is not read again
                if isinstance(reader, PlainReader) and segment.position + left < self.skipping[2]:
                    self.skipping = (0, 0, 0)  # it was emptied meanwhile
                    continue
                if not await self.matches(reader, segment):
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
        if not segment.position and self.before_first is not None:
            await self.before_first()
        if data[:overlap] != segment.check:
            return None
        end = data.rfind(b"\n", overlap) + 1
        if end <= overlap:
            return 0
        rows: list[Row] = []
        skipped = 0
        base = segment.position - overlap
        for part in parse_chunk(data[:end] if end != len(data) else data, overlap, base, current_time):
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

    async def _send(self, rows: list[Row], segment: Segment, skipped: int, *, end: bool = False) -> None:
        if self.anew and self.met_end and trio.current_time() >= self.anew_until:
            self.anew = 0
        anew = (self.anew > 0 and segment is self.live) or segment.id in self.compared
        message = Ingest(LineBatch(msgspec.structs.replace(segment), rows, skipped, anew, end))
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


def last_call(reader: Reader, end: int) -> Row | None:
    """The last call with an id before a byte of a file, behind a line break; None if none is near it. Blocks."""
    start = max(0, end - TAIL_BYTES)
    lines = reader.read(start, end - start).split(b"\n")
    for line in reversed(lines[start > 0 : -1]):
        for part in parse_chunk(line + b"\n", 0, 0, str):
            for row in part.rows:
                if row.tool_use_id and row.hook is None:
                    return row
    return None
