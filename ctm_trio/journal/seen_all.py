"""Every stored call of a log whose current file was replaced or cut, for as long as that file is being re-read.

`seen` knows a log's last calls only; a log that was edited, or put back from an older copy, has all of them again.
"""

from __future__ import annotations

import sqlite3
from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

import msgspec

from ctm_trio.model.log_line import Row
from ctm_trio.system.open_file import suspect_if_damaged
from ctm_trio.system.store_errors import translated

_CALL = (
    "SELECT 1 FROM events INDEXED BY events_source"
    " WHERE source = ? AND type = 'tool_call' AND tool_use_id = ? AND agent_id = ?"
)

MAX_KEYS = 1_000_000
"""The newest calls of a log that are known, 8 bytes each. Older ones would come twice."""

MAX_ALL = 4_000_000
"""Of all logs that are being re-read at the same time; past it the one that was opened first is read back once more."""

_CALLS = (
    "SELECT tool_use_id, agent_id, is_error FROM events INDEXED BY events_source"
    " WHERE source = ? AND type = 'tool_call' AND tool_use_id <> '' ORDER BY id DESC LIMIT ?"
)


class _Known(msgspec.Struct):
    """What a log's lines are compared with: the sorted keys of what was stored before a segment was begun."""

    segment: int
    keys: array[int]
    newer: array[int] = msgspec.field(default_factory=lambda: array("q"))
    """Of what came from that segment itself: a file is not compared with itself."""


class SeenAll:
    """The memory of the journal's writer, in its thread.

    Args:
        path: of the database.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._logs: OrderedDict[int, _Known] = OrderedDict()
        """By source."""

    def has(self, source: int, segment: int) -> bool:
        """True if the calls are in memory that this segment is compared with."""
        known = self._logs.get(source)
        return known is not None and (known.segment == segment or not known.newer)

    def new_of(self, db: sqlite3.Connection, source: int, segment: int, rows: Sequence[Row]) -> Sequence[Row]:
        """The rows that are not stored calls of the log. Reads all of these back the first time: that takes a while."""
        if not rows:
            return rows
        known = self._logs.get(source)
        if known is None:
            known = self._logs[source] = _Known(segment, self._read_back(db, source))
            while len(self._logs) > 1 and sum([len(one.keys) for one in self._logs.values()]) > MAX_ALL:
                self._logs.popitem(last=False)
        elif known.segment != segment:  # what came from the file before is stored by now
            known.segment = segment
            if known.newer:
                known.keys = array("q", sorted([*known.keys, *sorted(known.newer)]))
                known.newer = array("q")
        new: list[Row] = []
        for row in rows:
            if not row.tool_use_id or row.hook is not None:
                new.append(row)
                continue
            key = _key(row.tool_use_id, row.agent_id, row.is_error)
            if not _is_in(known.keys, key):
                known.newer.append(key)
                new.append(row)
        return new

    def forget(self, source: int) -> None:
        """The log is read to its end."""
        if self._logs:
            self._logs.pop(source, None)

    def _read_back(self, db: sqlite3.Connection, source: int) -> array[int]:
        try:
            return array("q", sorted([_key(*row) for row in db.execute(_CALLS, (source, MAX_KEYS))]))
        except sqlite3.Error as error:
            suspect_if_damaged(self._path, error)
            return array("q")  # rather counted twice than never


def is_stored(db: sqlite3.Connection, source: int, tool_use_id: str, agent_id: str) -> bool:
    """True if a log's call is in the database.

    Raises:
        StoreUnavailable, StoreDamaged: the database cannot be read.
    """
    with translated():
        return db.execute(_CALL, (source, tool_use_id, agent_id)).fetchone() is not None


def _key(tool_use_id: str, agent_id: str, is_error: object) -> int:
    return hash((tool_use_id, agent_id, bool(is_error)))


def _is_in(keys: array[int], key: int) -> bool:
    at = bisect_left(keys, key)
    return at < len(keys) and keys[at] == key
