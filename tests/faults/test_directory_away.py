"""The configuration directory is moved away while the daemon runs, and comes back, or another one takes its place.

Source: PROTOCOL.md, Databases and upgrades.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.process import USER, Daemon, eventually
from tests.faults.rig import line

UUID = "11111111-2222-4333-8444-555555555555"
PARTS = ("journal", "webhook", "cost", "search")
AWAY = "ctm-trio.db was deleted while it was in use. It cannot be restored now"


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """A running daemon that has read twenty lines."""
    with Daemon(tmp_path) as made:
        made.log().append(b"".join(line(UUID, f"a{i}") for i in range(20)))
        made.start()
        eventually(lambda: len(made.stored()) == 20, what="the ingest")
        yield made


def move_away(daemon: Daemon) -> Path:
    """Move it, and wait until every part has noticed."""
    away = daemon.root.rename(daemon.root.with_name("away"))
    names = ("ctm-trio.db", "ctm-trio-outbox.db", "ctm-trio-cost.db", "ctm-trio-search.db")
    eventually(
        lambda: all(f"{name} was deleted while it was in use" in daemon.said() for name in names), what="the notice"
    )
    return away


def are_well(daemon: Daemon) -> bool:
    """True if /health says that every database is."""
    found = daemon.get("/health")["components"]
    return all(found[name] == "ok" for name in PARTS)


@pytest.mark.parametrize("wait", [True, False], ids=["seen", "stopped at once"])
def test_away_and_back(daemon: Daemon, wait: bool) -> None:
    """The open files are at their paths again: all goes on with them, also if the stop is the first to see it."""
    with daemon.stream(last_id=f"{daemon.stored()[9][0]}-0") as stream:
        stream.until(10)
        move_away(daemon).rename(daemon.root)
        daemon.log().append(b"".join(line(UUID, f"b{i}") for i in range(10)))
        stream.until(20)
        sent = stream.events
    if wait:
        daemon.token = daemon.request("POST", "/api/auth/login", json=USER).json()["token"]
        eventually(lambda: are_well(daemon), what="the end of it")
        eventually(lambda: len(daemon.stored()) == 30, what="what was held in memory")
    assert daemon.stop()[0] == 0
    assert daemon.stored()[10:] == sent
    assert not [path.name for path in daemon.root.iterdir() if "replaced" in path.name or "rescued" in path.name]


def test_stopped_while_it_is_away(daemon: Daemon) -> None:
    """Then the exit code says that not everything is where it belongs; nothing of it is lost."""
    before = daemon.stored()
    away = move_away(daemon)
    assert daemon.stop()[0] == 1
    assert AWAY in daemon.said()
    assert "Not everything is on disk; the next start reads the rest from the logs." in daemon.said()
    away.rename(daemon.root)
    assert daemon.start().stop()[0] == 0
    assert daemon.stored() == before


def test_another_directory_in_its_place(daemon: Daemon) -> None:
    """The databases are put back into it, with all ids."""
    before = daemon.stored()
    move_away(daemon)
    daemon.root.mkdir(mode=0o700)
    daemon.logs.mkdir(mode=0o700)
    eventually(lambda: daemon.database.exists() and daemon.stored() == before, what="the event log")
    daemon.log().append(line(UUID, "b"))
    eventually(lambda: len(daemon.stored()) == 21, what="the next line")
    assert daemon.stop()[0] == 0
    assert daemon.stored()[:20] == before
