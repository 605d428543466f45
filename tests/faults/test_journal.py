"""The journal under trouble that cannot be made from outside: clocks, a disk full for long, damage while it runs."""

from __future__ import annotations

import itertools
import sqlite3
import threading
import time
from itertools import pairwise
from pathlib import Path

import pytest
import trio

from ctm_trio.daemon import server
from ctm_trio.daemon.plan import Plan
from ctm_trio.journal import store
from ctm_trio.journal import task as journal
from ctm_trio.journal.store import EventStore
from ctm_trio.journal.view import After, Batch, EventView
from ctm_trio.system.store_errors import StoreDamaged, StoreUnavailable, translated
from tests.faults.rig import Rig, line

UUID = "11111111-2222-4333-8444-555555555555"


async def test_clock_jumps(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock goes an hour back, a day ahead and back again, also between two runs: ids only ever rise."""
    real = time.time_ns
    hour = 3600 * 10**9
    jumps = itertools.cycle([0, -hour, 24 * hour, -24 * hour, hour])
    monkeypatch.setattr("ctm_trio.journal.store.time.time_ns", lambda: real() + next(jumps))
    log = rig.log()
    expected = []
    for life in range(3):
        async with rig.running():
            for i in range(40):
                log.append(line(UUID, f"{life}.{i}"))
                expected.append(f"{life}.{i}")
                if i % 10 == 0:
                    await rig.settle(len(expected))
            await rig.settle(len(expected))
    rig.check(expected)


async def test_a_disk_that_is_full_for_long(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Past the bound of what is held in memory the logs wait; with room again all of it comes, once and in order."""
    full = True
    real = EventStore.insert

    def insert(self: EventStore, batches: list[store.Stamped], **more: bool) -> None:
        if full:
            raise StoreUnavailable("database or disk is full")
        real(self, batches, **more)

    monkeypatch.setattr(EventStore, "insert", insert)
    monkeypatch.setattr(journal, "BACKLOG_EVENTS", 200)
    monkeypatch.setattr(journal, "FLUSH_RETRY_S", 0.05)
    log = rig.log()
    expected = [f"f{i}" for i in range(3000)]
    async with rig.running():
        for start in range(0, 3000, 100):
            log.append(b"".join(line(UUID, marker) for marker in expected[start : start + 100]))
            await trio.sleep(0.002)
        await rig.until(lambda: rig.counters.read().backlog >= 200)
        assert "full" in rig.journal.latest.degraded
        held = rig.counters.read().backlog
        assert held < 3000, "the bound is no bound"
        full = False
        await rig.settle(3000)
        await rig.until(lambda: not rig.journal.latest.degraded)
    rig.check(expected)


async def test_killed_with_a_full_disk(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was shown and never committed comes again after a restart: from its log, once in the database."""
    monkeypatch.setattr(EventStore, "insert", _refuse)
    log = rig.log()
    async with rig.running():
        log.append(b"".join(line(UUID, f"k{i}") for i in range(50)))
        await rig.settle(50)
    monkeypatch.undo()
    again = Rig(rig.root)
    async with again.running():
        await again.settle(50)
    again.check([f"k{i}" for i in range(50)])


def _refuse(*_: object, **__: bool) -> None:
    raise StoreUnavailable("database or disk is full")


@pytest.mark.parametrize("deep", [False, True])
async def test_a_cursor_of_another_history(rig: Rig, *, deep: bool) -> None:
    """A cursor above every id here was given by another database or clock: `lost`, and everything that is held."""
    log = rig.log()
    log.append(b"".join(line(UUID, f"r{i}") for i in range(3)))
    async with rig.running():
        await rig.settle(3)
        with trio.fail_after(30):
            batch = await rig.events.replay(EventView(), After(rig.cursor + 86_400 * 10**9, deep=deep))
    assert batch.lost
    assert [event.id for event in batch.events if event.type == "tool_call"] == [id_ for id_, _ in rig.seen]


@pytest.mark.parametrize("what", ["StoreDamaged while reading", "cannot be read"])
async def test_a_replay_from_a_bad_database(rig: Rig, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """A replay from a database that cannot be read now is `lost`; from a damaged one it ends the journal."""
    log = rig.log()
    other = rig.log("22222222-2222-4333-8444-555555555555")
    damaged = what.startswith("StoreDamaged")

    def select(*_: object, **__: object) -> None:
        error = sqlite3.DatabaseError("malformed") if damaged else sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorname = "SQLITE_CORRUPT" if damaged else "SQLITE_IOERR"
        with translated():
            raise error

    log.append(b"".join(line(UUID, f"r{i}") for i in range(1200)))  # more than are in memory
    other.append(line(other.uuid, "other"))

    async def ask() -> Batch:
        async with rig.running():
            await rig.settle(1201)
            monkeypatch.setattr("ctm_trio.journal.replay.select_events", select)
            with trio.fail_after(30):
                return await rig.events.replay(EventView(frozenset({f"uuid:{UUID[:8]}"})), After(5))

    if damaged:
        with pytest.raises(BaseExceptionGroup) as caught:
            await ask()
        assert caught.group_contains(StoreDamaged)
    else:
        assert (await ask()).lost


def where_commits_run(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Notes of each commit whether it was on the loop or in a thread."""
    notes: list[str] = []
    main, real = threading.get_ident(), EventStore.insert

    def insert(self: EventStore, batches: list[store.Stamped], **more: bool) -> None:
        notes.append("loop" if threading.get_ident() == main else "thread")
        real(self, batches, **more)

    monkeypatch.setattr(EventStore, "insert", insert)
    return notes


def on_a_quick_disk(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The disk is local and quick, whatever this machine has. See `where_commits_run`."""
    monkeypatch.setattr(journal, "may_hang", lambda _: False)
    monkeypatch.setattr(journal, "LOOP_COMMIT_S", 1000.0)
    return where_commits_run(monkeypatch)


async def test_small_turns_are_committed_on_the_loop(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line is, a flood is not: it goes to the thread, so that the loop stays free."""
    notes, log = on_a_quick_disk(monkeypatch), rig.log()
    flood = [f"f{i}" for i in range(200)]
    async with rig.running():
        for count, marker in enumerate(("first", "second"), start=1):
            log.append(line(UUID, marker))
            await rig.settle(count)
        assert set(notes) == {"loop"}
        log.append(b"".join(line(UUID, marker) for marker in flood))
        await rig.settle(202)
        assert "thread" in notes
    rig.check(["first", "second", *flood])


async def test_a_slow_disk_gets_the_thread(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit on the loop that took too long is the last one there for a while."""
    notes, log = on_a_quick_disk(monkeypatch), rig.log()
    async with rig.running():
        log.append(line(UUID, "first"))
        await rig.settle(1)
        notes.clear()
        monkeypatch.setattr(journal, "LOOP_COMMIT_S", 0.0)
        monkeypatch.setattr(journal, "THREAD_S", 1000.0)
        for i in range(5):
            log.append(line(UUID, f"s{i}"))
            await rig.settle(i + 2)
    assert (notes[0], set(notes[1:])) == ("loop", {"thread"})
    rig.check(["first", *(f"s{i}" for i in range(5))])


async def test_a_file_system_that_may_hang_gets_the_thread(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit that waits for another machine must not keep the loop."""
    monkeypatch.setattr(journal, "may_hang", lambda _: True)
    notes = where_commits_run(monkeypatch)
    log = rig.log()
    async with rig.running():
        for i in range(3):
            log.append(line(UUID, f"h{i}"))
            await rig.settle(i + 1)
    assert set(notes) == {"thread"}
    rig.check([f"h{i}" for i in range(3)])


async def test_a_locked_database_gets_the_thread(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop does not wait for the lock of another process; the line comes once, when the lock is gone."""
    log = rig.log()
    monkeypatch.setattr(journal, "FLUSH_RETRY_S", 0.02)
    async with rig.running():
        log.append(line(UUID, "first"))
        await rig.settle(1)
        notes = where_commits_run(monkeypatch)
        other = sqlite3.connect(rig.database, isolation_level=None)
        try:
            other.execute("BEGIN IMMEDIATE")
            log.append(line(UUID, "locked"))
            await rig.until(lambda: "locked" in rig.journal.latest.degraded)
            assert notes[-1] == "thread"
        finally:
            other.close()
        await rig.settle(2)
        await rig.until(lambda: not rig.journal.latest.degraded)
    rig.check(["first", "locked"])


async def test_the_write_ahead_log_stays_small(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once it is large it is folded and emptied, and not again before it has grown as much again."""
    folds = 0
    real = EventStore.fold

    def fold(self: EventStore) -> None:
        nonlocal folds
        folds += 1
        real(self)

    monkeypatch.setattr(EventStore, "fold", fold)
    monkeypatch.setattr(journal, "WAL_FOLD_BYTES", 400_000)
    log = rig.log()
    wal = Path(f"{rig.database}-wal")
    async with rig.running():
        log.append(line(UUID, "first"))
        await rig.settle(1)
        sizes = [wal.stat().st_size]
        for i in range(600):
            log.append(line(UUID, f"w{i}", size=3000))
            await rig.settle(i + 2)
            sizes.append(wal.stat().st_size)
    grown = sum(max(0, after - before) for before, after in pairwise(sizes))
    assert max(sizes) < grown / 2, "lines are committed while it is folded, but not most of them"
    assert 1 <= folds <= 20
    rig.check(["first", *(f"w{i}" for i in range(600))])


@pytest.mark.parametrize("safe", [True, False], ids=["event log closed", "event log open"])
async def test_a_stop_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, safe: bool) -> None:
    """A part that does not stop is cut off, so that the whole ends in time; whether something is unsaved stays true."""

    async def hangs(plan: Plan, *, task_status: trio.TaskStatus[None], **__: object) -> None:
        task_status.started()
        if safe:
            plan.safe()
        await trio.sleep_forever()

    monkeypatch.setattr(server, "run_daemon", hangs)
    monkeypatch.setattr(server, "STOP_S", 0.05)
    made = server.Server(server.Options(home=tmp_path, ephemeral=True))
    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            await nursery.start(made.run)
            made.shutdown("test")
    assert made.unsaved is not safe
