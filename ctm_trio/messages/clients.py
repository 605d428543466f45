"""What the clients owner publishes. Everything in here is frozen."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ctm_trio.model.clients import Client


class ClientsSnapshot(msgspec.Struct, frozen=True):
    """Which client runs for which session.

    Attributes:
        clients: session name → its running client; a session without one is not in it.
        ended: session name → pid of its client, which has ended since the daemon began to look.
        unwatched: clients that run whose hooks do not arrive here.
        looked: False until the clients were looked for once.
    """

    clients: Mapping[str, Client] = msgspec.field(default_factory=dict)
    ended: Mapping[str, int] = msgspec.field(default_factory=dict)
    unwatched: int = 0
    looked: bool = False
