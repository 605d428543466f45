"""The metrics in Prometheus' text format, straight from the snapshots. Source: PROTOCOL.md, Metrics and health."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import trio

from ctm_trio.model.event import PUBLIC_TYPES
from ctm_trio.web.ends import WebEnds
from ctm_trio.web.rings import ring_sizes

Samples = Iterable[tuple[Mapping[str, str], float]]


def _label(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    """Without an exponent, which not every reader takes."""
    return str(int(value)) if value == int(value) else f"{value:.9f}"


def _one(value: float) -> Samples:
    return [({}, value)]


def _by(label: str, counts: Mapping[str, float]) -> Samples:
    return [({label: key}, value) for key, value in counts.items()]


def render(name: str, kind: str, text: str, samples: Samples) -> str:
    """One metric: its help and type lines and its samples."""
    lines = [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]
    for labels, value in samples:
        inner = ",".join(f'{key}="{_label(item)}"' for key, item in labels.items())
        lines.append(f"{name}{{{inner}}} {_number(value)}" if inner else f"{name} {_number(value)}")
    return "\n".join(lines) + "\n"


def exposition(ends: WebEnds) -> str:
    """All metrics as of now."""
    journal, tailers, health = ends.counters.read(), ends.tail_counters(), ends.health.latest
    webhook, degraded = ends.webhook.latest, bool(ends.journal.latest.degraded)
    outcomes = {"delivered": webhook.delivered, "failed": webhook.failed, "suppressed": webhook.suppressed}
    quota = ends.quota.latest.account
    # Zeros are told too: a rate needs a first sample.
    by_type = dict.fromkeys(sorted(PUBLIC_TYPES), 0) | dict(journal.by_type)
    restarts = dict.fromkeys(["http", *health.components], 0) | dict(health.restarts)
    rows: list[tuple[str, str, str, Samples]] = [
        ("ctm_uptime_seconds", "gauge", "Since the daemon started.", _one(trio.current_time() - ends.early.started_at)),
        ("ctm_events_total", "counter", "Events published, by type.", _by("type", by_type)),
        ("ctm_published_total", "counter", "Events published.", _one(journal.published)),
        ("ctm_dropped_total", "counter", "Events that a slow subscriber missed.", _one(ends.events.dropped())),
        ("ctm_subscribers", "gauge", "Subscriptions of clients to the events.", _one(ends.events.readers())),
        ("ctm_journal_backlog_events", "gauge", "Events that wait to be committed.", _one(journal.backlog)),
        (
            "ctm_journal_degraded",
            "gauge",
            "1 while the database cannot be written.",
            _one(degraded),
        ),
        ("ctm_journal_commits_total", "counter", "Transactions committed.", _one(journal.commits)),
        ("ctm_ingest_seconds_total", "counter", "Time spent on committing events.", _one(journal.ingest_seconds)),
        ("ctm_fanout_seconds_total", "counter", "Time spent on handing events on.", _one(journal.fanout_seconds)),
        ("ctm_skipped_lines_total", "counter", "Log lines that are not events.", _one(journal.skipped_lines)),
        ("ctm_ring_events", "gauge", "Events held for replay, by session.", _by("session", ring_sizes(ends))),
        ("ctm_tailers", "gauge", "Logs that are followed.", _one(tailers.tailers)),
        ("ctm_tailer_lag_bytes", "gauge", "Bytes of logs not read yet.", _one(tailers.lag_bytes)),
        ("ctm_webhook_results_total", "counter", "Alerts by what became of them.", _by("result", outcomes)),
        ("ctm_webhook_pending", "gauge", "Alerts that wait for delivery.", _one(webhook.pending)),
        ("ctm_task_restarts_total", "counter", "Restarts after a crash, by task.", _by("task", restarts)),
        ("ctm_task_up", "gauge", "1 while the task runs.", _by("task", _up(health.components))),
        ("ctm_config_reloads_total", "counter", "Settings taken over.", _one(ends.settings.latest.reloads)),
        ("ctm_database_size_bytes", "gauge", "The database with its log.", _one(ends.database_bytes())),
        ("ctm_sessions", "gauge", "Sessions on record.", _one(len(ends.sessions.latest.records))),
        ("ctm_attention", "gauge", "Sessions that need someone, by why.", _by("state", _states(ends))),
    ]
    if quota is not None:
        known = {"weekly": quota.weekly_pct, "five_hour": quota.five_hr_pct}
        samples = _by("window", {key: value for key, value in known.items() if value is not None})
        rows.append(("ctm_quota_pct", "gauge", "Account limits used, in percent.", samples))
    return "".join(render(*row) for row in rows)


def _up(parts: Mapping[str, str]) -> dict[str, float]:
    return {name: float(state == "ok") for name, state in parts.items()}


def _states(ends: WebEnds) -> dict[str, float]:
    counts: dict[str, float] = {}
    for attention in ends.attention.latest.sessions.values():
        counts[attention.state] = counts.get(attention.state, 0) + 1
    return counts
