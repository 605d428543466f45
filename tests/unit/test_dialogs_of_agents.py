"""Sub-agents ask in dialogs that stand one behind the other, and look alike: whose the one on the screen is."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
import trio
import trio.testing

from ctm_trio.errors.asked import NotAnswerable
from ctm_trio.model.dialogs import Dialog, parse_dialog
from ctm_trio.model.request import asked_of
from ctm_trio.model.request_record import Request
from ctm_trio.owners.requests.answers import Answers
from ctm_trio.owners.requests.book import Book
from ctm_trio.owners.requests.desk import RequestsDesk
from ctm_trio.owners.requests.holds import Holds
from ctm_trio.owners.requests.open_request import Hold
from ctm_trio.owners.requests.opening import dialog_request
from ctm_trio.owners.requests.presence import Presence
from ctm_trio.system.held_hook import LOST, HeldHook
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


@pytest.mark.parametrize("held", [False, True])
def test_of_two_that_ask_the_same_that_ones_dialog_shows_whose_hook_ended_first(held: bool) -> None:
    """The younger one's may; and while the older one's waits for an answer, it shows no dialog at all."""
    dialog, book = recorded(), Book()
    for name, agent, at, shown in (("old", "a1", NOW - 2, 8.0), ("new", "a2", NOW - 1, 7.0)):
        book.add(asked(name, agent, at)).shown = shown
    if held:
        book.open["old"].holds.append(Hold(cast(HeldHook, None)))
        book.open["old"].shown = 6.0
    answers = Answers(cast(RequestsDesk, cast(Any, SimpleNamespace(book=book))))
    answers._check_only_one(book.open["new"], dialog)
    if not held:
        with pytest.raises(NotAnswerable, match="answer that request first"):
            answers._check_only_one(book.open["old"], dialog)


class Ending:
    """A hook that ends when it is told, some time after it was let go."""

    def __init__(self) -> None:
        self.released, self.over = trio.Event(), trio.Event()

    async def release(self) -> None:
        """Told that it need not wait."""
        self.released.set()
        await trio.lowlevel.checkpoint()

    async def ended(self) -> str:
        """Its end."""
        await self.over.wait()
        return LOST


async def test_hooks_of_sub_agents_end_one_after_the_other(autojump_clock: trio.abc.Clock) -> None:
    """Two that end at the same time would have their dialogs shown in an order that nobody knows."""
    book = Book()
    desk = cast(RequestsDesk, cast(Any, SimpleNamespace(book=book)))
    entries = [book.add(asked(name, name, NOW)) for name in ("a1", "a2")]
    async with trio.open_nursery() as nursery:
        holds, hooks = Holds(desk, nursery, Presence()), [Ending(), Ending()]
        for entry, hook in zip(entries, hooks, strict=True):
            nursery.start_soon(holds._let_go, entry, cast(HeldHook, hook))
        await trio.testing.wait_all_tasks_blocked()
        (first,) = (number for number, hook in enumerate(hooks) if hook.released.is_set())
        other = 1 - first
        hooks[first].over.set()
        await hooks[other].released.wait()
        hooks[other].over.set()
    assert entries[first].shown < entries[other].shown


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
