"""The past over HTTP: pages, details, sub-agents, search, costs, usage; and every bad input."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from ctm_trio.archive.search_index import SearchIndex
from ctm_trio.core.channels import open_state_channel
from ctm_trio.core.tail_channel import open_tail_channel
from ctm_trio.core.tail_window import Bounds
from ctm_trio.messages.sessions import SessionsSnapshot
from ctm_trio.messages.tailers import TailersSnapshot
from ctm_trio.model.event import MAX_ID, Event
from ctm_trio.model.pricing import PriceTable
from ctm_trio.model.quota import CostPoint
from ctm_trio.model.session import Session
from ctm_trio.owners.cost import run_cost
from ctm_trio.owners.search import run_search
from ctm_trio.web.routes.search import query_of
from tests.contract.conftest import Site
from tests.fakes.library import UUID, Library, at, bash

FUTURE = f"{(1 << 62)}-0"


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    """Ten calls of alpha, where the site finds them."""
    made = Library(tmp_path)
    made.write([bash(f"cmd-{n} é", f"out-{n}", ts=at(n), agent_id="a1" if n > 7 else "") for n in range(10)])
    yield made
    made.close()


def record(site: Site) -> None:
    """Alpha and beta are on record."""
    site.sessions.publish(SessionsSnapshot({"alpha": Session("alpha", uuid=UUID), "beta": Session("beta")}))


async def test_history(library: Library, site: Site) -> None:
    """Pages follow each other by the id of their last event, and say whether there is more."""
    record(site)
    async with site.client() as client:
        first = (await client.get(f"/api/sessions/alpha/feed/history?before={FUTURE}&limit=6")).json()
        assert [event["payload"]["input"] for event in first["events"]] == [f"cmd-{n} é" for n in range(9, 3, -1)]
        assert first["has_more"] is True
        event = first["events"][-1]
        assert (event["session"], event["type"], event["ts"]) == ("alpha", "tool_call", event["payload"]["ts"])
        rest = (await client.get(f"/api/sessions/alpha/feed/history?before={event['id']}")).json()
        assert (len(rest["events"]), rest["has_more"]) == (4, False)
        late = event["id"].replace("-0", "-1")  # later than this event, so it is older than the cursor
        assert (await client.get(f"/api/sessions/alpha/feed/history?before={late}")).json()["events"][0] == event
        empty = await client.get(f"/api/sessions/beta/feed/history?before={FUTURE}")
        assert empty.json() == {"events": [], "has_more": False}


@pytest.mark.parametrize(
    "huge", ["9223372036854775807-0", "9223372036854775807-5", "9223372036854775808-0", "9" * 60 + "-7"]
)
async def test_a_cursor_beyond_every_id(library: Library, site: Site, huge: str) -> None:
    """A well-formed id that is larger than any event's pages from the newest; as a call's id it is nobody's."""
    record(site)
    async with site.client() as client:
        page = (await client.get(f"/api/sessions/alpha/feed/history?before={huge}&limit=3")).json()
        assert [event["payload"]["input"] for event in page["events"]] == [f"cmd-{n} é" for n in (9, 8, 7)]
        assert (await client.get(f"/api/sessions/alpha/tool_calls/{huge}/detail")).status_code == 404
        assert query_of({"q": "cmd", "before": huge}).before == MAX_ID
        SearchIndex(library.paths.search_index, library.paths.database, library.paths.logs).close()
        answer = await client.get("/api/search", params={"q": "cmd", "before": huge, "until": "9999-12-31T23:59:59Z"})
        assert answer.status_code == 200
        oldest = (await client.get("/api/sessions/alpha/feed/history?before=0-0")).json()
        assert oldest == {"events": [], "has_more": False}


@pytest.mark.parametrize("text", ["-5-0", "1.5-0", "١٢-0", "12", "12-", "-12", "1e9-0", "0x10-0", "12-0 ", " 12-0"])
async def test_a_cursor_that_is_none(library: Library, site: Site, text: str) -> None:
    """Negative numbers, fractions, other digits than ASCII's and half ids are refused by every route."""
    record(site)
    async with site.client() as client:
        for path in ("/api/sessions/alpha/feed/history", "/api/search"):
            answer = await client.get(path, params={"q": "cmd", "before": text})
            assert (answer.status_code, answer.json()["error"]) == (400, "invalid_cursor"), path


@pytest.mark.parametrize(
    ("path", "status", "error"),
    [
        ("sessions/alpha/feed/history", 400, "invalid_cursor"),
        ("sessions/alpha/feed/history?before=", 400, "invalid_cursor"),
        ("sessions/alpha/feed/history?before=yesterday", 400, "invalid_cursor"),
        (f"sessions/nope/feed/history?before={FUTURE}", 404, "session not found"),
        ("sessions/alpha/tool_calls/1-0/detail", 404, "tool_call_not_found"),
        ("sessions/alpha/tool_calls/rubbish/detail", 404, "tool_call_not_found"),
        ("sessions/nope/tool_calls/1-0/detail", 404, "session not found"),
        ("sessions/alpha/subagents?since=now", 400, "invalid_since"),
        ("sessions/nope/subagents", 404, "session not found"),
        ("sessions/nope/teams", 404, "session not found"),
        ("search?q=ab", 400, "query_too_short"),
        ("search?q=+++", 400, "query_too_short"),
        ("search", 400, "query_too_short"),
        (f"search?q={'x' * 501}", 400, "invalid_query"),
        ("search?q=abc&error=maybe", 400, "invalid_query"),
        ("search?q=abc&before=x", 400, "invalid_cursor"),
        ("search?q=abc&since=x", 400, "invalid_since"),
        ("cost?window=month", 400, "unknown_window"),
        ("cost?window=", 400, "unknown_window"),
    ],
)
async def test_bad_input(library: Library, site: Site, path: str, status: int, error: str) -> None:
    """What cannot be answered says why, in the shape of every error, and needs a token first."""
    record(site)
    async with site.client() as client:
        answer = await client.get(f"/api/{path}")
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.json()["message"]
    async with site.client(token=False) as client:
        assert (await client.get(f"/api/{path}")).status_code == 401


async def test_detail(library: Library, site: Site) -> None:
    """A call in full; once its log is gone the answer says so, and still lists the call."""
    record(site)
    async with site.client() as client:
        page = (await client.get(f"/api/sessions/alpha/feed/history?before={FUTURE}")).json()
        path = f"/api/sessions/alpha/tool_calls/{page['events'][0]['id']}/detail"
        found = (await client.get(path)).json()
        assert json.loads(found["input_json"]) == {"command": "cmd-9 é"}
        assert (found["output_excerpt"], found["is_error"], "diff" in found) == ("out-9", False, False)
        (library.paths.logs / f"{UUID}.jsonl").unlink()
        gone = await client.get(path)
        assert (gone.status_code, gone.json()["error"], gone.json()["tool"]) == (410, "log_gone", "Bash")
        assert (await client.get(f"/api/sessions/alpha/feed/history?before={FUTURE}")).json() == page


async def test_agents_and_usage(library: Library, site: Site) -> None:
    """A session's agent, alone in its team; the log with its size, and a name for one that nobody owns."""
    record(site)
    async with site.client() as client:
        (agent,) = (await client.get("/api/sessions/alpha/subagents")).json()["subagents"]
        assert (agent["id"], agent["tool_calls"], agent["description"]) == ("a1", 2, "cmd-8 é")
        (team,) = (await client.get("/api/sessions/alpha/teams")).json()["teams"]
        assert (team["id"], team["members"][0]["subagent_id"]) == ("team-a1", "a1")
        usage = (await client.get("/api/logs/usage")).json()
        size = (library.paths.logs / f"{UUID}.jsonl").stat().st_size
        assert (usage["total_bytes"], usage["files"][0]["session"]) == (size, f"uuid:{UUID[:8]}")


async def test_search_follows(library: Library, site: Site, nursery: trio.Nursery) -> None:
    """The indexer takes what is there, then what comes; a search that nothing fits has no matches."""
    paths = library.paths
    sender, events = open_tail_channel(Bounds[Event](9, 9, lambda _: 1))
    _, tailers = open_state_channel(TailersSnapshot(caught_up=True))
    await nursery.start(run_search, paths.search_index, paths.database, paths.logs, events, tailers)

    async def count(text: str, wanted: int) -> None:
        async with site.client() as client:
            with trio.fail_after(30):
                while True:
                    found = (await client.get("/api/search", params={"q": text})).json()
                    if len(found["matches"]) == wanted:
                        return
                    await trio.sleep(0.02)

    await count("cmd-", 10)
    library.write([bash("brand-new")])
    sender.send_nowait([Event(1, "tool_call", "alpha", b"{}", "")])
    await count("brand-new", 1)
    await count("no such thing", 0)
    nursery.cancel_scope.cancel()


async def test_cost_owner(library: Library, site: Site, nursery: trio.Nursery) -> None:
    """Points that are sent are in the answer, with the source of each figure; the price table is there to edit."""
    paths = library.paths
    send, receive = trio.open_memory_channel[CostPoint](16)
    prices, table = open_state_channel(PriceTable("", {}))
    await nursery.start(run_cost, receive, paths.costs, paths.prices, prices)
    assert table.latest.as_of
    assert paths.prices.exists()
    async with send, site.client() as client:
        now = (await client.get("/api/cost")).json()
        assert (now["points"], now["source"], now["window"]) == ([], "", "day")
        await send.send(CostPoint("alpha", UUID, "2999-01-01T00:00:00Z", "m", 1_000_000, 0, 0))
        await send.send(CostPoint("beta", "u2", "2999-01-01T00:00:01Z", "m", 5, 0, 0, 77))
        with trio.fail_after(30):
            while True:
                now = (await client.get("/api/cost?window=hour")).json()
                if len(now["points"]) == 2:
                    break
                await trio.sleep(0.02)
        assert [(p["source"], p["cost_usd_micros"]) for p in now["points"]] == [("default", 3_000_000), ("client", 77)]
        assert (now["source"], now["totals"]["cost_usd_micros"]) == ("mixed", 3_000_077)
        only = (await client.get("/api/cost?session=beta")).json()
        assert (only["totals"]["input"], only["spent"]["sessions"]) == (5, {"beta": 77})
    nursery.cancel_scope.cancel()
