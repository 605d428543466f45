"""The metrics in Prometheus' text format, straight from the snapshots. Source: PROTOCOL.md, Metrics and health.

Imported when somebody first asks for metrics: most never do, and `prometheus_client` takes some memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import trio
from prometheus_client import generate_latest
from prometheus_client.core import CounterMetricFamily as Counter
from prometheus_client.core import GaugeMetricFamily as Gauge
from prometheus_client.core import Metric

from ctm_trio.model.event import PUBLIC_TYPES
from ctm_trio.web.ends import WebEnds
from ctm_trio.web.rings import ring_sizes

Kind = type[Counter] | type[Gauge]

LEAST = 0.0001
"""What is less is told as 0: it would be printed as 1e-05, and not every reader takes a negative exponent."""


def exposition(ends: WebEnds) -> bytes:
    """All metrics as of now; nothing of the library's global registry."""
    return generate_latest(Snapshots(ends))


class Snapshots:
    """A collector, as the library calls it."""

    def __init__(self, ends: WebEnds) -> None:
        self._ends = ends

    def collect(self) -> Iterator[Metric]:
        """Every metric with its samples."""
        ends = self._ends
        journal, tailers, health = ends.counters.read(), ends.tail_counters(), ends.health.latest
        webhook, degraded = ends.webhook.latest, bool(ends.journal.latest.degraded)
        outcomes = {"delivered": webhook.delivered, "failed": webhook.failed, "suppressed": webhook.suppressed}
        quota = ends.quota.latest.account
        # Zeros are told too: a rate needs a first sample.
        by_type = dict.fromkeys(sorted(PUBLIC_TYPES), 0) | dict(journal.by_type)
        restarts = dict.fromkeys(["http", *health.components], 0) | dict(health.restarts)
        uptime = trio.current_time() - ends.early.started_at
        yield _one(Gauge, "ctm_uptime_seconds", "Since the daemon started.", uptime)
        yield _by(Counter, "ctm_events_total", "Events published, by type.", "type", by_type)
        yield _one(Counter, "ctm_published_total", "Events published.", journal.published)
        yield _one(Counter, "ctm_dropped_total", "Events that a slow subscriber missed.", ends.events.dropped())
        yield _one(Gauge, "ctm_subscribers", "Subscriptions of clients to the events.", ends.events.readers())
        yield _one(Gauge, "ctm_journal_backlog_events", "Events that wait to be committed.", journal.backlog)
        yield _one(Gauge, "ctm_journal_degraded", "1 while the database cannot be written.", degraded)
        yield _one(Counter, "ctm_journal_commits_total", "Transactions committed.", journal.commits)
        yield _one(Counter, "ctm_ingest_seconds_total", "Time spent on committing events.", journal.ingest_seconds)
        yield _one(Counter, "ctm_fanout_seconds_total", "Time spent on handing events on.", journal.fanout_seconds)
        yield _one(Counter, "ctm_skipped_lines_total", "Log lines that are not events.", journal.skipped_lines)
        yield _by(Gauge, "ctm_ring_events", "Events held for replay, by session.", "session", ring_sizes(ends))
        yield _one(Gauge, "ctm_tailers", "Logs that are followed.", tailers.tailers)
        yield _one(Gauge, "ctm_tailer_lag_bytes", "Bytes of logs not read yet.", tailers.lag_bytes)
        yield _by(Counter, "ctm_webhook_results_total", "Alerts by what became of them.", "result", outcomes)
        yield _one(Gauge, "ctm_webhook_pending", "Alerts that wait for delivery.", webhook.pending)
        yield _by(Counter, "ctm_task_restarts_total", "Restarts after a crash, by task.", "task", restarts)
        yield _by(Gauge, "ctm_task_up", "1 while the task runs.", "task", _up(health.components))
        yield _one(Counter, "ctm_config_reloads_total", "Settings taken over.", ends.settings.latest.reloads)
        yield _one(Gauge, "ctm_database_size_bytes", "The database with its log.", ends.database_bytes())
        yield _one(Gauge, "ctm_sessions", "Sessions on record.", len(ends.sessions.latest.records))
        yield _by(Gauge, "ctm_attention", "Sessions that need someone, by why.", "state", _states(ends))
        if quota is not None:
            known = {"weekly": quota.weekly_pct, "five_hour": quota.five_hr_pct}
            used = {key: value for key, value in known.items() if value is not None}
            yield _by(Gauge, "ctm_quota_pct", "Account limits used, in percent.", "window", used)


def _one(kind: Kind, name: str, text: str, value: float) -> Metric:
    return kind(name, text, _readable(value))


def _by(kind: Kind, name: str, text: str, label: str, counts: Mapping[str, float]) -> Metric:
    family = kind(name, text, labels=[label])
    for key, value in counts.items():
        family.add_metric([key], _readable(value))
    return family


def _readable(value: float) -> float:
    return round(value, 9) if abs(value) >= LEAST else 0


def _up(parts: Mapping[str, str]) -> dict[str, float]:
    return {name: float(state == "ok") for name, state in parts.items()}


def _states(ends: WebEnds) -> dict[str, float]:
    counts: dict[str, float] = {}
    for attention in ends.attention.latest.sessions.values():
        counts[attention.state] = counts.get(attention.state, 0) + 1
    return counts
