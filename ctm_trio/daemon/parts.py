"""The parts of one run: its channels (but those of `Front`), and what several children share (tmux, users, …).

A part is made here and given out in `daemon.children` and `daemon.web_ends`.
"""

from __future__ import annotations

import resource

import trio

from ctm_trio.archive.archive import Archive
from ctm_trio.core.channels import Figures, open_state_channel
from ctm_trio.daemon.front import Front
from ctm_trio.daemon.plan import Plan
from ctm_trio.ingest.attribution import INBOX as SIGHTINGS
from ctm_trio.ingest.open_logs import OpenLogs, limit_within
from ctm_trio.journal.tail import open_event_tail
from ctm_trio.journal.task import INBOX as JOURNAL_INBOX
from ctm_trio.messages.attention import AttentionSnapshot
from ctm_trio.messages.attribution import AttributionSnapshot, Sighting
from ctm_trio.messages.checkpoints import CheckpointsMessage
from ctm_trio.messages.clients import ClientsSnapshot
from ctm_trio.messages.config import ConfigMessage
from ctm_trio.messages.conversations import ConversationsSnapshot
from ctm_trio.messages.cost import CostTotals
from ctm_trio.messages.journal import JournalCounters, JournalMessage, JournalSnapshot
from ctm_trio.messages.order_book import FollowOrder, OrdersSnapshot
from ctm_trio.messages.panes import WatchPane
from ctm_trio.messages.prompts import PromptsMessage, PromptsSnapshot
from ctm_trio.messages.quota import QuotaSnapshot
from ctm_trio.messages.requests import RequestsMessage, RequestsSnapshot
from ctm_trio.messages.sessions import SessionsMessage, SessionsSnapshot
from ctm_trio.messages.status import Explain, StatusSnapshot
from ctm_trio.messages.tailers import TailersCounters, TailersSnapshot
from ctm_trio.messages.webhook import WebhookMessage, WebhookSnapshot
from ctm_trio.model.pricing import PriceTable
from ctm_trio.model.quota import CostPoint
from ctm_trio.owners.checkpoints import INBOX as CHECKPOINTS_INBOX
from ctm_trio.owners.losses import LossesSnapshot
from ctm_trio.owners.order_book import INBOX as ORDERS_INBOX
from ctm_trio.owners.panes import INBOX as PANES_INBOX
from ctm_trio.owners.prompts.task import INBOX as PROMPTS_INBOX
from ctm_trio.owners.quota.task import COST_BOUND
from ctm_trio.owners.requests.task import INBOX as REQUESTS_INBOX
from ctm_trio.owners.status.task import INBOX as STATUS_INBOX
from ctm_trio.owners.webhook.task import INBOX as WEBHOOK_INBOX
from ctm_trio.system.file_news import FileNews
from ctm_trio.system.signup_code import SignupCode
from ctm_trio.system.tmux import Tmux
from ctm_trio.system.users import UserStore

BULK_TAILERS = 2
"""Tailers that read and parse a big chunk at the same time: more would make the loop late, not the ingest fast."""


class Parts:
    """See above; nothing runs yet.

    Args:
        plan: see `Plan`.
        front: what is running already.
    """

    def __init__(self, plan: Plan, front: Front) -> None:
        self.plan = plan
        self.early = front.early
        self.journal_send, self.journal_recv = trio.open_memory_channel[JournalMessage](JOURNAL_INBOX)
        self.events_send, self.events = open_event_tail(plan.paths.database, self.journal_send)
        self.counters = Figures(JournalCounters())
        self.sessions_send, self.sessions_recv = trio.open_memory_channel[SessionsMessage](0)
        self.config_send, self.config_recv = trio.open_memory_channel[ConfigMessage](0)
        self.checkpoints_send, self.checkpoints_recv = trio.open_memory_channel[CheckpointsMessage](CHECKPOINTS_INBOX)
        self.panes_send, self.panes_recv = trio.open_memory_channel[WatchPane](PANES_INBOX)
        self.sightings_send, self.sightings_recv = trio.open_memory_channel[Sighting](SIGHTINGS)
        self.webhook_send, self.webhook_recv = trio.open_memory_channel[WebhookMessage](WEBHOOK_INBOX)
        self.cost_send, self.cost_recv = trio.open_memory_channel[CostPoint](COST_BOUND)
        self.orders_send, self.orders_recv = trio.open_memory_channel[FollowOrder](ORDERS_INBOX)
        self.orders_state, self.orders = open_state_channel(OrdersSnapshot())
        self.settings_state, self.settings = front.settings_state, front.settings
        self.sessions_state, self.sessions = open_state_channel(SessionsSnapshot())
        self.clients_state, self.clients = open_state_channel(ClientsSnapshot())
        self.status_state, self.status = open_state_channel(StatusSnapshot(begun=False))
        self.status_send, self.status_recv = trio.open_memory_channel[Explain](STATUS_INBOX)
        self.requests_send, self.requests_recv = trio.open_memory_channel[RequestsMessage](REQUESTS_INBOX)
        self.requests_state, self.requests = open_state_channel(RequestsSnapshot())
        self.prompts_send, self.prompts_recv = trio.open_memory_channel[PromptsMessage](PROMPTS_INBOX)
        self.prompts_state, self.prompts = open_state_channel(PromptsSnapshot())
        self.journal_state, self.journal = open_state_channel(JournalSnapshot())
        self.attribution_state, self.attribution = open_state_channel(AttributionSnapshot())
        self.quota_state, self.quota = open_state_channel(QuotaSnapshot())
        self.attention_state, self.attention = open_state_channel(AttentionSnapshot())
        self.webhook_state, self.webhook = open_state_channel(WebhookSnapshot())
        self.logs_state, self.logs = open_state_channel(TailersSnapshot())
        self.hooks_state, self.hooks = open_state_channel(TailersSnapshot())
        self.logs_counters, self.hooks_counters = Figures(TailersCounters()), Figures(TailersCounters())
        self.tailers_state, self.tailers = open_state_channel(TailersSnapshot())
        self.losses_state, self.losses = open_state_channel(LossesSnapshot())
        self.health, self.health_recv = front.health, front.health_recv
        self.tmux = Tmux(plan.paths.tmux_conf, lambda: self.settings.latest.settings.tmux_socket)
        self.costs_state, self.costs = open_state_channel(CostTotals())
        self.conversations_state, self.conversations = open_state_channel(ConversationsSnapshot())
        self.prices_state, self.prices = open_state_channel(PriceTable("", {}))
        self.files = FileNews(plan.paths.config, plan.paths.sessions)
        self.begun = trio.Event()
        """Set once the owners have begun, so that requests can be answered."""
        self.users = UserStore(
            plan.paths.user, plan.paths.tokens, seed=plan.token, code=SignupCode(plan.paths.signup_code)
        )
        self.archive = Archive(plan.paths)
        self.open_logs = OpenLogs(limit_within(resource.getrlimit(resource.RLIMIT_NOFILE)[0]))
        self.bulk = trio.CapacityLimiter(BULK_TAILERS)
