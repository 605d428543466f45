"""The last call of a session with several logs, as the event log counts it."""

from __future__ import annotations

from pathlib import Path

import trio

from ctm_trio.core.channels import Figures, ask, open_state_channel
from ctm_trio.journal.tail import open_event_tail
from ctm_trio.journal.task import run_journal
from ctm_trio.messages.journal import (
    Attribute,
    Ingest,
    JournalCounters,
    JournalMessage,
    JournalSnapshot,
    OpenSegment,
)
from ctm_trio.model.log_line import LOGS, LineBatch, Row, Segment
from ctm_trio.model.times import format_time

NOW = 1_800_000_000.0


def call(ts: float) -> Row:
    return Row(format_time(ts), b'"tool":"Bash","is_error":false}', "Bash", False, "", "", "", 0, 0)


async def test_last_call_of_two_logs(tmp_path: Path) -> None:
    """The last call is the one that came last, also after a restart: the first log was written with a fast clock."""
    send, recv = trio.open_memory_channel[JournalMessage](64)

    async def ingest(uuid: str, ts: float) -> None:
        await send.send(Attribute(uuid, "alpha"))
        segment: Segment = await ask(send, lambda reply: OpenSegment(uuid, LOGS, reply), timeout_s=5)
        await send.send(Ingest(LineBatch(segment, [call(ts)])))

    for life in range(2):
        state, _ = open_state_channel(JournalSnapshot())
        events_send, events = open_event_tail(tmp_path / "ctm-trio.db", send)
        counters = Figures(JournalCounters())
        async with trio.open_nursery() as nursery:
            await nursery.start(run_journal, tmp_path / "ctm-trio.db", recv.clone(), state, events_send, counters)
            if not life:
                await ingest("u1", NOW + 1200)
                await ingest("u2", NOW)
            with trio.fail_after(30):
                while counters.read().last_call_at.get("alpha") != format_time(NOW):
                    await events.source.moved(events.source.head())
            nursery.cancel_scope.cancel()
