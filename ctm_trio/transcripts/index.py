"""The writer of the index of conversations: reads what is new in transcripts and commits it with the positions.

It can stop anywhere and goes on there: a step is one transaction. Source: PROTOCOL.md, Conversations.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from msgspec.structs import replace

from ctm_trio.model.conversation.ids import is_conversation_id
from ctm_trio.model.conversation.lines import read_line
from ctm_trio.system.file_watch import Watched
from ctm_trio.system.regular import open_regular
from ctm_trio.system.store_errors import NO_MEMORY, StoreUnavailable, translate
from ctm_trio.system.transaction import transaction
from ctm_trio.transcripts.file_lines import Lines, each_line, has_tail, read_lines, tail_of, uuids_near, without_images
from ctm_trio.transcripts.file_state import FileState, Found, Step
from ctm_trio.transcripts.line_times import Changed
from ctm_trio.transcripts.place import Place, place_of
from ctm_trio.transcripts.rows import NAMED, SUMMED_UP, Rows
from ctm_trio.transcripts.schema import open_conversations
from ctm_trio.transcripts.unread import why_unread

STEP_BYTES = 2 << 20
"""Read in one step: a tenth of a second while there is much to index."""


class ConversationIndex(Watched):
    """The index's writer. One thread at a time.

    Args:
        path: of the index.

    Raises:
        StoreUnavailable: it cannot be opened now. StoreDamaged: it must be set aside.
    """

    has_words = True

    def __init__(self, path: Path) -> None:
        super().__init__(path, open_conversations)
        try:
            self._rows = Rows(self.db)
            self.files = {state.path: state for state in _file_states(self.db)}
            self._before: list[tuple[str, FileState | None]] = []
            """What a step has changed of `files`, as it was before."""
        except sqlite3.Error as error:
            self.close()
            raise translate(error) from error
        except BaseException:
            self.close()
            raise

    def positions(self) -> Mapping[str, tuple[int, int]]:
        """How far each known file is read, in bytes, and which inode that was."""
        return {path: (state.position, state.inode) for path, state in self.files.items()}

    def step(
        self, paths: Sequence[str], live: frozenset[str] = frozenset(), going_on: Callable[[], object] = lambda: None
    ) -> Step:
        """Read what is new in some files, in their order, about `STEP_BYTES` of it, and commit it.

        A file that cannot be read, whatever it is that it causes, keeps no other from being read: `Step.unread`.

        Args:
            paths: real paths. live: those of them whose new entries are told.
            going_on: called before each file; what it raises ends the step, and nothing of it is in the index.

        Raises:
            StoreUnavailable: nothing of this step is in the index. StoreDamaged: the index is damaged.
        """
        done = Step()
        self._before.clear()
        try:
            self._rows.db = self.db
            with transaction(self.db):
                for path in paths:
                    going_on()
                    if done.bytes >= STEP_BYTES:
                        break
                    self._read_alone(path, done, path in live)
        except BaseException as error:
            self._take_back(0)
            if isinstance(error, sqlite3.Error):
                raise translate(error) from error
            if isinstance(error, MemoryError):
                raise StoreUnavailable(NO_MEMORY) from error
            raise
        return done

    def forget(self, paths: Sequence[str]) -> list[str]:
        """Drop files that are gone, with their entries. What they used stays counted.

        Returns:
            Files to read again from their beginning: they may have some of these entries too.

        Raises:
            StoreUnavailable, StoreDamaged: as `step`.
        """
        gone = [self.files[path] for path in dict.fromkeys(paths) if path in self.files]
        again: set[int] = set()
        self._rows.db = self.db
        try:
            with transaction(self.db):
                for state in gone:
                    again = (again | self._rows.drop_file(state)) - {state.id}
        except BaseException as error:
            self._rows.forget()
            if isinstance(error, sqlite3.Error):
                raise translate(error) from error
            raise
        for state in gone:
            del self.files[state.path]
        others = [state for state in self.files.values() if state.id in again] if again else []
        for state in others:
            state.position, state.tail, state.at, state.turn = 0, b"", 0, 0
        return [state.path for state in others]

    # ------------------------------------------------------------ one file

    def _read_alone(self, path: str, done: Step, live: bool) -> None:
        """Read a file, or nothing of it."""
        one, mark = Step(), len(self._before)
        self.db.execute("SAVEPOINT file")
        try:
            self._read(path, one, live, STEP_BYTES - done.bytes)
        except Exception as error:  # a transcript is the unit of failure; the index's own errors are raised again
            why = why_unread(error)
            if not why or not self.db.in_transaction:
                raise
            self._take_back(mark)
            self.db.execute("ROLLBACK TO file")
            one = Step(unread={path: why}, bytes=one.bytes)
        self.db.execute("RELEASE file")
        done.add(one)

    def _read(self, path: str, done: Step, live: bool, room: int) -> None:
        place = place_of(path)
        if place is None:
            done.read.append(path)
            return
        try:
            file = open_regular(path)
        except FileNotFoundError:
            done.missing.append(path)
            return
        except OSError as error:
            done.unread[path] = error.strerror or str(error)
            return
        try:
            self._read_open(file, path, place, done, live, room)
        finally:
            os.close(file)

    def _read_open(self, file: int, path: str, place: Place, done: Step, live: bool, room: int) -> None:
        status = os.fstat(file)
        state = self.files.get(path)
        self._note(path)
        if state is None:
            state = self.files[path] = self._rows.new_file(path, place)
        elif self._is_other(file, status, state):
            self._rows.unplace(state)
            done.again += self._read_others_again(state)
            state.position, state.tail, state.at, state.turn = 0, b"", 0, 0
        state.device, state.inode = status.st_dev, status.st_ino
        while True:
            lines = read_lines(file, state.position)
            done.long += lines.skipped
            if lines.data:
                self._take(file, state, lines, Changed.of(status), done, live)
            if lines.data or lines.skipped:
                done.bytes += lines.end - state.position
                state.position = lines.end
                state.tail = tail_of(file, lines.end)
            if not lines.more:
                done.read.append(path)
                break
            if done.bytes >= room:
                break
        self._rows.save_file(state)

    def _read_others_again(self, gone: FileState) -> list[str]:
        """Other files of the same conversation may have what stood in this one: of copies only one was taken."""
        again = []
        for path in self._rows.files_of(gone.conversation):
            state = self.files.get(path)
            if state is not None and state is not gone:
                self._note(path)
                state.position, state.tail, state.at, state.turn = 0, b"", 0, 0
                self._rows.save_file(state)
                again.append(path)
        return again

    def _note(self, path: str) -> None:
        """A file's state changes from here on."""
        state = self.files.get(path)
        self._before.append((path, replace(state) if state is not None else None))

    def _take_back(self, mark: int) -> None:
        """What was changed since `mark` is as it was."""
        self._rows.forget()
        while len(self._before) > mark:
            path, state = self._before.pop()
            if state is None:
                self.files.pop(path, None)
            else:
                self.files[path] = state

    def _is_other(self, file: int, status: os.stat_result, state: FileState) -> bool:
        """True if the file is not what was read so far: one put in its place may end with the same bytes."""
        if (status.st_dev, status.st_ino) != (state.device, state.inode):
            return True
        return status.st_size < state.position or not has_tail(file, state.position, state.tail)

    def _take(self, file: int, state: FileState, lines: Lines, changed: Changed, done: Step, live: bool) -> None:
        found: dict[str, list[Found]] = {}
        titles: list[tuple[str, int, str]] = []
        cwd = ""
        for start, line in each_line(lines):
            said = read_line(without_images(line))
            done.unknown += said.unknown
            if state.conversation == 0 and is_conversation_id(said.session):
                state.conversation = self._rows.conversation(said.session.lower())
            if state.conversation == 0:
                continue
            cwd = cwd or said.cwd
            if said.title or said.named:
                titles += [(said.title, SUMMED_UP, said.titled), (said.named, NAMED, "")]
            if said.pieces:
                state.at = changed.time_of(said.at, state.at)
            for piece in said.pieces:
                state.turn += piece.opens_turn
                one = Found(piece, start, len(line), state.at, state.turn, said.copied)
                found.setdefault(state.agent_id or said.agent, []).append(one)  # older clients wrote all in one file
        if cwd and not state.agent:
            self._rows.place_in(state.conversation, cwd)
        # Older clients wrote down in one file what others are about. The line that an own title is of stands near it.
        uuids = uuids_near(file, lines) if any(of for _, _, of in titles) else set()
        for title, rank, of in titles:
            if title and not state.agent and (not of or of.encode(errors="replace") in uuids):
                self._rows.entitle(state.conversation, title, rank)
        for agent_id, pieces in found.items():
            fresh = self._rows.add(state, agent_id, pieces)
            done.used.update(one.uuid for one in fresh if one.piece.tokens is not None)
            done.used |= self._rows.take_sharing()
            if live:
                done.fresh += fresh


def _file_states(db: sqlite3.Connection) -> list[FileState]:
    found = db.execute(
        "SELECT f.id, f.path, f.conversation, f.agent, coalesce(n.name, ''), f.device, f.inode, f.position, f.tail,"
        " f.at, f.turn FROM files f LEFT JOIN names n ON n.id = f.agent AND f.agent > 0"
    )
    return [FileState(id_, os.fsdecode(path), *rest) for id_, path, *rest in found]
