"""The wiring: every long-lived channel and every owner, in the order they start. All wiring is done here.

Consumers start before producers. A child is given clones of the channel ends it closes, so that its next incarnation
finds the channels open. The web is there before all of this: `daemon.run`.
"""

from __future__ import annotations

import logging
import os
import resource
import time
from collections.abc import Awaitable, Callable
from functools import partial

import trio

from ctm_trio.archive.archive import Archive
from ctm_trio.core.bell import Bell
from ctm_trio.core.channels import Figures, open_state_channel
from ctm_trio.core.supervise import Child, Start, keep_running
from ctm_trio.daemon.front import Front
from ctm_trio.daemon.plan import Plan
from ctm_trio.ingest.attribution import INBOX as SIGHTINGS
from ctm_trio.ingest.attribution import run_attribution
from ctm_trio.ingest.directory import run_tailers
from ctm_trio.ingest.ends import TailEnds
from ctm_trio.ingest.open_logs import OpenLogs, limit_within
from ctm_trio.journal.recall import recall
from ctm_trio.journal.tail import open_event_tail
from ctm_trio.journal.task import INBOX as JOURNAL_INBOX
from ctm_trio.journal.task import run_journal
from ctm_trio.messages.attention import AttentionSnapshot
from ctm_trio.messages.attribution import AttributionSnapshot, Sighting
from ctm_trio.messages.checkpoints import CheckpointsMessage
from ctm_trio.messages.config import ConfigMessage, ReloadConfig
from ctm_trio.messages.cost import CostTotals
from ctm_trio.messages.journal import JournalCounters, JournalMessage, JournalSnapshot
from ctm_trio.messages.order_book import FollowOrder, OrdersSnapshot
from ctm_trio.messages.panes import WatchPane
from ctm_trio.messages.quota import QuotaSnapshot
from ctm_trio.messages.sessions import SessionsMessage, SessionsSnapshot
from ctm_trio.messages.tailers import TailersCounters, TailersSnapshot
from ctm_trio.messages.webhook import WebhookMessage, WebhookSnapshot
from ctm_trio.model.doctor import Facts
from ctm_trio.model.log_line import HOOK_EVENTS, LOGS
from ctm_trio.model.pricing import PriceTable
from ctm_trio.model.quota import CostPoint
from ctm_trio.owners.attention.task import AttentionEnds, run_attention
from ctm_trio.owners.checkpoints import INBOX as CHECKPOINTS_INBOX
from ctm_trio.owners.checkpoints import checkpoint_before_yolo, last_checkpoint, run_checkpoints
from ctm_trio.owners.config import run_config
from ctm_trio.owners.cost import run_cost
from ctm_trio.owners.losses import LossesSnapshot, run_losses
from ctm_trio.owners.order_book import INBOX as ORDERS_INBOX
from ctm_trio.owners.order_book import run_order_book
from ctm_trio.owners.panes import INBOX as PANES_INBOX
from ctm_trio.owners.panes import run_panes
from ctm_trio.owners.quota.task import COST_BOUND, run_quota
from ctm_trio.owners.search import run_search
from ctm_trio.owners.sessions.task import run_sessions
from ctm_trio.owners.webhook.desk import WebhookEnds
from ctm_trio.owners.webhook.task import INBOX as WEBHOOK_INBOX
from ctm_trio.owners.webhook.task import run_webhook
from ctm_trio.system.daemon_doctor import Doctor
from ctm_trio.system.file_news import FileNews
from ctm_trio.system.live_sessions import read_live
from ctm_trio.system.resolve import webhook_fault
from ctm_trio.system.signup_code import SignupCode
from ctm_trio.system.tmux import Tmux
from ctm_trio.system.users import UserStore
from ctm_trio.web.ends import WebEnds

log = logging.getLogger("ctm.daemon")

BULK_TAILERS = 2
"""Tailers that read and parse a big chunk at the same time: more would make the loop late, not the ingest fast."""

CATCH_UP_S = 0.3
"""How long requests wait at the start for the logs to be read, so that the first answer is complete if it can be."""


class Daemon:
    """The channels of one run, and how each child is made from them.

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
        self.prices_state, self.prices = open_state_channel(PriceTable("", {}))
        self.files = FileNews(plan.paths.root)
        self.begun = trio.Event()
        """Set once the owners have begun, so that requests can be answered."""
        self.users = UserStore(
            plan.paths.user, plan.paths.tokens, seed=plan.token, code=SignupCode(plan.paths.signup_code)
        )
        self.archive = Archive(plan.paths)
        self.open_logs = OpenLogs(limit_within(resource.getrlimit(resource.RLIMIT_NOFILE)[0]))
        self.bulk = trio.CapacityLimiter(BULK_TAILERS)

    async def begin(self, nursery: trio.Nursery) -> None:
        """Start the owners in a nursery; returns when requests can be answered."""
        for child in self.children():
            await nursery.start(keep_running, child, self.health, name=f"keeper of {child.name}")
        nursery.start_soon(self._await_tailers, name="ctm: are the logs read?")
        nursery.start_soon(self._report_journal, name="ctm: health of the event log")
        if self.plan.reloads is not None and not self.plan.fixed:
            nursery.start_soon(self._pass_reloads, self.plan.reloads, name="ctm: reloads")
        with trio.move_on_after(CATCH_UP_S):
            await self.tailers.when(lambda tailers: tailers.caught_up)
        self.begun.set()

    def children(self) -> list[Child]:
        """The owners, consumers before producers."""
        children = [Child("journal", self._journal, fatal=True)]
        if not self.plan.fixed:
            children.append(Child("config", self._config))
        return [
            *children,
            Child("files", self._files),
            Child("logins", self._logins),
            Child("orders", self._orders),
            Child("sessions", self._sessions),
            Child("checkpoints", self._checkpoints),
            Child("panes", self._panes),
            Child("attribution", self._attribution),
            Child("webhook", self._webhook),
            Child("attention", self._attention),
            Child("cost", self._cost),
            Child("quota", self._quota),
            Child("search", self._search),
            Child("losses", self._losses),
            Child("hook_events", self._tailers(HOOK_EVENTS)),
            Child("logs", self._tailers(LOGS)),
        ]

    # ------------------------------------------------------------ one method a child: it clones what the child closes

    async def _journal(self, *, task_status: trio.TaskStatus[None]) -> None:
        try:
            await run_journal(
                self.plan.paths.database, self.journal_recv.clone(), self.journal_state, self.events_send,
                self.counters, task_status=task_status,
            )  # fmt: skip
        finally:
            if self.journal.latest.closed:
                self.plan.safe()

    async def _config(self, *, task_status: trio.TaskStatus[None]) -> None:
        path = self.plan.paths.config
        changed = self.files.of(path.name).wait
        await run_config(self.config_recv.clone(), self.settings_state, path, changed, task_status=task_status)

    async def _files(self, *, task_status: trio.TaskStatus[None]) -> None:
        await self.files.run(task_status=task_status)

    async def _logins(self, *, task_status: trio.TaskStatus[None]) -> None:
        await self.users.follow(task_status=task_status)

    async def _orders(self, *, task_status: trio.TaskStatus[None]) -> None:
        await run_order_book(self.orders_recv.clone(), self.orders_state, task_status=task_status)

    async def _sessions(self, *, task_status: trio.TaskStatus[None]) -> None:
        await run_sessions(
            self.sessions_recv.clone(), self.sessions_state, self.journal_send.clone(), self.settings,
            self.plan.paths, self.tmux, checkpoint_before_yolo, self.files.of(self.plan.paths.sessions.name).wait,
            task_status=task_status,
        )  # fmt: skip

    async def _checkpoints(self, *, task_status: trio.TaskStatus[None]) -> None:
        await run_checkpoints(
            self.checkpoints_recv.clone(), index_dir=self.plan.paths.checkpoint_index, task_status=task_status
        )

    async def _panes(self, *, task_status: trio.TaskStatus[None]) -> None:
        await run_panes(self.panes_recv.clone(), self.tmux, task_status=task_status)

    async def _attribution(self, *, task_status: trio.TaskStatus[None]) -> None:
        await run_attribution(
            self.sightings_recv.clone(), self.attribution_state, self.sessions, self.journal_send.clone(),
            self.sessions_send.clone(), self.plan.paths.claude_home / "projects",
            logs=(self.plan.paths.logs, self.plan.paths.hook_events), task_status=task_status,
        )  # fmt: skip

    async def _webhook(self, *, task_status: trio.TaskStatus[None]) -> None:
        port = self.plan.sock.getsockname()[1]
        report = partial(self._file_fault, "webhook")
        ends = WebhookEnds(self.events, self.settings, self.sessions, self.plan.paths.outbox, port, report=report)
        await run_webhook(ends, self.webhook_recv.clone(), self.webhook_state, task_status=task_status)

    async def _attention(self, *, task_status: trio.TaskStatus[None]) -> None:
        ends = AttentionEnds(
            self.events, self.settings, self.sessions, self.quota, self.tailers,
            partial(recall, self.plan.paths.database), last_checkpoint(self.checkpoints_send),
            partial(read_live, self.plan.paths.claude_home / "sessions"),
        )  # fmt: skip
        await run_attention(ends, self.attention_state, self.journal_send.clone(), task_status=task_status)

    async def _cost(self, *, task_status: trio.TaskStatus[None]) -> None:
        paths = self.plan.paths
        await run_cost(
            self.cost_recv.clone(), paths.costs, paths.prices, self.prices_state, self.costs_state,
            partial(self._file_fault, "cost"), task_status=task_status,
        )  # fmt: skip

    async def _quota(self, *, task_status: trio.TaskStatus[None]) -> None:
        await run_quota(
            self.settings, self.sessions, self.attribution, self.quota_state, self.journal_send.clone(),
            self.cost_send.clone(), self.costs, task_status=task_status,
        )  # fmt: skip

    async def _search(self, *, task_status: trio.TaskStatus[None]) -> None:
        paths = self.plan.paths
        await run_search(
            paths.search_index, paths.database, paths.logs, self.events.source, self.tailers,
            partial(self._file_fault, "search"), task_status=task_status,
        )  # fmt: skip

    async def _losses(self, *, task_status: trio.TaskStatus[None]) -> None:
        await run_losses(
            self.plan.paths.logs, self.counters, self.losses_state, partial(self.health.report, "hooks"),
            task_status=task_status,
        )  # fmt: skip

    def _tailers(self, kind: str) -> Start:
        logs = kind == LOGS
        directory = self.plan.paths.logs if logs else self.plan.paths.hook_events
        state = self.logs_state if logs else self.hooks_state
        counters = self.logs_counters if logs else self.hooks_counters
        down = partial(self.health.in_quarantine, "attribution")
        ends = TailEnds(self.journal_send, self.sightings_send, self.bulk, self.open_logs, self.health, down)

        async def keep(name: str, run: Callable[[], Awaitable[None]]) -> None:
            async def incarnation(*, task_status: trio.TaskStatus[None]) -> None:
                task_status.started()
                await run()

            await keep_running(Child(name, incarnation, quiet=True), self.health)

        async def start(*, task_status: trio.TaskStatus[None]) -> None:
            await run_tailers(directory, kind, ends, state, keep, counters, task_status=task_status)

        return start

    # ------------------------------------------------------------ glue

    async def _await_tailers(self) -> None:
        """Say when the logs of both directories have been read to their end."""
        for part in (self.logs, self.hooks):
            await part.when(lambda tailers: tailers.caught_up)
        self.tailers_state.publish(TailersSnapshot(caught_up=True))

    def _tail_counters(self) -> TailersCounters:
        """The tailers of both directories together."""
        logs, hooks = self.logs_counters.read(), self.hooks_counters.read()
        return TailersCounters(
            logs.tailers + hooks.tailers, logs.lag_bytes + hooks.lag_bytes, logs.skipped + hooks.skipped
        )

    async def _pass_reloads(self, reloads: Bell) -> None:
        while True:
            await reloads.wait()
            await self.config_send.send(ReloadConfig())

    async def _report_journal(self) -> None:
        """Keep /health truthful while the database cannot be written: the journal still runs."""
        changes = self.journal.changes()
        while True:
            degraded = (await changes.next()).degraded
            self.health.report("journal", f"degraded: {degraded}" if degraded else "ok")

    def _file_fault(self, part: str, problem: str) -> None:
        """What is wrong with the database of a part: it runs, and /health names it."""
        self.health.fault("databases", part, f"degraded: {problem}" if problem else "")

    def _database_bytes(self) -> int:
        size = 0
        for suffix in ("", "-wal"):
            try:
                size += os.stat(f"{self.plan.paths.database}{suffix}").st_size
            except OSError:
                continue
        return size

    def ends(self) -> WebEnds:
        """What the web is given."""
        paths = self.plan.paths
        return WebEnds(
            early=self.early,
            settings=self.settings,
            sessions=self.sessions,
            quota=self.quota,
            attention=self.attention,
            attribution=self.attribution,
            journal=self.journal,
            tail_counters=self._tail_counters,
            health=self.health_recv,
            webhook=self.webhook,
            events=self.events,
            counters=self.counters,
            orders=self.orders,
            orders_send=self.orders_send,
            sessions_send=self.sessions_send,
            config_send=self.config_send,
            checkpoints_send=self.checkpoints_send,
            panes_send=self.panes_send,
            webhook_send=self.webhook_send,
            webhook_fault=webhook_fault,
            auth=self.users,
            database_bytes=self._database_bytes,
            archive=self.archive,
            prices=self.prices,
            logs_dir=str(paths.logs),
            doctor=Doctor(self._facts, time.time),
            ready=self.begun.wait,
            caught_up=lambda: self.tailers.latest.caught_up,
        )

    def _facts(self) -> Facts:
        """What the doctor may know without looking."""
        sessions, config, webhook = self.sessions.latest, self.settings.latest, self.webhook.latest
        return Facts(
            settings=config.settings,
            paths=self.plan.paths,
            config_problem=config.problem,
            live=sessions.alive,
            workdirs=tuple(r.workdir for r in sessions.records.values() if r.workdir and r.name in sessions.alive),
            port=self.plan.sock.getsockname()[1],
            configured_port=self.plan.settings.port,
            journal_problem=self.journal.latest.degraded,
            webhook_delivered=webhook.delivered,
            webhook_failed=webhook.failed,
            down={
                name: state
                for name, state in self.health_recv.latest.components.items()
                if state != "ok" and name != "hooks"
            },
            lost=self.losses.latest.text,
            losing=self.losses.latest.goes_on,
            tmux_problem=sessions.tmux_problem,
            untyped={name: why for name, why in sessions.untyped.items() if name in sessions.records},
        )
