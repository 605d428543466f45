"""What tokens of transcripts cost by the price table, where the client says nothing.

Source: PROTOCOL.md, Quota and cost.
"""

from __future__ import annotations

from collections.abc import Iterable

from ctm_trio.model.conversation.asked import Usage
from ctm_trio.model.conversation.piece import Tokens
from ctm_trio.model.pricing import UNKNOWN_MODEL, PriceTable

WRITING = 1.25
"""What is written to the cache costs so many times as much as input."""


def summed(usage: Iterable[Usage]) -> Tokens:
    """All tokens together, by class."""
    sums = [0, 0, 0, 0]
    for one in usage:
        t = one.tokens
        sums = [a + b for a, b in zip(sums, (t.input, t.output, t.cache_creation, t.cache_read), strict=True)]
    return Tokens(*sums)


def cost_of(usage: Iterable[Usage], table: PriceTable) -> int | None:
    """The cost in millionths of a dollar; None if no token was used."""
    micros, used = 0.0, False
    for one in usage:
        price = table.price(one.model) or UNKNOWN_MODEL
        tokens = one.tokens
        micros += tokens.input * price.input + tokens.output * price.output
        micros += tokens.cache_creation * price.input * WRITING + tokens.cache_read * price.cache
        used = used or any((tokens.input, tokens.output, tokens.cache_creation, tokens.cache_read))
    return round(micros) if used else None
