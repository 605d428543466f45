"""The webhook owner against odd settings, odd answers, and a wall clock that is set: every fault is a failed try."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import trio
from trio.testing import MockClock

from ctm_trio.core.channels import ask
from ctm_trio.messages.config import ConfigSnapshot
from ctm_trio.messages.webhook import TestWebhook
from ctm_trio.model import webhook as webhook_model
from ctm_trio.model.config import Settings
from ctm_trio.model.webhook import Answer
from ctm_trio.system.courier import Courier
from tests.contract.test_webhook_task import Post
from tests.fakes.receiver import Receiver
from tests.fakes.wall import Wall

ELSEWHERE = "http://webhook.example/hook"

LONG_S = 1000.0
"""Longer than any test takes: it passes only where a test moves the clock that never jumps."""


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Wall:
    """A wall clock that can be set, for the event ids and for the owner."""
    wall = Wall()
    monkeypatch.setattr("ctm_trio.journal.store.time.time_ns", wall.ns)
    return wall


def post_of(url: str, auth: str = "") -> webhook_model.Post:
    alert = webhook_model.Alert("1-0", "attention_raised", "stuck", "a", "t")
    return webhook_model.make_post(alert, "json", url, auth, "", 0.0)


async def tried(url: str, environment: dict[str, str], auth: str = "") -> Answer:
    with trio.fail_after(30):
        return await Courier(2, environment).post(url, lambda: post_of(url, auth))


@pytest.mark.parametrize(
    "environment",
    [
        {"ALL_PROXY": "socks5h://127.0.0.1:1080"},
        {"HTTP_PROXY": "http://127.0.0.1:9", "no_proxy": "localhost,127.0.0.0/8,::1,fd00::/8,fe80::/10"},
        {"http_proxy": "%%%", "https_proxy": "://", "all_proxy": "http://[::1"},
        {"SSL_CERT_FILE": "/no/such/file", "SSL_CERT_DIR": "/nor/this"},
    ],
)
async def test_this_machine_is_reached_whatever_the_environment_says(
    environment: dict[str, str], receiver: Receiver
) -> None:
    """A loopback address needs no proxy and, over http, no certificates."""
    assert (await tried(receiver.url, environment)).ok


@pytest.mark.parametrize(
    ("url", "environment", "words"),
    [
        (ELSEWHERE, {"ALL_PROXY": "socks5h://user:pw@127.0.0.1:1080"}, "ALL_PROXY=socks5h://127.0.0.1:1080"),
        (ELSEWHERE, {"HTTP_PROXY": "http://127.0.0.1:x"}, "HTTP_PROXY=http://127.0.0.1:x"),
        (ELSEWHERE, {"http_proxy": "gopher://h"}, "http_proxy=gopher://h"),
        ("https://webhook.example/", {"SSL_CERT_FILE": "/no/such/file"}, "SSL_CERT_FILE names (/no/such/file)"),
        ("http://h:99999/", {}, "address"),
        ("not an address", {}, "address"),
    ],
)
async def test_settings_at_fault(url: str, environment: dict[str, str], words: str) -> None:
    """What is wrong is said, without passwords, and marked as a fault of this machine's settings."""
    answer = await tried(url, environment)
    assert (answer.ok, answer.status, answer.ours) == (False, None, True)
    assert words in answer.error
    assert "pw" not in answer.error


@pytest.mark.parametrize("auth", ["Bearer s3cret\r\nX: y", " s3cret", "s3cret\x00", "s3cret\ud800"])
async def test_an_authorization_that_cannot_be_sent(auth: str, receiver: Receiver) -> None:
    """A header that cannot be written is a failed try, and the secret is in no message."""
    answer = await tried(receiver.url, {}, auth)
    assert (answer.ok, answer.status) == (False, None)
    assert "s3cret" not in answer.error
    assert receiver.got == []


async def test_a_request_that_cannot_be_made(receiver: Receiver) -> None:
    """A fault of ours while the request is prepared is a failed try with its kind."""

    def make() -> webhook_model.Post:
        raise ZeroDivisionError

    answer = await Courier(2, {}).post(receiver.url, make)
    assert answer == Answer(None, "The alert could not be sent: ZeroDivisionError.", 0.0, answer.took_ms)


async def test_a_refusal_that_repeats_the_request_shows_no_secret(receiver: Receiver) -> None:
    """Its words are shown without the path and the authorization, also where they would be cut in the middle of one."""
    for padding in (0, 250, 265, 280):
        body = b"x" * padding + b" Cannot POST /hook/verysecret (Authorization Bearer hunter2 of hunter2)"
        receiver.script.append(b"HTTP/1.1 404 x\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        error = (await tried(f"{receiver.url}/verysecret", {}, "Bearer hunter2")).error
        assert not [word for word in ("/hook", "very", "hunt", "Bearer") if word in error]
        assert error.startswith("The endpoint answered 404: ")
        if not padding:
            assert error == "The endpoint answered 404: Cannot POST … (Authorization … of …)."


async def test_words_that_are_no_http_show_no_secret(receiver: Receiver) -> None:
    """The library repeats what came instead of an answer."""
    receiver.script.append(b"no HTTP: POST /hook with hunter2\r\n\r\n")
    answer = await tried(receiver.url, {}, "Bearer hunter2")
    assert answer.status is None
    assert "/hook" not in answer.error
    assert "hunter2" not in answer.error


GZIP = b"HTTP/1.1 500 x\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nnope!"
ODD = {
    "no http": (b"SSH-2.0-OpenSSH_9.6\r\n", None),
    "half a status": (b"HTTP/1.1 20", None),
    "a status of words": (b"HTTP/1.1 abc x\r\n\r\n", None),
    "headers without end": (b"HTTP/1.1 200 x\r\n" + b"X: y\r\n" * 50_000, None),
    "one huge header": (b"HTTP/1.1 200 x\r\nX: " + b"y" * 1_000_000 + b"\r\n\r\n", None),
    "no bytes of UTF-8": (b"HTTP/1.1 500 \xff\xfe\r\nRetry-After: \xff\r\nContent-Length: 2\r\n\r\n\xff\xfe", 500),
    "a length of words": (b"HTTP/1.1 200 x\r\nContent-Length: many\r\n\r\n", None),
    "two lengths": (b"HTTP/1.1 500 x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", None),
    "no gzip": (GZIP, 500),
    "a length that does not come": (b"HTTP/1.1 503 x\r\nContent-Length: 100\r\n\r\nbusy", 503),
    "a redirect to itself": (b"HTTP/1.1 308 x\r\nLocation: /hook\r\nContent-Length: 0\r\n\r\n", 308),
    "a redirect to nowhere": (b"HTTP/1.1 302 x\r\nLocation: http://[::1\r\nContent-Length: 0\r\n\r\n", None),
    "an odd status": (b"HTTP/1.1 999 x\r\nContent-Length: 0\r\n\r\n", 999),
}


@pytest.mark.parametrize("name", ODD)
async def test_odd_answers(name: str, receiver: Receiver) -> None:
    """Whatever an endpoint answers is a failed try with its reason, and its status if there was one."""
    raw, status = ODD[name]
    receiver.script = [raw]
    answer = await tried(receiver.url, {})
    assert (answer.ok, answer.status) == (False, status)
    assert answer.error.endswith(".")
    assert (await tried(receiver.url, {})).ok


async def test_a_body_that_never_ends_keeps_its_status(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal whose words do not come is one all the same, with the wait it asks for."""
    monkeypatch.setattr("ctm_trio.system.courier.EXCERPT_S", 0.1)
    receiver.script = [b"HTTP/1.1 429 x\r\nRetry-After: 7\r\nContent-Length: 100\r\n\r\n", "hang"]
    receiver.linger = True
    answer = await tried(receiver.url, {})
    assert (answer.status, answer.retry_after) == (429, 7.0)


@pytest.fixture
async def post(tmp_path: Path, receiver: Receiver, wall: Wall) -> AsyncIterator[Post]:
    post = Post(tmp_path, receiver.url, clock=wall)
    async with trio.open_nursery() as nursery:
        await nursery.start(post.journal)
        await nursery.start(post.owner)
        yield post
        nursery.cancel_scope.cancel()


async def test_a_bad_setting_is_named_until_it_is_mended(post: Post, receiver: Receiver) -> None:
    """While a setting keeps alerts from going out they are tried and listed, and the counters say why; then all go."""
    post.settings.publish(ConfigSnapshot(Settings(webhook_url="http://h:99999/")))
    await post.alert()
    await post.until(lambda: "valid" in post.counters.latest.problem)
    (delivery,) = await post.deliveries()
    assert (delivery.status, delivery.last_error) == ("pending", post.counters.latest.problem)
    answer: Answer = await ask(post.orders, TestWebhook, timeout_s=5)
    assert answer.error == delivery.last_error
    post.settings.publish(ConfigSnapshot(Settings(webhook_url=receiver.url)))
    await receiver.until(1)
    await post.settled(delivered=1)


async def test_a_damaged_alert_is_given_up(tmp_path: Path, receiver: Receiver) -> None:
    """A stored alert that cannot be read is listed as failed; the others of its session go out."""
    post = Post(tmp_path)
    async with trio.open_nursery() as nursery:
        await nursery.start(post.journal)
        async with trio.open_nursery() as first:
            await first.start(post.owner)
            first.cancel_scope.cancel()
        with sqlite3.connect(tmp_path / "outbox.db") as db:
            for id_, body in (
                (1, b"\xff{"),
                (2, msgspec.json.encode(webhook_model.Alert("2-0", "e", "stuck", "a", "t"))),
            ):
                db.execute(
                    "INSERT INTO deliveries (id, event, alert, session, body, created, status)"
                    " VALUES (?, 'e', 'stuck', 'a', ?, 0, 'pending')", (id_, body),
                )  # fmt: skip
        db.close()
        post.settings.publish(ConfigSnapshot(Settings(webhook_url=receiver.url)))
        await nursery.start(post.owner)
        await receiver.until(1)
        await post.settled(delivered=1)
        assert [d.status for d in await post.deliveries()] == ["delivered", "failed"]
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("jump", [3 * 86_400.0, -3 * 86_400.0])
async def test_retries_do_not_follow_the_wall_clock(
    mock_clock: MockClock, post: Post, receiver: Receiver, wall: Wall, jump: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clock that is set by days, either way, neither stops the tries of an alert nor hurries them nor ends them."""
    mock_clock.rate = 1
    monkeypatch.setattr(webhook_model, "FIRST_DELAYS_S", (LONG_S, LONG_S, LONG_S))
    receiver.script = [500, 200, 500]
    await post.alert("stuck")
    await post.until(lambda: post.value("outbox.db", "SELECT tries FROM deliveries") == 1)
    wall.offset += jump
    await post.alert("tmux_dead", session="beta")
    await post.settled(delivered=1, pending=1)  # so the owner has looked at all of them since
    for tries in (2, 3):
        assert len(receiver.got) == tries
        mock_clock.jump(LONG_S)
        await receiver.until(tries + 1)
        await post.until(lambda tries=tries: post.value("outbox.db", "SELECT max(tries) FROM deliveries") == tries)  # type: ignore[misc]
    assert [got.json["alert"] for got in receiver.got] == ["stuck", "tmux_dead", "stuck", "stuck"]
    await post.settled(delivered=2)


@pytest.mark.parametrize("jump", [3 * 86_400.0, -3 * 86_400.0])
async def test_alerts_after_the_clock_was_set(post: Post, receiver: Receiver, wall: Wall, jump: float) -> None:
    """After a jump, and after one back, new alerts go out at once, though the ids go on from where they were."""
    await post.alert("stuck")
    await receiver.until(1)
    wall.offset += jump
    await post.alert("tmux_dead")
    await receiver.until(2, limit_s=5)
    wall.offset -= jump
    await post.alert("quota_high")
    await receiver.until(3, limit_s=5)
    await post.alert("stuck")
    await post.settled(delivered=3, suppressed=1)


async def test_cooldown_by_the_clock_that_never_jumps(
    mock_clock: MockClock, post: Post, receiver: Receiver, wall: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A jump ahead and back leaves all later ids a nanosecond apart: the cooldown ends all the same."""
    mock_clock.rate = 1
    monkeypatch.setattr(webhook_model, "DEBOUNCE_S", LONG_S)
    wall.offset += 7 * 86_400.0
    await post.alert("stuck")
    await post.settled(delivered=1)
    wall.offset -= 7 * 86_400.0
    await post.alert("stuck")
    await post.settled(delivered=1, suppressed=1)
    mock_clock.jump(LONG_S)
    await post.alert("stuck")
    await post.settled(delivered=2, suppressed=1)
    assert len(receiver.got) == 2


@pytest.mark.parametrize("jump", [3600.0, -3600.0, -20.0])
async def test_a_restart_after_the_clock_was_set(tmp_path: Path, receiver: Receiver, wall: Wall, jump: float) -> None:
    """A next try that lies an hour ahead after a restart is made after its own pause at the latest."""
    receiver.script = [500]
    post = Post(tmp_path, receiver.url, clock=wall)
    async with trio.open_nursery() as nursery:
        await nursery.start(post.journal)
        async with trio.open_nursery() as first:
            await first.start(post.owner)
            await post.alert("stuck")
            await receiver.until(1)
            await post.until(lambda: post.value("outbox.db", "SELECT tries FROM deliveries") == 1)
            first.cancel_scope.cancel()
        wall.offset += jump
        await nursery.start(post.owner)
        await receiver.until(2, limit_s=5)
        await post.settled(delivered=1)
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(("jump", "sent"), [(0.0, False), (-30.0, False), (-3600.0, True), (3600.0, True)])
async def test_the_cooldown_over_a_restart(
    tmp_path: Path, receiver: Receiver, wall: Wall, jump: float, sent: bool
) -> None:
    """What went out just before a restart is still kept back; a clock that was set by more than that keeps nothing."""
    post = Post(tmp_path, receiver.url, clock=wall)
    async with trio.open_nursery() as nursery:
        await nursery.start(post.journal)
        async with trio.open_nursery() as first:
            await first.start(post.owner)
            await post.alert("stuck")
            await post.settled(delivered=1)
            first.cancel_scope.cancel()
        wall.offset += jump
        await nursery.start(post.owner)
        await post.alert("stuck")
        await post.alert("tmux_dead")
        await post.settled(delivered=3 if sent else 2, suppressed=0 if sent else 1)
        nursery.cancel_scope.cancel()


async def test_an_outbox_of_the_first_version(tmp_path: Path, receiver: Receiver) -> None:
    """The alerts of a file without the newer columns are kept and sent."""
    with sqlite3.connect(tmp_path / "outbox.db") as db:
        db.execute("CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID")
        db.execute(
            "CREATE TABLE deliveries (id INTEGER PRIMARY KEY, event TEXT NOT NULL, alert TEXT NOT NULL,"
            " session TEXT NOT NULL, body BLOB NOT NULL, created REAL NOT NULL, status TEXT NOT NULL,"
            " tries INTEGER NOT NULL DEFAULT 0, next_at REAL NOT NULL DEFAULT 0, last_status INTEGER,"
            " last_error TEXT NOT NULL DEFAULT '')"
        )
        body = msgspec.json.encode(webhook_model.Alert("7-0", "attention_raised", "stuck", "a", "t"))
        db.execute(
            "INSERT INTO deliveries (id, event, alert, session, body, created, status, tries, next_at)"
            " VALUES (7, 'attention_raised', 'stuck', 'a', ?, 1, 'pending', 1, 9e9)", (body,),
        )  # fmt: skip
    db.close()
    post = Post(tmp_path, receiver.url)
    async with trio.open_nursery() as nursery:
        await nursery.start(post.journal)
        await nursery.start(post.owner)
        (got,) = await receiver.until(1)
        assert got.headers["webhook-id"] == "7-0"
        await post.settled(delivered=1)
        nursery.cancel_scope.cancel()
