"""What tokens cost, where the client does not say: a price table that is data. Source: PROTOCOL.md, Quota and cost."""

from __future__ import annotations

import re

import msgspec

CLIENT, PRICES, DEFAULT, TRANSCRIPT = "client", "prices", "default", "transcript"
"""Where a cost comes from: the client's own figure, the price table, the prices for a model that nobody named, or the
price table and all tokens of the transcripts."""


class Price(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """US dollars for a million tokens, which is also millionths of a dollar for one."""

    input: float
    output: float
    cache: float

    def __post_init__(self) -> None:
        if min(self.input, self.output, self.cache) < 0:
            raise ValueError("a price is never below zero")


UNKNOWN_MODEL = Price(3.0, 15.0, 0.3)
"""What the first daemon of this family priced everything at; for a point without a model.
Source: PROTOCOL.md, Quota and cost."""


class PriceTable(msgspec.Struct, frozen=True):
    """Prices by model, and the date of them (`YYYY-MM-DD`).

    A key names every model whose id has it as whole words: `sonnet`, `opus-4-1`. The longest one counts.
    """

    as_of: str
    models: dict[str, Price]

    def price(self, model: str) -> Price | None:
        """The price of a model by its id, None if the table does not know it."""
        fits = [key for key in self.models if re.search(rf"(?<![a-z0-9]){re.escape(key)}(?![0-9a-z])", model)]
        return self.models[max(fits, key=len)] if fits else None


def parse_prices(data: bytes) -> PriceTable:
    """A price table from the bytes of its file.

    Raises:
        msgspec.MsgspecError: it is none; the message says where.
    """
    return msgspec.json.decode(data, type=PriceTable)


def priced(table: PriceTable, model: str, tokens: tuple[int, int, int]) -> tuple[int, str]:
    """The cost of (input, output, cache) tokens in millionths of a dollar, and its source: `PRICES` or `DEFAULT`."""
    price = table.price(model) if model else None
    used = price or UNKNOWN_MODEL
    micros = tokens[0] * used.input + tokens[1] * used.output + tokens[2] * used.cache
    return round(micros), DEFAULT if price is None else PRICES
