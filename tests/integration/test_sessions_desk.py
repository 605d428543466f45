"""Orders of the sessions owner beside a real tmux: cut off at their deadline, and out of each other's way."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import trio

from ctm_trio.core.channels import UnderWay, ask, place
from ctm_trio.core.desk import Desk
from ctm_trio.errors.orders import OrderTooLate, Unavailable
from ctm_trio.errors.sessions import SessionNotFound, SpawnFailed
from ctm_trio.messages.sessions import CreateSession, ForgetSession, KillSession, Lifecycle
from ctm_trio.model.session import Session
from ctm_trio.owners.sessions import creation, orders
from ctm_trio.system import workdir
from tests.integration.test_acting import Acting, running
from tests.integration.test_acting import server as server
from tests.tmux_server import PrivateTmux, until


async def create(acting: Acting, name: str, answer_s: float, deadline_s: float) -> Session:
    """A session in yolo mode, so with a checkpoint before it."""
    make = partial(CreateSession, str(acting.root), name, "", "yolo")
    return await place(acting.send, make, answer_s=answer_s, deadline_s=deadline_s)


async def test_a_create_past_its_deadline_is_taken_back(server: PrivateTmux) -> None:
    """The owner cuts it off at the deadline that came with it; nothing is left, and the name is free again."""
    async with running(server) as acting:
        acting.hold = trio.Event()
        with pytest.raises((OrderTooLate, SpawnFailed)):
            await create(acting, "late", 9.0, 0.5)
        assert server.names() == set()
        assert acting.recorded() == {}
        acting.hold = None
        assert (await create(acting, "late", 9.0, 9.0)).name == "late"


async def test_orders_wait_for_their_own_session_only(server: PrivateTmux, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twelve orders for a session that hangs take no place from those for others; given up, they never happen."""
    came: list[str] = []

    class Noting(Desk):
        @asynccontextmanager
        async def place(self, *things: str) -> AsyncIterator[None]:
            came.extend(things)
            async with super().place(*things):
                yield

    monkeypatch.setattr(orders, "Desk", Noting)
    async with running(server) as acting:
        acting.record("other")
        await acting.known("other")
        acting.hold = trio.Event()
        with pytest.raises(UnderWay) as late:
            await create(acting, "stuck", 0.3, 30.0)
        given_up: list[str] = []
        first = len(came)

        async def kill() -> None:
            with pytest.raises(Unavailable):
                await place(acting.send, partial(KillSession, "stuck"), answer_s=1.5, deadline_s=30.0)
            given_up.append("kill")

        async with trio.open_nursery() as nursery:
            for _ in range(12):
                nursery.start_soon(kill)
            await until(lambda: len(came) == first + 12)  # they wait behind the first; what follows is not behind them
            with trio.fail_after(1.2):
                await ask(acting.send, partial(ForgetSession, "other"), timeout_s=5)
                await ask(acting.send, partial(Lifecycle, "session_new", {"name": "other"}), timeout_s=5)
        assert len(given_up) == 12
        acting.hold.set()
        assert (await late.value.pending.answer()).name == "stuck"
        assert server.names() == {"stuck"}  # nobody killed it afterwards


async def test_too_many_orders_are_told_so(server: PrivateTmux, monkeypatch: pytest.MonkeyPatch) -> None:
    """Past the bound the next order is refused at once, and the owner works on."""
    monkeypatch.setattr(orders, "MAX_WAITING", 2)
    async with running(server) as acting:
        acting.hold = trio.Event()
        pending = []
        for name in ("a", "b"):
            with pytest.raises(UnderWay) as late:
                await create(acting, name, 0.3, 30.0)
            pending.append(late.value.pending)
        with trio.fail_after(2), pytest.raises(Unavailable, match="Too many"):
            await place(acting.send, partial(KillSession, "c"), answer_s=5, deadline_s=30.0)
        acting.hold.set()
        assert {(await one.answer()).name for one in pending} == {"a", "b"}
        with pytest.raises(SessionNotFound):
            await place(acting.send, partial(KillSession, "c"), answer_s=5, deadline_s=30.0)


async def test_work_directories_on_a_dead_file_system(server: PrivateTmux, monkeypatch: pytest.MonkeyPatch) -> None:
    """Creates that hang there end at their deadline and take no place from others; what they make is taken back."""
    let_go, over = threading.Event(), []
    real = workdir.make_workdir

    def hangs(path: str) -> list[Path]:
        if "dead" in path:
            let_go.wait()
        made = real(path)
        over.append(path)
        return made

    monkeypatch.setattr(workdir, "make_workdir", hangs)

    async def one(n: int) -> None:
        make = partial(CreateSession, str(acting.root / f"dead{n}"), f"dead{n}", "", "safe")
        with pytest.raises(OrderTooLate):
            await place(acting.send, make, answer_s=9.0, deadline_s=0.5)

    try:
        async with running(server) as acting:
            with trio.fail_after(30):
                async with trio.open_nursery() as nursery:
                    for n in range(orders.MAX_COMMANDS + 2):
                        nursery.start_soon(one, n)
            assert trio.to_thread.current_default_thread_limiter().borrowed_tokens < 8
            make = partial(CreateSession, str(acting.root / "alive"), "alive", "", "safe")
            assert (await place(acting.send, make, answer_s=9.0, deadline_s=9.0)).name == "alive"
            let_go.set()
            await until(lambda: len(over) >= orders.MAX_COMMANDS + 1)
            await until(lambda: not list(acting.root.glob("dead*")))
            assert server.names() == {"alive"}
    finally:
        let_go.set()


async def test_creates_whose_directory_hangs_are_counted(server: PrivateTmux, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a name is looked for, a create is one of those that wait, takes no place, and ends at its deadline."""
    monkeypatch.setattr(orders, "MAX_WAITING", 2)
    let_go = threading.Event()

    def hangs(sessions: object, workdir: str) -> list[Session]:
        let_go.wait()
        return []

    monkeypatch.setattr(creation, "sessions_at", hangs)
    over: list[str] = []

    async def nameless(acting: Acting) -> None:
        make = partial(CreateSession, str(acting.root), None, "", "safe")
        with pytest.raises(Unavailable, match="does not answer"):
            await place(acting.send, make, answer_s=20.0, deadline_s=1.0)
        over.append("create")

    kill = partial(KillSession, "c")
    try:
        async with running(server) as acting:
            with trio.fail_after(30):
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(nameless, acting)
                    nursery.start_soon(nameless, acting)
                    await trio.testing.wait_all_tasks_blocked()
                    with pytest.raises(Unavailable, match="Too many"):
                        await place(acting.send, kill, answer_s=5, deadline_s=30.0)
                    assert not over
                with pytest.raises(SessionNotFound):
                    await place(acting.send, kill, answer_s=5, deadline_s=30.0)
    finally:
        let_go.set()


async def test_a_desk_is_bounded() -> None:
    """No more than its places are at work at once, one for a thing, and waiting for a thing takes no place."""
    desk = Desk(at_once=2, waiting=5)
    gate, at_work = trio.Event(), []

    async def work(thing: str) -> None:
        async with desk.place(thing):
            at_work.append(thing)
            await gate.wait()

    async with trio.open_nursery() as nursery:
        for thing in ("a", "a", "a", "b"):
            nursery.start_soon(work, thing)
        await trio.testing.wait_all_tasks_blocked()
        assert sorted(at_work) == ["a", "b"]
        full = [desk.full]
        nursery.start_soon(work, "c")
        await trio.testing.wait_all_tasks_blocked()
        full.append(desk.full)
        assert len(at_work) == 2
        gate.set()
    assert len(at_work) == 5
    assert [*full, desk.full] == [False, True, False]
