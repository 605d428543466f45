"""Between the journal and those who write to it. Everything in here is frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from ctm_trio.core.channels import Reply
from ctm_trio.model.event import Event
from ctm_trio.model.log_line import LineBatch, Segment
from ctm_trio.model.replay import Wanted


@dataclass(frozen=True, slots=True)
class Draft:
    """An event that has no id yet, from a task other than a tailer.

    Args:
        type: one of `model.event.PUBLIC_TYPES`.
        session: name, or "".
        payload: compact JSON object as bytes. A leading key "session" with the session's name follows a rename; the
            lifecycle events have none.
        ts: RFC 3339, or "" for now.
        uuid: the Claude session it is about, or "".
        fleeting: nobody knows this session. Unless the event log knows it or its uuid, everybody who follows hears of
            it now, and nothing of it is stored.
    """

    type: str
    session: str
    payload: bytes
    ts: str = ""
    uuid: str = ""
    fleeting: bool = False


@dataclass(frozen=True, slots=True)
class Publish:
    """Give these drafts ids, commit them, fan them out, in this order. No answer."""

    drafts: tuple[Draft, ...]


@dataclass(frozen=True, slots=True)
class ReadReplay:
    """Ask for a replay through the journal's own connection: events oldest first, and whether the cursor is too old.

    For when the database cannot be read beside it (`journal.tail`).
    """

    wanted: Wanted
    reply: Reply[tuple[list[Event], bool]]


@dataclass(frozen=True, slots=True)
class Attribute:
    """From now on the events of this log belong to that session; what is stored already moves there too.

    The uuid `session:NAME` stands for what was ever published for that session without a log.
    """

    uuid: str
    session: str


class Ingest(msgspec.Struct, frozen=True, gc=False):
    """Parsed lines of one log with the position behind them; committed together. Only tailers send it. No answer."""

    batch: LineBatch


@dataclass(frozen=True, slots=True)
class Positions:
    """Ask how far a log (None: every log of that kind) is read, after everything that its tailer sent before."""

    uuid: str | None
    kind: str
    reply: Reply[tuple[Segment, ...]]


@dataclass(frozen=True, slots=True)
class KnownSources:
    """Ask for every log that was ever seen: uuid → (session it belonged to last, time of its newest call or "")."""

    reply: Reply[Mapping[str, tuple[str, str]]]


@dataclass(frozen=True, slots=True)
class OpenSegment:
    """Ask for a segment for a file that was never read before."""

    uuid: str
    kind: str
    reply: Reply[Segment]


@dataclass(frozen=True, slots=True)
class IsStored:
    """Ask whether a log's call is in the database. Refused while something waits to be written: it may be that."""

    uuid: str
    tool_use_id: str
    agent_id: str
    reply: Reply[bool]


JournalMessage = Publish | ReadReplay | Attribute | Ingest | Positions | OpenSegment | KnownSources | IsStored


@dataclass(frozen=True, slots=True)
class JournalSnapshot:
    """How the event log is."""

    degraded: str = ""
    """Why the database cannot be written; "" while all is well."""
    closed: bool = False
    """True once the event log was closed: nothing that was published waits in memory any more."""


@dataclass(frozen=True, slots=True)
class JournalCounters:
    """What the journal counts. `ring_sizes` has "" for all and each session's name."""

    published: int = 0
    backlog: int = 0
    """Events that wait to be committed."""
    ring_sizes: Mapping[str, int] = field(default_factory=dict)
    by_type: Mapping[str, int] = field(default_factory=dict)
    last_call_at: Mapping[str, str] = field(default_factory=dict)
    """Session name → RFC 3339 time of its newest tool call."""
    ingest_seconds: float = 0.0
    fanout_seconds: float = 0.0
    commits: int = 0
    skipped_lines: int = 0
