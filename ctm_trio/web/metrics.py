"""The metrics in Prometheus' text format, straight from the snapshots. Source: PROTOCOL.md, Metrics and health.

Imported when somebody first asks for metrics: most never do, and `prometheus_client` takes some memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec
import trio
from prometheus_client import generate_latest
from prometheus_client.core import CounterMetricFamily as Counter
from prometheus_client.core import GaugeMetricFamily as Gauge
from prometheus_client.core import Metric

from ctm_trio.model.event import PUBLIC_TYPES
from ctm_trio.web.ends import WebEnds
from ctm_trio.web.rings import ring_sizes

LEAST = 0.0001
"""What is less is told as 0: it would be printed as 1e-05, and not every reader takes a negative exponent."""


class Reading(msgspec.Struct, frozen=True):
    """One metric as it was read: a value, or one for each value of a label."""

    kind: type[Counter] | type[Gauge]
    name: str
    text: str
    values: float | Mapping[str, float]
    label: str = ""


def read(ends: WebEnds) -> list[Reading]:
    """All metrics as of now. Takes no time to speak of, and nothing that changes afterwards is in it."""
    journal, tailers, health = ends.counters.read(), ends.tail_counters(), ends.health.latest
    webhook, degraded = ends.webhook.latest, bool(ends.journal.latest.degraded)
    outcomes = {"delivered": webhook.delivered, "failed": webhook.failed, "suppressed": webhook.suppressed}
    quota, transcripts = ends.quota.latest.account, ends.transcripts.latest
    # Zeros are told too: a rate needs a first sample.
    by_type = dict.fromkeys(sorted(PUBLIC_TYPES), 0) | dict(journal.by_type)
    restarts = dict.fromkeys(["http", *health.components], 0) | dict(health.restarts)
    uptime = trio.current_time() - ends.early.started_at
    found = [
        Reading(Gauge, "ctm_uptime_seconds", "Since the daemon started.", uptime),
        Reading(Counter, "ctm_events_total", "Events published, by type.", by_type, "type"),
        Reading(Counter, "ctm_published_total", "Events published.", journal.published),
        Reading(Counter, "ctm_dropped_total", "Events that a slow subscriber missed.", ends.events.dropped()),
        Reading(Gauge, "ctm_subscribers", "Subscriptions of clients to the events.", ends.events.readers()),
        Reading(Gauge, "ctm_journal_backlog_events", "Events that wait to be committed.", journal.backlog),
        Reading(Gauge, "ctm_journal_degraded", "1 while the database cannot be written.", degraded),
        Reading(Counter, "ctm_journal_commits_total", "Transactions committed.", journal.commits),
        Reading(Counter, "ctm_ingest_seconds_total", "Time spent on committing events.", journal.ingest_seconds),
        Reading(Counter, "ctm_fanout_seconds_total", "Time spent on handing events on.", journal.fanout_seconds),
        Reading(Counter, "ctm_skipped_lines_total", "Log lines that are not events.", journal.skipped_lines),
        Reading(Gauge, "ctm_ring_events", "Events held for replay, by session.", ring_sizes(ends), "session"),
        Reading(Gauge, "ctm_tailers", "Logs that are followed.", tailers.tailers),
        Reading(Gauge, "ctm_tailer_lag_bytes", "Bytes of logs not read yet.", tailers.lag_bytes),
        Reading(Gauge, "ctm_transcripts_behind", "Transcripts that are not read to their end.", transcripts.behind),
        Reading(Counter, "ctm_transcript_unknown_lines_total", "Lines of unknown kinds.", transcripts.unknown_lines),
        Reading(Counter, "ctm_webhook_results_total", "Alerts by what became of them.", outcomes, "result"),
        Reading(Gauge, "ctm_webhook_pending", "Alerts that wait for delivery.", webhook.pending),
        Reading(Counter, "ctm_task_restarts_total", "Restarts after a crash, by task.", restarts, "task"),
        Reading(Gauge, "ctm_task_up", "1 while the task runs.", _up(health.components), "task"),
        Reading(Counter, "ctm_config_reloads_total", "Settings taken over.", ends.settings.latest.reloads),
        Reading(Gauge, "ctm_database_size_bytes", "The database with its log.", ends.database_bytes()),
        Reading(Gauge, "ctm_sessions", "Sessions on record.", len(ends.sessions.latest.records)),
        Reading(Gauge, "ctm_attention", "Sessions that need someone, by why.", _states(ends), "state"),
    ]
    if quota is not None:
        known = {"weekly": quota.weekly_pct, "five_hour": quota.five_hr_pct}
        used = {key: value for key, value in known.items() if value is not None}
        found.append(Reading(Gauge, "ctm_quota_pct", "Account limits used, in percent.", used, "window"))
    return found


def exposition(found: list[Reading]) -> bytes:
    """Their text, with nothing of the library's global registry. Takes some 10 ms for 1,000 samples: use a thread."""
    return generate_latest(_Collector(found))


class _Collector:
    """As the library calls it."""

    def __init__(self, found: list[Reading]) -> None:
        self._found = found

    def collect(self) -> Iterator[Metric]:
        """Every metric with its samples."""
        for one in self._found:
            if isinstance(one.values, Mapping):
                family = one.kind(one.name, one.text, labels=[one.label])
                for key, value in one.values.items():
                    family.add_metric([key], _readable(value))
                yield family
            else:
                yield one.kind(one.name, one.text, _readable(one.values))


def _readable(value: float) -> float:
    return round(value, 9) if abs(value) >= LEAST else 0


def _up(parts: Mapping[str, str]) -> dict[str, float]:
    return {name: float(state == "ok") for name, state in parts.items()}


def _states(ends: WebEnds) -> dict[str, float]:
    counts: dict[str, float] = {}
    for attention in ends.attention.latest.sessions.values():
        counts[attention.state] = counts.get(attention.state, 0) + 1
    return counts
