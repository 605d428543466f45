"""Session views, quota, feed and hooks over real HTTP."""

from __future__ import annotations

import threading

import httpx
import pytest
import trio
import trio.testing
from msgspec.structs import replace

from ctm_trio.journal import tail
from ctm_trio.journal.replay import UNCOUNTED_EVENTS
from ctm_trio.messages.attention import AttentionSnapshot
from ctm_trio.messages.clients import ClientsSnapshot
from ctm_trio.messages.quota import QuotaSnapshot
from ctm_trio.messages.sessions import Lifecycle, SessionsSnapshot
from ctm_trio.messages.status import StatusSnapshot
from ctm_trio.model.attention import Attention
from ctm_trio.model.clients import Client
from ctm_trio.model.event import RING_EVENTS
from ctm_trio.model.panes import Pane
from ctm_trio.model.quota import Quota, Usage
from ctm_trio.model.session import ZERO_TIME, Session
from ctm_trio.model.status import Status
from ctm_trio.web.routes import feed
from tests.contract.conftest import Site

MADE = "2026-05-06T07:08:09Z"
ALPHA = Session(
    name="alpha", uuid="11111111-1111-4111-8111-111111111111", mode="yolo", workdir="/w/a", created_at=MADE
)  # fmt: skip
BETA = Session(name="beta", mode="safe", workdir="/w/b", created_at="2026-05-06T07:08:10Z", last_attached_at=ZERO_TIME)


async def test_session_views(site: Site) -> None:
    """A view joins the owners' snapshots, and leaves out what is not known."""
    site.sessions.publish(SessionsSnapshot({"alpha": ALPHA, "beta": BETA}, frozenset({"alpha"}), tmux_known=True))
    site.quota.publish(
        QuotaSnapshot(None, {"alpha": Usage(context_pct=42, input_tokens=1, output_tokens=2, cache_tokens=3)})
    )
    site.attention.publish(AttentionSnapshot({"beta": Attention("tmux_dead", "2026-05-06T08:00:00Z", "gone")}))
    async with site.client() as client:
        listed = (await client.get("/api/sessions")).json()
        assert [view["name"] for view in listed] == ["alpha", "beta"]
        assert (await client.get("/api/sessions/alpha")).json() == {
            "name": "alpha", "uuid": ALPHA.uuid, "mode": "yolo", "workdir": "/w/a", "created_at": MADE,
            "is_active": True, "tmux_alive": True, "context_pct": 42,
            "tokens": {"input_tokens": 1, "output_tokens": 2, "cache_tokens": 3}, "managed": True, "can_type": True,
            "blocked": False, "warnings": [],
        }  # fmt: skip
        beta = (await client.get("/api/sessions/beta")).json()
        assert beta["attention"] == {"state": "tmux_dead", "since": "2026-05-06T08:00:00Z", "details": "gone"}
        assert not {"last_attached_at", "tokens", "context_pct", "last_tool_call_at"} & set(beta)
        missing = await client.get("/api/sessions/nope")
        assert missing.status_code == 404
        assert (missing.json()["error"], missing.json()["name"]) == ("session not found", "nope")
        for odd in ("/api/sessions/%ff", "/api/sessions/a%00b", "/api/sessions/%2e%2e"):
            assert (await client.get(odd)).status_code == 404


async def test_nothing_can_be_typed_where_a_shell_waits(site: Site) -> None:
    """What has ended, and a client that is suspended or runs behind a shell: a prompt is refused there too."""
    pane = Pane("alpha", "$0", "%0", 1, False, False, False, True, True)
    alpha = Client(7, "1", ALPHA.uuid, status="idle", pane="%0")
    found = []
    async with site.client() as client:
        for state, clients, at_shell in (
            ("waiting", {"alpha": alpha}, False), ("waiting", {"alpha": alpha}, True), ("exited", {}, True),
            ("starting", {}, False), ("gone", {}, False),
            ("waiting", {"alpha": replace(alpha, fault="It is not believed.")}, False),
        ):  # fmt: skip
            shown = replace(pane, at_shell=at_shell)
            site.sessions.publish(SessionsSnapshot({"alpha": ALPHA}, frozenset({"alpha"}), True, panes=(shown,)))
            site.clients.publish(ClientsSnapshot(clients))
            site.status.publish(StatusSnapshot({"alpha": Status(state, 1.0, "It is so.", "tmux")}))
            found.append((await client.get("/api/sessions/alpha")).json()["can_type"])
    assert found == [True, False, False, True, False, False]


@pytest.mark.parametrize("path", ["/api/sessions", "/api/sessions/alpha"])
async def test_right_after_a_start(site: Site, path: str) -> None:
    """An answer waits until it was decided what the sessions do; for a moment only."""
    site.sessions.publish(SessionsSnapshot({"alpha": ALPHA}, frozenset({"alpha"}), True))
    site.status.publish(StatusSnapshot(begun=False))
    answers: list[object] = []

    async def ask(client: httpx.AsyncClient) -> None:
        answers.append((await client.get(path)).json())

    async with site.client() as client, trio.open_nursery() as nursery:
        nursery.start_soon(ask, client)
        await trio.testing.wait_all_tasks_blocked(0.01)
        assert not answers
        site.status.publish(StatusSnapshot({"alpha": Status("working", 1.0, "It is so.", "client")}))
    (answer,) = answers
    shown = answer[0] if isinstance(answer, list) else answer
    assert isinstance(shown, dict)
    assert shown["status"]["state"] == "working"


async def test_quota(site: Site) -> None:
    """204 while no limit was seen, then the object."""
    async with site.client() as client:
        assert (await client.get("/api/quota")).status_code == 204
        site.quota.publish(QuotaSnapshot(Quota(12, 3, "2026-05-06T08:00:00Z", "")))
        assert (await client.get("/api/quota")).json() == {
            "weekly_pct": 12, "five_hr_pct": 3, "weekly_resets_at": "2026-05-06T08:00:00Z", "five_hr_resets_at": "",
        }  # fmt: skip


async def test_feed(site: Site) -> None:
    """Newest first, of one session or all; a limit that makes no sense is the default."""
    await site.publish(*[f"a-{i}" for i in range(250)])
    await site.publish("b-0", session="beta")
    async with site.client() as client:
        everything = [call["input"] for call in (await client.get("/api/feed")).json()]
        assert (len(everything), everything[0], everything[1]) == (200, "b-0", "a-249")
        for limit, count in (
            ("7", 7),
            ("500", 250),
            ("9999999", 250),
            ("0", 200),
            ("-3", 200),
            ("x", 200),
            ("1.5", 200),
            ("", 200),
        ):
            answer = await client.get(f"/api/sessions/alpha/feed?limit={limit}")
            assert len(answer.json()) == count, limit
        assert (await client.get("/api/sessions/nobody/feed")).json() == []
    with trio.fail_after(30):
        await site.subscribers(0)


async def test_hooks(site: Site) -> None:
    """Known events go to the sessions owner with the fields that were sent; pages from elsewhere are refused."""
    taken: list[Lifecycle] = []

    async def owner() -> None:
        async for message in site.sessions_recv:
            assert isinstance(message, Lifecycle)
            taken.append(message)
            message.reply.ok(None)

    async with site.client(token=False) as client, trio.open_nursery() as nursery:
        nursery.start_soon(owner)
        answer = await client.post("/api/hooks/on_yolo", data={"name": "alpha", "workdir": "/w/a b&c", "other": "x"})
        assert (answer.status_code, answer.content) == (204, b"")
        assert (taken[0].event, taken[0].fields) == ("on_yolo", {"name": "alpha", "workdir": "/w/a b&c"})
        assert (await client.post("/api/hooks/session_new")).status_code == 204
        assert taken[1].fields == {}
        for event in ("tool_call", "session_New", "attention_raised"):
            assert (await client.post(f"/api/hooks/{event}")).status_code == 404
        for origin in ("http://evil.example", "null"):
            refused = await client.post("/api/hooks/on_yolo", headers={"Origin": origin})
            assert (refused.status_code, refused.json()["error"]) == (403, "forbidden_origin")
        assert (await client.post("/api/hooks/on_yolo", headers={"Origin": site.origin})).status_code == 204
        assert (await client.get("/api/hooks/session_new")).status_code == 405
        nursery.cancel_scope.cancel()


async def test_feed_without_the_journal(site: Site) -> None:
    """The ring is in memory, so a feed needs no answer from a journal that is busy or gone."""
    await publish(site, "one")
    site.journal_send.close()
    async with site.client() as client:
        assert [call["input"] for call in (await client.get("/api/feed")).json()] == ["one"]
        assert (await client.get("/healthz")).status_code == 200


async def test_feed_from_a_database_that_hangs(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not in the ring is read from the database. When that takes too long the feed is 503, others go on."""
    monkeypatch.setattr(feed, "REPLAY_TIMEOUT_S", 0.1)
    let_go = threading.Event()
    monkeypatch.setattr(tail, "read_replay", lambda *_: let_go.wait())
    await publish(site, *[f"a-{i}" for i in range(RING_EVENTS + UNCOUNTED_EVENTS + 1)])
    try:
        async with site.client() as client:
            answer = await client.get("/api/sessions/alpha/feed")
            assert (answer.status_code, answer.json()["error"]) == (503, "unavailable")
            assert len((await client.get("/api/feed")).json()) == feed.DEFAULT_LIMIT
            assert (await client.get("/healthz")).status_code == 200
    finally:
        let_go.set()


async def publish(site: Site, *commands: str) -> None:
    """Publish tool calls, and wait until readers can see them."""
    head = site.journal.events.source.head()
    await site.publish(*commands)
    with trio.fail_after(30):
        await site.journal.events.source.moved(head)
