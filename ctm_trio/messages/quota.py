"""What the quota owner publishes. Everything in here is frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ctm_trio.model.quota import Quota, Usage


@dataclass(frozen=True, slots=True)
class QuotaSnapshot:
    """`account` is None while no rate limit was ever seen. `sessions` is by session name."""

    account: Quota | None = None
    sessions: Mapping[str, Usage] = field(default_factory=dict)
