"""Requests that nobody can answer, and of which nothing will ever tell, do not stay open for ever."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any, cast

import pytest
import trio

from ctm_trio.messages.clients import ClientsSnapshot
from ctm_trio.messages.sessions import SessionsSnapshot
from ctm_trio.messages.status import StatusSnapshot
from ctm_trio.model.request_record import Request, closed_payload, public_request
from ctm_trio.model.session import Session
from ctm_trio.model.status import Status
from ctm_trio.owners.requests.book import Book
from ctm_trio.owners.requests.desk import RequestsDesk
from ctm_trio.owners.requests.open_request import Hold
from ctm_trio.owners.requests.task import ALONE_S, _RequestsOwner
from ctm_trio.system.held_hook import HeldHook
from tests.unit.test_requests_book import NOW, request, says


async def after(seconds: float, book: Book, *, recorded: bool, state: str) -> list[Request]:
    """What has been closed so long after the start."""
    records = {"alpha": Session("alpha", "u")} if recorded else {}
    ends = SimpleNamespace(
        sessions=SimpleNamespace(latest=SessionsSnapshot(records)),
        status=SimpleNamespace(latest=StatusSnapshot({"alpha": Status(state, NOW, "It is so.", "tmux")})),
        clock=lambda: NOW + seconds,
    )
    closed: list[Request] = []

    async def settle() -> None:
        closed.extend(book.closed)
        book.closed.clear()
        await trio.lowlevel.checkpoint()

    desk = cast(RequestsDesk, cast(Any, SimpleNamespace(ends=ends, book=book, settle=settle, watch=None)))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_RequestsOwner(desk, nursery).withdraw_alone)
        await trio.sleep(seconds)
        nursery.cancel_scope.cancel()
    return closed


@pytest.mark.parametrize(("recorded", "state"), [(False, "exited"), (True, "exited"), (True, "gone")])
async def test_it_is_withdrawn_with_the_reason(autojump_clock: trio.abc.Clock, *, recorded: bool, state: str) -> None:
    """After some minutes, not before: its client may be on its way."""
    book = Book()
    book.add(request())
    assert await after(ALONE_S - 20, book, recorded=recorded, state=state) == []
    (closed,) = await after(ALONE_S + 40, book, recorded=recorded, state=state)
    assert closed.state == "withdrawn"
    for shown in (public_request(closed), json.loads(closed_payload(closed))):
        assert "hook has ended" in str(shown["why_not"])
    assert not book.open


@pytest.mark.parametrize("who", ["a hook", "a process", "a client", "a session"])
async def test_what_somebody_may_answer_stays(autojump_clock: trio.abc.Clock, who: str) -> None:
    """A hook waits, a process is watched, a client tells of itself, or may run without telling."""
    book = Book()
    if who == "a client":
        book.use_clients(says("waiting", NOW - 1, uuid="another"), NOW)
    entry = book.add(request(), pid=17 if who == "a process" else 0)
    if who == "a hook":
        entry.holds.append(Hold(cast(HeldHook, None)))
    running = who == "a session"
    assert await after(3600, book, recorded=running, state="working" if running else "gone") == []
    assert list(book.open) == ["r"]
    if who == "a client":
        book.use_clients(ClientsSnapshot(), NOW)
        assert len(await after(3600, book, recorded=False, state="gone")) == 1
