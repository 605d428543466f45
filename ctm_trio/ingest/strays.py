"""What other programs rotated a log to, read in its turn: each file is judged once, and again when it has changed."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from types import MappingProxyType

from ctm_trio.core.threads import in_thread
from ctm_trio.ingest.copies import UNFINISHED_S, UNSETTLED_S, Copies, LogFiles, Verdict
from ctm_trio.ingest.log_copies import (
    Listed,
    MovedError,
    Other,
    Repeats,
    UnsettledError,
    ends_like,
    has_line,
    is_all_of,
    repeated,
)
from ctm_trio.ingest.log_files import PlainReader, Reader, key_of, open_reader, state_of
from ctm_trio.ingest.rotated_files import NOT_OURS, UNREADABLE, oldest_first
from ctm_trio.model.log_line import Segment, begins_as


class Strays(Copies):
    """The part of a tailer that reads files with names that others gave."""

    _doubted: frozenset[tuple[str, int, int]] = frozenset()
    """Files whose verdict did not hold: the name of a part, or device and inode."""
    _listed: Mapping[str, tuple[int, int]] = MappingProxyType({})
    """The names in this pass, and the device and inode of each file."""

    async def read_strays(self, files: LogFiles) -> None:
        """Read what others rotated the log to, in its turn. What repeats nothing has lines of its own.

        Each file is looked at once, and again if it changes. A packed one is not unpacked again if it is known.

        Raises:
            MovedError: a file is not there any more; nothing is overlooked if this is called again.
            OSError: a file cannot be read just now.
        """
        while self.verdicts:  # of a pass that did not come to its end
            await self._take_back(self.verdicts.pop())
        seen: dict[Path, os.stat_result] = {}
        for name in files.rotated:
            path = self.directory / name
            try:
                seen[path] = path.stat(follow_symlinks=False)
            except FileNotFoundError as error:
                raise MovedError(name) from error
        self._listed = {path.name: key_of(status) for path, status in seen.items()}
        keys = {path: key_of(seen[path]) for path in oldest_first(seen)}
        last = {key: path for path, key in keys.items()}  # a file may have several names
        strays = [Listed(path, key) for path, key in keys.items() if last[key] == path]
        if any(self.judged.get(stray.key) != state_of(seen[stray.path]) for stray in strays):
            await self.let_go_if_lost(files)
            others: list[Other] = [files.current] if files.current else []
            others += [self.directory / part.name for part in files.parts if part.base not in self.parts]
            for i, stray in enumerate(strays):
                status = seen[stray.path]
                if self.judged.get(stray.key) == state_of(status):
                    continue
                if stray.path.suffix == ".gz":
                    if stray.path.with_suffix("") in seen and abs(time.time() - status.st_mtime) < UNFINISHED_S:
                        self.look_again(UNFINISHED_S)  # the plain one is just being packed
                        continue
                    look = partial(is_all_of, stray.path, list(self.past))
                    if await in_thread(look, abandon_on_cancel=True):
                        self.judged[stray.key] = state_of(status)
                        continue
                await self.read_parts(files, before_ns=status.st_mtime_ns)
                try:
                    if await self._take_stray(stray, [*others, *strays[i + 1 :]]):
                        others.append(stray)
                    self.file_fault(stray.path.name, None)
                except UnsettledError:
                    self.look_again(UNSETTLED_S)
                except OSError as error:
                    if error.errno not in UNREADABLE:
                        raise
                    self.file_fault(stray.path.name, error)
                    self.look_again(UNFINISHED_S)
            self.judged = {key: state for key, state in self.judged.items() if key in last}

    async def refuse_if_rotated(self, files: LogFiles) -> None:
        """Make sure that nothing was rotated since these files were listed: what was comes before the current one.

        Raises:
            MovedError: something was.
        """
        names = await self.names_of(self.uuid, False)
        same = [part.name for part in names.parts] == [part.name for part in files.parts]
        if not same or self._listed != {name: self._key(name) for name in names.rotated}:
            raise MovedError(self.path.name)

    def _key(self, name: str) -> tuple[int, int] | None:
        try:
            return key_of((self.directory / name).stat(follow_symlinks=False))
        except OSError:
            return None

    async def confirm_copies(self) -> None:
        """All is read: keep in mind how the copies end that were found, as what they repeat may be deleted one day.

        A copy of what could not be read in this pass is judged anew: at once, and after that from time to time.

        Raises:
            MovedError: what one repeats may have gone before it was read.
        """
        known = [*self.past, *self.parts.values(), *([self.live] if self.live else [])]
        doubted: set[tuple[str, int, int]] = set()
        while self.verdicts:
            verdict = self.verdicts.pop()
            segment = verdict.segment
            if not _is_read(verdict, known):
                await self._take_back(verdict)
                doubted.add((verdict.part, 0, 0) if verdict.part else ("", segment.device, segment.inode))
            elif not verdict.part:
                await self.retire(segment)
        first, self._doubted = doubted - self._doubted, frozenset(doubted)
        if first:
            raise MovedError(self.path.name)
        if doubted:
            self.look_again(UNFINISHED_S)
        await self.end_comparing()

    async def _take_back(self, verdict: Verdict) -> None:
        """Have a file judged once more."""
        if verdict.part:
            verdict.segment.sealed = False
            await self.commit(verdict.segment)
        else:
            self.judged.pop((verdict.segment.device, verdict.segment.inode), None)

    async def _take_stray(self, stray: Listed, others: list[Other]) -> bool:
        """Read what a stray has that no other file has; False if it is a copy.

        Raises:
            MovedError: a file is not there any more. UnsettledError: it is being written, and is still to be judged.
        """
        try:
            reader = open_reader(stray.path)
        except FileNotFoundError as error:
            raise MovedError(stray.path.name) from error
        except OSError as error:
            if error.errno not in NOT_OURS:
                raise
            return False
        with closing(reader):
            if reader.key != stray.key:
                raise MovedError(stray.path.name)
            state = reader.state()
            took = state.size > 0 and await self._take_what_is_new(reader, others)
        self.judged[stray.key] = state  # once it has changed it is looked at again
        return took

    async def _take_what_is_new(self, reader: Reader, others: list[Other]) -> bool:
        def look() -> tuple[Repeats | None, bool]:
            repeats = repeated(reader, [*self.past, *self.parts.values()], self.live, others)
            return repeats, has_line(reader, repeats.position if repeats is not None else 0)

        repeats, more = await in_thread(look, abandon_on_cancel=reader.may_be_left)
        if repeats is not None and await self.was_edited(reader, repeats):
            repeats, more = None, True
        if repeats is None and not more:
            return True  # half a line, and nothing to keep
        if repeats is not None and repeats.whole and not repeats.position:
            return False  # half a line that another file has
        before = self._read_before(reader, repeats) if repeats is not None else None
        segment = before or await self.open_segment(reader.key)
        segment.name = f"gone:{segment.id}"  # from its first line on: it is never taken for the current file's
        if repeats is not None:
            segment.position, segment.check, segment.head = repeats.position, repeats.check, repeats.head
            if repeats.whole:
                if before is None:
                    self.verdicts.append(Verdict(segment, repeats.position, repeats.head))
                return False
        if more:
            try:
                await self.drain(reader, segment)
            except OSError:
                if before is None:  # the next look goes on from there
                    (self.past if segment.position else self.spare).append(segment)
                raise
        if before is None:
            await self.retire(segment)
        return True

    def _read_before(self, reader: Reader, repeats: Repeats) -> Segment | None:
        """What was read of this very file, which may have grown since."""
        for segment in self.past:
            if segment.inode != reader.key[1]:
                continue
            # The inode alone may be of another file that is gone. An archive is not unpacked once more for this.
            if ends_like(reader, segment) if isinstance(reader, PlainReader) else segment.check == repeats.check:
                return segment
        return None


def _is_read(verdict: Verdict, known: list[Segment]) -> bool:
    """True if something that was read is at least as long and begins alike, as far as that is known."""
    if not verdict.position or b"\n" not in verdict.head:
        return True  # there is no whole line to lose, or none by which it could be told
    return any(s.position >= verdict.position and (not s.head or begins_as(verdict.head, s.head)) for s in known)
