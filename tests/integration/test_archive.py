"""Reads from the event log: history, details by exact place, sub-agents by whatever was recorded of them."""

from __future__ import annotations

import gzip
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio

from ctm_trio.archive import read_pool
from ctm_trio.archive.archive import Archive, CallNotFound, LogGone
from ctm_trio.archive.reindexing import log_bytes
from ctm_trio.archive.usage import TooManyLogs
from ctm_trio.errors.orders import Unavailable
from ctm_trio.ingest.log_files import open_reader
from ctm_trio.model.event import MAX_ID
from ctm_trio.model.log_line import HOOK_EVENTS
from ctm_trio.model.subagent import AgentFacts, told
from tests.fakes.library import UUID, Library, at, bash
from tests.fixtures import recorded

OTHER = "99999999-2222-4333-8444-555555555555"


@pytest.fixture
async def archive(library: Library) -> AsyncIterator[Archive]:
    """The reads of that library."""
    made = Archive(library.paths)
    yield made
    made.close()


async def test_history_merges_logs(library: Library, archive: Archive) -> None:
    """Pages of a session walk the calls of all its logs, each once, newest first; other events and logs stay out."""
    ids = []
    for n in range(7):
        ids += library.write([bash(f"a{n}", agent_id="x" if n == 3 else None)])
        ids += library.write([bash(f"b{n}")], uuid=OTHER)
        library.write([bash("stranger")], uuid="another", session="beta")
    seen: list[int] = []
    before, more = MAX_ID, True
    while more:
        page, more = await archive.history("alpha", before, 4)
        assert len(page) == 4 or not more
        seen += [event.id for event in page]
        before = seen[-1]
    assert seen == sorted(ids, reverse=True)
    assert await archive.history("alpha", min(ids), 4) == ([], False)
    assert await archive.history("nobody", MAX_ID, 4) == ([], False)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("told", [False, True])
async def test_detail_after_rotation(library: Library, archive: Archive, packed: bool, told: bool) -> None:
    """A call is found in its rotated log, packed or not, even before the database knows of the rotation."""
    old = library.write([bash(f"old-{n}", f"out-{n}", tool_use_id=f"t{n}") for n in range(20)])
    library.rotate(packed=packed, told=told)
    new = library.write([bash(f"new-{n}", f"fresh-{n}", tool_use_id=f"n{n}") for n in range(20)])
    assert [(await archive.detail("alpha", id_)).output_excerpt for id_ in old] == [f"out-{n}" for n in range(20)]
    assert [(await archive.detail("alpha", id_)).output_excerpt for id_ in new] == [f"fresh-{n}" for n in range(20)]


async def test_detail_missing(library: Library, archive: Archive) -> None:
    """An unknown id, or one of another session, is unknown; a deleted or overwritten log is told as gone."""
    (id_,) = library.write([bash("x", "real", tool_use_id="t1")])
    for session, wanted in (("alpha", 5), ("beta", id_), ("alpha", -1)):
        with pytest.raises(CallNotFound):
            await archive.detail(session, wanted)
    log = library.paths.logs / f"{UUID}.jsonl"
    size = log.stat().st_size
    log.write_bytes(b'{"tool_name":"Bash","tool_use_id":"t2","pad":"' + b"x" * size + b'"}\n')
    with pytest.raises(LogGone):
        await archive.detail("alpha", id_)
    log.unlink()
    with pytest.raises(LogGone) as gone:
        await archive.detail("alpha", id_)
    assert gone.value.fields["tool"] == "Bash"
    assert [event.id for event in (await archive.history("alpha", MAX_ID, 5))[0]] == [id_]


async def test_agents_from_calls(library: Library, archive: Archive) -> None:
    """Without start and stop events an agent is what its calls say, and sums go on with new calls and a rotation."""
    library.write([bash("first", ts=at(10), agent_id="one", agent_type="Explore"), bash("none", ts=at(11))])
    (one,) = await archive.subagents("alpha", None)
    assert (one.description, one.tool_calls, one.status, one.type) == ("first", 1, "completed", "Explore")
    library.write([bash("second", ts=at(12.5), agent_id="one"), bash("mine", ts=at(13), agent_id="two")])
    library.rotate(packed=True)
    failed = {"hook_event_name": "PostToolUseFailure", "error": "Exit code 1"}
    library.write([bash("third", ts=at(14), agent_id="one") | failed])
    two, one = await archive.subagents("alpha", None)
    assert (one.tool_calls, one.status, one.stopped_at) == (3, "failed", "2026-05-06T12:00:14Z")
    assert (two.id, two.tool_calls, two.started_at) == ("two", 1, "2026-05-06T12:00:13Z")
    again = Archive(library.paths)  # summed up from nothing, it is the same
    assert await again.subagents("alpha", None) == [two, one]
    again.close()


async def test_agents_while_the_clock_is_set(library: Library, archive: Archive) -> None:
    """An agent runs by its newest call, not by the one with the latest time; no duration is negative."""
    stop = {"hook_event_name": "SubagentStop", "agent_type": "Plan", "agent_id": "one", "ctm_timestamp": at(3)}
    start = stop | {"hook_event_name": "SubagentStart", "ctm_timestamp": at(1210)}
    library.write([bash("first", ts=at(1210), agent_id="two"), bash("second", ts=at(2), agent_id="two")])
    library.write([start, stop], kind=HOOK_EVENTS)
    one = next(agent for agent in await archive.subagents("alpha", None) if agent.id == "one")
    assert one.duration_ms == 0
    set_back = AgentFacts("two", calls=2, first_at=1000.0, last_at=1000.0, newest_at=400.0)
    assert told(set_back, 402.0).status == "running"
    assert told(set_back, 1002.0).status == "completed"


async def test_agents_of_damaged_rows(library: Library, archive: Archive) -> None:
    """What cannot be read is not known of them; they are counted and listed all the same, as is their team."""
    start = {"hook_event_name": "SubagentStart", "agent_type": "Plan", "agent_id": "one", "ctm_timestamp": at(1)}
    library.write([start], kind=HOOK_EVENTS)
    library.write([bash("first", ts=at(2), agent_id="one"), bash("second", ts=at(3), agent_id="one")])
    library.store.db.execute("UPDATE events SET payload = CAST('\x02' AS BLOB) || payload")
    library.store.db.execute("UPDATE hooks SET facts = CAST('{' AS BLOB) || facts")
    (one,) = await archive.subagents("alpha", None)
    assert (one.id, one.tool_calls, one.description, one.started_at) == ("one", 2, "", "2026-05-06T12:00:01Z")
    assert [member.subagent_id for team in await archive.teams("alpha") for member in team.members] == ["one"]


def lines_of(run: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """A recording's tool calls and its other hook events, as the producer writes them."""
    found = [item["payload"] for item in recorded("hooks", run)]
    lines = [{**p, "ctm_timestamp": at(n)} for n, p in enumerate(found)]
    calls = [p for p in lines if p["hook_event_name"] in ("PostToolUse", "PostToolUseFailure")]
    return calls, [p for p in lines if p not in calls]


@pytest.mark.parametrize("run", ["print", "tui"])
async def test_agents_as_recorded(library: Library, archive: Archive, run: str) -> None:
    """A recorded sub-agent has its description from the Agent call, its end and last words from the stop event.

    What /compact stops is no agent.
    """
    calls, hooks = lines_of(run)
    library.write(hooks, kind=HOOK_EVENTS)
    library.write(calls)
    (agent,) = await archive.subagents("alpha", None)
    assert (agent.description, agent.type, agent.parent_id) == ("Sub-agent child", "Explore", None)
    failures = sum(p.get("agent_id") == agent.id and "error" in p for p in calls)
    assert (agent.errors, agent.status) == (failures, "failed" if failures else "completed")
    assert agent.last_message == "hello.py has 5 lines."
    assert agent.tool_calls == sum(1 for p in calls if p.get("agent_id") == agent.id) > 0
    assert isinstance(agent.duration_ms, int)
    assert agent.duration_ms > 0


async def test_agent_of_an_agent(library: Library, archive: Archive) -> None:
    """An agent that another one started has it as its parent; not stopped, it runs until its session ends."""
    start = {"hook_event_name": "SubagentStart", "agent_type": "Plan"}
    library.write([start | {"agent_id": "inner", "ctm_timestamp": at(1)}], kind=HOOK_EVENTS)
    launch = {"tool_name": "Agent", "tool_input": {"description": "dig"}, "tool_response": {"agentId": "inner"}}
    library.write([bash("", ts=at(2), agent_id="outer") | launch])
    inner = (await archive.subagents("alpha", None))[1]
    assert (inner.id, inner.parent_id, inner.description, inner.status) == ("inner", "outer", "dig", "running")
    library.write([{"hook_event_name": "SessionEnd", "reason": "other", "ctm_timestamp": at(9)}], kind=HOOK_EVENTS)
    inner = (await archive.subagents("alpha", None))[1]
    assert (inner.status, inner.stopped_at) == ("completed", "2026-05-06T12:00:09Z")


async def test_too_many_logs(library: Library, archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    """More logs than are listed is an error that says what to do; only regular files are logs."""
    monkeypatch.setattr("ctm_trio.archive.usage.MAX_FILES", 2)
    for name in ("a", "b"):
        (library.paths.logs / f"{name}.jsonl").write_text("x\n")
    (library.paths.logs / "directory.jsonl").mkdir()
    os.mkfifo(library.paths.logs / "pipe.jsonl")
    (library.paths.logs / "link.jsonl").symlink_to("a.jsonl")
    assert [file.uuid for file in await archive.log_files()] == ["a", "b"]
    (library.paths.logs / "c.jsonl").touch()
    with pytest.raises(TooManyLogs) as many:
        await archive.log_files()
    assert many.value.fields["count"] == 3


async def test_bytes_of_packed_logs(library: Library) -> None:
    """What they have unpacked; of what is too short to be an archive, or is cut, what it is long."""
    part = library.paths.logs / "a.jsonl.1700000000000000000.gz"
    part.write_bytes(gzip.compress(b"x" * 5000))
    assert log_bytes([library.paths.logs]) == 5000
    part.write_bytes(gzip.compress(b""))
    assert log_bytes([library.paths.logs]) == part.stat().st_size == 20
    part.write_bytes(b"short")
    assert log_bytes([library.paths.logs]) == 5
    with closing(open_reader(part)) as reader:
        assert reader.size() == 0


async def test_logs_with_odd_names_and_none_at_all(library: Library, archive: Archive) -> None:
    """A name that is no UTF-8 can be sent; where no log can be listed there is none, and a rebuild has none to read."""
    logs = library.paths.logs
    Path(os.fsdecode(bytes(logs) + b"/caf\xe9.jsonl")).write_text("x\n")
    assert msgspec.json.encode([file.uuid for file in await archive.log_files()]) == '["caf\ufffd"]'.encode()
    shutil.rmtree(logs)
    for _ in range(2):
        assert await archive.log_files() == []
        assert log_bytes([logs]) == 0
        logs.touch()


ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


async def test_slow_read_ends(library: Library, archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    """A read past its limit is 503; one whose request has gone stops too, and the pool works on."""
    pool = archive._events
    with trio.move_on_after(0.05) as scope:
        await pool.run(lambda db: db.execute(ENDLESS).fetchall())
    assert scope.cancelled_caught
    monkeypatch.setattr(read_pool, "READ_LIMIT_S", 0.05)
    with trio.fail_after(10):
        for _ in range(4):
            with pytest.raises(Unavailable):
                await pool.run(lambda db: db.execute(ENDLESS).fetchall())
        assert await pool.run(lambda db: db.execute("SELECT 1").fetchone()) == (1,)
