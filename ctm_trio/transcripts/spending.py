"""What conversations used, for the costs: each message counts for one conversation, also where a fork repeats it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Sequence

import msgspec

from ctm_trio.model.conversation.asked import Usage
from ctm_trio.model.conversation.costs import summed
from ctm_trio.model.conversation.piece import Tokens


class Spending(msgspec.Struct):
    """What one conversation used. `ended`: unix seconds of its newest entry."""

    uuid: str
    ended: float
    usage: list[Usage] = msgspec.field(default_factory=list)

    @property
    def tokens(self) -> Tokens:
        """All of it together."""
        return summed(self.usage)

    @property
    def model(self) -> str:
        """The model that wrote most."""
        return max(self.usage, key=lambda one: one.tokens.output).model if self.usage else ""


OWN = (
    "NOT EXISTS (SELECT 1 FROM messages o INDEXED BY messages_by_number WHERE o.number = m.number"
    " AND o.conversation <> m.conversation"
    " AND (o.copied, o.conversation IN (SELECT id FROM forks), o.conversation)"
    "  < (m.copied, m.conversation IN (SELECT id FROM forks), m.conversation))"
)
"""Of a message `m` that several conversations have: it counts for the one that has it first hand, or else for one that
is no fork, or else for the first."""

FORKS = "WITH forks AS (SELECT id FROM conversations WHERE uuid IN (SELECT value FROM json_each(:forks)))"
"""Before a query with `OWN`."""


def read_spending(uuids: Sequence[str], forks: Collection[str], db: sqlite3.Connection) -> list[Spending]:
    """What each of these conversations used. Those of which nothing is known are left out.

    Args:
        forks: conversations that are known to have begun as a fork.
    """
    query = (
        f"{FORKS} SELECT c.uuid, c.ended, n.name, sum(m.input), sum(m.output), sum(m.cache_creation), sum(m.cache_read)"
        " FROM conversations c JOIN messages m ON m.conversation = c.id JOIN names n ON n.id = m.model"
        f" WHERE c.uuid IN (SELECT value FROM json_each(:uuids)) AND c.ended > 0 AND {OWN} GROUP BY c.id, m.model"
    )
    found: dict[str, Spending] = {}
    for uuid, ended, model, *counts in db.execute(
        query, {"uuids": json.dumps(list(uuids)), "forks": json.dumps(list(forks))}
    ):
        one = found.setdefault(uuid, Spending(uuid, ended / 1000))
        one.usage.append(Usage("", model, "", Tokens(*counts)))
    return list(found.values())
