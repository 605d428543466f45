"""What the quota owner publishes. Everything in here is frozen."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ctm_trio.model.quota import Quota, Usage


class QuotaSnapshot(msgspec.Struct, frozen=True):
    """`account` is None while no rate limit was ever seen. `sessions` is by session name."""

    account: Quota | None = None
    sessions: Mapping[str, Usage] = msgspec.field(default_factory=dict)
