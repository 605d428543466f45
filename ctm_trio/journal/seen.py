"""What was reported lately, log by log: in memory for the logs that are written to, else read back from the event log.

So a restart between an event and its copy changes nothing. See `model.twice`.
"""

from __future__ import annotations

import sqlite3
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

import msgspec

from ctm_trio.model.decoding import BAD_JSON
from ctm_trio.model.event import HookFacts
from ctm_trio.model.log_line import Row
from ctm_trio.model.times import parse_time
from ctm_trio.model.twice import CALLS_KEPT, HOOKS_KEPT, Reported, call_key
from ctm_trio.system.open_file import suspect_if_damaged

LOGS_KEPT = 1000
"""Logs whose last events are in memory; past it the one not written to the longest is read back when it is again."""

_CALLS = (
    "SELECT payload, ts FROM events INDEXED BY events_source"
    " WHERE source = ? AND type = 'tool_call' AND tool_use_id <> '' ORDER BY id DESC LIMIT ?"
)
_HOOKS = "SELECT facts, ts FROM hooks INDEXED BY hooks_source WHERE source = ? ORDER BY id DESC LIMIT ?"
_facts = msgspec.json.Decoder(HookFacts)


class Seen:
    """The memory of the journal's writer, in its thread.

    Args:
        db: the writer's connection. path: of its file.
    """

    def __init__(self, db: sqlite3.Connection, path: Path) -> None:
        self._db = db
        self._path = path
        self._logs: OrderedDict[int, Reported] = OrderedDict()

    def use(self, db: sqlite3.Connection) -> None:
        """Go on with another connection."""
        self._db = db

    def first_of(self, source: int, rows: Sequence[Row]) -> Sequence[Row]:
        """The rows of a log that do not repeat what was reported before."""
        known = self._logs.get(source)
        if known is None:
            known = self._logs[source] = self._read_back(source)
            if len(self._logs) > LOGS_KEPT:
                self._logs.popitem(last=False)
        else:
            self._logs.move_to_end(source)
        return known.first_of(rows)

    def _read_back(self, source: int) -> Reported:
        try:
            calls = self._db.execute(_CALLS, (source, CALLS_KEPT)).fetchall()
            hooks = self._db.execute(_HOOKS, (source, HOOKS_KEPT)).fetchall()
            return Reported(
                [call_key(bytes(payload), str(ts)) for payload, ts in reversed(calls)],
                [(_facts.decode(facts), parse_time(str(ts)) or 0.0) for facts, ts in reversed(hooks)],
            )
        except sqlite3.Error as error:
            suspect_if_damaged(self._path, error)
        except (*BAD_JSON, TypeError):
            pass
        return Reported()  # rather counted twice than never
