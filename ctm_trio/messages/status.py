"""Between the status owner and those who want to know. Everything in here is frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ctm_trio.core.channels import Reply
from ctm_trio.model.status import Status


@dataclass(frozen=True, slots=True)
class StatusSnapshot:
    """The status of every session, by name. `begun`: False until it was decided for the first time."""

    sessions: Mapping[str, Status] = field(default_factory=dict)
    begun: bool = True


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of evidence: when (unix seconds), who says it ("hook", "client", "tmux", "screen"), and what."""

    at: float
    source: str
    what: str


@dataclass(frozen=True, slots=True)
class Explained:
    """Why a session has its status: what was seen last, oldest first, and why it has none of the other states."""

    status: Status
    evidence: tuple[Piece, ...]
    rejected: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Explain:
    """`GET /api/sessions/{name}/explain`. Fails with SessionNotFound."""

    name: str
    reply: Reply[Explained]
