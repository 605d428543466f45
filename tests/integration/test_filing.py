"""Where events without a line are filed, and where they go when their session is renamed, forgotten or replaced."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctm_trio.journal.sources import Source
from ctm_trio.journal.stamping import draft_source, move_sources
from ctm_trio.journal.store import EventStore
from ctm_trio.model.event import Event


@pytest.fixture
def store(tmp_path: Path) -> EventStore:
    """An empty store."""
    return EventStore(tmp_path / "ctm-trio.db")


def filed(store: EventStore, uuid: str, session: str) -> Source:
    """The source of an event that is kept."""
    found = draft_source(store, uuid, session)
    assert found is not None
    return found


def test_with_the_log_if_there_is_one(store: EventStore) -> None:
    """By its uuid, else with the session's newest log, else apart; an event of no session has a place too."""
    assert filed(store, "", "api").uuid == "session:api"
    assert filed(store, "u1", "api").uuid == "u1"
    assert filed(store, "u2", "api").uuid == "u2"
    assert filed(store, "", "api").uuid == "u2"
    assert filed(store, "", "").uuid == ""
    store.close()


def test_fleeting_events_make_nothing(store: EventStore) -> None:
    """An event of a session that nobody knows is filed with what is known of it, or not at all."""
    assert draft_source(store, "u1", "api", fleeting=True) is None
    assert draft_source(store, "", "", fleeting=True) is None
    assert not store.sources
    filed(store, "u1", "api")
    for uuid in ("u1", "u9"):
        source = draft_source(store, uuid, "api", fleeting=True)
        assert source is not None
        assert source.uuid == "u1"
    store.close()


def test_a_freed_name_begins_anew(store: EventStore) -> None:
    """What was published for a session without a log leaves with it; the next one of its name starts afresh."""
    first = filed(store, "", "api")
    moved, told = move_sources(store, "session:api", "api-old")
    assert (moved, first.session) == ([first], "api-old")
    assert told is not None
    assert told(Event(1, "on_yolo", "api", b"{}", ""))
    assert not told(Event(1, "on_yolo", "api", b"{}", "", "u1"))
    second = filed(store, "", "api")
    assert second is not first
    assert (second.session, filed(store, "", "api-old")) == ("api", first)
    assert move_sources(store, "session:nobody", "x") == ([], None)
    store.close()


def test_a_log_that_moves(store: EventStore) -> None:
    """A log's session changes once; its events are the ones that have its uuid. An unheard log is made a source."""
    assert move_sources(store, "u1", "api")[1] is None, "nobody can have seen an event of it"
    moved, told = move_sources(store, "u1", "uuid:u1")
    assert [source.session for source in moved] == ["uuid:u1"]
    assert told is not None
    assert told(Event(1, "tool_call", "api", b"{}", "", "u1"))
    assert move_sources(store, "u1", "uuid:u1") == ([], None)
    store.close()
