"""The task of one log: when its tailer looks at the file, how long it stays, what it does if that cannot be read."""

from __future__ import annotations

import errno
import math
from pathlib import Path

import trio

from ctm_trio.ingest.copies import NamesOf
from ctm_trio.ingest.ends import Progress, TailEnds, TailerBell
from ctm_trio.ingest.tailer import Tail
from ctm_trio.model.log_line import Segment
from ctm_trio.model.log_parse import Clues

OLD_IDLE_S = 1.0
"""How long the tailer of a log that was not written to lately stays once it has read it."""

UNREADABLE_RETRY_S, UNREADABLE_RETRY_MAX_S = 2.0, 60.0
"""A log that cannot be read is tried again after so long, then after twice as long each time, up to once a minute:
nothing tells us of all the ways it can become readable. Source: PROTOCOL.md, Metrics and health."""


async def tail_log(
    directory: Path,
    kind: str,
    uuid: str,
    segments: tuple[Segment, ...],
    bell: TailerBell,
    progress: Progress,
    ends: TailEnds,
    names_of: NamesOf,
) -> None:
    """Follow one log until it has been idle for long (`TailerBell.end`); an old one only until it is read.

    Args:
        directory, kind: where the log is; `model.log_line.LOGS` or `HOOK_EVENTS`.
        uuid: the log's Claude session id.
        segments: how far it is read, from the journal.
        bell: rings when a file of this log has changed.
        progress: counters, ours to write.
        ends: channels to the journal and the attribution owner.
        names_of: see `NamesOf`.
    """
    tail = Tail(directory, kind, uuid, progress, ends, names_of)
    tail.adopt(segments)
    retry_s = UNREADABLE_RETRY_S
    recent = False
    bell.begin()
    try:
        await tail.sight(Clues())
        parts: int | None = None
        while True:
            bell.rung, known = False, bell.parts
            try:
                seen = tail.look()
                async with ends.open_logs.reading(tail, big=tail.has_much(seen)) as waited:
                    await tail.sync(tail.look() if waited else seen, look_at_parts=known != parts)
            except OSError as error:
                # Without permission, a link, a directory: that is not a crash, and the file may become readable.
                tail.unreadable(error)
                if error.errno in (errno.EMFILE, errno.ENFILE):
                    ends.open_logs.shed()
                    retry_s = UNREADABLE_RETRY_S  # that passes
                parts = None
                progress.reached_end()
                with trio.move_on_after(retry_s):
                    await bell.wait()
                retry_s = min(retry_s * 2, UNREADABLE_RETRY_MAX_S)
                continue
            tail.readable()
            retry_s = UNREADABLE_RETRY_S
            parts = known
            progress.reached_end()
            ends_at = tail.again_at
            if ends_at == math.inf and not recent and not tail.is_recent():
                ends_at = trio.current_time() + OLD_IDLE_S
            if ends_at == math.inf:
                recent = await bell.wait()
            else:
                with trio.move_on_at(ends_at):
                    recent = await bell.wait()
            if tail.again_at != math.inf and trio.current_time() >= tail.again_at:
                tail.again_at, parts = math.inf, None
            elif not recent:
                return
    finally:
        tail.readable()
        tail.close()
        ends.open_logs.forget(tail)
