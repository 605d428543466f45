"""One log, followed: half lines, truncation, rotation, packed parts. Each line reaches the journal exactly once.

What was read is remembered as segments (one for each physical file) that the journal commits together with the
events. A file is found again by its inode, or else by the bytes before the position; a file that has neither is new.
"""

from __future__ import annotations

import logging
import os
import time
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

from ctm_trio.ingest.copies import MAX_LOOKS, UNFINISHED_S, LogFiles, NamesOf, always_moving
from ctm_trio.ingest.ends import Progress, TailEnds
from ctm_trio.ingest.lines import INLINE_BYTES, Lines
from ctm_trio.ingest.log_copies import MovedError, written_ns
from ctm_trio.ingest.log_files import PackedReader, PlainReader, Reader, key_of
from ctm_trio.ingest.rotated_files import NOT_OURS, UNREADABLE
from ctm_trio.model.event import MAX_ID
from ctm_trio.model.log_line import Segment
from ctm_trio.model.log_names import LogName

RECENT_S = 600.0
"""A log that was not written to for so long is old: its tailer ends when it has read it."""


class Tail(Lines):
    """State of one tailer: the segments, and the open current file."""

    def __init__(
        self, directory: Path, kind: str, uuid: str, progress: Progress, ends: TailEnds, names_of: NamesOf
    ) -> None:
        super().__init__(directory, kind, uuid, progress, ends, names_of)
        self.file: PlainReader | None = None
        self.faults = progress.faults
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
        if file is None or live is None or not live.position or (seen is not None and key_of(seen) != file.key):
            await self._sync_parts()
        elif not await self.drain(file, live, None if seen is None else seen.st_size):
            await self._sync_parts()  # it was emptied or written anew

    def _reopen(self, live: Segment) -> None:
        """Open the current file again, if it is still the one that was read; else the parts tell where that went."""
        try:
            reader = PlainReader(self.path)
        except FileNotFoundError:
            return
        self.file, size = reader, len(live.check)  # so that it is closed whatever happens
        if reader.key != (live.device, live.inode) or reader.read(live.position - size, size) != live.check:
            self.close()

    def _is_current(self, file: PlainReader | None) -> bool:
        """True if the path still leads to this file, or still to none."""
        try:
            status = os.stat(self.path)
        except FileNotFoundError:
            return file is None
        return file is not None and key_of(status) == file.key

    async def _sync_parts(self) -> None:
        # Of a file without a line that was read nothing tells whether it was emptied since: then what others made of it
        # comes first.
        if self.file is not None and self.live is not None and self.live.position:  # noqa: SIM102
            if not await self.drain(self.file, self.live):
                await self._lose_live()
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
            files = LogFiles(current, *await self.names_of(self.uuid, fresh))
            if not self._is_current(current):
                # It was rotated: the list may have it too, packed and not to be recognised. Or it has just come, and
                # the list may have copies of it.
                raise MovedError(self.path.name)
            await self.read_strays(files)
            await self.read_parts(files)
            current = None  # from here on it is closed by who has it
            await self._take_current(files)
            await self.confirm_copies()
            there = {name.removesuffix(".gz") for name in (*[part.name for part in files.parts], *files.rotated)}
            for name in self.faults - there:
                self.file_fault(name, None)
        finally:
            if current is not None:
                current.close()

    async def read_parts(self, files: LogFiles, *, before_ns: int = MAX_ID) -> None:
        """See `Copies`."""
        for part in files.parts:
            known = self.parts.get(part.base)
            if known is not None and known.sealed:
                continue
            path = self.directory / part.name
            # Its name has the time of another clock, which is ahead of that of files; of a copy only the name is right.
            if part.order >= before_ns and written_ns(path) >= before_ns:
                break
            try:
                await (self._read_packed if part.packed else self._read_plain)(part, path, known, files)
            except FileNotFoundError as error:
                # Packed or pruned: its lines, packed, would be taken for new.
                raise MovedError(part.name) from error
            except OSError as error:
                was_read = known is not None and known.position > 0 and error.errno in NOT_OURS
                if not was_read and error.errno not in UNREADABLE:
                    raise
                self.file_fault(part.name, error)  # the others go on
                if not was_read:
                    self.look_again(UNFINISHED_S)
            else:
                self.file_fault(part.name, None)

    def file_fault(self, name: str, error: OSError | None) -> None:
        """See `Copies`."""
        name = name.removesuffix(".gz")
        if (name in self.faults) != (error is not None):
            self.faults ^= {name}
            why = "" if error is None else f"cannot be read: {error.strerror}"
            self.ends.report.fault(self.kind, f"{self.kind}/{name}", why)

    async def _read_plain(self, part: LogName, path: Path, known: Segment | None, files: LogFiles) -> None:
        with closing(PlainReader(path)) as reader:
            current = files.current
            if current is None or reader.key != current.key:
                await self._read_opened(part, reader, known, files)
            elif not self._is_current(current):
                raise MovedError(self.path.name)
            # Else it is a second name of the current file.

    async def _read_opened(self, part: LogName, reader: PlainReader, known: Segment | None, files: LogFiles) -> None:
        if known is not None and reader.size() == known.position:
            return
        if known is None:
            known = await self._claim(reader, reader.key, files)
        if known is None or known.position == 0:  # of an empty file nothing could be told
            known = await self.segment_of(part, reader, files, known)
        if known is None:
            return
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
            segment = known or await self._claim(reader, None, files)
            if segment is None or segment.position == 0:
                if reader.state().size == 0 or await self.is_unfinished(path, reader):
                    return  # somebody is still writing it; the next write tells us
                segment = await self.segment_of(part, reader, files, segment)
                if segment is None:
                    return
            segment.name = part.base
            self.parts[part.base] = segment
            if not segment.sealed:
                await self.drain(reader, segment)
                segment.sealed = True
                await self.commit(segment)
        finally:
            reader.close()

    async def _claim(self, reader: Reader, key: tuple[int, int] | None, files: LogFiles) -> Segment | None:
        """The live segment, if this rotated part is what the current file was; `files`: with which it was listed."""
        live = self.live
        if live is None:
            return None
        same_file = key is not None and key == (live.device, live.inode)
        if not same_file and live.position == 0:
            return None
        if not await self.matches(reader, live) or (not same_file and await self.is_of(files.current, live)):
            return None
        elsewhere = not same_file and await self.goes_on_elsewhere(live, files)
        self.live = None
        self.close()
        if elsewhere:
            await self.let_go(live, ours=False)
            return None
        return live

    async def is_of(self, file: PlainReader | None, live: Segment) -> bool:
        """See `Copies`."""
        if file is None:
            return False
        if live.position == 0:
            return file.key == (live.device, live.inode)
        return await self.matches(file, live)

    async def _take_current(self, files: LogFiles) -> None:
        """Go on with the current file: the one we had, one that replaced it, or a new one."""
        current = files.current
        if current is None:
            await self.let_go_if_lost(files)
            return
        live = self.live
        if live is not None and self.file is not None and self.file.key == current.key:
            current.close()
        else:
            self.close()
            self.file = current
            if live is not None and not await self.is_of(current, live):
                self.live = None
                await self.let_go(live)
                live = None
            if live is None and (back := self.taken_back(current)) is not None:
                self.live = back
                await self.commit(back)
            elif live is None:
                new = not self.past
                self.live = await self.open_segment(current.key, current=True)
                if not new:  # it shall be known if it is rotated before it has a line
                    await self.commit(self.live)
            elif (live.device, live.inode) != current.key:
                live.device, live.inode = current.key
        assert self.file is not None
        assert self.live is not None
        head = await self.missing_head(self.file, self.live)
        # Of a file without a line that was read nothing tells whether it was emptied meanwhile.
        self.before_first = partial(self.refuse_if_rotated, files)
        try:
            same = await self.drain(self.file, self.live)
        finally:
            self.before_first = None
        if not same:
            await self._lose_live()
            raise MovedError(self.path.name)
        if not self.live.head:  # the file is still the one that was read
            self.live.head = head

    async def _lose_live(self) -> None:
        """The current file was truncated or written anew: what it has now is read from its start."""
        assert self.live is not None
        lost, self.live = self.live, None
        self.close()
        await self.let_go(lost)
