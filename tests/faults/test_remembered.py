"""What others can make the daemon remember is bounded, and what ages out changes nothing that is right."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from ctm_trio.archive import agents
from ctm_trio.journal import store
from ctm_trio.messages.journal import JournalCounters
from ctm_trio.messages.sessions import SessionsSnapshot
from ctm_trio.model.session import Session
from ctm_trio.web.rings import MAX_RINGS
from tests.contract.conftest import open_site
from tests.faults.process import Daemon, eventually
from tests.faults.rig import Rig, line

UUID = "11111111-2222-4333-8444-555555555555"


async def test_agents_age_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more sub-agents than are remembered each is announced once, also when it is heard of again."""
    monkeypatch.setattr(store, "MAX_AGENTS", 3)
    rig = Rig(tmp_path)
    log = rig.log()
    async with rig.running():
        for step in range(20):
            log.append(line(UUID, f"m{step}", agent=f"agent-{step % 7}"))
            await rig.settle(step + 1)
    db = sqlite3.connect(rig.database)
    try:
        (starts,) = db.execute("SELECT count(*) FROM events WHERE type = 'subagent_start'").fetchone()
    finally:
        db.close()
    assert starts == 7


def test_summed_agents_age_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sums of logs with very many sub-agents are not kept, and are the same when they are asked for again."""
    monkeypatch.setattr(agents, "KEPT_AGENTS", 10)
    with Daemon(tmp_path) as daemon:
        for i in range(60):
            daemon.log(UUID).append(line(UUID, f"m{i}", agent=f"agent-{i % 30}"))
        daemon.start()
        eventually(lambda: len(daemon.stored()) == 60, what="the lines")
        book = agents.AgentBook(daemon.logs)
        db = sqlite3.connect(f"file:{daemon.database}?mode=ro", uri=True, isolation_level=None)
        try:
            (source,) = db.execute("SELECT id FROM sources WHERE uuid = ?", (UUID,)).fetchone()
            first, second = book.look(db, [source]), book.look(db, [source])
        finally:
            db.close()
        assert len(first[0].agents) == 30
        assert first == second
        assert not book._kept


async def test_rings_in_health_are_few(tmp_path: Path) -> None:
    """With tens of thousands of logs /health and the metrics name the recorded sessions, some others, and the sum."""
    async with open_site(tmp_path) as site:
        rings = {f"uuid:{i:08d}": 1 for i in range(20_000)} | {"alpha": 7, "": 500}
        site.journal.told = JournalCounters(ring_sizes=rings)
        site.sessions.publish(SessionsSnapshot(records={"alpha": Session("alpha")}))
        async with site.client() as client:
            shown = (await client.get("/health")).json()["hub"]["ring_sizes"]
            metrics = (await client.get("/metrics")).text
        assert len(shown) == MAX_RINGS + 1
        assert (shown[""], shown["alpha"]) == (500, 7)
        assert metrics.count("ctm_ring_events{") == MAX_RINGS + 1
