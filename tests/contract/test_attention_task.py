"""The attention owner beside a real journal: what it announces, remembers and survives."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
from msgspec.structs import replace

from ctm_trio.core.channels import Figures, ask, open_state_channel
from ctm_trio.journal.recall import Recalled, recall
from ctm_trio.journal.tail import open_event_tail
from ctm_trio.journal.task import run_journal
from ctm_trio.journal.view import Batch, EventView
from ctm_trio.messages.attention import AttentionSnapshot
from ctm_trio.messages.clients import ClientsSnapshot
from ctm_trio.messages.config import ConfigSnapshot
from ctm_trio.messages.journal import (
    Attribute,
    Ingest,
    JournalCounters,
    JournalMessage,
    JournalSnapshot,
    OpenSegment,
)
from ctm_trio.messages.quota import QuotaSnapshot
from ctm_trio.messages.sessions import SessionsSnapshot
from ctm_trio.messages.status import StatusSnapshot
from ctm_trio.messages.tailers import TailersSnapshot
from ctm_trio.model.activity import LiveStatus
from ctm_trio.model.attention import Attention
from ctm_trio.model.config import Settings, Thresholds
from ctm_trio.model.event import HookFacts
from ctm_trio.model.log_line import LOGS, LineBatch, Row, Segment
from ctm_trio.model.quota import Quota, Usage
from ctm_trio.model.session import Session
from ctm_trio.model.times import format_time
from ctm_trio.owners.attention import task as attention_task
from ctm_trio.owners.attention.book import NEW_S, AttentionBook
from ctm_trio.owners.attention.task import AttentionEnds, run_attention

UUID = "00000000-0000-4000-8000-0000000a1fa0"
ALPHA = Session("alpha", uuid=UUID)


class Desk:
    """A journal and the owner, with the snapshots of the others in the test's hands."""

    def __init__(self, path: Path, *, inbox: int = 64) -> None:
        self.path = path / "ctm-trio.db"
        self.send, self.recv = trio.open_memory_channel[JournalMessage](inbox)
        self.journal_state, _ = open_state_channel(JournalSnapshot())
        self.settings, settings = open_state_channel(
            ConfigSnapshot(Settings(attention=Thresholds(error_rate_window=4, error_rate_pct=50)))
        )
        self.sessions, sessions = open_state_channel(SessionsSnapshot({"alpha": ALPHA}, frozenset({"alpha"}), True))
        self.quota, quota = open_state_channel(QuotaSnapshot())
        self.tailers, tailers = open_state_channel(TailersSnapshot(caught_up=True))
        self.state, self.attention = open_state_channel(AttentionSnapshot())
        self.statuses, statuses = open_state_channel(StatusSnapshot())
        self.clients, clients = open_state_channel(ClientsSnapshot())
        self.live: dict[str, LiveStatus] = {}
        self.checkpoints: dict[str, float] = {}
        self.asked: list[str] = []
        self.events_send, self.events = open_event_tail(self.path, self.send)
        self.ends = AttentionEnds(
            self.events, settings, sessions, quota, tailers, self.recall, self.last_checkpoint, lambda: self.live,
            statuses, clients,
        )  # fmt: skip
        self.recalled = trio.Event()
        self.segment: Segment | None = None
        self.mailbox: trio.abc.ReceiveChannel[Batch]
        self.heard: list[tuple[str, str]] = []

    async def last_checkpoint(self, workdir: str) -> float | None:
        self.asked.append(workdir)
        return self.checkpoints.get(workdir)

    async def journal(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        await run_journal(
            self.path, self.recv.clone(), self.journal_state, self.events_send, Figures(JournalCounters()),
            task_status=task_status,
        )  # fmt: skip

    def recall(self, sessions: frozenset[str], calls: int) -> Recalled:
        found = recall(self.path, sessions, calls)
        trio.from_thread.run_sync(self.recalled.set)
        return found

    async def began(self) -> None:
        """Wait until the owner has subscribed and remembers: from then on it announces what comes."""
        with trio.fail_after(30):
            await self.recalled.wait()
        self.recalled = trio.Event()

    async def owner(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        await run_attention(self.ends, self.state, self.send.clone(), task_status=task_status)

    async def listen(self) -> None:
        self.mailbox = self.events.source.open(EventView(types=frozenset({"attention_raised", "attention_cleared"})))

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """The journal and the owner run until the block ends, and what is announced is heard."""
        async with trio.open_nursery() as nursery:
            await nursery.start(self.journal)
            await self.attribute()
            await nursery.start(self.owner)
            await self.began()
            await self.listen()
            yield
            nursery.cancel_scope.cancel()

    async def attribute(self) -> None:
        await self.send.send(Attribute(UUID, "alpha"))

    async def lines(self, *rows: Row) -> None:
        """Put lines of alpha's log into the journal, as a tailer does."""
        if self.segment is None:
            opened: Segment = await ask(self.send, lambda reply: OpenSegment(UUID, LOGS, reply), timeout_s=5)
            self.segment = opened
        await self.send.send(Ingest(LineBatch(self.segment, list(rows))))

    async def announced(self, count: int) -> list[tuple[str, str]]:
        """The next announcements, as (raised or cleared, state)."""
        with trio.fail_after(30):
            while len(self.heard) < count:
                for event in (await self.mailbox.receive()).events:
                    payload = json.loads(event.payload)
                    self.heard.append((event.type.removeprefix("attention_"), payload["state"]))
        found, self.heard = self.heard[:count], self.heard[count:]
        return found


TS = "2026-11-22T10:00:00Z"


def call(failed: bool) -> Row:
    tail = b'"tool":"Bash","is_error":%b}' % (b"true" if failed else b"false")
    return Row(TS, tail, "Bash", failed, "", "", "", 0, 0)


def hook(name: str, **facts: Any) -> Row:
    return Row(TS, b"", name, False, "", "", "", 0, 0, HookFacts(name, **facts))


OK, BAD = call(False), call(True)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    desk = Desk(tmp_path)
    async with desk.at_work():
        yield desk


async def test_calls_raise_and_clear(desk: Desk) -> None:
    """Each call of a batch counts by itself; the end of a state is announced before the next begins."""
    await desk.lines(BAD, BAD, OK)
    assert await desk.announced(2) == [("raised", "last_error_call"), ("cleared", "last_error_call")]
    await desk.lines(OK)
    assert await desk.announced(1) == [("raised", "error_burst")]
    assert desk.attention.latest.sessions["alpha"].details == "2 errors in last 4 calls"
    await desk.lines(BAD, OK)
    assert await desk.announced(3) == [
        ("cleared", "error_burst"), ("raised", "last_error_call"), ("cleared", "last_error_call"),
    ]  # fmt: skip


async def test_hooks_raise_and_clear(desk: Desk) -> None:
    """An approval, the work after it, and the end of a turn."""
    await desk.lines(hook("PermissionRequest", tool="Bash", text="make"), OK, hook("Stop"), hook("UserPromptSubmit"))
    assert await desk.announced(4) == [
        ("raised", "permission_request"), ("cleared", "permission_request"),
        ("raised", "waiting_input"), ("cleared", "waiting_input"),
    ]  # fmt: skip


async def test_approved_call_that_runs_on(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """No event tells of an approval; the client's own status ends the alarm while the call still runs."""
    monkeypatch.setattr(attention_task, "LIVE_S", 0.01)
    desk.live = {UUID: LiveStatus("waiting", time.time())}
    await desk.lines(hook("PermissionRequest", tool="Bash"))
    assert await desk.announced(1) == [("raised", "permission_request")]
    desk.live = {UUID: LiveStatus("busy", time.time())}
    assert await desk.announced(1) == [("cleared", "permission_request")]


async def test_snapshots_raise_and_clear(desk: Desk) -> None:
    """tmux, the limits, the context and the thresholds each reach the rules as they change."""
    desk.sessions.publish(SessionsSnapshot({"alpha": ALPHA}, frozenset(), True))
    assert await desk.announced(1) == [("raised", "tmux_dead")]
    desk.sessions.publish(SessionsSnapshot({"alpha": ALPHA}, frozenset({"alpha"}), True))
    assert await desk.announced(1) == [("cleared", "tmux_dead")]
    desk.quota.publish(QuotaSnapshot(Quota(weekly_pct=80), {"alpha": Usage(context_pct=95)}))
    assert await desk.announced(1) == [("raised", "context_imminent")]
    desk.quota.publish(QuotaSnapshot(Quota(weekly_pct=86), {"alpha": Usage(context_pct=95)}))
    assert await desk.announced(2) == [("cleared", "context_imminent"), ("raised", "quota_high")]
    desk.settings.publish(ConfigSnapshot(Settings(attention=Thresholds(quota_pct=90))))
    assert await desk.announced(2) == [("cleared", "quota_high"), ("raised", "context_imminent")]


async def test_new_session_is_not_called_dead(desk: Desk) -> None:
    """A record is seen before tmux is asked about it: that is no alarm, neither after a create nor after a rename."""
    beta = replace(ALPHA, name="beta", uuid="another")
    desk.sessions.publish(SessionsSnapshot({"alpha": ALPHA, "beta": beta}, frozenset({"alpha"}), True))
    desk.quota.publish(QuotaSnapshot(None, {"alpha": Usage(context_pct=95)}))
    assert await desk.announced(1) == [("raised", "context_imminent")]
    desk.sessions.publish(SessionsSnapshot({"alpha": ALPHA, "beta": beta}, frozenset({"alpha", "beta"}), True))
    desk.quota.publish(QuotaSnapshot())
    assert await desk.announced(1) == [("cleared", "context_imminent")]
    desk.sessions.publish(SessionsSnapshot({"alpha": ALPHA, "beta": beta}, frozenset({"alpha"}), True))
    assert await desk.announced(1) == [("raised", "tmux_dead")]


async def test_a_new_session_without_tmux_is_called_dead_in_time(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    """One that is recorded while the clock waits for something later is looked at when its grace is over."""
    desk = Desk(tmp_path)
    past = Recalled(raised={"gone": Attention("stuck", TS)})
    desk.ends = replace(desk.ends, recall=lambda names, calls: past)
    desk.sessions.publish(SessionsSnapshot(tmux_known=True))

    async with trio.open_nursery() as nursery:
        await nursery.start(desk.owner)
        await desk.attention.wait_newer(0)  # it has remembered; from here on no thread is at work
        await trio.testing.wait_all_tasks_blocked()
        desk.sessions.publish(SessionsSnapshot({"alpha": ALPHA}, frozenset(), True))
        began = trio.current_time()
        while "alpha" not in desk.attention.latest.sessions:
            await desk.attention.wait_newer(desk.attention.version)
        assert NEW_S <= trio.current_time() - began < NEW_S + 1
        assert desk.attention.latest.sessions["alpha"].state == "tmux_dead"
        nursery.cancel_scope.cancel()


async def test_no_wake_up_while_nobody_asks(tmp_path: Path, autojump_clock: trio.testing.MockClock) -> None:
    """The clients' own word is read only while a session waits for an approval; until then the task sleeps."""
    desk = Desk(tmp_path)
    desk.ends = replace(desk.ends, recall=lambda names, calls: Recalled(raised={"gone": Attention("stuck", TS)}))
    async with trio.open_nursery() as nursery:
        await nursery.start(desk.owner)
        await desk.attention.wait_newer(0)
        await trio.sleep(attention_task.LIVE_S)
        await trio.testing.wait_all_tasks_blocked()
        next_wake_up = trio.lowlevel.current_statistics().seconds_to_next_deadline
        nursery.cancel_scope.cancel()
    assert next_wake_up > 10 * attention_task.LIVE_S


async def test_details_follow_without_a_word(desk: Desk) -> None:
    """While a state lasts its details change in the snapshot, its since does not, and nothing is announced."""
    desk.quota.publish(QuotaSnapshot(Quota(weekly_pct=86)))
    await desk.announced(1)
    before = desk.attention.latest.sessions["alpha"]
    desk.quota.publish(QuotaSnapshot(Quota(weekly_pct=88)))
    with trio.fail_after(30):
        await desk.attention.wait_newer(desk.attention.version)
    assert desk.attention.latest.sessions["alpha"] == replace(before, details="weekly 88%")
    await desk.lines(BAD)
    assert await desk.announced(2) == [("cleared", "quota_high"), ("raised", "last_error_call")]


async def test_forgotten_and_renamed_sessions(desk: Desk) -> None:
    """A renamed session keeps its state in silence; a forgotten one's ends."""
    await desk.lines(BAD)
    await desk.announced(1)
    since = desk.attention.latest.sessions["alpha"].since
    desk.sessions.publish(SessionsSnapshot({"beta": replace(ALPHA, name="beta")}, frozenset({"beta"}), True))
    with trio.fail_after(30):
        while "beta" not in desk.attention.latest.sessions:
            await desk.attention.wait_newer(desk.attention.version)
    assert desk.attention.latest.sessions["beta"].since == since
    assert "alpha" not in desk.attention.latest.sessions
    desk.sessions.publish(SessionsSnapshot({}, frozenset(), True))
    assert await desk.announced(1) == [("cleared", "last_error_call")]


async def test_a_dead_session_is_renamed(desk: Desk) -> None:
    """It stays dead under its new name: nothing is cleared, and nothing is announced a second time."""
    desk.sessions.publish(SessionsSnapshot({"alpha": ALPHA}, frozenset(), True))
    assert await desk.announced(1) == [("raised", "tmux_dead")]
    since = desk.attention.latest.sessions["alpha"].since
    desk.sessions.publish(SessionsSnapshot({"beta": replace(ALPHA, name="beta")}, frozenset(), True))
    with trio.fail_after(30):
        while "beta" not in desk.attention.latest.sessions:
            await desk.attention.wait_newer(desk.attention.version)
    assert desk.attention.latest.sessions["beta"].since == since
    desk.sessions.publish(SessionsSnapshot({}, frozenset(), True))
    assert await desk.announced(1) == [("cleared", "tmux_dead")]


async def test_restart_goes_on_where_it_was(tmp_path: Path) -> None:
    """What was raised before a restart keeps its since and is not raised again; its end is announced."""
    desk = Desk(tmp_path)
    async with trio.open_nursery() as nursery:
        await nursery.start(desk.journal)
        await desk.attribute()
        async with trio.open_nursery() as first:
            await first.start(desk.owner)
            await desk.began()
            await desk.listen()
            await desk.lines(OK, BAD)
            await desk.announced(1)
            first.cancel_scope.cancel()
        since = desk.attention.latest.sessions["alpha"].since
        await desk.lines(BAD)
        await nursery.start(desk.owner)
        await desk.began()
        assert desk.attention.latest.sessions["alpha"].since == since
        await desk.lines(OK)
        assert await desk.announced(1) == [("cleared", "last_error_call")]
        nursery.cancel_scope.cancel()


async def test_what_happened_while_it_was_down_is_no_news(tmp_path: Path) -> None:
    """An error that was made good before the logs were read to their end is not announced."""
    desk = Desk(tmp_path)
    desk.tailers.publish(TailersSnapshot(caught_up=False))
    async with trio.open_nursery() as nursery:
        await nursery.start(desk.journal)
        await desk.attribute()
        await nursery.start(desk.owner)
        await desk.listen()
        await desk.lines(BAD, OK)
        desk.tailers.publish(TailersSnapshot(caught_up=True))
        await desk.began()
        await desk.lines(hook("Stop"))
        assert await desk.announced(1) == [("raised", "waiting_input")]
        nursery.cancel_scope.cancel()


async def test_full_inbox_blocks_nobody(tmp_path: Path) -> None:
    """While the journal's inbox is full, announcements wait in order, and arrive once there is room."""
    desk = Desk(tmp_path, inbox=1)
    desk.settings.publish(ConfigSnapshot(Settings(attention=Thresholds(error_rate_window=1440))))
    async with desk.at_work():
        async with trio.open_nursery() as senders:
            for _ in range(30):
                senders.start_soon(desk.lines, BAD, OK)
        assert await desk.announced(60) == [("raised", "last_error_call"), ("cleared", "last_error_call")] * 30


async def test_yolo_asks_for_checkpoints(tmp_path: Path) -> None:
    """A session long in yolo mode is asked for its checkpoint when that is overdue, and raised if there is none."""
    desk = Desk(tmp_path)
    clock = [1_800_000_000.0]
    desk.ends = replace(desk.ends, clock=lambda: clock[0], steady=lambda: clock[0] - 1_799_000_000.0)
    yolo = replace(ALPHA, mode="yolo", workdir="/w")
    desk.sessions.publish(SessionsSnapshot({"alpha": yolo}, frozenset({"alpha"}), True))
    async with desk.at_work():
        desk.checkpoints["/w"] = clock[0] + 60
        clock[0] += 30 * 60
        desk.settings.publish(ConfigSnapshot(Settings(attention=Thresholds(idle_minutes=60))))
        with trio.fail_after(30):
            while not desk.asked:
                await trio.lowlevel.checkpoint()
        clock[0] += 120
        desk.settings.publish(ConfigSnapshot(Settings(attention=Thresholds(idle_minutes=61))))
        assert await desk.announced(1) == [("raised", "yolo_unchecked")]
        assert desk.asked == ["/w", "/w"]


@pytest.mark.parametrize("jump", [-7200.0, 7200.0])
async def test_waits_do_not_follow_the_wall_clock(tmp_path: Path, jump: float) -> None:
    """The wall clock is set by hours: nothing is stuck or unchecked for that, and both are when their time has come."""
    desk = Desk(tmp_path)
    wall, steady = [1_800_000_000.0], [1000.0]
    desk.ends = replace(desk.ends, clock=lambda: wall[0], steady=lambda: steady[0])
    yolo = replace(ALPHA, mode="yolo", workdir="/w")
    desk.sessions.publish(SessionsSnapshot({"alpha": yolo}, frozenset({"alpha"}), True))
    idle = iter(range(40, 90))

    def nudge(**thresholds: int) -> None:
        settings = Settings(attention=Thresholds(idle_minutes=next(idle), **thresholds))
        desk.settings.publish(ConfigSnapshot(settings))

    async with desk.at_work():
        await desk.lines(OK, hook("PermissionRequest", tool="Bash"))
        assert await desk.announced(1) == [("raised", "permission_request")]
        await desk.lines(OK)
        assert await desk.announced(1) == [("cleared", "permission_request")]
        wall[0] += jump
        nudge()
        steady[0] += 31 * 60
        nudge()
        assert await desk.announced(1) == [("raised", "yolo_unchecked")]
        steady[0] += 60 * 60
        nudge(yolo_unchecked_minutes=1440)
        assert await desk.announced(2) == [("cleared", "yolo_unchecked"), ("raised", "stuck")]


def test_a_commit_of_the_future() -> None:
    """A checkpoint whose time lies ahead (the clock was set back) is as old as the first look at it."""
    wall, steady = [1_800_000_000.0], [1000.0]
    sessions = SessionsSnapshot({"alpha": replace(ALPHA, mode="yolo")}, frozenset({"alpha"}), True)
    book = AttentionBook(lambda: wall[0], Thresholds(), sessions, lambda: steady[0])
    for minutes in (0, 31):
        steady[0] += minutes * 60
        book.yolo.note_checkpoint("alpha", wall[0] + 7200)
        book.look_at(["alpha"])
    assert book.states["alpha"][0].state == "yolo_unchecked"


async def test_a_limit_ends_by_the_wall_clock(tmp_path: Path) -> None:
    """A limit's end is a moment of the world: it counts from now, however the steady clock stands."""
    desk = Desk(tmp_path)
    wall, steady = [1_800_000_000.0], [5.0]
    desk.ends = replace(desk.ends, clock=lambda: wall[0], steady=lambda: steady[0])
    async with desk.at_work():
        desk.quota.publish(QuotaSnapshot(Quota(weekly_pct=90, weekly_resets_at="2027-01-15T09:00:00Z")))
        assert await desk.announced(1) == [("raised", "quota_high")]
        wall[0] += 3601
        desk.settings.publish(ConfigSnapshot(Settings(attention=Thresholds(idle_minutes=9))))
        assert await desk.announced(1) == [("cleared", "quota_high")]


@pytest.mark.parametrize("jump", [-20 * 60.0, 20 * 60.0])
async def test_the_clock_was_set_between_two_lines(desk: Desk, jump: float, tmp_path: Path) -> None:
    """A question after the clock was set is raised, and is still open after a restart of the owner."""
    now = time.time()
    await desk.lines(at(hook("UserPromptSubmit"), now), at(hook("PreToolUse"), now))
    await desk.lines(at(hook("PermissionRequest", tool="Bash"), now + jump))
    assert await desk.announced(1) == [("raised", "permission_request")]
    known = recall(desk.path, frozenset({"alpha"}), 4)
    book = AttentionBook(time.time, Thresholds(), desk.ends.sessions.latest, lambda: 0.0)
    book.heard.recall("alpha", known.events["alpha"], 0)
    assert book.heard.asking() == ["alpha"]
    await desk.lines(at(hook("Stop"), now + jump + 60))
    assert await desk.announced(2) == [("cleared", "permission_request"), ("raised", "waiting_input")]


def at(row: Row, ts: float) -> Row:
    return msgspec.structs.replace(row, ts=format_time(ts))


async def test_ids_that_only_count_say_nothing_of_lateness(desk: Desk) -> None:
    """After the clock was set back ids lie ahead of it: a line that was read at once is not called late for that."""
    now = time.time()
    await desk.lines(at(OK, now), at(OK, now - 1000))
    await desk.lines(at(OK, now))
    with trio.fail_after(30):
        while True:
            if len(recall(desk.path, frozenset({"alpha"}), 4).events.get("alpha", ())) == 3:
                break
            await trio.sleep(0.01)
    with sqlite3.connect(desk.path) as db:
        (newest,) = db.execute("SELECT max(id) FROM events WHERE type = 'tool_call'").fetchone()
        db.execute("UPDATE events SET id = ?, ts = ? WHERE id = ?", (newest + 1, format_time(now - 999), newest))
        db.execute(
            "UPDATE events SET id = ? WHERE id = (SELECT min(id) FROM events WHERE type = 'tool_call')", (newest,)
        )
    db.close()
    late = [event.late for event in recall(desk.path, frozenset({"alpha"}), 4).events["alpha"]]
    assert late == [True, False, False]
