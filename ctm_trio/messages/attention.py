"""What the attention owner publishes. Everything in here is frozen."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ctm_trio.model.attention import Attention


class AttentionSnapshot(msgspec.Struct, frozen=True):
    """Sessions that need someone, by name; the others are not in it. `warnings`: all that hold of each session."""

    sessions: Mapping[str, Attention] = msgspec.field(default_factory=dict)
    warnings: Mapping[str, tuple[Attention, ...]] = msgspec.field(default_factory=dict)
