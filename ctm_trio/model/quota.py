"""Status-line dumps: what one says, and how it changes what is known.

Two different things are in a dump: the limits of the account, which every session reports as it last heard them, and
the figures of one Claude session. Source: PROTOCOL.md, Quota and cost.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import msgspec
from msgspec.structs import replace

from ctm_trio.model.decoding import decode_any

MAX_TOKENS = 1 << 53
"""A larger count is ignored; it would not survive a JavaScript reader."""

MAX_UNIX_S = 253_402_300_799
"""The last second of the year 9999; a later time is none."""

MICROS = Decimal(1_000_000)


class Window(msgspec.Struct, frozen=True):
    """One rate limit. `pct` as reported (fractions too), `resets_at` in unix seconds; None while unknown."""

    pct: float | None = None
    resets_at: int | None = None


class Meter(msgspec.Struct, frozen=True):
    """The figures of one Claude session: whole percents, tokens, cost in millionths of a dollar. None while unknown."""

    context_pct: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_tokens: int | None = None
    cost_usd_micros: int | None = None
    model: str = ""

    @property
    def any_token(self) -> bool:
        """True if any count of tokens is above zero: then it is a point of the cost curve."""
        return bool(self.input_tokens or self.output_tokens or self.cache_tokens)

    @property
    def known(self) -> bool:
        """True once the context or a count of tokens was reported."""
        return (self.context_pct, self.input_tokens, self.output_tokens, self.cache_tokens) != (None,) * 4


EMPTIED = Meter(context_pct=0, input_tokens=0, output_tokens=0, cache_tokens=0)
"""A session whose conversation was just cleared, before its first answer."""


class Dump(msgspec.Struct, frozen=True):
    """What one dump says. None in a field: it does not say."""

    uuid: str
    week: Window | None
    five_hours: Window | None
    meter: Meter


class Quota(msgspec.Struct, frozen=True):
    """Account limits. Percentages are whole numbers or None while unknown; times RFC 3339 or ""."""

    weekly_pct: int | None = None
    five_hr_pct: int | None = None
    weekly_resets_at: str = ""
    five_hr_resets_at: str = ""


class Usage(msgspec.Struct, frozen=True):
    """What the status line last said of one session. None while unknown. Source: PROTOCOL.md, Quota and cost."""

    context_pct: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_tokens: int | None = None
    cost_usd_micros: int | None = None
    model: str = ""
    seen_at: str = ""


class CostPoint(msgspec.Struct, frozen=True):
    """What a Claude session's status line said once of its tokens and its cost. Sent by quota, kept by the cost owner.

    After a restart the dumps are read again: a point whose figures equal the last one kept of its `uuid` is dropped.

    Attributes:
        session: name; uuid: the Claude session.
        ts: RFC 3339, when the dump was written.
        model: the client's model id, "" if the dump did not say.
        input_tokens / output_tokens / cache_tokens: of the last response, not of the session.
        total_cost_micros: what the client's counter says in millionths of a dollar, None if the dump did not say.
        curve: False if no token was used: then the counter is noted, and no point is kept.
        forked: the Claude session began as a fork: its counter goes on from its parent's.
        transcript_micros: what all its tokens cost by its transcripts; the tokens are all of them then. It counts
            while the client has said no figure. None for a point of the status line.
    """

    session: str
    uuid: str
    ts: str
    model: str
    input_tokens: int
    output_tokens: int
    cache_tokens: int
    total_cost_micros: int | None = None
    curve: bool = True
    forked: bool = False
    transcript_micros: int | None = None


def round_half_up(value: float) -> int:
    """A percentage as a whole number, halves up (45.5 → 46, 3.49 → 3). Source: PROTOCOL.md, Quota and cost."""
    return int(Decimal(str(value)).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def parse_dump(data: bytes, stem: str) -> Dump | None:
    """Parse a status-line dump.

    Args:
        data: the file's bytes.
        stem: the file's name without its ending; the session id if the dump has none.

    Returns None for what is not a JSON object (a dump that is still being written, say). A field of an unexpected type
    or out of range counts as absent. Never raises. Source: PROTOCOL.md, Quota and cost.
    """
    root = decode_any(data)
    if not isinstance(root, dict):
        return None
    uuid = root.get("session_id")
    limits = _object(root, "rate_limits")
    return Dump(
        uuid=uuid if isinstance(uuid, str) and uuid else stem,
        week=_window(limits, "seven_day"),
        five_hours=_window(limits, "five_hour"),
        meter=_meter(root),
    )


def merge_meter(known: Meter, seen: Meter) -> Meter:
    """What is known of a Claude session after a dump says `seen`; a field that it lacks stays.

    Source: PROTOCOL.md, Quota and cost.
    """
    return Meter(
        context_pct=known.context_pct if seen.context_pct is None else seen.context_pct,
        input_tokens=known.input_tokens if seen.input_tokens is None else seen.input_tokens,
        output_tokens=known.output_tokens if seen.output_tokens is None else seen.output_tokens,
        cache_tokens=known.cache_tokens if seen.cache_tokens is None else seen.cache_tokens,
        cost_usd_micros=known.cost_usd_micros if seen.cost_usd_micros is None else seen.cost_usd_micros,
        model=seen.model or known.model,
    )


def session_meter(meters: list[Meter]) -> Meter:
    """The figures of a session from those of its Claude sessions, oldest first (at least one).

    Context and tokens are the newest one's. Before its first answer that one knows none; after `/clear` (so if one
    before it did) the conversation is empty then. The cost is the sum of all of them.
    Source: PROTOCOL.md, Quota and cost.
    """
    newest = meters[-1]
    if not newest.known and any(meter.known for meter in meters[:-1]):
        newest = replace(EMPTIED, model=newest.model)
    costs = [meter.cost_usd_micros for meter in meters if meter.cost_usd_micros is not None]
    return replace(newest, cost_usd_micros=sum(costs) if costs else None)


def _object(parent: dict[str, Any], key: str) -> dict[str, Any]:
    value = parent.get(key)
    return value if isinstance(value, dict) else {}


def _number(parent: dict[str, Any], key: str, limit: float) -> float | None:
    value = parent.get(key)
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return float(value) if 0 <= value <= limit else None


def _count(parent: dict[str, Any], key: str) -> int | None:
    value = _number(parent, key, MAX_TOKENS)
    return None if value is None else int(value)


def _window(limits: dict[str, Any], key: str) -> Window | None:
    found = _object(limits, key)
    pct, resets_at = _number(found, "used_percentage", 1000), _number(found, "resets_at", MAX_UNIX_S)
    if pct is None and resets_at is None:
        return None
    return Window(pct, None if resets_at is None else int(resets_at))


def _meter(root: dict[str, Any]) -> Meter:
    context, cost = _object(root, "context_window"), _object(root, "cost")
    usage = _object(context, "current_usage")
    pct = _number(context, "used_percentage", 1000)
    tokens_in, tokens_out = _count(context, "total_input_tokens"), _count(context, "total_output_tokens")
    if "used_percentage" in context and pct is None and not tokens_in and not tokens_out:
        tokens_in = tokens_out = None  # before the first answer: the zeros beside the null say nothing yet
    cached = [
        n for key in ("cache_creation_input_tokens", "cache_read_input_tokens") if (n := _count(usage, key)) is not None
    ]
    dollars = _number(cost, "total_cost_usd", 1e9)
    model = _object(root, "model").get("id")
    return Meter(
        context_pct=None if pct is None else round_half_up(pct),
        input_tokens=tokens_in,
        output_tokens=tokens_out,
        cache_tokens=sum(cached) if cached else None,
        cost_usd_micros=None if dollars is None else round_half_up(float(Decimal(str(dollars)) * MICROS)),
        model=model[:100] if isinstance(model, str) else "",
    )
