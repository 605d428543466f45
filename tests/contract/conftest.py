"""The web on a real socket, over owners that the test plays; and an endpoint for webhooks."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import trio

from ctm_trio.archive.archive import Archive
from ctm_trio.core.channels import Figures, StateSender, open_state_channel
from ctm_trio.core.health import HealthSnapshot
from ctm_trio.messages.attention import AttentionSnapshot
from ctm_trio.messages.attribution import AttributionSnapshot
from ctm_trio.messages.checkpoints import CheckpointsMessage
from ctm_trio.messages.clients import ClientsSnapshot
from ctm_trio.messages.config import ConfigMessage, ConfigSnapshot
from ctm_trio.messages.conversations import ConversationsSnapshot
from ctm_trio.messages.journal import Draft, JournalCounters, JournalMessage, JournalSnapshot, Publish
from ctm_trio.messages.order_book import FollowOrder, OrdersSnapshot
from ctm_trio.messages.panes import WatchPane
from ctm_trio.messages.prompts import PromptsMessage
from ctm_trio.messages.quota import QuotaSnapshot
from ctm_trio.messages.requests import RequestsMessage, RequestsSnapshot
from ctm_trio.messages.sessions import SessionsMessage, SessionsSnapshot
from ctm_trio.messages.status import Explain, StatusSnapshot
from ctm_trio.messages.tailers import TailersCounters
from ctm_trio.messages.webhook import WebhookMessage, WebhookSnapshot
from ctm_trio.model.doctor import Check
from ctm_trio.model.event import Event
from ctm_trio.model.paths import paths_under
from ctm_trio.model.pricing import PriceTable
from ctm_trio.owners.order_book import INBOX as ORDERS_INBOX
from ctm_trio.owners.order_book import run_order_book
from ctm_trio.system.images import ImageStore
from ctm_trio.system.origins import AllowedOrigins
from ctm_trio.system.peers import peer_uid, quick
from ctm_trio.system.resolve import webhook_fault
from ctm_trio.system.signup_code import SignupCode
from ctm_trio.system.users import UserStore
from ctm_trio.web.asker import Peers
from ctm_trio.web.early_ends import EarlyEnds
from ctm_trio.web.ends import WebEnds
from ctm_trio.web.room import MAX_CONNECTIONS
from ctm_trio.web.serve import run_http
from ctm_trio.web.wire import SEND_TIMEOUT_S
from tests.fakes.journal import FakeJournal
from tests.fakes.receiver import Receiver

TOKEN = "token-of-the-tests"


@dataclass
class Site:
    """A served web: its address, and the owners' ends behind it."""

    port: int
    root: Path
    journal: FakeJournal
    journal_send: trio.MemorySendChannel[JournalMessage]
    sessions: StateSender[SessionsSnapshot]
    quota: StateSender[QuotaSnapshot]
    attention: StateSender[AttentionSnapshot]
    clients: StateSender[ClientsSnapshot]
    status: StateSender[StatusSnapshot]
    health: StateSender[HealthSnapshot]
    sessions_recv: trio.MemoryReceiveChannel[SessionsMessage]
    stop: trio.Event
    stopped: trio.Event

    @property
    def origin(self) -> str:
        """Our own Origin."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def bearer(self) -> dict[str, str]:
        """The headers of somebody who is signed in."""
        return {"Authorization": f"Bearer {TOKEN}"}

    def client(self, *, token: bool = True) -> httpx.AsyncClient:
        """An HTTP client with (or without) the token."""
        return httpx.AsyncClient(base_url=self.origin, headers=self.bearer if token else {}, timeout=30)

    async def publish(self, *commands: str, session: str = "alpha") -> None:
        """Tool calls, one a command."""
        drafts = tuple(
            Draft("tool_call", session, b'{"session":"%b","tool":"Bash","input":"%b"}' % (session.encode(), c.encode()))
            for c in commands
        )
        await self.journal_send.send(Publish(drafts))

    async def subscribers(self, count: int) -> None:
        """Wait until so many follow the journal."""
        await self.journal.events.until_readers(count)

    async def raw(self, data: bytes, *, limit_s: float = 20) -> bytes:
        """Send bytes, and read all that comes until the server closes or `limit_s` is over."""
        out = bytearray()
        stream = await trio.open_tcp_stream("127.0.0.1", self.port)
        async with stream:
            try:
                with trio.move_on_after(limit_s):
                    await stream.send_all(data)
                    async for chunk in stream:
                        out += chunk
            except trio.BrokenResourceError:
                pass  # reset: what came before counts
        return bytes(out)


MakeSite = Callable[..., AbstractAsyncContextManager[Site]]


async def no_findings() -> list[Check]:
    """A doctor who finds nothing."""
    await trio.lowlevel.checkpoint()
    return []


@asynccontextmanager
async def open_site(
    root: Path,
    *,
    environment: str = "",
    seed: str = TOKEN,
    port: int = 0,
    ring: list[Event] | None = None,
    send_timeout_s: float = SEND_TIMEOUT_S,
    max_connections: int = MAX_CONNECTIONS,
    peers: Peers | None = None,
    ready: Callable[[], Awaitable[object]] = trio.lowlevel.checkpoint,
) -> AsyncIterator[Site]:
    """Serve the web over fake owners until the block ends; `port` and `ring` of an earlier one make it its restart."""
    journal_send, journal_recv = trio.open_memory_channel[JournalMessage](256)
    sessions_send, sessions_recv = trio.open_memory_channel[SessionsMessage](0)
    config_send, config_recv = trio.open_memory_channel[ConfigMessage](0)
    prompts_send, _prompts_recv = trio.open_memory_channel[PromptsMessage](0)
    sessions_state, sessions = open_state_channel(SessionsSnapshot())
    quota_state, quota = open_state_channel(QuotaSnapshot())
    attention_state, attention = open_state_channel(AttentionSnapshot())
    clients_state, clients = open_state_channel(ClientsSnapshot())
    status_state, status = open_state_channel(StatusSnapshot())
    _, journal = open_state_channel(JournalSnapshot())
    counters = Figures(JournalCounters())
    health_state, health = open_state_channel(HealthSnapshot())
    orders_send, orders_recv = trio.open_memory_channel[FollowOrder](ORDERS_INBOX)
    orders_state, orders = open_state_channel(OrdersSnapshot())
    fake = FakeJournal(list(ring or []), journal_send)
    counters.provide(fake.counters)
    paths = paths_under(root)
    archive = Archive(paths)
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", port))
        port = sock.getsockname()[1]
        early = EarlyEnds(
            port=port,
            version="9.9.9",
            started_at=trio.current_time(),
            peers=peers or Peers(peer_uid, quick()),
            origins=AllowedOrigins(root / "allowed_origins", environment),
        )
        ends = WebEnds(
            early=early,
            settings=open_state_channel(ConfigSnapshot())[1],
            sessions=sessions,
            quota=quota,
            attention=attention,
            clients=clients,
            status=status,
            status_send=trio.open_memory_channel[Explain](0)[0],
            requests=open_state_channel(RequestsSnapshot())[1],
            requests_send=trio.open_memory_channel[RequestsMessage](0)[0],
            prompts_send=prompts_send,
            attribution=open_state_channel(AttributionSnapshot())[1],
            journal=journal,
            tail_counters=TailersCounters,
            health=health,
            webhook=open_state_channel(WebhookSnapshot())[1],
            orders=orders,
            orders_send=orders_send,
            events=fake.events,
            ready=ready,
            counters=counters,
            sessions_send=sessions_send,
            config_send=config_send,
            checkpoints_send=trio.open_memory_channel[CheckpointsMessage](0)[0],
            panes_send=trio.open_memory_channel[WatchPane](0)[0],
            webhook_send=trio.open_memory_channel[WebhookMessage](0)[0],
            webhook_fault=webhook_fault,
            save_image=ImageStore(paths.images).save,
            auth=UserStore(root / "user.json", root / "tokens.json", seed=seed, code=SignupCode(root / "signup-code")),
            database_bytes=lambda: 4096,
            archive=archive,
            conversations=archive.conversations,
            transcripts=open_state_channel(ConversationsSnapshot())[1],
            prices=open_state_channel(PriceTable("", {}))[1],
            logs_dir=str(paths.logs),
            doctor=no_findings,
        )
        site = Site(
            port, root, fake, journal_send, sessions_state, quota_state, attention_state, clients_state, status_state,
            health_state, sessions_recv, trio.Event(), trio.Event(),
        )  # fmt: skip

        async def given() -> WebEnds:
            return ends

        async def serve(*, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
            await run_http(
                early,
                sock,
                ends=given,
                shutdown=site.stop.wait,
                send_timeout_s=send_timeout_s,
                max_connections=max_connections,
                task_status=task_status,
            )
            site.stopped.set()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(fake.run, journal_recv)
            nursery.start_soon(run_order_book, orders_recv, orders_state)
            await nursery.start(serve)
            yield site
            site.stop.set()
            with trio.fail_after(30):
                await site.stopped.wait()
            nursery.cancel_scope.cancel()
    archive.close()
    sessions_recv.close()
    config_recv.close()


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """The web with a valid token and nothing in it."""
    async with open_site(tmp_path) as served:
        yield served


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """An endpoint that listens until the test is over."""
    receiver = Receiver()
    async with trio.open_nursery() as nursery:
        await nursery.start(receiver.run)
        yield receiver
        nursery.cancel_scope.cancel()
