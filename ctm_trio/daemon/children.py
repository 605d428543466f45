"""How each child is made: one method a child, which clones the channel ends that the child closes.

So the next incarnation of a child finds its channels open.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

import trio

from ctm_trio.core.supervise import Child, Start, keep_running
from ctm_trio.daemon.parts import Parts
from ctm_trio.ingest.attribution import run_attribution
from ctm_trio.ingest.directory import run_tailers
from ctm_trio.ingest.ends import TailEnds
from ctm_trio.journal.recall import recall, recall_log
from ctm_trio.journal.task import run_journal
from ctm_trio.model.log_line import HOOK_EVENTS, LOGS
from ctm_trio.owners.attention.task import AttentionEnds, run_attention
from ctm_trio.owners.checkpoints import checkpoint_before_yolo, last_checkpoint, run_checkpoints
from ctm_trio.owners.clients.task import ClientsEnds, run_clients
from ctm_trio.owners.config import run_config
from ctm_trio.owners.conversations.desk import ConversationsEnds
from ctm_trio.owners.conversations.task import run_conversations
from ctm_trio.owners.cost import run_cost
from ctm_trio.owners.losses import run_losses
from ctm_trio.owners.order_book import run_order_book
from ctm_trio.owners.panes import run_panes
from ctm_trio.owners.prompts.desk import PromptsEnds
from ctm_trio.owners.prompts.task import run_prompts
from ctm_trio.owners.quota.task import run_quota
from ctm_trio.owners.requests.desk import RequestsEnds
from ctm_trio.owners.requests.task import run_requests
from ctm_trio.owners.search import run_search
from ctm_trio.owners.sessions.task import run_sessions
from ctm_trio.owners.status.task import StatusEnds, run_status
from ctm_trio.owners.webhook.desk import WebhookEnds
from ctm_trio.owners.webhook.task import run_webhook
from ctm_trio.system.claude_homes import homes_in_use
from ctm_trio.system.live_sessions import read_live
from ctm_trio.system.process_tree import Launches


class Children:
    """The children of one run, made from its parts."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts

    def all(self) -> list[Child]:
        """The owners, consumers before producers."""
        children = [Child("journal", self._journal, fatal=True)]
        if not self.parts.plan.fixed:
            children.append(Child("config", self._config))
        return [
            *children,
            Child("files", self._files),
            Child("logins", self._logins),
            Child("orders", self._orders),
            Child("sessions", self._sessions),
            Child("clients", self._clients),
            Child("checkpoints", self._checkpoints),
            Child("panes", self._panes),
            Child("attribution", self._attribution),
            Child("webhook", self._webhook),
            Child("requests", self._requests),
            Child("prompts", self._prompts),
            Child("status", self._status),
            Child("attention", self._attention),
            Child("cost", self._cost),
            Child("quota", self._quota),
            Child("search", self._search),
            Child("conversations", self._conversations),
            Child("losses", self._losses),
            Child("hook_events", self._tailers(HOOK_EVENTS)),
            Child("logs", self._tailers(LOGS)),
        ]

    async def _journal(self, *, task_status: trio.TaskStatus[None]) -> None:
        parts = self.parts
        try:
            await run_journal(
                parts.plan.paths.database, parts.journal_recv.clone(), parts.journal_state, parts.events_send,
                parts.counters, task_status=task_status,
            )  # fmt: skip
        finally:
            if parts.journal.latest.closed:
                parts.plan.safe()

    async def _config(self, *, task_status: trio.TaskStatus[None]) -> None:
        parts = self.parts
        path = parts.plan.paths.config
        changed = parts.files.of(path).wait
        await run_config(parts.config_recv.clone(), parts.settings_state, path, changed, task_status=task_status)

    async def _files(self, *, task_status: trio.TaskStatus[None]) -> None:
        await self.parts.files.run(task_status=task_status)

    async def _logins(self, *, task_status: trio.TaskStatus[None]) -> None:
        await self.parts.users.follow(task_status=task_status)

    async def _orders(self, *, task_status: trio.TaskStatus[None]) -> None:
        parts = self.parts
        await run_order_book(parts.orders_recv.clone(), parts.orders_state, task_status=task_status)

    async def _sessions(self, *, task_status: trio.TaskStatus[None]) -> None:
        parts, paths = self.parts, self.parts.plan.paths
        await run_sessions(
            parts.sessions_recv.clone(), parts.sessions_state, parts.journal_send.clone(), parts.settings,
            paths, parts.tmux, checkpoint_before_yolo, parts.files.of(paths.sessions).wait,
            parts.prompts_send.clone(), task_status=task_status,
        )  # fmt: skip

    async def _clients(self, *, task_status: trio.TaskStatus[None]) -> None:
        parts, paths = self.parts, self.parts.plan.paths
        ends = ClientsEnds(
            paths.claude_home / "sessions", (paths.hook_events, paths.logs), parts.sessions, parts.attribution,
            parts.tmux, parts.sessions_send.clone(),
        )  # fmt: skip
        await run_clients(ends, parts.clients_state, task_status=task_status)

    async def _checkpoints(self, *, task_status: trio.TaskStatus[None]) -> None:
        parts = self.parts
        await run_checkpoints(
            parts.checkpoints_recv.clone(), index_dir=parts.plan.paths.checkpoint_index, task_status=task_status
        )

    async def _panes(self, *, task_status: trio.TaskStatus[None]) -> None:
        parts = self.parts

        def pane_of(name: str) -> str:
            client = parts.clients.latest.clients.get(name)
            return "" if client is None else client.pane

        await run_panes(parts.panes_recv.clone(), parts.tmux, pane_of, task_status=task_status)

    async def _attribution(self, *, task_status: trio.TaskStatus[None]) -> None:
        parts, paths = self.parts, self.parts.plan.paths
        await run_attribution(
            parts.sightings_recv.clone(), parts.attribution_state, parts.sessions, parts.journal_send.clone(),
            parts.sessions_send.clone(), paths.claude_home / "projects",
            logs=(paths.logs, paths.hook_events), task_status=task_status,
        )  # fmt: skip

    async def _webhook(self, *, task_status: trio.TaskStatus[None]) -> None:
        parts = self.parts
        port = parts.plan.sock.getsockname()[1]
        report = partial(self._file_fault, "webhook")
        ends = WebhookEnds(
            parts.events, parts.settings, parts.sessions, parts.plan.paths.outbox, port, report=report
        )  # fmt: skip
        await run_webhook(ends, parts.webhook_recv.clone(), parts.webhook_state, task_status=task_status)

    async def _requests(self, *, task_status: trio.TaskStatus[None]) -> None:
        parts, paths = self.parts, self.parts.plan.paths
        ends = RequestsEnds(
            parts.events, parts.sessions, parts.clients, parts.status, parts.attribution, parts.settings,
            paths.requests, paths.socket, paths.hook_events, paths.database, parts.tmux,
            partial(self._file_fault, "requests"), self._socket_fault,
        )  # fmt: skip
        await run_requests(
            ends, parts.requests_recv.clone(), parts.requests_state, parts.journal_send.clone(),
            task_status=task_status,
        )  # fmt: skip

    async def _prompts(self, *, task_status: trio.TaskStatus[None]) -> None:
        parts, paths = self.parts, self.parts.plan.paths
        ends = PromptsEnds(
            parts.events, parts.sessions, parts.clients, parts.status, parts.requests, paths.prompts, paths.database,
            paths.sessions, paths.claude_home / "sessions", parts.tmux, parts.sessions_send.clone(),
            partial(self._file_fault, "prompts"),
        )  # fmt: skip
        await run_prompts(
            ends, parts.prompts_recv.clone(), parts.prompts_state, parts.journal_send.clone(), task_status=task_status
        )

    async def _status(self, *, task_status: trio.TaskStatus[None]) -> None:
        parts, database = self.parts, self.parts.plan.paths.database
        ends = StatusEnds(
            parts.events, parts.sessions, parts.clients, parts.requests, parts.quota, parts.tailers,
            partial(recall, database), partial(recall_log, database), Launches().of,
        )  # fmt: skip
        await run_status(
            ends, parts.status_recv.clone(), parts.status_state, parts.journal_send.clone(), task_status=task_status
        )

    async def _attention(self, *, task_status: trio.TaskStatus[None]) -> None:
        parts, paths = self.parts, self.parts.plan.paths
        ends = AttentionEnds(
            parts.events, parts.settings, parts.sessions, parts.quota, parts.tailers,
            partial(recall, paths.database), last_checkpoint(parts.checkpoints_send),
            partial(read_live, paths.claude_home / "sessions"), parts.status, parts.clients,
        )  # fmt: skip
        await run_attention(ends, parts.attention_state, parts.journal_send.clone(), task_status=task_status)

    async def _cost(self, *, task_status: trio.TaskStatus[None]) -> None:
        parts, paths = self.parts, self.parts.plan.paths
        await run_cost(
            parts.cost_recv.clone(), paths.costs, paths.prices, parts.prices_state, parts.costs_state,
            partial(self._file_fault, "cost"), task_status=task_status,
        )  # fmt: skip

    async def _quota(self, *, task_status: trio.TaskStatus[None]) -> None:
        parts = self.parts
        await run_quota(
            parts.settings, parts.sessions, parts.attribution, parts.quota_state, parts.journal_send.clone(),
            parts.cost_send.clone(), parts.costs, task_status=task_status,
        )  # fmt: skip

    async def _search(self, *, task_status: trio.TaskStatus[None]) -> None:
        parts, paths = self.parts, self.parts.plan.paths
        await run_search(
            paths.search_index, paths.database, paths.logs, parts.events.source, parts.tailers,
            partial(self._file_fault, "search"), task_status=task_status,
        )  # fmt: skip

    async def _conversations(self, *, task_status: trio.TaskStatus[None]) -> None:
        parts, paths = self.parts, self.parts.plan.paths
        ends = ConversationsEnds(
            paths.conversations, partial(homes_in_use, paths.claude_home), parts.sessions, parts.attribution,
            parts.prices, parts.cost_send.clone(),
            partial(self._file_fault, "conversations"), self._transcripts_fault,
        )  # fmt: skip
        await run_conversations(ends, parts.conversations_state, parts.journal_send.clone(), task_status=task_status)

    async def _losses(self, *, task_status: trio.TaskStatus[None]) -> None:
        parts = self.parts
        await run_losses(
            parts.plan.paths.logs, parts.counters, parts.losses_state, partial(parts.health.report, "hooks"),
            task_status=task_status,
        )  # fmt: skip

    def _tailers(self, kind: str) -> Start:
        parts, paths = self.parts, self.parts.plan.paths
        logs = kind == LOGS
        directory = paths.logs if logs else paths.hook_events
        state = parts.logs_state if logs else parts.hooks_state
        counters = parts.logs_counters if logs else parts.hooks_counters
        down = partial(parts.health.in_quarantine, "attribution")
        ends = TailEnds(
            parts.journal_send, parts.sightings_send, parts.bulk, parts.open_logs, parts.health, down
        )  # fmt: skip

        async def keep(name: str, run: Callable[[], Awaitable[None]]) -> None:
            async def incarnation(*, task_status: trio.TaskStatus[None]) -> None:
                task_status.started()
                await run()

            await keep_running(Child(name, incarnation, quiet=True), parts.health)

        async def start(*, task_status: trio.TaskStatus[None]) -> None:
            await run_tailers(directory, kind, ends, state, keep, counters, task_status=task_status)

        return start

    def _file_fault(self, part: str, problem: str) -> None:
        """What is wrong with the database of a part: it runs, and /health names it."""
        self.parts.health.fault("databases", part, f"degraded: {problem}" if problem else "")

    def _transcripts_fault(self, problem: str) -> None:
        """Which of Claude Code's transcripts cannot be read."""
        self.parts.health.fault("transcripts", "transcripts", f"degraded: {problem}" if problem else "")

    def _socket_fault(self, problem: str) -> None:
        """Why hooks cannot wait for an answer."""
        self.parts.health.fault("sockets", "hook_socket", f"degraded: {problem}" if problem else "")
