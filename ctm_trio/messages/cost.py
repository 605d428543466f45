"""What the cost owner publishes. Everything in here is frozen."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class CostTotals(msgspec.Struct, frozen=True):
    """What each Claude session has cost by its client's own word, in millionths of a dollar, by its id."""

    micros: Mapping[str, int] = msgspec.field(default_factory=dict)
