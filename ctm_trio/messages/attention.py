"""What the attention owner publishes. Everything in here is frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ctm_trio.model.attention import Attention


@dataclass(frozen=True, slots=True)
class AttentionSnapshot:
    """Sessions that need someone, by name; the others are not in it. `warnings`: all that hold of each session."""

    sessions: Mapping[str, Attention] = field(default_factory=dict)
    warnings: Mapping[str, tuple[Attention, ...]] = field(default_factory=dict)
