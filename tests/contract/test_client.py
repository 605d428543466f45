"""The client library and `watch` against a real server: complete, in order, once, over restarts."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.lowlevel

from ctm_trio.cli import watch
from ctm_trio.cli.common import FAILED, NOT_FOUND, CliError
from ctm_trio.cli.event_words import describe
from ctm_trio.client import BadInput, NoDaemon, Notice, Refused, follow, login, logout, stream
from ctm_trio.messages.sessions import SessionsSnapshot
from ctm_trio.model.session import Session
from tests.contract.conftest import TOKEN, Site, open_site
from tests.contract.test_auth import WHO, post
from tests.ports import free_port


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reconnect without a pause worth mentioning."""
    monkeypatch.setattr(stream, "BACKOFF_S", (0.01, 0.05))


async def test_replay_and_live(site: Site) -> None:
    """The ring, then what happens; filtered by session; `since` goes on after an id."""
    await site.publish("one", "two")
    await site.publish("other", session="beta")
    with trio.fail_after(30):
        async with follow(TOKEN, url=site.origin, sessions=["alpha"]) as events:
            first = await anext(events)
            assert (first.type, first.session, first.payload["input"]) == ("tool_call", "alpha", "one")
            assert (await anext(events)).payload["input"] == "two"
            await site.publish("three")
            assert (await anext(events)).payload["input"] == "three"
        async with follow(TOKEN, url=site.origin, sessions=["alpha"], since=first.id) as events:
            assert [(await anext(events)).payload["input"] for _ in range(2)] == ["two", "three"]


async def test_over_a_restart(tmp_path: Path) -> None:
    """A restart of the daemon loses nothing and repeats nothing, and is told."""
    notices: list[Notice] = []
    got: list[str] = []
    port = free_port()
    with trio.fail_after(30):
        async with follow(TOKEN, url=f"http://127.0.0.1:{port}", patient=True, on_notice=notices.append) as events:
            async with open_site(tmp_path, port=port) as site:
                await site.publish("one", "two")
                got += [(await anext(events)).payload["input"] for _ in range(2)]
            async with open_site(tmp_path, port=port, ring=site.journal.ring) as site:
                await site.publish("three", "four")
                got += [(await anext(events)).payload["input"] for _ in range(2)]
    assert got == ["one", "two", "three", "four"]
    assert [n.state for n in notices if n.state != "waiting"] == ["connected", "connected"]
    assert any(n.state == "waiting" for n in notices)


async def test_too_slow(site: Site) -> None:
    """When the journal gives a subscriber up, the client asks again from where it was."""
    with trio.fail_after(30):
        async with follow(TOKEN, url=site.origin) as events:
            await site.publish("one")
            assert (await anext(events)).payload["input"] == "one"
            site.journal.end()
            await site.publish("two")
            assert (await anext(events)).payload["input"] == "two"


async def test_final_errors(site: Site) -> None:
    """A wrong token is an error at once; so is nobody there; the block's own errors pass as they are."""
    with trio.fail_after(30):
        async with follow("wrong", url=site.origin) as events:
            with pytest.raises(Refused) as refused:
                await anext(events)
            assert (refused.value.status, refused.value.code) == (401, "invalid_token")
        https = site.origin.replace("http:", "https:")
        async with follow(TOKEN, url=https) as events:  # somebody answers, and not with TLS
            with pytest.raises(NoDaemon, match=r"the connection failed: .*SSL"):
                await anext(events)
        async with follow(TOKEN, url="http://127.0.0.1:9") as events:
            with pytest.raises(NoDaemon, match=r"the connection failed: .*127\.0\.0\.1:9"):
                await anext(events)
        with pytest.raises(KeyError):
            async with follow(TOKEN, url=site.origin):
                raise KeyError("mine")
        with pytest.raises(ValueError, match="not an event id"):
            async with follow(TOKEN, since="x"):
                pass


async def test_login(site: Site) -> None:
    """A name and a password give a token that works until it is revoked."""
    await post(site, "/api/auth/signup", WHO)
    token = await login(site.origin, WHO["username"], WHO["password"])
    await logout(site.origin, token)
    with pytest.raises(Refused) as refused:
        await logout(site.origin, token)
    assert refused.value.code == "invalid_token"
    with pytest.raises(Refused):
        await login(site.origin, WHO["username"], "wrong password")


@pytest.mark.parametrize(
    "url",
    ["http://x:999999", "http://[::1", "localhost:37778", "ftp://127.0.0.1", "http://", "http://a..b", "http://x\ny"],
)
async def test_what_is_no_address(url: str) -> None:
    """An address that cannot be one is refused by name before anything is done with it."""
    with pytest.raises(BadInput, match="is not an address"):
        async with follow(TOKEN, url=url):
            pass
    with pytest.raises(BadInput, match="is not an address"):
        await login(url, "name", "password")


async def test_an_address_that_only_the_login_cannot_use() -> None:
    """What the HTTP client does not take for an address is told in the same way."""
    with pytest.raises(BadInput, match="is not an address"):
        await login("http://1.2.3.400", "name", "password")


@pytest.mark.parametrize("token", ["two\nlines", "zero\0", "ümlaut", "\udc80"])
async def test_what_is_no_token(site: Site, token: str) -> None:
    """A token that no header can carry is refused before anything is sent."""
    with pytest.raises(BadInput, match="token"):
        async with follow(token, url=site.origin):
            pass
    with pytest.raises(BadInput, match="token"):
        await logout(site.origin, token)


def arguments(**more: Any) -> argparse.Namespace:
    """What `watch` gets of argparse."""
    values = {"session": None, "type": None, "since": None, "last": None, "json": False, "token_file": None}
    return argparse.Namespace(**{**values, "port": None, "url": None, **more})


async def test_watch_in_a_pipe(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """In a pipe each event is one JSON line, and only the newest of the past are shown."""
    await site.publish(*[f"c-{i}" for i in range(30)])
    with trio.move_on_after(5) as limit:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch._watch, arguments(last=3), site.origin, TOKEN, None)
            await site.subscribers(1)
            await site.publish("live")
            out = ""
            while "live" not in out:
                out += capsys.readouterr().out
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
    assert not limit.cancelled_caught
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["payload"]["input"] for line in lines] == ["c-27", "c-28", "c-29", "live"]
    assert set(lines[0]) == {"id", "type", "session", "ts", "payload"}


def test_watch_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a daemon, a token or a sensible id, `watch` says what helps."""
    monkeypatch.setenv("CTM_TOKEN", TOKEN)
    with pytest.raises(CliError, match="ctm-trio serve"):
        watch.run(arguments(url="http://127.0.0.1:9"))
    with pytest.raises(CliError, match="not an event id"):
        watch.run(arguments(url="http://127.0.0.1:9", since="yesterday"))
    monkeypatch.delenv("CTM_TOKEN")
    with pytest.raises(CliError, match="CTM_TOKEN"):
        watch.run(arguments(url="http://127.0.0.1:9"))


async def test_watch_does_not_wait_for_ever(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session that the daemon does not know is refused as `logs` does; a wrong token is named by where it stands."""
    alpha = Session("alpha", "u-alpha", "safe", "/w")
    site.sessions.publish(SessionsSnapshot({"alpha": alpha}, frozenset(), True))

    async def followed(*words: object) -> None:
        raise KeyError("followed")

    monkeypatch.setattr(watch, "_follow", followed)
    with trio.fail_after(30):
        for known in (["alpha"], ["uuid:12345678", "alpha"], None):
            with pytest.raises(KeyError, match="followed"):
                await watch._watch(arguments(session=known), site.origin, TOKEN, None)
        with pytest.raises(CliError, match="There is no session named nosuch") as refused:
            await watch._watch(arguments(session=["alpha", "nosuch"]), site.origin, TOKEN, None)
        assert refused.value.code == NOT_FOUND
        for where, text in ((None, "in CTM_TOKEN"), ("-", "from standard input"), ("/a", "in /a")):
            with pytest.raises(CliError, match=rf"The daemon does not know the token {text}\.") as refused:
                await watch._watch(arguments(session=["alpha"], token_file=where), site.origin, "wrong", None)
            assert refused.value.code == FAILED
    monkeypatch.undo()
    with trio.fail_after(30), pytest.raises(CliError, match=r"the token in CTM_TOKEN\."):
        await watch._watch(arguments(), site.origin, "wrong", None)


def test_lines_for_people(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line names session, tool and input; errors stand out; nothing in it can control the terminal."""
    event = stream.Event("1-0", "tool_call", "al\x1bpha", "2026-01-01T10:00:00Z", {
        "tool": "Bash", "input": "rm\x07 x", "is_error": True, "summary": "Exit code 1",
    })  # fmt: skip
    line = watch._line_of(event)
    assert "al?pha" in line
    assert "rm? x" in line
    assert "Exit code 1" in line
    assert line.isprintable()
    for kind, payload in (
        ("attention_raised", {"state": "stuck", "details": "d"}), ("attention_cleared", {"state": "stuck"}),
        ("quota_update", {"weekly_pct": 3, "five_hr_pct": None}), ("subagent_start", {"agent_type": "x"}),
        ("on_yolo", {}), ("request_changed", {"answerable": "no", "why_not": "x\x1b"}), ("prompt_sent", {}),
    ):  # fmt: skip
        assert watch._line_of(stream.Event("1-0", kind, "", "nonsense", payload)).isprintable()


@pytest.mark.parametrize(
    ("kind", "payload", "words"),
    [
        ("status_changed", {"state": "limited", "reason": "A limit.", "blocked": True}, "limit reached  A limit."),
        ("status_changed", {"state": "working", "reason": "", "blocked": False}, "working"),
        ("attention_raised", {"state": "last_error_call", "details": "last tool call returned is_error=true"},
         "needs you: last call failed"),
        ("attention_raised", {"state": "waiting_input", "details": "d"}, "needs you: waits for you  d"),
        ("attention_cleared", {"state": "stuck"}, "no longer: seems stuck"),
        ("request_opened", {"id": "a" * 32, "kind": "permission", "risk": "high", "summary": "rm x", "agent_id": "q",
                            "agent_type": "Explore"},
         "asks (permission of its sub-agent Explore, high risk, aaaaaa): rm x"),
        ("request_changed", {"id": "a" * 32, "answerable": "keys"}, "request aaaaaa can be answered here, by keys"),
        ("request_closed", {"id": "a" * 32, "state": "answered", "answer": {"choice": "deny"}},
         "request aaaaaa answered: Deny"),
        ("request_closed", {"id": "a" * 32, "state": "answered", "answer": {"choice": "answers"}},
         "request aaaaaa answered"),
        ("request_closed", {"id": "a" * 32, "state": "answered_elsewhere"}, "request aaaaaa answered in the terminal"),
        ("prompt_sent", {"id": "p", "state": "typed"}, "prompt typed"),
        ("prompt_delivered", {"id": "p", "state": "delivered"}, "prompt delivered"),
        ("prompt_delivered", {"id": "p", "state": "queued"}, "prompt queued"),
        ("prompt_failed", {"id": "p", "error": "not_seen"}, "prompt not delivered: not seen"),
    ],
)  # fmt: skip
def test_words_for_what_sessions_ask(kind: str, payload: dict[str, Any], words: str) -> None:
    """Status, requests and prompts in the words of the other commands."""
    assert describe(kind, payload)[1] == words
