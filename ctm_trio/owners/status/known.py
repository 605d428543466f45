"""What is known of one session for its status. Synchronous; the status task alone drives it."""

from __future__ import annotations

from collections import deque

import msgspec

from ctm_trio.messages.status import Piece
from ctm_trio.model.clients import Client
from ctm_trio.model.status import OpenRequest, Status
from ctm_trio.model.turn import Turn

MAX_EVIDENCE = 20
"""Pieces of evidence that are kept of each session. Source: PROTOCOL.md, Status."""


class Known(msgspec.Struct):
    """One session.

    Attributes:
        status: as it was decided last, None before that; told: as it was announced last.
        turn: what its hooks have told.
        client: its running client; ended: pid of the last one that was seen to end, 0 if none was.
        has_ended, ended_at: the last one has ended, and when, in unix seconds; also if the daemon before us saw it.
        pane: of its client, the last one known, e.g. `%3`.
        unheard: no hook came while its client was busy, and none has come since.
        evidence: what was seen last, oldest first.
    """

    status: Status | None = None
    told: tuple[str, str] | None = None
    turn: Turn = msgspec.field(default_factory=Turn)
    client: Client | None = None
    ended: int = 0
    has_ended: bool = False
    ended_at: float = 0.0
    pane: str = ""
    alive: bool | None = None
    requests: tuple[OpenRequest, ...] = ()
    closed_at: float = 0.0
    unheard: bool = False
    evidence: deque[Piece] = msgspec.field(default_factory=lambda: deque(maxlen=MAX_EVIDENCE))

    def see(self, at: float, source: str, what: str) -> None:
        """Keep a piece of evidence; the same one again takes the place of the last."""
        last = self.evidence[-1] if self.evidence else None
        if last is not None and (last.source, last.what) == (source, what):
            return
        self.evidence.append(Piece(at, source, what))
