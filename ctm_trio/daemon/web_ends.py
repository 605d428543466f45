"""What the web is given of a run, and what its doctor may know."""

from __future__ import annotations

import os
import time
from functools import partial

from ctm_trio.daemon.parts import Parts
from ctm_trio.messages.tailers import TailersCounters
from ctm_trio.model.doctor import Facts
from ctm_trio.system.daemon_doctor import Doctor
from ctm_trio.system.images import ImageStore
from ctm_trio.system.resolve import webhook_fault
from ctm_trio.web.ends import WebEnds


def web_ends(parts: Parts) -> WebEnds:
    """What the web is given."""
    paths = parts.plan.paths
    return WebEnds(
        early=parts.early,
        settings=parts.settings,
        sessions=parts.sessions,
        quota=parts.quota,
        attention=parts.attention,
        clients=parts.clients,
        status=parts.status,
        status_send=parts.status_send,
        requests=parts.requests,
        requests_send=parts.requests_send,
        prompts_send=parts.prompts_send,
        attribution=parts.attribution,
        journal=parts.journal,
        tail_counters=partial(_tail_counters, parts),
        health=parts.health_recv,
        webhook=parts.webhook,
        events=parts.events,
        counters=parts.counters,
        orders=parts.orders,
        orders_send=parts.orders_send,
        sessions_send=parts.sessions_send,
        config_send=parts.config_send,
        checkpoints_send=parts.checkpoints_send,
        panes_send=parts.panes_send,
        webhook_send=parts.webhook_send,
        webhook_fault=webhook_fault,
        save_image=ImageStore(paths.images).save,
        auth=parts.users,
        database_bytes=partial(_database_bytes, parts),
        archive=parts.archive,
        conversations=parts.archive.conversations,
        transcripts=parts.conversations,
        prices=parts.prices,
        logs_dir=str(paths.logs),
        doctor=Doctor(partial(_facts, parts), time.time),
        ready=parts.begun.wait,
        caught_up=lambda: parts.tailers.latest.caught_up,
    )


def _tail_counters(parts: Parts) -> TailersCounters:
    """The tailers of both directories together."""
    logs, hooks = parts.logs_counters.read(), parts.hooks_counters.read()
    return TailersCounters(logs.tailers + hooks.tailers, logs.lag_bytes + hooks.lag_bytes, logs.skipped + hooks.skipped)


def _database_bytes(parts: Parts) -> int:
    size = 0
    for suffix in ("", "-wal"):
        try:
            size += os.stat(f"{parts.plan.paths.database}{suffix}").st_size
        except OSError:
            continue
    return size


def _facts(parts: Parts) -> Facts:
    """What the doctor may know without looking."""
    sessions, config, webhook = parts.sessions.latest, parts.settings.latest, parts.webhook.latest
    return Facts(
        settings=config.settings,
        paths=parts.plan.paths,
        config_problem=config.problem,
        live=sessions.alive,
        workdirs=tuple(r.workdir for r in sessions.records.values() if r.workdir and r.name in sessions.alive),
        port=parts.plan.sock.getsockname()[1],
        configured_port=parts.plan.settings.port,
        journal_problem=parts.journal.latest.degraded,
        webhook_delivered=webhook.delivered,
        webhook_failed=webhook.failed,
        down={
            name: state
            for name, state in parts.health_recv.latest.components.items()
            if state != "ok" and name != "hooks"
        },
        lost=parts.losses.latest.text,
        losing=parts.losses.latest.goes_on,
        tmux_problem=sessions.tmux_problem,
        untyped={name: why for name, why in parts.prompts.latest.untyped.items() if name in sessions.records},
    )
