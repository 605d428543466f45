"""What conversations used, for the cost owner. Source: PROTOCOL.md, Conversations."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import NoReturn

import trio

from ctm_trio.core.bell import Bell
from ctm_trio.model.conversation.costs import cost_of
from ctm_trio.model.pricing import PriceTable
from ctm_trio.model.quota import CostPoint
from ctm_trio.model.times import format_time
from ctm_trio.owners.conversations.desk import ConversationsDesk
from ctm_trio.system.kept_index import RETRY_S
from ctm_trio.transcripts.index import ConversationIndex
from ctm_trio.transcripts.spending import Spending, read_spending

COSTS_S = 3.0
"""What is used is told the cost owner so often at most."""


class Costs:
    """See above. `desk` is shared with the rest of the owner."""

    def __init__(self, desk: ConversationsDesk) -> None:
        self._desk = desk
        self._used: set[str] = set()
        self._bell = Bell()

    def note(self, used: Iterable[str]) -> None:
        """These conversations used tokens."""
        before = len(self._used)
        self._used.update(used)
        if len(self._used) > before:
            self._bell.ring()

    async def tell(self) -> NoReturn:
        """Tell the cost owner what sessions used, now and then, until cancelled."""
        desk = self._desk
        while True:
            await self._bell.wait()
            names = desk.names()
            used, self._used = self._used, set()
            found = await desk.index.read(
                partial(_spending, [uuid for uuid in used if uuid in names], desk.ends.attribution.latest.forks)
            )
            if found is None:
                self._used |= used
                self._bell.ring()
            for one in found or ():
                await desk.ends.costs.send(cost_point(one, names[one.uuid], desk.ends.prices.latest))
            await trio.sleep(COSTS_S if found is not None else RETRY_S)


def _spending(uuids: list[str], forks: frozenset[str], index: ConversationIndex) -> list[Spending]:
    return read_spending(uuids, forks, index.db)


def cost_point(used: Spending, session: str, prices: PriceTable) -> CostPoint:
    """What a conversation used, as the cost owner takes it."""
    tokens = used.tokens
    return CostPoint(
        session=session,
        uuid=used.uuid,
        ts=format_time(used.ended),
        model=used.model,
        input_tokens=tokens.input,
        output_tokens=tokens.output,
        cache_tokens=tokens.cache_creation + tokens.cache_read,
        transcript_micros=cost_of(used.usage, prices) or 0,
    )
