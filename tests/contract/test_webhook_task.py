"""The webhook owner beside a real journal and a real endpoint: what arrives, what does not, and what is listed."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import trio

from ctm_trio.core.channels import Figures, ask, open_state_channel
from ctm_trio.core.clock import Clock
from ctm_trio.errors.settings import NoWebhook
from ctm_trio.journal.tail import open_event_tail
from ctm_trio.journal.task import run_journal
from ctm_trio.messages.config import ConfigSnapshot
from ctm_trio.messages.journal import Draft, JournalCounters, JournalMessage, JournalSnapshot, Publish
from ctm_trio.messages.sessions import SessionsSnapshot
from ctm_trio.messages.webhook import ListDeliveries, TestWebhook, WebhookMessage, WebhookSnapshot
from ctm_trio.model import webhook as webhook_model
from ctm_trio.model.config import Settings
from ctm_trio.model.session import Session
from ctm_trio.model.webhook import Answer, Delivery, sign
from ctm_trio.owners.webhook.desk import WebhookEnds
from ctm_trio.owners.webhook.task import run_webhook
from ctm_trio.system import courier
from ctm_trio.system.resolve import webhook_fault
from tests.fakes.receiver import Receiver

ALPHA = Session("alpha", uuid="u-alpha", mode="yolo", workdir="/w")


class Post:
    """A journal and the owner."""

    def __init__(self, directory: Path, url: str = "", clock: Clock = time.time, **settings: object) -> None:
        self.directory = directory
        self.send, self.recv = trio.open_memory_channel[JournalMessage](64)
        self.settings, settings_recv = open_state_channel(
            ConfigSnapshot(Settings(webhook_url=url, **settings))  # type: ignore[arg-type]
        )
        _, sessions = open_state_channel(SessionsSnapshot({"alpha": ALPHA}))
        self.state, self.counters = open_state_channel(WebhookSnapshot())
        self.orders, self.orders_recv = trio.open_memory_channel[WebhookMessage](4)
        self.events_send, events = open_event_tail(directory / "ctm-trio.db", self.send)
        self.ends = WebhookEnds(events, settings_recv, sessions, directory / "outbox.db", 37778, clock)

    async def journal(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        state, _ = open_state_channel(JournalSnapshot())
        await run_journal(
            self.directory / "ctm-trio.db", self.recv.clone(), state, self.events_send, Figures(JournalCounters()),
            task_status=task_status,
        )  # fmt: skip

    async def owner(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        await run_webhook(self.ends, self.orders_recv.clone(), self.state, task_status=task_status)

    async def alert(self, state: str = "stuck", session: str = "alpha", type_: str = "attention_raised") -> None:
        payload = b'{"session":"%b","state":"%b","details":"because"}' % (session.encode(), state.encode())
        await self.send.send(Publish((Draft(type_, session, payload),)))

    async def considered(self) -> None:
        """Wait until the owner has taken note of every announcement in the journal, whether it is to be sent or not."""
        newest = cursor = None
        with trio.fail_after(15):
            while newest is None or cursor is None or cursor < newest:
                await trio.sleep(0.01)
                newest = self.value("ctm-trio.db", "SELECT max(id) FROM events")
                cursor = self.value("outbox.db", "SELECT value FROM meta WHERE key = 'cursor'")

    def value(self, name: str, query: str) -> int | None:
        """The first number that a query of one of the databases finds."""
        db = sqlite3.connect(self.directory / name)
        try:
            row = db.execute(query).fetchone()
            return int(row[0]) if row and row[0] is not None else None
        finally:
            db.close()

    async def deliveries(self) -> list[Delivery]:
        found: tuple[Delivery, ...] = await ask(self.orders, ListDeliveries, timeout_s=5)
        return list(found)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition holds."""
        with trio.fail_after(15):
            while True:
                if condition():
                    return
                await trio.sleep(0.01)

    async def settled(self, *, delivered: int = 0, failed: int = 0, suppressed: int = 0, pending: int = 0) -> None:
        """Wait until the counters say so."""
        wanted = WebhookSnapshot(delivered, failed, suppressed, pending)
        with trio.fail_after(15):
            while self.counters.latest != wanted:
                await self.counters.wait_newer(self.counters.version)


@pytest.fixture
async def post(tmp_path: Path, receiver: Receiver) -> AsyncIterator[Post]:
    post = Post(tmp_path, receiver.url, webhook_auth="Bearer s3cret/+=", webhook_secret="whsec_c2VjcmV0")
    async with trio.open_nursery() as nursery:
        await nursery.start(post.journal)
        await nursery.start(post.owner)
        yield post
        nursery.cancel_scope.cancel()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first pauses in hundredths of a second."""
    monkeypatch.setattr(webhook_model, "FIRST_DELAYS_S", (0.01, 0.02, 0.04))


async def test_alert_arrives(post: Post, receiver: Receiver) -> None:
    """An announcement is posted with the session's data, the authorization, and a signature that verifies."""
    await post.alert()
    (got,) = await receiver.until(1)
    assert got.json["ui_url"] == "http://127.0.0.1:37778/s/alpha"
    assert (got.json["alert"], got.json["session_uuid"], got.json["mode"]) == ("stuck", "u-alpha", "yolo")
    assert got.headers["authorization"] == "Bearer s3cret/+="
    stamp, id_ = got.headers["webhook-timestamp"], got.headers["webhook-id"]
    assert got.headers["webhook-signature"] == sign("whsec_c2VjcmV0", id_, stamp, got.body)
    await post.settled(delivered=1)
    (delivery,) = await post.deliveries()
    assert (delivery.id, delivery.status, delivery.tries, delivery.last_status) == (id_, "delivered", 1, 200)


async def test_outbox_is_private(post: Post) -> None:
    """The outbox may hold commands of the user: nobody else reads it."""
    assert (post.directory / "outbox.db").stat().st_mode & 0o777 == 0o600


async def test_failures_are_tried_again(post: Post, receiver: Receiver) -> None:
    """A 500 (with a body that never ends) and a closed connection are tried again, with the same id and body."""
    receiver.script = ["flood", "close"]
    await post.alert()
    got = await receiver.until(3)
    assert len({(r.headers["webhook-id"], r.body) for r in got}) == 1
    await post.settled(delivered=1)
    (delivery,) = await post.deliveries()
    assert (delivery.status, delivery.tries, delivery.last_status, delivery.last_error) == ("delivered", 3, 200, "")


async def test_endpoint_that_hangs(post: Post, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """No answer within the time of a try is a failure like another."""
    monkeypatch.setattr(courier, "TRY_S", 0.3)
    receiver.script = ["hang"]
    await post.alert()
    await receiver.until(2)
    await post.settled(delivered=1)


async def test_answers_that_waiting_does_not_change(post: Post, receiver: Receiver, quick: None) -> None:
    """A 404 is tried again three times, then listed as failed; the session's next alert goes out."""
    receiver.script = [404] * 4
    await post.alert("stuck")
    await post.alert("tmux_dead")
    await post.settled(delivered=1, failed=1)
    dead, stuck = await post.deliveries()
    assert (stuck.status, stuck.tries, stuck.last_status) == ("failed", 4, 404)
    assert stuck.last_error == "The endpoint answered 404: no."
    assert (dead.status, len(receiver.got)) == ("delivered", 5)


async def test_redirects_are_not_followed(post: Post, receiver: Receiver) -> None:
    """A redirect is a failure; the address it names is never asked."""
    receiver.script = ["redirect"]
    await post.alert()
    got = await receiver.until(2)
    assert [r.path for r in got] == ["/hook", "/hook"]


async def test_order_within_a_session(post: Post, receiver: Receiver) -> None:
    """While a session's alert is being tried again, its next one waits; another session's does not."""
    receiver.script = [500]
    await post.alert("stuck")
    await receiver.until(1)
    await post.alert("tmux_dead")
    await post.alert("quota_high", session="beta")
    got = await receiver.until(4)
    assert [r.json["alert"] for r in got] == ["stuck", "quota_high", "stuck", "tmux_dead"]


async def test_same_alert_within_a_minute(post: Post, receiver: Receiver) -> None:
    """The same alert of the same session goes out once in 60 s; it is counted."""
    await post.alert("stuck")
    await post.alert("stuck")
    await post.alert("stuck", session="beta")
    await post.settled(delivered=2, suppressed=1)
    assert len(receiver.got) == 2


async def test_cleared_goes_out_if_wanted(tmp_path: Path, receiver: Receiver) -> None:
    """`attention_cleared` is sent when `serve.webhook_events` names it, and not otherwise."""
    wanted = Post(tmp_path, receiver.url, webhook_events=("attention_cleared",))
    async with trio.open_nursery() as nursery:
        await nursery.start(wanted.journal)
        await nursery.start(wanted.owner)
        await wanted.alert("stuck")
        await wanted.alert("stuck", type_="attention_cleared")
        (got,) = await receiver.until(1)
        assert got.json["event"] == "attention_cleared"
        await wanted.settled(delivered=1)
        nursery.cancel_scope.cancel()


async def test_down_over_restarts(tmp_path: Path) -> None:
    """Endpoint down, daemon stopped twice, an alert announced while it was stopped: each arrives exactly once."""
    receiver = Receiver()
    async with trio.open_nursery() as nursery:
        await nursery.start(receiver.run)
        nursery.cancel_scope.cancel()
    post = Post(tmp_path, receiver.url)
    async with trio.open_nursery() as nursery:
        await nursery.start(post.journal)
        async with trio.open_nursery() as first:
            await first.start(post.owner)
            await post.alert("stuck")
            await post.settled(pending=1)
            while not (await post.deliveries())[0].tries:
                await trio.lowlevel.checkpoint()
            first.cancel_scope.cancel()
        await post.alert("tmux_dead")
        async with trio.open_nursery() as second:
            await second.start(post.owner)
            await post.settled(pending=2)
            second.cancel_scope.cancel()
        again = Receiver(port=receiver.port)
        await nursery.start(again.run)
        await nursery.start(post.owner)
        got = await again.until(2, limit_s=15)
        assert [r.json["alert"] for r in got] == ["stuck", "tmux_dead"]
        await post.settled(delivered=2)
        assert len(again.got) == 2
        nursery.cancel_scope.cancel()


async def test_new_address_gets_what_waits_at_once(post: Post, receiver: Receiver) -> None:
    """When the address changes, what waits is tried there now."""
    receiver.script = [500, 500, 500, 500]
    await post.alert()
    await receiver.until(2)
    other = Receiver()
    async with trio.open_nursery() as nursery:
        await nursery.start(other.run)
        post.settings.publish(ConfigSnapshot(Settings(webhook_url=other.url)))
        await other.until(1, limit_s=1.5)
        nursery.cancel_scope.cancel()


async def test_test_alert(post: Post, receiver: Receiver) -> None:
    """A test goes out at once and says what the endpoint answered; it is no delivery. Without an address: refused."""
    receiver.script = [418]
    answer: Answer = await ask(post.orders, TestWebhook, timeout_s=5)
    assert (answer.ok, answer.status, answer.error) == (False, 418, "The endpoint answered 418: no.")
    assert (await ask(post.orders, TestWebhook, timeout_s=5)).ok
    assert await post.deliveries() == []
    post.settings.publish(ConfigSnapshot(Settings()))
    with pytest.raises(NoWebhook):
        await ask(post.orders, TestWebhook, timeout_s=5)


async def test_no_address_no_alert(tmp_path: Path, receiver: Receiver) -> None:
    """What is announced while no webhook is set is not sent later."""
    post = Post(tmp_path)
    async with trio.open_nursery() as nursery:
        await nursery.start(post.journal)
        await nursery.start(post.owner)
        await post.alert("stuck")
        await post.considered()
        post.settings.publish(ConfigSnapshot(Settings(webhook_url=receiver.url)))
        await post.alert("tmux_dead")
        (got,) = await receiver.until(1)
        assert got.json["alert"] == "tmux_dead"
        nursery.cancel_scope.cancel()


async def test_damaged_outbox_is_set_aside(tmp_path: Path, receiver: Receiver) -> None:
    """A file that is no database does not keep the daemon from starting; it is kept under another name."""
    (tmp_path / "outbox.db").write_bytes(b"not a database" * 1000)
    post = Post(tmp_path, receiver.url)
    async with trio.open_nursery() as nursery:
        await nursery.start(post.journal)
        await nursery.start(post.owner)
        await post.alert()
        await receiver.until(1)
        nursery.cancel_scope.cancel()
    assert list(tmp_path.glob("outbox.db.corrupt.*"))
    with sqlite3.connect(tmp_path / "outbox.db") as db:
        assert db.execute("SELECT count(*) FROM deliveries").fetchone() == (1,)
    db.close()


async def test_addresses_that_lead_nowhere() -> None:
    """A host that cannot be found is refused; an address of this machine, or none, is fine."""
    assert "cannot be found" in await webhook_fault("https://no-such-host.invalid/x")
    assert await webhook_fault("http://127.0.0.1:9/x") == ""
    assert await webhook_fault("") == ""
    assert "http://" in await webhook_fault("gopher://x")
