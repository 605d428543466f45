"""A dialog whose terminal goes away: its request waits for the status to say what became of it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
import trio

from ctm_trio.core.bell import Bell
from ctm_trio.core.channels import open_state_channel
from ctm_trio.errors.tmux import TmuxFailed, TmuxGone
from ctm_trio.messages.clients import ClientsSnapshot
from ctm_trio.messages.sessions import SessionsSnapshot
from ctm_trio.messages.status import StatusSnapshot
from ctm_trio.model.dialogs import parse_dialog
from ctm_trio.model.panes import Pane
from ctm_trio.model.session import Session
from ctm_trio.model.status import DIALOG, GONE, Status
from ctm_trio.owners.requests.book import Book
from ctm_trio.owners.requests.desk import RequestsDesk
from ctm_trio.owners.requests.opening import dialog_request
from ctm_trio.owners.requests.screens import AGAIN_MAX_S, Screens
from tests.unit.test_requests_book import NOW

RULE = "─" * 60
TRUST = f"""● What was said before.
{RULE}
 Accessing workspace:
 /w
 Do you trust it?

 ❯ 1. Yes, I trust it
   2. No, exit

 Enter to confirm · Esc to cancel"""


@pytest.mark.parametrize("error", [TmuxGone("There is no such session."), TmuxFailed("It did not answer.")])
async def test_a_terminal_that_goes_away_answers_nothing(autojump_clock: trio.abc.Clock, error: TmuxFailed) -> None:
    """However late the status says that the session is gone: the request is withdrawn then, not answered before."""
    dialog = parse_dialog(TRUST)
    assert dialog is not None
    status_send, status = open_state_channel(StatusSnapshot({"alpha": Status(DIALOG, NOW, "It asks.", "screen")}))
    pane = Pane("alpha", "$0", "%0", 1, False, False, False, True, True)
    sessions = SessionsSnapshot({"alpha": Session("alpha", "u")}, panes=(pane,))
    looks: list[str] = []

    async def capture(pane: str, *, plain: bool) -> str:
        assert plain
        await trio.lowlevel.checkpoint()
        looks.append(pane)
        raise error

    book, closed = Book(), list[str]()

    async def settle() -> None:
        closed.extend(request.state for request in book.closed)
        book.closed.clear()
        await trio.lowlevel.checkpoint()

    ends = SimpleNamespace(
        status=status, clients=SimpleNamespace(latest=ClientsSnapshot()), sessions=SimpleNamespace(latest=sessions),
        tmux=SimpleNamespace(capture=capture), clock=lambda: NOW + 60,
    )  # fmt: skip
    desk = cast(RequestsDesk, cast(Any, SimpleNamespace(ends=ends, book=book, settle=settle, bell=Bell())))
    book.add(dialog_request(dialog, "alpha", "u", "/w", "", NOW, None), dialog=dialog)
    screens = Screens(desk)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(screens.run)
        nursery.start_soon(screens.follow_statuses)
        await trio.sleep(3 * AGAIN_MAX_S)
        assert len(looks) > 3
        assert closed == []
        status_send.publish(StatusSnapshot({"alpha": Status(GONE, NOW + 90, "tmux has no such session.", "tmux")}))
        await trio.sleep(AGAIN_MAX_S)
        assert closed == ["withdrawn"]
        nursery.cancel_scope.cancel()
