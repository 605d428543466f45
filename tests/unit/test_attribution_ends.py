"""When the owner of attribution ends, whoever waits for it hears that at once, and what it says counts by identity."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import trio
import trio.testing

from ctm_trio.core.channels import ask, open_state_channel
from ctm_trio.errors.orders import Unavailable
from ctm_trio.ingest import attribution
from ctm_trio.messages.attribution import AttributionSnapshot, Sighting
from ctm_trio.messages.journal import JournalMessage, KnownSources
from ctm_trio.messages.sessions import SessionsMessage, SessionsSnapshot
from ctm_trio.model.log_parse import Clues

UUID = "11111111-2222-4333-8444-555555555555"


@pytest.mark.parametrize("held", ["_look_up", "follow_sightings"], ids=["looked up", "queued"])
async def test_who_waits_hears_that_it_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: str) -> None:
    """A sighting that is being looked up, or one in the queue: who waits for it is told that the owner ended."""
    sightings_send, sightings = trio.open_memory_channel[Sighting](64)
    journal_send, journal = trio.open_memory_channel[JournalMessage](64)
    orders_send, _ = trio.open_memory_channel[SessionsMessage](0)
    state, _ = open_state_channel(AttributionSnapshot())
    _, sessions = open_state_channel(SessionsSnapshot())
    entered, told = trio.Event(), list[str]()

    async def wait() -> None:
        with pytest.raises(Unavailable) as error:
            await ask(sightings_send, partial(Sighting, UUID, Clues()), timeout_s=60)
        told.append(error.value.message)

    async def hold(*_: object) -> None:
        entered.set()
        await trio.sleep_forever()

    monkeypatch.setattr(attribution._AttributionOwner, held, hold)
    run = partial(attribution.run_attribution, sightings, state, sessions, journal_send, orders_send, tmp_path)
    with trio.fail_after(30):
        async with trio.open_nursery() as nursery, trio.open_nursery() as owner:
            owner.start_soon(run)
            known = await journal.receive()
            assert isinstance(known, KnownSources)
            known.reply.ok({})
            nursery.start_soon(wait)
            await entered.wait()
            await trio.testing.wait_all_tasks_blocked()
            owner.cancel_scope.cancel()
    (said,) = told
    assert "restart" in said


def test_a_snapshot_is_like_no_other() -> None:
    """Readers compare its records by identity, so one that only has other, equal records is published too."""
    send, receive = open_state_channel(AttributionSnapshot(records={}))
    again = AttributionSnapshot(records={})
    send.publish(again)
    assert receive.latest is again
