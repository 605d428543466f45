"""The rows of the index: what one chunk of a transcript adds, by as few statements as can be.

Every statement gives up the interpreter's lock, and on a busy daemon each has to wait for it again.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Sequence

from ctm_trio.model.conversation.entry import words
from ctm_trio.model.conversation.piece import COMMAND, PROMPT, ROLES, Tokens, number_of
from ctm_trio.model.one_line import one_line
from ctm_trio.system.bulk_insert import insert_rows, inserts
from ctm_trio.transcripts.file_state import FileState, Found, Fresh
from ctm_trio.transcripts.place import Place
from ctm_trio.transcripts.schema import KEY_BITS, KIND_NUMBERS, conversation_tag, role_tag
from ctm_trio.transcripts.terms import new_terms, words_of

TITLE_CHARS = 120

COMMANDED, PROMPTED, SUMMED_UP, NAMED = 1, 2, 3, 4
"""What a title is from. A higher one counts more; of the last two the newest counts."""

MAX_WORDS = 4 << 20
"""So many characters of one entry are searched."""

DAY_MS = 86_400_000

PUT_ENTRIES, PUT_WORDS = inserts("entries", 10), inserts("words (rowid, text, tags)", 3)

_SAVE_FILE = (
    "UPDATE files SET conversation = ?, agent = ?, device = ?, inode = ?, position = ?, tail = ?, at = ?, turn = ?"
    " WHERE id = ?"
)
_KNOWN = (
    "SELECT number, key, file FROM entries"
    " WHERE number IN (SELECT value FROM json_each(?)) AND conversation = ? AND agent = ?"
)
_LAST_KEYS = (
    f"SELECT value, (SELECT max(key) FROM entries WHERE key >= value << {KEY_BITS} AND key < (value + 1) << {KEY_BITS})"
    " FROM json_each(?)"
)
_COUNT_PROMPTS = (
    "UPDATE conversations SET prompts = (SELECT count(*) FROM entries WHERE conversation = :id AND agent = 0"
    f" AND kind = {KIND_NUMBERS[PROMPT]} AND file > 0) WHERE id = :id"
)
_NO_TIME = 1 << 62
_USED = (
    "SELECT number, copied, input, output, cache_creation, cache_read FROM messages"
    " WHERE conversation = ? AND number IN (SELECT value FROM json_each(?))"
)
_SHARING = (
    "SELECT DISTINCT c.uuid FROM messages m JOIN conversations c ON c.id = m.conversation"
    " WHERE m.number IN (SELECT value FROM json_each(?)) AND m.conversation <> ?"
)
_SUM_UP = (
    "UPDATE conversations SET started = min(started, ?), ended = max(ended, ?), prompts = prompts + ?,"
    " input = input + ?, output = output + ?, cache_creation = cache_creation + ?, cache_read = cache_read + ?"
    " WHERE id = ?"
)


class Rows:
    """The rows, on the writer's connection, in its transaction.

    Args:
        db: the connection.
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db
        self._names: dict[str, int] = {}
        self._ranks: dict[int, int] = {}
        self._sharing: set[str] = set()

    def forget(self) -> None:
        """The transaction was taken back: nothing that was learnt in it is true."""
        self._names.clear()
        self._ranks.clear()
        self._sharing.clear()

    def take_sharing(self) -> set[str]:
        """Conversations that have messages which were added since: what is counted for them may have changed too."""
        found, self._sharing = self._sharing, set()
        return found

    # ------------------------------------------------------------ files

    def new_file(self, path: str, place: Place) -> FileState:
        """A row for a file that is read for the first time."""
        conversation = self.conversation(place.uuid) if place.uuid else 0
        agent = self._name(place.agent_id) if place.agent_id else 0
        cursor = self.db.execute(
            "INSERT INTO files (path, conversation, agent, device, inode, position, tail, at, turn)"
            " VALUES (?, ?, ?, 0, 0, 0, x'', 0, 0)",
            (os.fsencode(path), conversation, agent),
        )
        return FileState(cursor.lastrowid or 0, path, conversation, agent, place.agent_id)

    def save_file(self, state: FileState) -> None:
        """How far it is read now."""
        values = (state.conversation, state.agent, state.device, state.inode, state.position, state.tail, state.at)
        self.db.execute(_SAVE_FILE, (*values, state.turn, state.id))

    def files_of(self, conversation: int) -> list[str]:
        """The paths of a conversation's files."""
        rows = self.db.execute("SELECT path FROM files WHERE conversation = ?", (conversation,))
        return [os.fsdecode(path) for (path,) in rows] if conversation else []

    def unplace(self, state: FileState) -> None:
        """The file was written anew: what stood in it stands nowhere, until it is found again."""
        self._unplace(state)
        self.db.execute(_COUNT_PROMPTS, {"id": state.conversation})

    def drop_file(self, state: FileState) -> set[int]:
        """The file is gone, and so are its entries. A conversation without a file goes too.

        Returns:
            Ids of files with copies of its entries, perhaps: they stand at their beginning now.
        """
        whose = (state.conversation, state.agent)
        self.db.execute("DELETE FROM files WHERE id = ?", (state.id,))
        others = {
            id_ for (id_,) in self.db.execute("SELECT id FROM files WHERE conversation = ? AND agent = ?", whose)
        }  # fmt: skip
        stood = self._unplace(state)
        if not others:
            self.db.execute("DELETE FROM entries WHERE conversation = ? AND agent = ?", whose)
        elif not stood:
            return set()
        self.db.executemany(
            "UPDATE files SET position = 0, tail = x'', at = 0, turn = 0 WHERE id = ?", [(id_,) for id_ in others]
        )
        self.db.execute(_COUNT_PROMPTS, {"id": state.conversation})
        left = self.db.execute("SELECT 1 FROM files WHERE conversation = ? LIMIT 1", (state.conversation,)).fetchone()
        if left is None:  # the row stays: its id is never that of another, and what it used stays counted
            self.db.execute(
                "UPDATE conversations SET title = '', rank = 0, cwd = '', started = ?, ended = 0 WHERE id = ?",
                (_NO_TIME, state.conversation),
            )
            self._ranks.pop(state.conversation, None)
        return others

    def _unplace(self, state: FileState) -> int:
        """What stood in the file stands nowhere; how much that was."""
        return self.db.execute(
            "UPDATE entries SET file = -file WHERE conversation = ? AND file = ?", (state.conversation, state.id)
        ).rowcount

    # ------------------------------------------------------------ conversations

    def conversation(self, uuid: str) -> int:
        """The row of a conversation, made if there is none."""
        self.db.execute(
            "INSERT OR IGNORE INTO conversations (uuid, title, rank, cwd, started, ended, prompts, input, output,"
            " cache_creation, cache_read) VALUES (?, '', 0, '', ?, 0, 0, 0, 0, 0, 0)",
            (uuid, _NO_TIME),
        )
        (found,) = self.db.execute("SELECT id FROM conversations WHERE uuid = ?", (uuid,)).fetchone()
        return int(found)

    def entitle(self, conversation: int, title: str, rank: int) -> None:
        """Give a conversation a title, unless it has a better one."""
        title = one_line(title, TITLE_CHARS)
        known = self._ranks.get(conversation)
        if known is None:
            row = self.db.execute("SELECT rank FROM conversations WHERE id = ?", (conversation,)).fetchone()
            known = row[0] if row is not None else 0
        if title and (rank > known or (rank == known and rank >= SUMMED_UP)):
            known = rank
            self.db.execute("UPDATE conversations SET title = ?, rank = ? WHERE id = ?", (title, rank, conversation))
        self._ranks[conversation] = known

    def place_in(self, conversation: int, cwd: str) -> None:
        """Where a conversation began, if that is not known yet."""
        self.db.execute("UPDATE conversations SET cwd = ? WHERE id = ? AND cwd = ''", (cwd, conversation))

    # ------------------------------------------------------------ entries

    def add(self, state: FileState, agent_id: str, found: Sequence[Found]) -> list[Fresh]:
        """Add what a chunk of a file says of one thread; what was new.

        Args:
            agent_id: of the sub-agent, "" for the main thread. found: at least one piece.
        """
        agent = self._name(agent_id) if agent_id else 0
        known = self._known(state.conversation, agent, found)
        fresh: list[Found] = []
        moved: list[tuple[int, int, int, int]] = []
        prompts = 0
        for one in found:
            number = one.piece.number
            if number not in known:
                known[number] = (0, state.id)
                fresh.append(one)
                prompts += one.piece.kind == PROMPT
            elif known[number][1] < 0:
                moved.append((state.id, one.start, one.length, known[number][0]))
                known[number] = (known[number][0], state.id)
                prompts += one.piece.kind == PROMPT
        if moved:
            self.db.executemany("UPDATE entries SET file = ?, start = ?, length = ? WHERE key = ?", moved)
        self._insert(state, agent, fresh)
        self._sum_up(state.conversation, agent, found, fresh, prompts)
        (uuid,) = self.db.execute("SELECT uuid FROM conversations WHERE id = ?", (state.conversation,)).fetchone()
        return [Fresh(uuid, agent_id, one.piece, one.ms, one.turn) for one in fresh]

    def _known(self, conversation: int, agent: int, found: Sequence[Found]) -> dict[int, tuple[int, int]]:
        """Number → key and file of what is there already."""
        numbers = json.dumps([one.piece.number for one in found])
        rows = self.db.execute(_KNOWN, (numbers, conversation, agent))
        return {number: (key, file) for number, key, file in rows}

    def _insert(self, state: FileState, agent: int, fresh: Sequence[Found]) -> None:
        if not fresh:
            return
        keys = self._keys([one.ms for one in fresh])
        entries, texts, terms = [], [], []
        conversation = conversation_tag(state.conversation)
        for one, key in zip(fresh, keys, strict=True):
            piece = one.piece
            message = number_of(piece.message) if piece.message else 0
            kind = KIND_NUMBERS[piece.kind]
            entries.append(
                (
                    key, piece.number, state.conversation, agent, state.id, one.start, one.length, kind,
                    one.turn, message,
                )
            )  # fmt: skip
            text = words(piece)[:MAX_WORDS]
            if text.strip():
                spoken = words_of(text)
                role = ROLES.get(piece.kind)
                texts.append((key, " ".join(spoken), f"{conversation} {role_tag(role)}" if role else conversation))
                terms.append(spoken)
        insert_rows(self.db, PUT_ENTRIES, entries)
        insert_rows(self.db, PUT_WORDS, texts)
        new_terms(self.db, terms)

    def _keys(self, times: Sequence[int]) -> list[int]:
        """A free key for each of these times in ms. Where all of one ms are used up, it is one of the next ms."""
        free = self._free(sorted(set(times)))
        keys = []
        for ms in times:
            while free[ms] >> KEY_BITS > ms:
                ms += 1
                if ms not in free:
                    free |= self._free([ms])
            keys.append(free[ms])
            free[ms] += 1
        return keys

    def _free(self, times: Sequence[int]) -> dict[int, int]:
        """Time in ms → the key behind the last one of it."""
        rows = self.db.execute(_LAST_KEYS, (json.dumps(times),))
        return {ms: ms << KEY_BITS if last is None else last + 1 for ms, last in rows}

    def _sum_up(
        self, conversation: int, agent: int, found: Sequence[Found], fresh: Sequence[Found], prompts: int
    ) -> None:
        """Titles, times, counts and tokens of the conversation."""
        main = agent == 0
        for one in fresh if main else ():
            if one.piece.kind == PROMPT and one.piece.text.strip():
                self.entitle(conversation, one.piece.text, PROMPTED)
            elif one.piece.kind == COMMAND and not one.piece.output:
                self.entitle(conversation, one.piece.text, COMMANDED)
        used = self._use(conversation, agent, found)
        times = [one.ms for one in found]
        self.db.execute(
            _SUM_UP,
            (
                min(times), max(times), prompts if main else 0, used.input, used.output, used.cache_creation,
                used.cache_read, conversation,
            ),
        )  # fmt: skip

    def _use(self, conversation: int, agent: int, found: Sequence[Found]) -> Tokens:
        """Count the tokens of messages, each once; how much that is more than was counted."""
        told: dict[int, tuple[Tokens, str, int, bool]] = {}
        for one in found:
            piece = one.piece
            if piece.message and piece.tokens is not None and piece.tokens != Tokens():
                number = number_of(piece.message)
                before = told.get(number)
                tokens = _larger(piece.tokens, before[0]) if before is not None else piece.tokens
                copied = one.copied and (before is None or before[3])
                told[number] = (tokens, piece.model, one.ms // DAY_MS, copied)
        if not told:
            return Tokens()
        rows = self.db.execute(_USED, (conversation, json.dumps(list(told))))
        known = {number: (Tokens(*counts), bool(copied)) for number, copied, *counts in rows}
        more = [0, 0, 0, 0]
        put = []
        for number, (tokens, model, day, copied) in told.items():
            before_, was_copied = known.get(number, (Tokens(), True))
            now, copied = _larger(tokens, before_), copied and was_copied
            if (now, copied) == (before_, was_copied):
                continue
            counts = (now.input, now.output, now.cache_creation, now.cache_read)
            was = (before_.input, before_.output, before_.cache_creation, before_.cache_read)
            more = [m + a - b for m, a, b in zip(more, counts, was, strict=True)]
            put.append((conversation, number, agent, self._name(model), day, *counts, copied))
        if put:
            self.db.executemany("INSERT OR REPLACE INTO messages VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", put)
            numbers = json.dumps([number for _, number, *_ in put])
            self._sharing.update(uuid for (uuid,) in self.db.execute(_SHARING, (numbers, conversation)))
        return Tokens(*more)

    def _name(self, name: str) -> int:
        """The number of a sub-agent's id or a model."""
        found = self._names.get(name)
        if found is None:
            self.db.execute("INSERT OR IGNORE INTO names (name) VALUES (?)", (name,))
            (found,) = self.db.execute("SELECT id FROM names WHERE name = ?", (name,)).fetchone()
            self._names[name] = found
        return found


def _larger(a: Tokens, b: Tokens) -> Tokens:
    """Of two counts of one message the one with more output: a streamed line may have been written before its end."""
    return a if a.output >= b.output else b
