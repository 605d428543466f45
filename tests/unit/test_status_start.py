"""What the status owner announces at the start of the daemon: changes, and not what it just finds out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from ctm_trio.messages.clients import ClientsSnapshot
from ctm_trio.messages.requests import RequestsSnapshot
from ctm_trio.messages.sessions import SessionsSnapshot
from ctm_trio.model.activity import Remembered
from ctm_trio.model.clients import Client
from ctm_trio.model.event import HOOK_TYPE, Event, HookFacts
from ctm_trio.model.panes import Pane
from ctm_trio.model.session import Session
from ctm_trio.model.status import EXITED, GONE, PERMISSION, STARTING, WORKING_, OpenRequest, Status
from ctm_trio.owners.status.book import StatusBook

NOW = 1_800_000_000.0
PANE = Pane("alpha", "$0", "%0", 1, False, False, False, True, True)
RECORDS = {"alpha": Session("alpha", "u")}
WORKED = Remembered(int((NOW - 90) * 1e9), "u", NOW - 90, False, HookFacts("UserPromptSubmit"))


@pytest.fixture
def book() -> StatusBook:
    """A daemon that has just started, with one session that tmux does not have."""
    book = StatusBook(lambda: NOW, lambda: NOW, lambda pid: 0.0)
    book.use_sessions(SessionsSnapshot(RECORDS, frozenset(), True))
    return book


def told(book: StatusBook) -> list[Any]:
    """The states that are announced, in order."""
    states = [json.loads(draft.payload)["state"] for draft in book.pending]
    book.pending.clear()
    return states


def test_what_is_found_out_first_is_not_a_change(book: StatusBook) -> None:
    """It is in the snapshot, and no event; what changes afterwards is one."""
    book.look_at(["alpha"])
    assert book.snapshot().sessions["alpha"].state == GONE
    book.end_quiet()
    book.look_at(["alpha"])
    assert told(book) == []
    book.use_sessions(SessionsSnapshot(RECORDS, frozenset({"alpha"}), True, panes=(PANE,)))
    book.look_at(["alpha"])
    assert told(book) == [STARTING]


def test_what_changed_while_no_daemon_ran_is_said(book: StatusBook) -> None:
    """Compared with what was announced last, once, and only when tmux has said what lives."""
    book.recall("alpha", (), Status(WORKING_, NOW - 60, "Works on its turn.", "hook"))
    book.look_at(["alpha"])
    assert told(book) == []
    book.end_quiet()
    assert told(book) == [GONE]
    book.look_at(["alpha"])
    assert told(book) == []


def test_what_still_holds_is_not_said_again(book: StatusBook) -> None:
    """It keeps its time."""
    book.recall("alpha", (), Status(GONE, NOW - 60, "tmux has no such session.", "tmux"))
    book.look_at(["alpha"])
    book.end_quiet()
    assert told(book) == []
    assert book.snapshot().sessions["alpha"].since == NOW - 60


@pytest.mark.parametrize("source", ["client", "tmux"])
def test_an_end_that_was_seen_before_the_restart_is_still_one(book: StatusBook, source: str) -> None:
    """A client that was killed at work has told no hook: its pane stands, with a shell or another program in it."""
    book.recall("alpha", (WORKED,), Status(EXITED, NOW - 60, "Claude Code has ended.", source))
    pane = replace(PANE, at_shell=source == "tmux")
    for snapshot in (
        SessionsSnapshot(RECORDS, frozenset(), False),
        SessionsSnapshot(RECORDS, frozenset({"alpha"}), True, panes=(pane,)),
    ):
        book.use_sessions(snapshot)
        book.use_clients(ClientsSnapshot(looked=True))
        book.look_at(["alpha"])
        status = book.snapshot().sessions["alpha"]
        assert (status.state, status.since) == (EXITED, NOW - 60)
    book.end_quiet()
    assert told(book) == []
    book.use_clients(ClientsSnapshot({"alpha": Client(7, "1", "u", status="busy", since=NOW - 1, pane="%0")}))
    book.look_at(["alpha"])
    assert told(book) == [WORKING_]


def test_an_end_while_no_daemon_ran_is_found_out(book: StatusBook) -> None:
    """A shell waits where the client was."""
    book.recall("alpha", (WORKED,), Status(WORKING_, NOW - 60, "Works on its turn.", "client"))
    book.use_sessions(SessionsSnapshot(RECORDS, frozenset({"alpha"}), True, panes=(replace(PANE, at_shell=True),)))
    book.look_at(["alpha"])
    book.end_quiet()
    assert told(book) == [EXITED]


def test_a_client_that_is_started_again_begins_anew() -> None:
    """What the one before has told says nothing of it; what it tells itself does."""
    book = StatusBook(lambda: NOW, lambda: NOW, lambda pid: NOW - 100 if pid == 1 else NOW - 1)
    book.use_sessions(SessionsSnapshot(RECORDS, frozenset({"alpha"}), True, panes=(PANE,)))
    book.recall("alpha", (WORKED,), Status(WORKING_, NOW - 90, "Works on its turn.", "hook"))
    book.end_quiet()
    states = []
    for pane in (replace(PANE, dead=True), replace(PANE, pid=2)):
        book.use_sessions(SessionsSnapshot(RECORDS, frozenset({"alpha"}), True, panes=(pane,)))
        book.look_at(["alpha"])
        states += told(book)
    assert states == [EXITED, STARTING]
    facts = HookFacts("UserPromptSubmit")
    book.fold(Event(int(NOW * 1e9), HOOK_TYPE, "alpha", b"{}", "2027-01-15T08:00:00Z", "u", hook=facts))
    book.look_at(["alpha"])
    assert told(book) == [WORKING_]


def test_a_request_is_said_at_once(book: StatusBook) -> None:
    """It is news whenever it comes."""
    book.use_sessions(SessionsSnapshot(RECORDS, frozenset(), False))
    book.use_requests(RequestsSnapshot({"alpha": (OpenRequest("r", "permission"),)}))
    book.look_at(["alpha"])
    assert told(book) == [PERMISSION]
    book.end_quiet()
    assert told(book) == []
