"""Between the status owner and those who want to know. Everything in here is frozen."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ctm_trio.core.channels import Reply
from ctm_trio.model.status import Status


class StatusSnapshot(msgspec.Struct, frozen=True):
    """The status of every session, by name. `begun`: False until it was decided for the first time."""

    sessions: Mapping[str, Status] = msgspec.field(default_factory=dict)
    begun: bool = True


class Piece(msgspec.Struct, frozen=True):
    """A piece of evidence: when (unix seconds), who says it ("hook", "client", "tmux", "screen"), and what."""

    at: float
    source: str
    what: str


class Explained(msgspec.Struct, frozen=True):
    """Why a session has its status: what was seen last, oldest first, and why it has none of the other states."""

    status: Status
    evidence: tuple[Piece, ...]
    rejected: tuple[tuple[str, str], ...]


class Explain(msgspec.Struct, frozen=True):
    """`GET /api/sessions/{name}/explain`. Fails with SessionNotFound."""

    name: str
    reply: Reply[Explained]
