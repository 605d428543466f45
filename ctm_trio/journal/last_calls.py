"""When each session called a tool last, if it has several logs: by the order of the events, because clocks get changed.

`EventStore.last_calls` has, by source, the id of its newest tool call, as far as that is known.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Collection, Mapping

from ctm_trio.journal.sources import Source
from ctm_trio.system.store_errors import translated


def newest_calls(db: sqlite3.Connection, sources: Collection[Source]) -> dict[int, int]:
    """The ids of the newest tool calls of those logs whose session has another one. Blocking.

    Raises:
        StoreUnavailable, StoreDamaged: they cannot be read.
    """
    logs = Counter(source.session for source in sources if source.last_call_at)
    found = {}
    with translated():
        for source in sources:
            if source.last_call_at and logs[source.session] > 1:
                (found[source.id],) = db.execute(
                    "SELECT coalesce(max(id), 0) FROM events INDEXED BY events_source"
                    " WHERE source = ? AND type = 'tool_call'", (source.id,),
                ).fetchone()  # fmt: skip
    return found


def last_call_at(sources: Collection[Source], newest: Mapping[int, int]) -> dict[str, str]:
    """Session → time (RFC 3339) of its newest tool call."""
    calls: dict[str, tuple[int, str]] = {}
    for source in sources:
        if source.last_call_at:
            call = (newest.get(source.id, 0), source.last_call_at)
            if call > calls.get(source.session, (0, "")):
                calls[source.session] = call
    return {session: at for session, (_, at) in calls.items()}
