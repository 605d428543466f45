"""`/metrics`, read by the parser of Prometheus' own client, and held against the list in PROTOCOL.md."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

from ctm_trio.core.health import HealthSnapshot
from ctm_trio.messages.attention import AttentionSnapshot
from ctm_trio.messages.journal import JournalCounters
from ctm_trio.messages.quota import QuotaSnapshot
from ctm_trio.model.attention import Attention
from ctm_trio.model.quota import Quota
from tests.contract.conftest import Site

PROTOCOL = Path(__file__).parents[2] / "ctm_trio" / "web" / "PROTOCOL.md"

PLAIN = re.compile(r'[a-z_]+(\{[a-z]+="([^"\\]|\\.)*"\})? [0-9.e+]+')
"""A sample as the plainest readers take it: an exponent may be there, but not a negative one."""


async def metrics(site: Site) -> dict[str, Metric]:
    """Each metric by the name of its samples."""
    async with site.client() as client:
        answer = await client.get("/metrics")
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    odd = [
        row
        for row in answer.text.splitlines()
        if not row.startswith(("# HELP ", "# TYPE ")) and not PLAIN.fullmatch(row)
    ]
    assert odd == []
    families = {}
    for family in text_string_to_metric_families(answer.text):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        assert {sample.name for sample in family.samples} <= {name}
        families[name] = family
    return families


async def value(site: Site, name: str, **labels: str) -> float:
    """What a sample says."""
    family = (await metrics(site))[name]
    return next(sample.value for sample in family.samples if sample.labels == labels)


async def test_metrics_are_those_of_the_protocol(site: Site) -> None:
    """Each metric has the type and the label that PROTOCOL.md gives it, and there is no other one."""
    site.health.publish(HealthSnapshot(components={"journal": "ok"}))
    site.attention.publish(AttentionSnapshot({"alpha": Attention("needs_input", "")}))
    site.quota.publish(QuotaSnapshot(Quota(weekly_pct=40, five_hr_pct=None)))
    site.journal.told = JournalCounters(ring_sizes={"": 1})
    text = PROTOCOL.read_text().split("`GET /metrics` is Prometheus text")[1].split("\n## ")[0]
    gauges, counters = text.split("- Counters")
    told = {
        name: (kind, label)
        for kind, part in (("gauge", gauges), ("counter", counters))
        for name, label in re.findall(r"`(ctm_\w+)(?:\{(\w+)\})?`", part)
    }
    found = {name: (family.type, "".join(family.samples[0].labels)) for name, family in (await metrics(site)).items()}
    assert found == told


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.0, 0), (0.00002, 0), (0.0001, 0.0001), (0.25, 0.25), (12345678.125, 12345678.125)]
)
async def test_seconds_arrive_as_they_are(site: Site, seconds: float, shown: float) -> None:
    """Only what would need a negative exponent is told as nothing."""
    site.journal.told = JournalCounters(fanout_seconds=seconds)
    assert await value(site, "ctm_fanout_seconds_total") == shown


async def test_large_counts_are_exact(site: Site) -> None:
    """An exponent takes nothing from a number."""
    site.journal.told = JournalCounters(commits=(1 << 40) + 1)
    assert await value(site, "ctm_journal_commits_total") == (1 << 40) + 1


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\\n", "a\nb", "a}b 1", "ünï"])
async def test_odd_names_arrive_as_they_are(site: Site, name: str) -> None:
    """A session's name neither ends its label nor its line."""
    site.journal.told = JournalCounters(ring_sizes={"": 9, name: 7})
    assert await value(site, "ctm_ring_events", session=name) == 7
