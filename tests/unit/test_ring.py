"""Which events a replay gives: the newest 500, and states, requests and prompts besides."""

from __future__ import annotations

from ctm_trio.journal.replay import newest
from ctm_trio.model.event import RING_EVENTS, Event


def event(id_: int, type_: str = "tool_call") -> Event:
    """One of alpha's."""
    return Event(id_, type_, "alpha", b"{}", "")


def test_states_take_the_place_of_no_call() -> None:
    """The 500 newest calls are there, with the states and requests among them; what is older is not."""
    events = [event(n, "status_changed" if n % 3 == 0 else "tool_call") for n in range(1, 1200)]
    given = newest(events, None)
    assert given == events[-len(given) :]
    assert sum(e.type == "tool_call" for e in given) == RING_EVENTS
    assert given[0].type == "tool_call"
    assert len(given) > RING_EVENTS


def test_types_that_are_named_all_count() -> None:
    """Who names types gets the newest 500 of them."""
    events = [event(n, "status_changed") for n in range(1, 700)]
    assert newest(events, frozenset({"status_changed"})) == events[-RING_EVENTS:]


def test_fewer_are_all_given() -> None:
    """Also if most of them do not count."""
    events = [event(1), *(event(n, "request_opened") for n in range(2, 50))]
    assert newest(events, None) == events
    assert newest([], None) == []
