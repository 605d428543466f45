"""The journal when it ends or is cut short: what it was given is on disk, and what it holds is bounded."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
import trio

from ctm_trio.core.channels import ask
from ctm_trio.core.threads import in_thread
from ctm_trio.journal import store
from ctm_trio.journal import task as journal
from ctm_trio.journal.store import EventStore
from ctm_trio.messages.journal import Draft, Ingest, Positions, Publish
from ctm_trio.model.log_line import LOGS, LineBatch, Segment
from ctm_trio.system.store_errors import StoreDamaged, StoreUnavailable, set_aside
from tests.faults.rig import Rig, line

UUID = "11111111-2222-4333-8444-555555555555"
KILLED = Publish((Draft("session_killed", "alpha", b'{"name":"alpha"}'),))


def types(database: Path) -> list[str]:
    """The types of all stored events."""
    with closing(sqlite3.connect(database)) as db:
        return [type_ for (type_,) in db.execute("SELECT type FROM events ORDER BY id")]


@pytest.mark.parametrize("queued", [1, 200])
async def test_what_is_queued_at_the_stop_is_stored(rig: Rig, monkeypatch: pytest.MonkeyPatch, queued: int) -> None:
    """A commit takes long, an owner goes on with its event in the queue, and the daemon stops: it is on disk."""
    monkeypatch.setattr(journal, "may_hang", lambda _: True)  # every commit is in the thread
    entered, release, real = trio.Event(), threading.Event(), EventStore.insert

    def insert(self: EventStore, batches: list[store.Stamped], **more: bool) -> None:
        if not entered.is_set() and any(stamped.events for stamped in batches):
            trio.from_thread.run_sync(entered.set)
            release.wait(10)
        real(self, batches, **more)

    log = rig.log()
    async with rig.running():
        monkeypatch.setattr(EventStore, "insert", insert)
        log.append(line(UUID, "slow"))
        await entered.wait()
        for _ in range(queued):
            rig.send.send_nowait(KILLED)
        release.set()
    assert types(rig.database) == ["tool_call", *["session_killed"] * queued]


async def test_a_restoration_that_fails(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database is deleted and cannot be opened again for a while: events flow, and are stored afterwards."""
    real, broken = store._open_writer, list[bool]()

    def open_writer(path: Path) -> sqlite3.Connection:
        if broken:
            raise sqlite3.OperationalError("unable to open database file")
        return real(path)

    monkeypatch.setattr(store, "_open_writer", open_writer)
    monkeypatch.setattr("ctm_trio.system.file_watch.WATCH_S", 0.02)
    log = rig.log()
    async with rig.running():
        log.append(line(UUID, "first"))
        await rig.settle(1)
        broken.append(True)
        rig.database.unlink()
        await rig.until(lambda: "cannot be restored" in rig.journal.latest.degraded)
        log.append(line(UUID, "second"))
        await rig.settle(2)
        broken.clear()
        await rig.until(lambda: "cannot be" not in rig.journal.latest.degraded)
        log.append(line(UUID, "third"))
        await rig.settle(3)
    rig.check(["first", "second", "third"])


async def test_no_thread_and_nothing_to_write(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """That a thread came late is not said any longer once the turn is done, also if it wrote nothing."""
    monkeypatch.setattr(journal, "may_hang", lambda _: True)
    real, late = in_thread, [True]

    async def slow(job: object, *, say: object = len, **more: object) -> None:
        if late and say is not len:
            late.clear()
            say("no thread")  # type: ignore[operator]
        await real(job, **more)  # type: ignore[arg-type]

    async with rig.running():
        await rig.until(lambda: rig.tailers.latest.caught_up)
        monkeypatch.setattr(journal, "in_thread", slow)
        await ask(rig.send, partial(Positions, UUID, LOGS), timeout_s=5)
        assert not late
        assert rig.journal.latest.degraded == ""


async def test_positions_alone_are_bounded_too(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log of lines that are no events, and a database that takes nothing: what is held in memory has a bound."""
    sizes, full, real = list[int](), [True], EventStore.insert

    def insert(self: EventStore, batches: list[store.Stamped], **more: bool) -> None:
        sizes.append(len(batches))
        if full:
            raise StoreUnavailable("database is locked")
        real(self, batches, **more)

    monkeypatch.setattr(EventStore, "insert", insert)
    monkeypatch.setattr(journal, "BACKLOG_EVENTS", 50)
    monkeypatch.setattr(journal, "FLUSH_RETRY_S", 0.001)
    async with rig.running():

        async def fill() -> None:
            for n in range(2000):
                await rig.send.send(Ingest(LineBatch(Segment(7, UUID, LOGS, position=n), [], 1)))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(fill)
            await rig.until(lambda: "locked" in rig.journal.latest.degraded)
            with trio.fail_after(30):
                # It has come to the bound, and tries again and again without more.
                while max(sizes) < 50 or set(sizes[-20:]) != {max(sizes)}:
                    await trio.lowlevel.checkpoint()
            most = max(sizes)
            full.clear()
        await ask(rig.send, partial(Positions, UUID, LOGS), timeout_s=5)  # what is left at a stop is taken whole
    assert 50 <= most <= 50 + journal.TURN_MESSAGES


def test_a_store_that_cannot_be_used_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Damage that shows after the opening leaves no connection behind, and the ids go on above the old ones."""
    path = tmp_path / "ctm-trio.db"
    made = EventStore(path)
    newest = made.last_id = made.next_id() + 10**15
    made.db.execute("INSERT INTO events VALUES (?,0,'tool_call','','{}','',0,'','','',0,0,0)", (newest,))
    made.close()
    closed, real = list[Path](), EventStore.close

    def close(self: EventStore) -> None:
        closed.append(self.path)
        real(self)

    def damaged(*_: object, **__: object) -> None:
        raise StoreDamaged("damaged")

    monkeypatch.setattr(EventStore, "close", close)
    monkeypatch.setattr(journal, "read_ring", damaged)
    opened = journal.Journal(path, None, None)  # type: ignore[arg-type]
    with pytest.raises(StoreDamaged):
        opened.open()
    assert closed == [path]
    set_aside(path)
    again = EventStore(path)
    assert again.next_id() > newest
    again.close()
