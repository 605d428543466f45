"""What the cost owner publishes. Everything in here is frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class CostTotals:
    """What each Claude session has cost by its client's own word, in millionths of a dollar, by its id."""

    micros: Mapping[str, int] = field(default_factory=dict)
