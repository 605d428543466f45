"""The memory of all calls of a log that is read anew: what it knows, and that it is bounded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from ctm_trio.journal import seen_all
from ctm_trio.journal.seen_all import SeenAll
from ctm_trio.journal.stamping import reads_back, stamp_lines
from ctm_trio.model.event import HookFacts
from ctm_trio.model.log_line import HOOK_EVENTS, LOGS, LineBatch, Row, Segment
from tests.fakes.library import UUID, Library, bash

CALL = Row("2026-01-01T00:00:00Z", b"", "Bash", False, "", "", "t1", 0, 0)


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    """A log with the calls t0 to t9."""
    made = Library(tmp_path)
    made.write(bash("ls", tool_use_id=f"t{n}") for n in range(10))
    yield made
    made.store.close()


def new_of(library: Library, memory: SeenAll, segment: int, *rows: Row) -> list[Row]:
    """What it lets through."""
    return list(memory.new_of(library.store.db, library.store.sources[UUID].id, segment, rows))


def test_what_counts_as_stored(library: Library) -> None:
    """A call by its id, agent and outcome; what has no id, and other hook events, are not judged."""
    others = [
        msgspec.structs.replace(CALL, tool_use_id="t10"),
        msgspec.structs.replace(CALL, tool_use_id=""),
        msgspec.structs.replace(CALL, is_error=True),
        msgspec.structs.replace(CALL, agent_id="a"),
        msgspec.structs.replace(CALL, hook=HookFacts("PreToolUse")),
    ]
    edited = msgspec.structs.replace(CALL, tail=b"something else", ts="2026-02-01T00:00:00Z")
    assert new_of(library, SeenAll(library.paths.database), 5, CALL, *others, edited) == others


def test_read_back_once_for_all_files_of_a_log(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until the log is read to its end; not for a batch without rows. The newest calls alone are known."""
    memory, source = SeenAll(library.paths.database), library.store.sources[UUID].id
    assert new_of(library, memory, 5) == []
    assert not memory.has(source, 5)
    assert new_of(library, memory, 5, CALL) == []
    monkeypatch.setattr(seen_all, "MAX_KEYS", 8)
    assert memory.has(source, 5)
    assert memory.has(source, 6)
    assert new_of(library, memory, 6, CALL) == []
    memory.forget(source)
    assert not memory.has(source, 6)
    assert new_of(library, memory, 6, CALL) == [CALL]


def test_a_file_is_compared_with_the_one_before_and_not_with_itself(library: Library) -> None:
    """Its own second line of a call is for others to judge; in the next file that call is known."""
    memory, source = SeenAll(library.paths.database), library.store.sources[UUID].id
    new = msgspec.structs.replace(CALL, tool_use_id="t10")
    assert new_of(library, memory, 5, new, new) == [new, new]
    assert new_of(library, memory, 5, new) == [new]
    assert memory.has(source, 5)
    assert not memory.has(source, 6), "to take what came from the file before is not done on the loop"
    assert new_of(library, memory, 6, new, CALL) == []
    assert memory.has(source, 6)


def test_hook_events_of_the_log_change_nothing(library: Library) -> None:
    """They come from another file of the same log while that is read anew: its calls are not read back again."""
    memory = library.store.seen_all
    log = Segment(library.store.next_segment, UUID, LOGS)
    hooks = Segment(log.id + 1, UUID, HOOK_EVENTS)
    stamp_lines(library.store, LineBatch(log, [CALL], anew=True))
    assert memory.has(library.store.sources[UUID].id, log.id)
    for anew in (False, True):
        hook = msgspec.structs.replace(CALL, hook=HookFacts("PreToolUse"))
        batch = LineBatch(hooks, [hook], anew=anew)
        assert not reads_back(library.store, batch)
        stamp_lines(library.store, batch)
        assert memory.has(library.store.sources[UUID].id, log.id)
    assert reads_back(library.store, LineBatch(hooks, [CALL], anew=True)) is False
    stamp_lines(library.store, LineBatch(log, [CALL]))
    assert not memory.has(library.store.sources[UUID].id, log.id)
