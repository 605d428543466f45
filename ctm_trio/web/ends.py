"""Everything the web is given: channel ends, snapshots, callables. `daemon.web_ends` fills it in, as tests do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

import msgspec
import trio

from ctm_trio.core.channels import Figures, StateReceiver
from ctm_trio.core.health import HealthSnapshot
from ctm_trio.journal.view import Batch, EventView, Following, Start
from ctm_trio.messages.attention import AttentionSnapshot
from ctm_trio.messages.attribution import AttributionSnapshot
from ctm_trio.messages.checkpoints import CheckpointsMessage
from ctm_trio.messages.clients import ClientsSnapshot
from ctm_trio.messages.config import ConfigMessage, ConfigSnapshot
from ctm_trio.messages.conversations import ConversationsSnapshot
from ctm_trio.messages.journal import JournalCounters, JournalSnapshot
from ctm_trio.messages.order_book import FollowOrder, OrdersSnapshot
from ctm_trio.messages.panes import WatchPane
from ctm_trio.messages.prompts import PromptsMessage
from ctm_trio.messages.quota import QuotaSnapshot
from ctm_trio.messages.requests import RequestsMessage, RequestsSnapshot
from ctm_trio.messages.sessions import SessionsMessage, SessionsSnapshot
from ctm_trio.messages.status import Explain, StatusSnapshot
from ctm_trio.messages.tailers import TailersCounters
from ctm_trio.messages.webhook import WebhookMessage, WebhookSnapshot
from ctm_trio.model.archive import LogFile
from ctm_trio.model.conversation.asked import Conversation, Page, Usage, WantedEntries, WantedList
from ctm_trio.model.conversation.piece import Image
from ctm_trio.model.cost import CostReport
from ctm_trio.model.detail import Detail
from ctm_trio.model.doctor import Check
from ctm_trio.model.event import Event
from ctm_trio.model.pricing import PriceTable
from ctm_trio.model.search import Matches, SearchQuery
from ctm_trio.model.subagent import Subagent, Team
from ctm_trio.web.auth import AuthStore
from ctm_trio.web.early_ends import EarlyEnds


class Events(Protocol):
    """What streams follow; `journal.tail.EventTail` says what each does."""

    def follow(self, view: EventView, start: Start) -> AbstractAsyncContextManager[Following]: ...

    async def replay(self, view: EventView, start: Start) -> Batch: ...

    def readers(self) -> int: ...

    def dropped(self) -> int: ...


class Archive(Protocol):
    """What is read back from disk, in threads; `archive.archive.Archive` says what each does and raises."""

    async def history(self, session: str, before: int, limit: int) -> tuple[list[Event], bool]: ...

    async def detail(self, session: str, id_: int) -> Detail: ...

    async def subagents(self, session: str, since: float | None) -> list[Subagent]: ...

    async def teams(self, session: str) -> list[Team]: ...

    async def search(self, query: SearchQuery, names: Mapping[str, str]) -> Matches: ...

    async def cost(self, window: str, session: str, names: Mapping[str, str], prices_as_of: str) -> CostReport: ...

    async def log_files(self) -> list[LogFile]: ...


class Conversations(Protocol):
    """What is read of conversations, in threads; `archive.conversations.ConversationArchive` says what each does."""

    async def page(self, wanted: WantedEntries) -> Page: ...

    async def next_entries(self, wanted: WantedEntries, key: int) -> tuple[list[dict[str, Any]], int]: ...

    async def listed(self, wanted: WantedList) -> tuple[list[Conversation], bool]: ...

    async def one(self, uuid: str) -> Conversation: ...

    async def usage(self, uuids: Sequence[str], forks: Collection[str]) -> Sequence[Usage]: ...

    async def usage_of_each(self, uuids: Sequence[str], forks: Collection[str]) -> Mapping[str, Sequence[Usage]]: ...

    async def image(self, entry: str, index: int) -> Image: ...


class WebEnds(msgspec.Struct, frozen=True):
    """The web's view of the daemon. Add a field here when a route needs a new end; `daemon/web_ends.py` passes it."""

    early: EarlyEnds
    """What the web had before all this."""
    settings: StateReceiver[ConfigSnapshot]
    sessions: StateReceiver[SessionsSnapshot]
    quota: StateReceiver[QuotaSnapshot]
    attention: StateReceiver[AttentionSnapshot]
    clients: StateReceiver[ClientsSnapshot]
    status: StateReceiver[StatusSnapshot]
    status_send: trio.MemorySendChannel[Explain]
    requests: StateReceiver[RequestsSnapshot]
    requests_send: trio.MemorySendChannel[RequestsMessage]
    prompts_send: trio.MemorySendChannel[PromptsMessage]
    attribution: StateReceiver[AttributionSnapshot]
    journal: StateReceiver[JournalSnapshot]
    tail_counters: Callable[[], TailersCounters]
    health: StateReceiver[HealthSnapshot]
    webhook: StateReceiver[WebhookSnapshot]
    orders: StateReceiver[OrdersSnapshot]
    orders_send: trio.MemorySendChannel[FollowOrder]
    """Where orders go that outlast their request, and what became of them."""
    events: Events
    counters: Figures[JournalCounters]
    sessions_send: trio.MemorySendChannel[SessionsMessage]
    config_send: trio.MemorySendChannel[ConfigMessage]
    checkpoints_send: trio.MemorySendChannel[CheckpointsMessage]
    panes_send: trio.MemorySendChannel[WatchPane]
    webhook_send: trio.MemorySendChannel[WebhookMessage]
    webhook_fault: Callable[[str], Awaitable[str]]
    """What is wrong with a webhook's address, for people; "" if nothing is. It looks the host up."""
    save_image: Callable[[Sequence[bytes], str], Awaitable[str]]
    """`system.images.ImageStore.save`: the parts of an image and its extension → the path of its file."""
    auth: AuthStore
    """`system.users.UserStore`."""
    database_bytes: Callable[[], int]
    """Size of the database with its log, in bytes. Cheap (two `stat`s)."""
    archive: Archive
    """History, details, sub-agents, search, costs, usage of the disk."""
    conversations: Conversations
    """What is read of conversations."""
    transcripts: StateReceiver[ConversationsSnapshot]
    """How far the index of conversations is."""
    prices: StateReceiver[PriceTable]
    """The price table for costs that the client does not tell."""
    logs_dir: str
    """The directory of the logs, as /api/logs/usage tells it."""
    doctor: Callable[[], Awaitable[list[Check]]]
    """`system.daemon_doctor.Doctor`: looks at the machine, within 5 s, and never raises."""
    ready: Callable[[], Awaitable[object]] = trio.lowlevel.checkpoint
    """Returns when the owners have begun, so that requests can be answered."""
    caught_up: Callable[[], bool] = lambda: True
    """Whether everything that was there at the start has been read."""
