"""The routes of conversations: pages, exports, images, the list, usage, and orders that go on with one.

Source: PROTOCOL.md, Conversations.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
import trio

from ctm_trio.core.channels import Reply
from ctm_trio.errors.conversations import ConversationTaken, UnknownConversation
from ctm_trio.messages.sessions import CreateSession, SessionsSnapshot
from ctm_trio.model.paths import paths_under
from ctm_trio.model.session import Session
from ctm_trio.transcripts.index import ConversationIndex
from tests.contract.conftest import Site
from tests.fakes.transcripts import BEGAN, MODEL, PNG, Talk, image_block, text_block

A = "aaaaaaaa-0000-4000-8000-000000000000"
B = "bbbbbbbb-0000-4000-8000-000000000000"
S = "/api/sessions/alpha/conversation"
NEVER = "0001-01-01T00:00:00Z"


def publish(site: Site) -> None:
    """Alpha has the first conversation, beta none that was written; the second one is nobody's."""
    records = {
        "alpha": Session("alpha", A, "safe", "/", NEVER),
        "beta": Session("beta", "99999999-0000-4000-8000-000000000000", "safe", "/", NEVER),
    }
    site.sessions.publish(SessionsSnapshot(records=records))


@pytest.fixture
def shelf(site: Site) -> Site:
    """A site with two conversations, indexed."""
    first, second = Talk(A, cwd=str(site.root)), Talk(B, cwd="/gone/maps", began=BEGAN + timedelta(hours=1))
    first.prompt("look at <this>", image_block(), image_block("PHN2Zz4=", "image/svg+xml"))
    first.said(text_block("**Yes**"), message="m1")
    first.call("t1", command="ls")
    first.result("t1", "a\nb")
    for n in range(450):
        first.prompt(f"number {n}")
    child = Talk(A, agent="a1")
    child.text("from below")
    second.bare("custom-title", customTitle="Maps")
    second.prompt("draw Ärger")
    write(site, first, child, second)
    publish(site)
    return site


def write(site: Site, *talks: Talk) -> None:
    """Write transcripts and index them."""
    path = paths_under(site.root).conversations
    path.parent.mkdir(parents=True, exist_ok=True)
    index = ConversationIndex(path)
    rest = [str(talk.write(site.root / "projects")) for talk in talks]
    while rest:
        done = index.step(rest)
        rest = [path for path in rest if path not in done.read]
    index.close()


async def get(site: Site, path: str, status: int = 200) -> Any:
    """The JSON of an answer with this status."""
    async with site.client() as client:
        answer = await client.get(path)
    assert answer.status_code == status, answer.text
    return answer.json()


# ---------------------------------------------------------------- pages


async def test_a_page(shelf: Site) -> None:
    """The newest entries, oldest first, with what they are of."""
    page = await get(shelf, S)
    assert page.keys() == {"entries", "has_more", "uuid", "title"}
    assert (page["uuid"], page["title"], page["has_more"]) == (A, "look at <this>", True)
    assert [one["text"] for one in page["entries"]] == [f"number {n}" for n in range(350, 450)]
    assert page["entries"][0].keys() == {"id", "ts", "kind", "turn", "text", "queued"}
    assert page["entries"][0]["turn"] == 352


async def test_pages_before_and_after(shelf: Site) -> None:
    """Both ways lead to the same entries; more than 500 are not given at once."""
    whole = (await get(shelf, f"{S}?limit=9999"))["entries"]
    assert len(whole) == 453
    last = whole[-1]["id"]
    before = await get(shelf, f"{S}?before={last}&limit=2")
    assert (before["entries"], before["has_more"]) == (whole[-3:-1], True)
    after = await get(shelf, f"{S}?after={whole[-3]['id']}&limit=2")
    assert (after["entries"], after["has_more"]) == (whole[-2:], False)
    after = await get(shelf, f"{S}?after={whole[0]['id']}&limit=1")
    assert (after["entries"], after["has_more"]) == (whole[1:2], True)
    oldest = await get(shelf, f"{S}?before={whole[0]['id']}")
    assert (oldest["entries"], oldest["has_more"]) == ([], False)
    assert (await get(shelf, f"{S}?after={last}"))["entries"] == []
    for path in (S, f"/api/conversations/{A}/entries"):
        start = await get(shelf, f"{path}?from=start&limit=2")
        assert (start["entries"], start["has_more"], start["title"]) == (whole[:2], True, "look at <this>")
    assert len((await get(shelf, f"{S}?from=start&limit=500"))["entries"]) == 200
    few = await get(shelf, f"/api/conversations/{B}/entries?from=start")
    assert few == {**await get(shelf, f"/api/conversations/{B}/entries"), "has_more": False}
    assert len((await get(shelf, f"{S}?limit=none"))["entries"]) == 100, "a limit that is none is the default"


@pytest.mark.parametrize("cursor", ["0000000000000000", "x", "12-0", "%00", "f" * 400])
async def test_a_cursor_that_is_no_entry(shelf: Site, cursor: str) -> None:
    """It is not found, in either direction; a page from the start instead would be taken for the next."""
    for way in ("before", "after"):
        for path in (S, f"/api/conversations/{A}/entries", "/api/sessions/beta/conversation"):
            assert (await get(shelf, f"{path}?{way}={cursor}", 404))["error"] == "entry_not_found"
    first = (await get(shelf, f"/api/conversations/{B}/entries"))["entries"][0]["id"]
    assert (await get(shelf, f"{S}?before={first}", 404))["error"] == "entry_not_found", "one of another conversation"


async def test_what_is_not_asked_so(shelf: Site) -> None:
    """Both cursors at once; a session and a conversation that nobody knows; a session that said nothing yet."""
    last = (await get(shelf, S))["entries"][-1]["id"]
    for query in (f"before={last}&after={last}", f"from=start&before={last}", f"from=start&after={last}", "from=end"):
        assert (await get(shelf, f"{S}?{query}", 400))["error"] == "invalid_query"
    found = await get(shelf, "/api/sessions/nobody/conversation", 404)
    assert (found["error"], found["name"]) == ("session not found", "nobody")
    for path in ("", "/entries", "/export"):
        for uuid in ("nobody", B.replace("b", "c")):
            assert (await get(shelf, f"/api/conversations/{uuid}{path}", 404))["error"] == "unknown_conversation"
    empty = await get(shelf, "/api/sessions/beta/conversation")
    assert empty == {"entries": [], "has_more": False, "uuid": "99999999-0000-4000-8000-000000000000"}


async def test_a_sub_agent(shelf: Site) -> None:
    """Its entries only, and only when it is asked for."""
    (entry,) = (await get(shelf, f"{S}?agent=a1"))["entries"]
    assert (entry["text"], entry["agent_id"], entry["model"]) == ("from below", "a1", MODEL)
    assert entry["tokens"] == {"input": 4, "output": 20, "cache_creation": 100, "cache_read": 1000}
    assert (await get(shelf, f"{S}?agent=nobody"))["entries"] == []
    assert "from below" not in json.dumps((await get(shelf, f"{S}?limit=500"))["entries"])


async def test_any_conversation(shelf: Site) -> None:
    """One that was never started here is read like the others."""
    page = await get(shelf, f"/api/conversations/{B}/entries")
    assert ([one["text"] for one in page["entries"]], page["title"], page["uuid"]) == (["draw Ärger"], "Maps", B)


# ---------------------------------------------------------------- exports


async def exported(site: Site, path: str) -> httpx.Response:
    async with site.client() as client:
        answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Transfer-Encoding"] == "chunked", "it is streamed"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    return answer


async def test_an_export_as_json(shelf: Site) -> None:
    """All entries, as pages have them; a file to save."""
    answer = await exported(shelf, f"{S}/export?format=json")
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="alpha.json"'
    found = answer.json()
    assert found == {"uuid": A, "title": "look at <this>", "entries": (await get(shelf, f"{S}?limit=500"))["entries"]}
    child = (await exported(shelf, f"/api/conversations/{A}/export?format=json&agent=a1")).json()
    assert [one["text"] for one in child["entries"]] == ["from below"]


async def test_an_export_as_markdown(shelf: Site) -> None:
    """The default; every prompt has its heading."""
    answer = await exported(shelf, f"/api/conversations/{A}/export")
    assert answer.headers["Content-Type"] == "text/markdown; charset=utf-8"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{A}.md"'
    assert answer.text.startswith(
        f"# look at <this>\n\nClaude session {A}\n\n## Prompt, 2026-11-20 09:00 UTC\n\nlook at"
    )
    assert answer.text.count("\n## Prompt, ") == 451
    assert "**Yes**\n\n**Bash** ls\n\n```sh\nls\n```\n\n```\na\nb\n```\n\n## Prompt" in answer.text
    assert answer.text == (await exported(shelf, f"{S}/export?format=md")).text


async def test_an_export_that_is_refused(shelf: Site) -> None:
    """Before anything is streamed."""
    for path in (f"{S}/export", f"/api/conversations/{A}/export"):
        assert (await get(shelf, f"{path}?format=pdf", 400))["error"] == "invalid_query"
    assert (await get(shelf, "/api/sessions/nobody/conversation/export", 404))["error"] == "session not found"
    empty = await exported(shelf, "/api/sessions/beta/conversation/export?format=json")
    assert empty.json()["entries"] == []


# ---------------------------------------------------------------- images


async def test_an_image(shelf: Site) -> None:
    """Its bytes, and headers under which a browser does nothing else with it."""
    entry = (await get(shelf, f"{S}?limit=500"))["entries"][0]
    first, second = entry["images"]
    assert (first["media_type"], first["bytes"], second["media_type"]) == ("image/png", 70, "image/svg+xml")
    async with shelf.client() as client:
        shown, given = await client.get(first["src"]), await client.get(second["src"])
    assert shown.content == b64decode(PNG)
    assert shown.headers["Content-Type"] == "image/png"
    assert shown.headers["Content-Disposition"] == f'inline; filename="{entry["id"]}-0.png"'
    assert given.content == b"<svg>"
    assert given.headers["Content-Type"] == "application/octet-stream"
    assert given.headers["Content-Disposition"] == f'attachment; filename="{entry["id"]}-1.bin"'
    for answer in (shown, given):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert answer.headers["Cache-Control"] == "private, max-age=86400"
    async with shelf.client(token=False) as client:
        assert (await client.get(first["src"])).status_code == 401


async def test_images_that_are_none(shelf: Site) -> None:
    """Another number, no number, another entry, nonsense."""
    entries = (await get(shelf, f"{S}?limit=500"))["entries"]
    for id_ in (
        f"{entries[0]['id']}-2", f"{entries[0]['id']}-99999", f"{entries[0]['id']}-999999", entries[0]["id"],
        f"{entries[0]['id']}--1", f"{entries[0]['id']}-٠", f"{entries[1]['id']}-0", "0000000000000000-0", "x-0", "-",
    ):  # fmt: skip
        assert (await get(shelf, f"/api/conversation/media/{id_}", 404))["error"] == "entry_not_found", id_


async def test_an_image_that_is_badly_written(site: Site) -> None:
    """It is not found; the prompt is there."""
    talk = Talk(A)
    talk.prompt("see", image_block("A"))
    write(site, talk)
    publish(site)
    (entry,) = (await get(site, S))["entries"]
    assert entry["text"] == "see"
    assert (await get(site, entry["images"][0]["src"], 404))["error"] == "entry_not_found"


# ---------------------------------------------------------------- the list, usage


async def test_the_list(shelf: Site) -> None:
    """Newest first, with its session and cost where there is one."""
    found = await get(shelf, "/api/conversations")
    assert found.keys() == {"conversations", "has_more"}
    maps, alpha = found["conversations"]
    assert maps == {
        "uuid": B, "title": "Maps", "project": "maps", "cwd": "/gone/maps", "started_at": "2026-11-20T10:00:01Z",
        "ended_at": "2026-11-20T10:00:01Z", "prompts": 1, "resumable": False, "why_not": "no_directory",
        "tokens": {"input": 0, "output": 0, "cache_creation": 0, "cache_read": 0},
    }  # fmt: skip
    assert (alpha["session"], alpha["prompts"], alpha["resumable"]) == ("alpha", 451, True)
    assert alpha["tokens"] == {"input": 12, "output": 60, "cache_creation": 300, "cache_read": 3000}
    assert alpha["cost"] == pytest.approx((12 * 3 + 60 * 15 + 300 * 3.75 + 3000 * 0.3) / 1e6)
    assert await get(shelf, f"/api/conversations/{B}") == maps


async def test_filters_and_cursors_of_the_list(shelf: Site) -> None:
    """Titles and prompts, the project, a page behind another."""

    async def uuids(query: str) -> list[str]:
        return [one["uuid"] for one in (await get(shelf, f"/api/conversations?{query}"))["conversations"]]

    assert await uuids("") == [B, A]
    assert await uuids("q=MAPS") == await uuids("q=%C3%A4rger") == await uuids("project=maps") == [B]
    assert await uuids("q=number+449") == [A]
    assert await uuids("q=Yes") == [], "what the model said is for the search"
    assert await uuids("q=maps&project=other") == []
    assert await uuids("limit=1") == [B]
    assert (await get(shelf, "/api/conversations?limit=1"))["has_more"] is True
    assert await uuids(f"before={B}&limit=1") == [A]
    assert (await get(shelf, f"/api/conversations?before={A}")) == {"conversations": [], "has_more": False}
    assert (await get(shelf, "/api/conversations?before=x", 404))["error"] == "unknown_conversation"
    assert (await get(shelf, f"/api/conversations?q={'x' * 501}", 400))["error"] == "invalid_query"


async def test_usage(shelf: Site) -> None:
    """By agent, model and day; without any there is no cost either."""
    found = await get(shelf, "/api/sessions/alpha/usage")
    assert [(one["agent_id"], one["model"], one["day"], one["tokens"]["output"]) for one in found["usage"]] == [
        ("", MODEL, "2026-11-20", 40), ("a1", MODEL, "2026-11-20", 20)
    ]  # fmt: skip
    assert found["cost_usd_micros"] == 12 * 3 + 60 * 15 + 1125 + 900
    assert found["prices_as_of"] == ""
    assert await get(shelf, "/api/sessions/beta/usage") == {"usage": []}
    assert (await get(shelf, "/api/sessions/nobody/usage", 404))["error"] == "session not found"


async def test_while_there_is_no_index(site: Site) -> None:
    """It is said that it is not there now; nothing is made up."""
    publish(site)
    for path in (S, f"{S}/export", "/api/conversations", f"/api/conversations/{A}", "/api/sessions/alpha/usage",
                 "/api/conversation/media/0000000000000000-0"):  # fmt: skip
        assert (await get(site, path, 503))["error"] == "store_unavailable", path


async def test_every_route_needs_a_token(shelf: Site) -> None:
    """What was said is private."""
    async with shelf.client(token=False) as client:
        for path in (S, f"{S}/export", "/api/sessions/alpha/usage", "/api/conversations", f"/api/conversations/{A}",
                     f"/api/conversations/{A}/entries", f"/api/conversations/{A}/export",
                     "/api/conversation/media/0000000000000000-0"):  # fmt: skip
            assert (await client.get(path)).status_code == 401, path


# ---------------------------------------------------------------- going on


async def order(site: Site, body: dict[str, Any], answer: Callable[[Reply[Session]], object]) -> tuple[Any, Any]:
    """The order that a request makes, answered so; and what is answered to the request."""
    found: list[httpx.Response] = []
    async with site.client() as client, trio.open_nursery() as nursery:

        async def ask() -> None:
            found.append(await client.post("/api/sessions", json=body, headers={"Origin": site.origin}))

        nursery.start_soon(ask)
        with trio.fail_after(30):
            message = await site.sessions_recv.receive()
        assert isinstance(message, CreateSession)
        answer(message.reply)
    return message, found[0]


@pytest.mark.parametrize(("given", "wanted"), [({}, ("", False)), ({"resume": A.upper()}, (A, False)),
                                               ({"resume": A, "fork": True}, (A, True)), ({"fork": False}, ("", False)),
                                               ({"resume": None}, ("", False))])  # fmt: skip
async def test_what_an_order_says(site: Site, given: dict[str, Any], wanted: tuple[str, bool]) -> None:
    """The conversation, in the spelling of its file, and whether it is left as it is."""
    made = Session("new", A, "safe", "/tmp", NEVER)
    message, answer = await order(site, {"workdir": "/tmp", **given}, lambda reply: reply.ok(made))
    assert ((message.resume, message.fork), answer.status_code) == (wanted, 201)


@pytest.mark.parametrize("given", [{"resume": "x"}, {"resume": ""}, {"resume": "../" + A}, {"resume": A[:-1]},
                                   {"resume": A + "\n"}, {"fork": True}, {"resume": None, "fork": True},
                                   {"resume": "x", "workdir": "relative"}])  # fmt: skip
async def test_a_conversation_that_can_be_none(site: Site, given: dict[str, Any]) -> None:
    """It is refused before anybody is asked."""
    async with site.client() as client:
        body = {"workdir": "/tmp", **given}
        answer = await client.post("/api/sessions", json=body, headers={"Origin": site.origin})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_resume")


async def test_what_the_owner_refuses(site: Site) -> None:
    """A conversation without a transcript, and one that a session has: its view is in the answer."""
    body = {"workdir": "/tmp", "resume": A}
    _, answer = await order(site, body, lambda reply: reply.fail(UnknownConversation()))
    assert (answer.status_code, answer.json()["error"]) == (404, "unknown_conversation")
    taken = ConversationTaken("alpha", {"name": "alpha"})
    _, answer = await order(site, body, lambda reply: reply.fail(taken))
    assert (answer.status_code, answer.json()["error"]) == (409, "conversation_taken")
    assert answer.json()["session"] == {"name": "alpha"}


# ---------------------------------------------------------------- search


async def test_search_says_when_it_is_behind(shelf: Site) -> None:
    """While transcripts are still read the answer is not complete; without them it says nothing of that."""
    found = await get(shelf, "/api/search?q=Yes&in=conversation")
    assert [(one["kind"], one["session"], one["uuid"]) for one in found["matches"]] == [("text", "alpha", A)]
    told = await get(shelf, f"/api/conversations/{A}")
    assert (found["matches"][0]["title"], found["matches"][0]["project"]) == (told["title"], told["project"])
    assert found["complete"] is False, "nobody has said that all is read"
    for given in ("in=some", "role=nobody", "error=maybe"):
        assert (await get(shelf, f"/api/search?q=Yes&{given}", 400))["error"] == "invalid_query"


async def test_search_in_one_conversation(shelf: Site) -> None:
    """Only what was said in it is found; one that is not of the session, or unknown, has nothing."""
    whole = (await get(shelf, "/api/search?q=number&limit=500&in=conversation"))["matches"]
    of_one = (await get(shelf, f"/api/search?q=number&limit=500&conversation={A}"))["matches"]
    assert of_one == [one for one in whole if one["uuid"] == A]
    assert of_one
    for query in (f"conversation={B}", "conversation=none", f"conversation={A}&session=nobody"):
        assert (await get(shelf, f"/api/search?q=number&{query}"))["matches"] == []


async def test_a_match_leads_to_its_entry(shelf: Site) -> None:
    """`entry` is a cursor of the conversation's pages, and `id` one of the search."""
    page = await get(shelf, "/api/search?q=number&in=conversation&limit=2")
    first, second = page["matches"]
    around = await get(shelf, f"/api/conversations/{first['uuid']}/entries?before={first['entry']}&limit=1")
    assert [one["id"] for one in around["entries"]] == [second["entry"]]
    following = await get(shelf, f"/api/search?q=number&in=conversation&limit=1&before={second['id']}")
    assert [one["snippet"] for one in following["matches"]] == ["number 447"]


async def test_a_fork_before_its_first_prompt(shelf: Site) -> None:
    """Claude Code has written nothing of it yet: what it begins with is shown, and exported. Then its own."""
    own = "cccccccc-0000-4000-8000-000000000000"
    fork = Session("fork", own, "safe", "/", NEVER, extra=(("forked_from", B),))
    shelf.sessions.publish(SessionsSnapshot(records={"fork": fork}))
    path = "/api/sessions/fork/conversation"
    page = await get(shelf, path)
    assert ([entry["text"] for entry in page["entries"]], page["uuid"]) == (["draw Ärger"], own)
    assert (await get(shelf, f"{path}/export?format=json"))["entries"] == page["entries"]
    assert (await get(shelf, "/api/sessions/fork/usage"))["usage"] == []
    asked = "/api/search?q=draw&in=conversation&session=fork"
    found = (await get(shelf, asked))["matches"]
    assert [(one["entry"], one["session"]) for one in found] == [(page["entries"][0]["id"], "fork")]
    assert [one["session"] for one in (await get(shelf, "/api/search?q=draw&in=conversation"))["matches"]] == [""]
    talk = Talk(own)
    talk.prompt("in the fork")
    write(shelf, talk)
    assert [entry["text"] for entry in (await get(shelf, path))["entries"]] == ["in the fork"]
    assert (await get(shelf, asked))["matches"] == []
