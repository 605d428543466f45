"""The quota owner on a real directory: dumps in, snapshot, events and cost points out."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trio

from ctm_trio.core.channels import StateReceiver, StateSender, open_state_channel
from ctm_trio.messages.attribution import AttributionSnapshot
from ctm_trio.messages.config import ConfigSnapshot
from ctm_trio.messages.journal import JournalMessage, Publish
from ctm_trio.messages.quota import QuotaSnapshot
from ctm_trio.messages.sessions import SessionsSnapshot
from ctm_trio.model.config import Settings
from ctm_trio.model.quota import CostPoint
from ctm_trio.model.session import Session
from ctm_trio.owners.quota import book as quota_book
from ctm_trio.owners.quota import task as quota
from ctm_trio.owners.quota.task import run_quota
from tests.fixtures import recorded

ALPHA = "00000000-0000-4000-8000-0000000a1fa0"


class Bench:
    """The owner with everything around it, and what it has sent."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.settings, self.settings_recv = open_state_channel(
            ConfigSnapshot(Settings(statusline_dump_dir=str(directory)))
        )
        self.sessions: StateSender[SessionsSnapshot]
        self.sessions, self.sessions_recv = open_state_channel(
            SessionsSnapshot(records={"alpha": Session("alpha", uuid=ALPHA)})
        )
        self.attribution, self.attribution_recv = open_state_channel(AttributionSnapshot())
        self.state: StateSender[QuotaSnapshot]
        self.quota: StateReceiver[QuotaSnapshot]
        self.state, self.quota = open_state_channel(QuotaSnapshot())
        self.journal_send, self.journal = trio.open_memory_channel[JournalMessage](256)
        self.cost_send, self.cost = trio.open_memory_channel[CostPoint](256)

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        await run_quota(
            self.settings_recv, self.sessions_recv, self.attribution_recv, self.state,
            self.journal_send.clone(), self.cost_send.clone(), task_status=task_status,
        )  # fmt: skip

    def dump(self, stem: str, **fields: Any) -> None:
        temporary = self.directory / f".{stem}.tmp"
        temporary.write_text(json.dumps(fields))
        os.replace(temporary, self.directory / f"{stem}.json")

    async def event(self) -> tuple[str, dict[str, Any]]:
        """The next event: its session and payload."""
        with trio.fail_after(30):
            message = await self.journal.receive()
        assert isinstance(message, Publish)
        assert len(message.drafts) == 1
        return message.drafts[0].session, json.loads(message.drafts[0].payload)

    async def until(self, done: Any) -> QuotaSnapshot:
        """Wait until the snapshot is as wanted."""
        with trio.fail_after(30):
            version = -1
            while not done(self.quota.latest):
                version = await self.quota.wait_newer(max(version, self.quota.version))
        return self.quota.latest


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path)
    async with trio.open_nursery() as nursery:
        await nursery.start(bench.run)
        yield bench
        nursery.cancel_scope.cancel()


def context(pct: float | None, tokens: tuple[int, int, int]) -> dict[str, Any]:
    return {
        "used_percentage": pct, "total_input_tokens": tokens[0], "total_output_tokens": tokens[1],
        "current_usage": {"cache_read_input_tokens": tokens[2]},
    }  # fmt: skip


async def test_dump_becomes_event_snapshot_and_point(bench: Bench) -> None:
    """A dump's figures are published, announced, and kept as a point of the cost curve."""
    bench.dump(ALPHA, context_window=context(12.5, (10, 20, 3)), cost={"total_cost_usd": 0.5}, model={"id": "m"})
    assert await bench.event() == (
        "alpha", {"session": "alpha", "context_pct": 13, "input_tokens": 10, "output_tokens": 20, "cache_tokens": 3},
    )  # fmt: skip
    assert bench.quota.latest.account is None
    assert bench.quota.latest.sessions["alpha"].cost_usd_micros == 500_000
    point = bench.cost.receive_nowait()
    assert (point.session, point.uuid, point.model, point.input_tokens, point.total_cost_micros) == (
        "alpha", ALPHA, "m", 10, 500_000,
    )  # fmt: skip


async def test_nothing_changed_nothing_sent(bench: Bench) -> None:
    """The same figures again make no event and no point; a new limit alone makes one event."""
    bench.dump(ALPHA, context_window=context(5, (1, 1, 1)))
    await bench.event()
    bench.dump(ALPHA, context_window=context(5, (1, 1, 1)))
    bench.dump(ALPHA, context_window=context(5, (1, 1, 1)), rate_limits={"seven_day": {"used_percentage": 7}})
    session, payload = await bench.event()
    assert (session, payload["weekly_pct"], payload["five_hr_pct"]) == ("", 7, None)
    assert bench.cost.statistics().current_buffer_used == 1


async def test_limits_of_an_unknown_session_count(bench: Bench) -> None:
    """Anybody's limits are the account's; the context of a session that nobody recorded is nobody's."""
    bench.dump("stranger", context_window=context(99, (9, 9, 9)), rate_limits={"five_hour": {"used_percentage": 61}})
    assert (await bench.event())[1]["five_hr_pct"] == 61
    assert bench.quota.latest.sessions == {}


async def test_session_recorded_later_takes_its_figures(bench: Bench) -> None:
    """Figures wait for their session: it is recorded, or attributed after /clear, after its first dump."""
    bench.dump("later", context_window=context(40, (4, 4, 4)), rate_limits={"five_hour": {"used_percentage": 1}})
    await bench.event()
    bench.attribution.publish(AttributionSnapshot({"later": "alpha"}))
    assert (await bench.event())[0] == "alpha"
    bench.sessions.publish(SessionsSnapshot(records={"beta": Session("beta", uuid="later")}))
    session, payload = await bench.event()
    assert (session, payload["context_pct"]) == ("beta", 40)
    assert set(bench.quota.latest.sessions) == {"beta"}


async def test_foreign_files_are_left_alone(bench: Bench, tmp_path: Path) -> None:
    """Links, other names, directories and half a dump change nothing."""
    secret = tmp_path / "note.txt"
    secret.write_text('{"rate_limits":{"five_hour":{"used_percentage":99}}}')
    (tmp_path / "link.json").symlink_to(secret)
    (tmp_path / "dir.json").mkdir()
    (tmp_path / "half.json").write_text('{"rate_limits": {"five_')
    bench.dump(ALPHA, rate_limits={"five_hour": {"used_percentage": 5}})
    assert (await bench.event())[1]["five_hr_pct"] == 5


async def test_other_directory(bench: Bench, tmp_path: Path) -> None:
    """When the setting changes, dumps of the new directory are read at once and the figures known stay."""
    bench.dump(ALPHA, context_window=context(5, (1, 1, 1)))
    await bench.event()
    bench.directory = tmp_path / "other"
    bench.directory.mkdir()
    bench.dump(ALPHA, rate_limits={"seven_day": {"used_percentage": 30}})
    bench.settings.publish(ConfigSnapshot(Settings(statusline_dump_dir=str(bench.directory))))
    assert (await bench.event())[1]["weekly_pct"] == 30
    assert bench.quota.latest.sessions["alpha"].context_pct == 5
    bench.dump(ALPHA, context_window=context(6, (1, 1, 1)))
    assert (await bench.event())[1]["context_pct"] == 6


async def test_start_reads_what_is_there_and_a_restart_repeats_nothing(tmp_path: Path) -> None:
    """Dumps that exist are known when the owner is ready; after a crash they are not announced again."""
    bench = Bench(tmp_path)
    bench.dump(ALPHA, context_window=context(64.6, (7, 8, 19)), rate_limits={"seven_day": {"used_percentage": 81}})
    async with trio.open_nursery() as nursery:
        await nursery.start(bench.run)
        assert bench.quota.latest.sessions["alpha"].context_pct == 65
        assert bench.quota.latest.account is not None
        nursery.cancel_scope.cancel()
    assert bench.journal.statistics().current_buffer_used == 1
    async with trio.open_nursery() as nursery:
        await nursery.start(bench.run)
        nursery.cancel_scope.cancel()
    assert bench.journal.statistics().current_buffer_used == 1


async def test_recorded_clear(bench: Bench) -> None:
    """The recorded run with its /compact and /clear: the context empties, the cost goes on as a sum."""
    items = list(recorded("statusline", "tui"))
    bench.attribution.publish(AttributionSnapshot(dict.fromkeys((i["payload"]["session_id"] for i in items), "alpha")))
    for item in items:
        bench.dump(item["payload"]["session_id"], **item["payload"])
        if item["payload"]["session_id"].startswith("d0eb91cf"):
            await bench.until(lambda s: s.sessions.get("alpha") and s.sessions["alpha"].input_tokens in (0, 9523))
    found = await bench.until(lambda s: s.sessions.get("alpha") and s.sessions["alpha"].input_tokens == 9523)
    assert found.sessions["alpha"].cost_usd_micros == 60_841 + 1_201
    assert found.sessions["alpha"].context_pct == 1


async def test_the_oldest_is_forgotten_while_the_attribution_lags(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Past the bound the Claude session that was silent for longest is left out, also when nobody is placed anew."""
    monkeypatch.setattr(quota_book, "MAX_METERS", 3)
    records = bench.sessions_recv.latest.records
    old = [f"u{n}" for n in range(3)]
    bench.attribution.publish(AttributionSnapshot(dict.fromkeys(old, "alpha"), records))
    for n, uuid in enumerate(old):
        bench.dump(uuid, context_window=context(10 + n, (n, n, n)))
        assert (await bench.event())[1]["context_pct"] == 10 + n
    bench.sessions.publish(SessionsSnapshot(records={"alpha": Session("alpha", uuid="u9")}))  # after /clear
    bench.dump("u9", context_window=context(50, (9, 9, 9)))
    assert await bench.event() == (
        "alpha", {"session": "alpha", "context_pct": 50, "input_tokens": 9, "output_tokens": 9, "cache_tokens": 9},
    )  # fmt: skip


async def test_figures_go_on_while_the_costs_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the cost owner takes nothing the figures still change; of its points the newest of each session waits."""
    monkeypatch.setattr(quota, "MAX_UNSENT", 8)
    bench = Bench(tmp_path)
    bench.cost_send, bench.cost = trio.open_memory_channel[CostPoint](0)
    async with trio.open_nursery() as nursery:
        await nursery.start(bench.run)
        for tokens in range(1, 40):
            bench.dump(ALPHA, context_window=context(tokens, (tokens, 1, 1)))
            assert (await bench.event())[1]["input_tokens"] == tokens
        last = 0
        with trio.fail_after(30):
            while last != 39:
                point = await bench.cost.receive()
                assert point.input_tokens > last  # in order
                last = point.input_tokens
        nursery.cancel_scope.cancel()
