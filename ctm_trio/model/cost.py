"""The answer of `/api/cost`. Source: PROTOCOL.md, Quota and cost."""

from __future__ import annotations

import msgspec

WINDOWS_S = {"hour": 3600.0, "day": 86_400.0, "week": 604_800.0}
"""The windows that can be asked for, in seconds. Source: PROTOCOL.md, Quota and cost."""


class WirePoint(msgspec.Struct, frozen=True):
    """What a session stood at: tokens of its last response, cost so far over all its Claude sessions."""

    ts: str
    session: str
    input_tokens: int
    output_tokens: int
    cache_tokens: int
    cost_usd_micros: int
    model: str
    source: str


class Totals(msgspec.Struct):
    """The latest point of each session in the window, summed."""

    input: int = 0
    output: int = 0
    cache: int = 0
    cost_usd_micros: int = 0


class Spent(msgspec.Struct, frozen=True):
    """What was spent since a day began (UTC), in millionths of a dollar, by day, model and session."""

    since: str
    days: dict[str, int]
    models: dict[str, int]
    sessions: dict[str, int]


class CostReport(msgspec.Struct, frozen=True):
    """The whole answer.

    Attributes:
        base: what each session of the points had cost when the window began, in millionths of a dollar: what its last
            point is above it was spent within the window.
        source: of the figures, "mixed" if they have several, "" if there are none.
    """

    window: str
    points: list[WirePoint]
    totals: Totals
    base: dict[str, int]
    spent: Spent
    source: str
    prices_as_of: str
