"""When the owner of attribution ends, whoever waits for it hears that at once, and what it says counts by identity."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import trio
import trio.testing

from ctm_trio.core.channels import ask, open_state_channel
from ctm_trio.errors import Unavailable
from ctm_trio.ingest import attribution
from ctm_trio.messages.attribution import AttributionSnapshot, Sighting
from ctm_trio.messages.journal import JournalMessage, KnownSources
from ctm_trio.messages.sessions import SessionsMessage, SessionsSnapshot
from ctm_trio.model.log_parse import Clues


async def test_who_waits_hears_that_it_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sighting that is being looked up and one in the queue: both are told when the owner crashes."""
    sightings_send, sightings = trio.open_memory_channel[Sighting](64)
    journal_send, journal = trio.open_memory_channel[JournalMessage](64)
    orders_send, _ = trio.open_memory_channel[SessionsMessage](0)
    state, _ = open_state_channel(AttributionSnapshot())
    _, sessions = open_state_channel(SessionsSnapshot())
    told: list[str] = []

    async def wait(uuid: str) -> None:
        with pytest.raises(Unavailable) as error:
            await ask(sightings_send, partial(Sighting, uuid, Clues()), timeout_s=60)
        told.append(error.value.message)

    async def looks(*_: object) -> None:
        await trio.sleep_forever()

    monkeypatch.setattr(attribution._AttributionOwner, "_look_up", looks)
    async with trio.open_nursery() as nursery:
        with trio.CancelScope() as scope, trio.fail_after(5):
            async with trio.open_nursery() as inner:
                run = partial(
                    attribution.run_attribution, sightings, state, sessions, journal_send, orders_send, tmp_path
                )
                inner.start_soon(run)
                known = await journal.receive()
                assert isinstance(known, KnownSources)
                known.reply.ok({})
                nursery.start_soon(wait, "11111111-2222-4333-8444-555555555555")
                await trio.testing.wait_all_tasks_blocked(0.05)
                monkeypatch.setattr(attribution._AttributionOwner, "follow_sightings", looks)
                nursery.start_soon(wait, "22222222-2222-4333-8444-555555555555")
                await trio.testing.wait_all_tasks_blocked(0.05)
                scope.cancel()
    assert len(told) == 2
    assert "restart" in told[0]


def test_a_snapshot_is_like_no_other() -> None:
    """Readers compare its records by identity, so one that only has other, equal records is published too."""
    send, receive = open_state_channel(AttributionSnapshot(records={}))
    again = AttributionSnapshot(records={})
    send.publish(again)
    assert receive.latest is again
