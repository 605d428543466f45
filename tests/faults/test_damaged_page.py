"""One page of a database is damaged while the daemon is down, in a place that only some reads come to.

The read that does has the file looked at, set aside and made anew. Source: PROTOCOL.md, Databases and upgrades.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from ctm_trio.archive.search_read import connect_search, search
from ctm_trio.model.pricing import PriceTable
from ctm_trio.model.quota import CostPoint
from ctm_trio.model.search import SearchQuery
from ctm_trio.system.cost_store import CostStore
from ctm_trio.system.store_errors import DamageMet, StoreDamaged
from tests.faults.process import Daemon, eventually
from tests.faults.rig import line

UUID = "11111111-2222-4333-8444-555555555555"
CALLS = 3000
PAGE = 4096
HISTORY = f"/api/sessions/uuid:{UUID[:8]}/feed/history"


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon that has read a log, and was stopped."""
    with Daemon(tmp_path) as made:
        made.log().append(b"".join(line(UUID, f"needle {i}") for i in range(CALLS)))
        made.start()
        eventually(lambda: len(made.stored()) == CALLS, what="the ingest")
        eventually(lambda: made.get("/api/search?q=needle&limit=1")["complete"], what="the index")
        assert made.stop()[0] == 0
        yield made


def damage(path: Path, query: str = "", read: Callable[[], object] | None = None) -> None:
    """Zero one page in the middle, of those without which the query, or else `read`, fails."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    content = path.read_bytes()
    for page in range(len(content) // PAGE // 2, len(content) // PAGE):
        path.write_bytes(content[: page * PAGE] + bytes(PAGE) + content[(page + 1) * PAGE :])
        try:
            if read is not None:
                read()
                continue
            with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as db:
                db.execute(query).fetchall()
        except (sqlite3.DatabaseError, DamageMet, StoreDamaged):
            return
    raise AssertionError("no page of the file is needed")


def history(daemon: Daemon) -> list[str] | None:
    """What all calls said, newest first; None while it is answered that the file is damaged."""
    found: list[str] = []
    before = "9999999999999999999-0"
    while True:
        answer = daemon.request("GET", f"{HISTORY}?limit=500&before={before}")
        if answer.status_code == 503:
            assert "ctm-trio.db seems to be damaged" in answer.json()["message"]
            return None
        assert answer.status_code == 200, answer.text
        found += [event["payload"]["input"] for event in answer.json()["events"]]
        if not answer.json()["has_more"]:
            return found
        before = answer.json()["events"][-1]["id"]


def test_a_page_of_the_event_log(daemon: Daemon) -> None:
    """The logs rebuild it, and all of the history is there again."""
    damage(daemon.database, "SELECT payload FROM events")
    daemon.start()
    assert history(daemon) is None
    eventually(lambda: list(daemon.root.glob("ctm-trio.db.corrupt.*")) != [], within_s=10, what="the setting aside")
    eventually(lambda: "ctm-trio.db was damaged while it was in use" in daemon.said(), what="the word on it")
    eventually(lambda: daemon.answers() and len(daemon.stored()) == CALLS, what="the rebuilding")
    assert history(daemon) == [f"needle {i}" for i in reversed(range(CALLS))]
    assert daemon.get("/health")["status"] == "ok"
    assert daemon.stop()[0] == 0
    with closing(sqlite3.connect(daemon.database)) as db:
        assert db.execute("PRAGMA quick_check").fetchone() == ("ok",)


def look_for_all(daemon: Daemon) -> None:
    """Search as the daemon does, page by page. Some damage only makes SQLite end too early."""
    with closing(connect_search(daemon.root / "ctm-trio-search.db", daemon.database)) as db:
        found, before = search(SearchQuery("needle", limit=500), db), 0
        while found.truncated:
            before = int(found.matches[-1].id.split("-")[0])
            found = search(SearchQuery("needle", limit=500, before=before), db)


@pytest.mark.parametrize("table", ["docs", "words"])
def test_a_page_of_the_search_index(daemon: Daemon, table: str) -> None:
    """The event log rebuilds it, without waiting for the next event."""
    index = daemon.root / "ctm-trio-search.db"
    if table == "docs":
        damage(index, "SELECT * FROM docs")
    else:
        damage(index, read=partial(look_for_all, daemon))
    daemon.start()
    target = "/api/search?q=needle&limit=500"
    until = ""
    while (answer := daemon.request("GET", target + until)).status_code == 200 and answer.json()["truncated"]:
        until = f"&before={answer.json()['matches'][-1]['id']}"
    assert answer.status_code == 503, (daemon.said()[-600:], len(answer.json()["matches"]), until)
    assert answer.json()["error"] == "store_damaged"
    eventually(lambda: list(daemon.root.glob("ctm-trio-search.db.corrupt.*")) != [], within_s=10, what="the new file")

    def whole() -> bool:
        found = daemon.request("GET", "/api/search?q=needle+0")
        return found.status_code == 200 and len(found.json()["matches"]) == 1

    eventually(whole, what="the index")
    assert daemon.get("/health")["status"] == "ok"
    assert daemon.stop()[0] == 0


def test_a_page_of_the_costs(daemon: Daemon) -> None:
    """They begin anew, and the part runs on."""
    path = daemon.root / "ctm-trio-cost.db"
    now = datetime.now(UTC).isoformat()
    store = CostStore(path, PriceTable("", {}))
    store.add(
        CostPoint(
            "s",
            UUID,
            now,
            "opus",
            input_tokens=i,
            output_tokens=i,
            cache_tokens=0,
            total_cost_micros=i,
        )
        for i in range(1, CALLS)
    )
    store.close()
    damage(path, "SELECT * FROM points NOT INDEXED")
    daemon.start()
    answer = daemon.request("GET", "/api/cost?window=day")
    assert (answer.status_code, answer.json()["error"]) == (503, "store_damaged")
    eventually(lambda: list(daemon.root.glob("ctm-trio-cost.db.corrupt.*")) != [], within_s=10, what="the new file")
    eventually(lambda: daemon.request("GET", "/api/cost?window=day").status_code == 200, what="the answer")
    assert daemon.get("/health")["status"] == "ok"
    assert "cost crashed" not in daemon.said()
    assert daemon.stop()[0] == 0
