"""Between the journal and those who write to it. Everything in here is frozen."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ctm_trio.core.channels import Reply
from ctm_trio.model.event import Event
from ctm_trio.model.log_line import LineBatch, Segment
from ctm_trio.model.replay import Wanted


class Draft(msgspec.Struct, frozen=True):
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


class Publish(msgspec.Struct, frozen=True):
    """Give these drafts ids, commit them, fan them out, in this order. No answer."""

    drafts: tuple[Draft, ...]


class ReadReplay(msgspec.Struct, frozen=True):
    """Ask for a replay through the journal's own connection: events oldest first, and whether the cursor is too old.

    For when the database cannot be read beside it (`journal.tail`).
    """

    wanted: Wanted
    reply: Reply[tuple[list[Event], bool]]


class Attribute(msgspec.Struct, frozen=True):
    """From now on the events of this log belong to that session; what is stored already moves there too.

    The uuid `session:NAME` stands for what was ever published for that session without a log.
    """

    uuid: str
    session: str


class Ingest(msgspec.Struct, frozen=True, gc=False):
    """Parsed lines of one log with the position behind them; committed together. Only tailers send it. No answer."""

    batch: LineBatch


class Positions(msgspec.Struct, frozen=True):
    """Ask how far a log (None: every log of that kind) is read, after everything that its tailer sent before."""

    uuid: str | None
    kind: str
    reply: Reply[tuple[Segment, ...]]


class KnownSources(msgspec.Struct, frozen=True):
    """Ask for every log that was ever seen: uuid → (session it belonged to last, time of its newest call or "")."""

    reply: Reply[Mapping[str, tuple[str, str]]]


class OpenSegment(msgspec.Struct, frozen=True):
    """Ask for a segment for a file that was never read before."""

    uuid: str
    kind: str
    reply: Reply[Segment]


class IsStored(msgspec.Struct, frozen=True):
    """Ask whether a log's call is in the database. Refused while something waits to be written: it may be that."""

    uuid: str
    tool_use_id: str
    agent_id: str
    reply: Reply[bool]


JournalMessage = Publish | ReadReplay | Attribute | Ingest | Positions | OpenSegment | KnownSources | IsStored


class JournalSnapshot(msgspec.Struct, frozen=True):
    """How the event log is."""

    degraded: str = ""
    """Why the database cannot be written; "" while all is well."""
    closed: bool = False
    """True once the event log was closed: nothing that was published waits in memory any more."""


class JournalCounters(msgspec.Struct, frozen=True):
    """What the journal counts. `ring_sizes` has "" for all and each session's name."""

    published: int = 0
    backlog: int = 0
    """Events that wait to be committed."""
    ring_sizes: Mapping[str, int] = msgspec.field(default_factory=dict)
    by_type: Mapping[str, int] = msgspec.field(default_factory=dict)
    last_call_at: Mapping[str, str] = msgspec.field(default_factory=dict)
    """Session name → RFC 3339 time of its newest tool call."""
    ingest_seconds: float = 0.0
    fanout_seconds: float = 0.0
    commits: int = 0
    skipped_lines: int = 0
