"""What opens and what closes a request: the events of its call, and the client's own word."""

from __future__ import annotations

import msgspec
import pytest
import trio
from msgspec.structs import replace
from trio.testing import MockClock

from ctm_trio.messages.clients import ClientsSnapshot
from ctm_trio.model.clients import Client
from ctm_trio.model.event import HOOK_TYPE, Event, HookFacts
from ctm_trio.model.request import asked_of
from ctm_trio.model.request_record import Answer, Request
from ctm_trio.model.session import Session
from ctm_trio.model.times import format_time
from ctm_trio.owners.requests.book import AGENT_ANSWERED_S, Book
from ctm_trio.owners.requests.presence import AWAY_S, BELIEVED_S, Presence

NOW = 1_800_000_000.0
ONE, TWO = "a1111111111111111", "a2222222222222222"


def request(id_: str = "r", *, agent: str = "", tool: str = "Bash", use: str = "use", at: float = NOW) -> Request:
    """A request of alpha's."""
    payload = {"hook_event_name": "PermissionRequest", "tool_name": tool, "tool_input": {"command": "ls"}, "cwd": "/w"}
    asked = asked_of({**payload, **({"agent_id": agent, "agent_type": "Explore"} if agent else {})})
    assert asked is not None
    return Request(id_, "alpha", "u", asked, at, tool_use_id=use)


def hook(name: str, *, agent: str = "", kind: str = "", tool: str = "", use: str = "") -> Event:
    """A hook event of alpha's."""
    facts = HookFacts(name, kind=kind, agent_id=agent, tool=tool, tool_use_id=use)
    return Event(1, HOOK_TYPE, "alpha", b"{}", "", "u", name, hook=facts)


def call(use: str = "use", *, agent: str = "", tool: str = "Bash") -> Event:
    """A finished call of alpha's."""
    return Event(2, "tool_call", "alpha", b"{}", "", "u", tool, agent_id=agent, tool_use_id=use)


def says(status: str, since: float = NOW + 1, uuid: str = "u") -> ClientsSnapshot:
    """What alpha's client says."""
    return ClientsSnapshot({"alpha": Client(7, "1", uuid, status=status, since=since, pane="%0")})


def state_after(book: Book) -> str:
    """What the one request has become."""
    return book.closed[-1].state if book.closed else "open"


WAITING = says("waiting", NOW - 1)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (call(), "answered_elsewhere"),
        (call("other"), "open"),
        (call("other", agent=ONE), "open"),
        (call(""), "answered_elsewhere"),
        (call("", tool="Read"), "open"),
        (hook("PostToolBatch"), "answered_elsewhere"),
        (hook("PostToolBatch", agent=ONE), "open"),
        (hook("Stop"), "answered_elsewhere"),
        (hook("StopFailure"), "answered_elsewhere"),
        (hook("SubagentStop", agent=ONE), "open"),
        (hook("SessionEnd", kind="clear"), "withdrawn"),
        (hook("SessionStart", kind="startup"), "withdrawn"),
        (hook("SessionStart", kind="compact"), "open"),
        (hook("SessionStart", kind="resume"), "open"),
        (hook("Notification", kind="permission_prompt"), "open"),
        (hook("UserPromptSubmit"), "open"),
        (hook("PreToolUse", use="other", tool="Read"), "open"),
        (hook("SomethingNew"), "open"),
    ],
)
def test_events_while_the_client_says_that_it_waits(event: Event, expected: str) -> None:
    """Its own call, its batch, its turn and its session end it; nothing else does as long as the client waits."""
    book = Book()
    book.use_clients(WAITING, NOW)
    book.add(request())
    book.fold(event, NOW + 1)
    assert state_after(book) == expected


@pytest.mark.parametrize("name", ["UserPromptSubmit", "PreToolUse", "SomethingNew"])
def test_without_the_clients_word_the_next_event_ends_it(name: str) -> None:
    """A client without a status file: its thread went on, so it was answered."""
    book = Book()
    book.add(request())
    book.fold(hook(name, agent=ONE, use="x"), NOW + 1)
    assert state_after(book) == "open"
    book.fold(hook(name, use="x"), NOW + 1)
    assert state_after(book) == "answered_elsewhere"


@pytest.mark.parametrize(
    ("snapshots", "expected"),
    [
        ([WAITING, says("busy")], "answered_elsewhere"),
        ([WAITING, says("idle")], "answered_elsewhere"),
        ([WAITING, ClientsSnapshot()], "withdrawn"),
        ([says("busy", NOW - 5)], "open"),
        ([says("busy", NOW + 5)], "answered_elsewhere"),
        ([WAITING, says("busy", uuid="other")], "answered_elsewhere"),
        ([ClientsSnapshot()], "open"),
    ],
)
def test_the_clients_word(snapshots: list[ClientsSnapshot], expected: str) -> None:
    """It is over when the client no longer says that it waits; one that is gone takes it along."""
    book = Book()
    book.add(request(), pid=7)
    for snapshot in snapshots:
        book.use_clients(snapshot, NOW + 2)
    assert state_after(book) == expected


def test_a_sub_agents_request_is_its_own() -> None:
    """Another agent and the main thread end nothing of it; the client that is idle does."""
    book = Book()
    book.add(request("one", agent=ONE, use="u1"))
    book.add(request("two", agent=TWO, use="u2"))
    book.use_clients(says("busy", NOW + 5), NOW + 5)
    for event in (call("x", agent=TWO, tool="Read"), call("y"), hook("UserPromptSubmit"), hook("Stop")):
        book.fold(event, NOW + 6)
    assert list(book.open) == ["one", "two"]
    book.fold(call("u2", agent=TWO), NOW + 7)
    assert list(book.open) == ["one"]
    book.use_clients(says("idle", NOW + 8), NOW + 8)
    assert not book.open


def test_the_dialogs_of_sub_agents_stand_in_a_queue() -> None:
    """Between two of them the client works for a moment: the one behind is still open."""
    book = Book()
    book.add(request("one", agent=ONE, use="u1"))
    book.use_clients(WAITING, NOW)
    book.use_clients(says("busy", NOW + 1), NOW + 1.1)
    assert book.must_look_again()
    assert list(book.open) == ["one"]
    book.use_clients(says("waiting", NOW + 1.2), NOW + 1.2)
    assert not book.must_look_again()
    book.use_clients(says("busy", NOW + 9), NOW + 9)
    book.look_at_all(NOW + 9 + AGENT_ANSWERED_S)
    assert not book.open


def test_one_thread_asks_about_one_call_after_the_other() -> None:
    """The next request of a thread says that the one before was answered."""
    book = Book()
    book.add(request("first", use="u1"))
    book.add(request("second", use="u2", at=NOW + 9))
    assert list(book.open) == ["second"]
    assert (book.closed[0].id, book.closed[0].state) == ("first", "answered_elsewhere")


def test_what_is_read_late_says_nothing_of_what_was_asked_since() -> None:
    """The older of two requests that are complete in the wrong order is over; nobody hears that it was there."""
    book = Book()
    late = book.add(request("late", use="u1"), ready=False)
    book.add(request("new", use="u2", at=NOW + 9))
    assert not book.make_ready(late)
    assert list(book.open) == ["new"]
    assert book.closed == []
    assert book.was_closed("late")


def test_two_requests_whose_times_and_order_disagree() -> None:
    """A clock was set back, or one came before its event: which is older is not known, and both can be answered."""
    book = Book()
    book.add(request("a", use="u1", at=NOW + 9))
    book.add(request("b", use="u2"))
    assert list(book.open) == ["a", "b"]


@pytest.mark.parametrize(("before_s", "expected"), [(1.0, "open"), (0.0, "closed"), (3600.0, "closed")])
def test_an_event_of_before_a_request_ends_nothing(before_s: float, expected: str) -> None:
    """It came late. One that seems to be an hour older shows that the clock was set back."""
    book = Book()
    book.add(request())
    book.fold(msgspec.structs.replace(hook("Stop"), ts=format_time(NOW - before_s)), NOW + 1)
    assert ("open" if book.open else "closed") == expected


def test_the_same_session_in_two_clients() -> None:
    """Each of them asks for itself: what the second one asks says nothing of what the first one did."""
    book = Book()
    book.add(request("a"), pid=7)
    book.add(request("b", at=NOW + 1), pid=8)
    assert list(book.open) == ["a", "b"]
    book.add(request("c", at=NOW + 2), pid=8)
    assert list(book.open) == ["a", "c"]
    beside = {"alpha": Session("alpha", "u"), "alpha-2": Session("alpha-2", "u", managed=False)}
    assert book.rename(beside, {}) == []


def test_it_leaves_open_once() -> None:
    """Whoever comes second changes nothing."""
    book = Book()
    book.add(request())
    answer = Answer("allow", "page", NOW)
    assert book.close("r", "answered", NOW, answer, "k") is not None
    assert book.close("r", "withdrawn", NOW) is None
    book.fold(call(), NOW)
    assert [closed.state for closed in book.closed] == ["answered"]
    assert book.was_closed("r")


def test_an_answer_that_nobody_confirmed_counts_when_the_call_runs() -> None:
    """The hook printed and could not say so: the client's next sign says that it was taken."""
    book = Book()
    entry = book.add(request())
    entry.request = replace(entry.request, attempt=Answer("allow", "page", NOW), attempt_key="k")
    book.fold(call(), NOW + 1)
    (closed,) = book.closed
    assert (closed.state, closed.answer, closed.key, closed.attempt) == (
        "answered", Answer("allow", "page", NOW), "k", None,
    )  # fmt: skip


def test_one_that_is_not_ready_closes_without_a_word() -> None:
    """Its event came, its line was not read yet: nobody has heard of it."""
    book = Book()
    book.add(request(), ready=False)
    assert book.snapshot().open == ()
    book.fold(call(), NOW)
    assert book.closed == []
    assert book.was_closed("r")


def test_the_same_hook_twice_is_one_request() -> None:
    """Hooks of two settings files ask about one call."""
    book = Book()
    book.add(request("one"))
    twin = book.twin(request("two", at=NOW + 0.5))
    assert twin is not None
    assert twin.request.id == "one"
    assert book.twin(request("two", use="another")) is None


def test_a_renamed_session_takes_its_requests_along() -> None:
    """By its id; one whose log turned out to be another session's too."""
    book = Book()
    book.add(request())
    assert [r.session for r in book.rename({"beta": Session("beta", "u")}, {})] == ["beta"]
    assert [r.session for r in book.rename({}, {"u": "gamma"})] == ["gamma"]
    assert book.rename({}, {"u": "gamma"}) == []


async def test_presence_ends_after_a_minute(autojump_clock: MockClock) -> None:
    """A page is believed for a minute after its last word; one that says that it is hidden not at all."""
    presence = Presence()
    assert not presence.anybody
    presence.note("phone", visible=True)
    began = trio.current_time()
    await presence.wait_for_nobody()
    assert trio.current_time() - began == pytest.approx(BELIEVED_S)
    presence.note("phone", visible=True)
    presence.note("phone", visible=False)
    assert not presence.anybody
    presence.note("one tab", visible=True)
    presence.note("another tab", visible=False)
    assert presence.anybody


async def test_going_from_page_to_page_is_no_absence(autojump_clock: MockClock) -> None:
    """The page that is left says so, then the next one that it is seen: nobody has gone."""
    presence = Presence()
    presence.note("phone", visible=True)
    left = trio.Event()

    async def wait() -> None:
        await presence.wait_until_left()
        left.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        for _ in range(3):
            await trio.sleep(5)
            presence.note("phone", visible=False)
            await trio.sleep(AWAY_S / 2)
            presence.note("phone", visible=True)
        await trio.sleep(5)
        assert not left.is_set()
        presence.note("phone", visible=False)
        began = trio.current_time()
        await left.wait()
        assert trio.current_time() - began == pytest.approx(AWAY_S)


@pytest.mark.parametrize(
    ("within_s", "expected"), [(3.0, ("answered", "keys", "page")), (0.0, ("answered_elsewhere", "", "terminal"))]
)
def test_what_keys_through_us_have_answered(within_s: float, expected: tuple[str, str, str]) -> None:
    """The client no longer waits: somebody pressed a key from elsewhere, or a person at the terminal did."""
    book = Book()
    book.use_clients(WAITING, NOW)
    book.add(request())
    book.note_keys("beta", NOW + 60)
    book.note_keys("alpha", NOW + 60)
    book.note_keys("alpha", NOW + within_s)
    book.use_clients(says("busy", NOW + 1), NOW + 1)
    (closed,) = book.closed
    assert closed.answer is not None
    assert (closed.state, closed.answer.choice, closed.answer.where) == expected
