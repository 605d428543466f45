"""Sub-agents ask in dialogs that stand one behind the other, and look alike: whose the one on the screen is."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from ctm_trio.errors.asked import NotAnswerable
from ctm_trio.model.dialogs import Dialog, parse_dialog
from ctm_trio.model.request import asked_of
from ctm_trio.model.request_record import Request
from ctm_trio.owners.requests.answers import Answers
from ctm_trio.owners.requests.book import Book
from ctm_trio.owners.requests.desk import RequestsDesk
from ctm_trio.owners.requests.opening import dialog_request
from tests.fixtures import CLAUDE_CODE
from tests.unit.test_requests_book import NOW

COMMAND = "touch made.txt"


def recorded() -> Dialog:
    """The client's dialog for the command."""
    screen = (CLAUDE_CODE / "answers" / "dialogs" / "120x40_bash_dir-0.txt").read_text()
    dialog = parse_dialog(screen)
    assert dialog is not None
    return dialog


def asked(id_: str, agent: str, at: float) -> Request:
    """What a sub-agent asks."""
    payload = {"hook_event_name": "PermissionRequest", "tool_name": "Bash", "tool_input": {"command": COMMAND},
               "cwd": "/w", "agent_id": agent, "agent_type": "Explore"}  # fmt: skip
    found = asked_of(payload)
    assert found is not None
    return Request(id_, "alpha", "u", found, at)


@pytest.mark.parametrize(("id_", "refused"), [("old", False), ("new", True)])
def test_of_two_that_ask_the_same_the_older_ones_dialog_shows(id_: str, refused: bool) -> None:
    """An answer to the other would be given to this one."""
    dialog, book = recorded(), Book()
    for name, agent, at in (("old", "a1", NOW - 2), ("new", "a2", NOW - 1)):
        book.add(asked(name, agent, at))
    answers = Answers(cast(RequestsDesk, cast(Any, SimpleNamespace(book=book))))
    if refused:
        with pytest.raises(NotAnswerable, match="answer that request first"):
            answers._check_only_one(book.open[id_], dialog)
    else:
        answers._check_only_one(book.open[id_], dialog)


@pytest.mark.parametrize(("tool", "described"), [("Bash", True), ("Agent", False)])
def test_a_dialog_is_described_by_the_call_that_it_shows(tool: str, described: bool) -> None:
    """The call that the main thread has begun last may be another one: then the screen's own words are shown."""
    dialog = recorded()
    given = {"command": COMMAND} if described else {"description": "A two", "prompt": "Make it."}
    call = {"tool_name": tool, "tool_input": given}
    request = dialog_request(dialog, "alpha", "u", "/w", "permission prompt", NOW, call)
    assert request.asked.kind == "permission"
    assert request.asked.tool == ("Bash" if described else "")
    assert request.choices[0].id == "row_1"
