"""Orders have one deadline: what outlasts its request is 202, and nothing that is 503 happens afterwards."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
import trio

from ctm_trio.core.channels import Pending, Reply, UnderWay, ask, fulfil, open_state_channel, place
from ctm_trio.errors.git import DirtyWorkdir, RevertFailed
from ctm_trio.errors.orders import BrokenOff, NotFollowed, OrderTooLate, Unavailable
from ctm_trio.messages.checkpoints import CheckpointsMessage, RevertTo
from ctm_trio.messages.order_book import FollowOrder, OrdersSnapshot
from ctm_trio.messages.sessions import KillSession, SessionsSnapshot
from ctm_trio.model.checkpoint import Reverted
from ctm_trio.model.deadlines import CONFIG, LIMITS, Limits
from ctm_trio.model.session import Session
from ctm_trio.owners import checkpoints, order_book
from ctm_trio.system.git_tree import GitTree
from ctm_trio.web import orders as placing
from ctm_trio.web.ends import WebEnds
from ctm_trio.web.openapi import PATHS
from tests.contract.conftest import Site
from tests.contract.test_openapi import problems
from tests.git_repo import Repo

ALPHA = Session("alpha", "u", "yolo", "/w", "2026-01-01T00:00:00Z")
SOON = {kind: Limits(limits.deadline_s, answer_s=0.1) for kind, limits in LIMITS.items()}


@pytest.fixture
def hasty(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A web that answers orders after 0.1 s at the latest, with one session."""
    monkeypatch.setattr(placing, "LIMITS", SOON)
    site.sessions.publish(SessionsSnapshot({"alpha": ALPHA}))
    return site


async def kill(site: Site) -> httpx.Response:
    """Order the end of alpha."""
    async with site.client() as client:
        headers = {"Origin": site.origin}
        return await client.post("/api/sessions/alpha/kill", json={"confirm": "alpha"}, headers=headers)


async def look(site: Site, where: str) -> httpx.Response:
    """Look what became of an order."""
    async with site.client() as client:
        return await client.get(where)


async def take(site: Site) -> KillSession:
    """The next order that reaches the owner."""
    message = await site.sessions_recv.receive()
    assert isinstance(message, KillSession)
    return message


@asynccontextmanager
async def killing(site: Site) -> AsyncIterator[tuple[KillSession, list[httpx.Response]]]:
    """Order the end of alpha: the order as its owner receives it, and a list that has the answer after the block."""
    answers: list[httpx.Response] = []

    async def client() -> None:
        answers.append(await kill(site))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(client)
        yield await take(site), answers


async def ended(site: Site, where: str) -> dict[str, Any]:
    """What a look says once the order is over."""
    with trio.fail_after(30):
        while True:
            seen: dict[str, Any] = (await look(site, where)).json()
            if seen["status"] == "done":
                return seen
            await trio.sleep(0.01)


@pytest.mark.parametrize("fails", [False, True])
async def test_an_order_that_outlasts_its_request(hasty: Site, fails: bool) -> None:
    """It is answered 202 with where to look; there it is under way, and in the end has the very answer."""
    async with killing(hasty) as (order, answers):
        assert order.reply.begin()
    later = answers[0]
    body = later.json()
    assert (later.status_code, body["status"], body["kind"]) == (202, "under_way", "kill")
    assert later.headers["Location"] == body["look"] == f"/api/orders/{body['order']}"
    assert 0 < body["ends_within_s"] <= LIMITS["kill"].deadline_s
    seen = await look(hasty, body["look"])
    assert seen.status_code == 200
    assert (seen.json()["status"], seen.json()["overdue"]) == ("under_way", False)
    described = PATHS["/api/orders/{order}"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert not list(problems(seen.json(), described))
    if fails:
        order.reply.fail(DirtyWorkdir(["a"]))
    else:
        order.reply.ok(ALPHA)
    end = await ended(hasty, body["look"])
    assert not list(problems(end, described))
    assert end["answer"]["status"] == (409 if fails else 200)
    assert end["answer"]["body"]["dirty_files" if fails else "name"] == (["a"] if fails else "alpha")
    assert (await look(hasty, body["look"])).json() == end  # it can be asked again


async def test_an_order_that_was_not_taken_does_not_happen(hasty: Site) -> None:
    """When the owner is busy the answer is 503; whenever it comes to the order afterwards, it is not to be done."""
    answer = await kill(hasty)
    assert (answer.status_code, answer.json()["error"]) == (503, "unavailable")
    with pytest.raises(trio.WouldBlock):
        hasty.sessions_recv.receive_nowait()  # it is not even on its way
    async with killing(hasty) as (order, answers):
        pass  # received, but not begun: it waits for its session
    assert answers[0].status_code == 503
    assert not order.reply.begin()


async def test_a_quick_order_is_answered_as_ever(hasty: Site) -> None:
    """An order that is done in time has its normal answer, and nothing is kept of it."""
    async with killing(hasty) as (order, answers):
        assert order.reply.begin()
        assert order.reply.deadline - trio.current_time() == pytest.approx(LIMITS["kill"].deadline_s, abs=1)
        order.reply.ok(ALPHA)
    assert answers[0].status_code == 200


async def test_what_the_web_says_of_orders(hasty: Site) -> None:
    """An unknown order is 404; without a token nothing is told; the limits are the page's to know."""
    answer = await look(hasty, "/api/orders/nope")
    assert (answer.status_code, answer.json()["error"]) == (404, "order_not_found")
    async with hasty.client(token=False) as client:
        assert (await client.get("/api/orders/nope")).status_code == 401
    told = (await look(hasty, "/api/bootstrap")).json()["orders"]
    assert told["create"] == {"deadline_s": LIMITS["create"].deadline_s, "answer_s": LIMITS["create"].answer_s}
    assert set(told) == set(LIMITS)


async def test_an_order_that_nobody_can_follow(autojump_clock: trio.testing.MockClock) -> None:
    """While the order book is down and its inbox is full, the request ends all the same, and not with a 503."""
    book, _waiting = trio.open_memory_channel[FollowOrder](0)
    orders, inbox = trio.open_memory_channel[Reply[None]](1)
    began = trio.current_time()
    ends = cast("WebEnds", SimpleNamespace(orders_send=book))

    async def owner() -> None:
        (await inbox.receive()).begin()

    with trio.fail_after(300):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(owner)
            with pytest.raises(NotFollowed) as refused:
                await placing.carry_out(ends, "kill", orders, lambda reply: reply, placing.nothing)
    assert refused.value.status == 500
    assert trio.current_time() - began < LIMITS["kill"].answer_s + 5


async def test_what_was_waited_for_before_counts(autojump_clock: trio.testing.MockClock) -> None:
    """The time by which a request is answered begins when it came, not when its order is placed."""
    orders, _never_read = trio.open_memory_channel[Reply[None]](0)
    ends = cast("WebEnds", SimpleNamespace())
    began = trio.current_time()
    await trio.sleep(3)  # looks the webhook's host up
    with pytest.raises(Unavailable):
        await placing.carry_out(ends, CONFIG, orders, lambda reply: reply, placing.nothing, since=began)
    assert trio.current_time() - began == pytest.approx(LIMITS[CONFIG].answer_s)


async def test_an_owner_that_ends_in_the_middle(hasty: Site) -> None:
    """Nobody knows how far it got: that is 500 and says so, not 503 as if nothing had happened."""
    for begins, status in ((True, 500), (False, 503)):
        async with killing(hasty) as (order, answers):
            if begins:
                assert order.reply.begin()
            order.reply.drop()
        assert answers[0].status_code == status


# ---------------------------------------------------------------- between tasks


async def owner(
    recv: trio.MemoryReceiveChannel[Reply[str]], work: Callable[[], Awaitable[str]], delay_s: float
) -> None:
    """An owner that comes to an order after a while."""
    async for reply in recv:
        await trio.sleep(delay_s)
        await fulfil(reply, work)


@pytest.mark.parametrize("room", [0, 4])
async def test_given_up_before_it_began(room: int, autojump_clock: trio.testing.MockClock) -> None:
    """An order that lay in the owner's inbox for too long is dropped by it, whether it was received or not."""
    done: list[int] = []

    async def work() -> str:
        done.append(1)
        return "done"

    send, recv = trio.open_memory_channel[Reply[str]](room)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(owner, recv, work, 5.0)
        for _ in range(3):
            with pytest.raises(Unavailable):
                await place(send, lambda reply: reply, answer_s=2.0, deadline_s=60.0)
        with trio.move_on_after(1.0):  # whoever asked goes away
            await place(send, lambda reply: reply, answer_s=20.0, deadline_s=60.0)
        assert await place(send, lambda reply: reply, answer_s=30.0, deadline_s=60.0) == "done"
        nursery.cancel_scope.cancel()
    assert done == [1]


async def test_the_owner_keeps_the_deadline(autojump_clock: trio.testing.MockClock) -> None:
    """Work that takes too long is cut off by its owner at the deadline that came with the order."""

    async def work() -> str:
        await trio.sleep_forever()
        raise AssertionError

    send, recv = trio.open_memory_channel[Reply[str]](0)
    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(owner, recv, work, 1.0)
        with pytest.raises(UnderWay) as late:
            await place(send, lambda reply: reply, answer_s=10.0, deadline_s=60.0)
        assert trio.current_time() - began == pytest.approx(10.0)
        with pytest.raises(OrderTooLate):
            await late.value.pending.answer()
        assert trio.current_time() - began == pytest.approx(60.0)
        with pytest.raises(OrderTooLate):
            await place(send, lambda reply: reply, answer_s=90.0, deadline_s=60.0)
        nursery.cancel_scope.cancel()


async def test_a_read_that_is_late_is_busy(autojump_clock: trio.testing.MockClock) -> None:
    """`ask` is for what changes nothing: it does not matter whether it was begun."""

    async def work() -> str:
        await trio.sleep(60)
        return "late"

    send, recv = trio.open_memory_channel[Reply[str]](0)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(owner, recv, work, 0.0)
        with pytest.raises(Unavailable):
            await ask(send, lambda reply: reply, timeout_s=5.0)
        nursery.cancel_scope.cancel()


async def test_an_answer_that_nobody_gives(autojump_clock: trio.testing.MockClock) -> None:
    """A pending order whose owner ends is told so."""
    answers_send, answers = trio.open_memory_channel[Any](1)
    answers_send.close()
    with pytest.raises(BrokenOff):
        await Pending(answers, 0.0).answer()


async def test_the_book_is_bounded_and_forgets(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answers are kept for their time; past the bound the oldest answer goes first, then the oldest order."""
    monkeypatch.setattr(order_book, "MAX_ORDERS", 3)
    state, book = open_state_channel(OrdersSnapshot())
    send, recv = trio.open_memory_channel[FollowOrder](4)
    replies: dict[str, Reply[str]] = {}

    async def put(name: str) -> None:
        answers_send, answers = trio.open_memory_channel[Any](1)
        replies[name] = Reply(answers_send)
        pending = Pending[str](answers, trio.current_time() + 60)
        await send.send(FollowOrder(name, "kill", pending, lambda answer: (200, answer.unwrap().encode())))
        await trio.testing.wait_all_tasks_blocked()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(order_book.run_order_book, recv, state))
        for name in ("a", "b", "c"):
            await put(name)
        replies["b"].ok("b")
        await trio.testing.wait_all_tasks_blocked()
        await put("d")
        assert list(book.latest.orders) == ["a", "c", "d"]
        await put("e")
        assert list(book.latest.orders) == ["c", "d", "e"]
        replies["c"].ok("c")
        replies["a"].ok("a")  # forgotten: nobody minds
        await trio.sleep(order_book.KEEP_S - 1)
        assert (book.latest.orders["c"].status, book.latest.orders["c"].body) == (200, b"c")
        await trio.sleep(2)
        assert list(book.latest.orders) == ["d", "e"]
        nursery.cancel_scope.cancel()


async def test_a_revert_that_is_late_names_its_stash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A revert that its deadline cuts off after the stash was made is answered with the stash's name."""
    repo = Repo(tmp_path / "r")
    repo.write("a", "1")
    sha = repo.commit("checkpoint: one")
    repo.write("a", "changed")

    async def slow(tree: GitTree, sha: str, *, stash_first: bool, on_stash: Callable[[str], None]) -> Reverted:
        async def hangs(stash: str) -> None:
            on_stash(stash)
            await trio.sleep_forever()

        repo.git("stash", "push", "-q", "-m", f"ctm-revert pre-{sha}")
        await hangs(repo.git("rev-parse", "refs/stash"))
        raise AssertionError

    monkeypatch.setattr(checkpoints, "revert_to", slow)
    send, recv = trio.open_memory_channel[CheckpointsMessage](1)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(checkpoints.run_checkpoints, recv))
        make = partial(RevertTo, str(repo.path), sha, True)
        with pytest.raises(RevertFailed) as failed:
            await place(send, make, answer_s=20.0, deadline_s=2.0)
        nursery.cancel_scope.cancel()
    assert failed.value.stashed_as == repo.git("rev-parse", "refs/stash")
    assert failed.value.fields["stashed_as"] == failed.value.stashed_as
