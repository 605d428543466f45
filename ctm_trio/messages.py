"""The vocabulary between tasks: the snapshots that owners publish and the messages that they take.

Everything here is frozen. A snapshot is read with `StateReceiver.latest`; an order is sent with `core.channels.ask`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from ctm_trio.core.channels import Reply
from ctm_trio.model.attention import Attention as Attention
from ctm_trio.model.config import Settings
from ctm_trio.model.event import Event
from ctm_trio.model.log_line import LineBatch, Segment
from ctm_trio.model.quota import CostPoint as CostPoint
from ctm_trio.model.quota import Quota as Quota
from ctm_trio.model.quota import Usage as Usage
from ctm_trio.model.replay import Wanted
from ctm_trio.model.session import Session

# ---------------------------------------------------------------- journal


@dataclass(frozen=True, slots=True)
class Draft:
    """An event that has no id yet, from an owner that is no tailer.

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

    For when the database cannot be read beside it (`event_tail`).
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


@dataclass(frozen=True, slots=True)
class Ingest:
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


JournalMessage = Publish | ReadReplay | Attribute | Ingest | Positions | OpenSegment | KnownSources


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


# ---------------------------------------------------------------- sessions


@dataclass(frozen=True, slots=True)
class SessionsSnapshot:
    """`sessions.json` and what tmux says.

    Attributes:
        records: by name, in the order of the file.
        alive: names of the tmux sessions that exist (all of them, not only ours).
        tmux_known: False until tmux was asked once, or if tmux cannot be asked at all.
        problem: why `sessions.json` could not be read, or "".
        untyped: session → why its initial prompt waits, or was not typed.
        tmux_problem: why tmux cannot be asked, so that `alive` is what it said last; "" while it answers.
    """

    records: Mapping[str, Session] = field(default_factory=dict)
    alive: frozenset[str] = frozenset()
    tmux_known: bool = False
    problem: str = ""
    untyped: Mapping[str, str] = field(default_factory=dict)
    tmux_problem: str = ""


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """A lifecycle event that the CLI posted (`/api/hooks/{event}`). Answered once it is recorded and published."""

    event: str
    fields: Mapping[str, str]
    reply: Reply[None]


@dataclass(frozen=True, slots=True)
class CreateSession:
    """`POST /api/sessions`. The answer is the new record, after tmux runs it and the file has it.

    `name` None: the directory's, or another one like it if a session that works elsewhere has that.
    """

    workdir: str
    name: str | None
    initial_prompt: str
    mode: str
    reply: Reply[Session]


@dataclass(frozen=True, slots=True)
class KillSession:
    """End the tmux session; already gone is fine."""

    name: str
    reply: Reply[Session]


@dataclass(frozen=True, slots=True)
class ForgetSession:
    """Drop the record, keep the log."""

    name: str
    reply: Reply[Session]


@dataclass(frozen=True, slots=True)
class RenameSession:
    """tmux first, then the file; undone if the second fails."""

    name: str
    to: str
    reply: Reply[Session]


@dataclass(frozen=True, slots=True)
class SendInput:
    """Type `text` (or nothing) and Enter into the client's pane, or press one `key` of `model.typing.KEYS`.

    `asks`: by its hooks the session waits for an approval.
    """

    name: str
    text: str
    reply: Reply[None]
    key: str = ""
    asks: bool = False


@dataclass(frozen=True, slots=True)
class AdoptUuid:
    """The session's process went on under a new Claude session id (`/clear`, `/resume`, a fork): the record follows.

    Sent by the attribution owner. It is tried until it is done, or until another one for that session comes.

    Args:
        name: of the session.
        uuid: its new Claude session id.
        was: the one that its record had, "" if the name alone tells. A record that has another one by now is another
            session, or has followed already; a renamed one is still found.
    """

    name: str
    uuid: str
    was: str = ""


SessionsMessage = Lifecycle | CreateSession | KillSession | ForgetSession | RenameSession | SendInput | AdoptUuid


# ---------------------------------------------------------------- attribution: which session a log belongs to


@dataclass(frozen=True, slots=True)
class Sighting:
    """Clues of a log line as to whose it is. Answered when the journal has been told (so order is kept).

    Args:
        uuid: the log's Claude session id.
        session / pane / pid: `ctm_session`, `ctm_pane`, `ctm_pid` of the line, "" where absent.
        cwd: the line's `cwd`.
        hook: name of the hook event, "" for a tool call; kind: its `source` or `reason`.
        ts: RFC 3339 time of the line, "" if there was none yet.
    """

    uuid: str
    session: str = ""
    pane: str = ""
    pid: str = ""
    cwd: str = ""
    hook: str = ""
    kind: str = ""
    ts: str = ""
    reply: Reply[str] | None = None


@dataclass(frozen=True, slots=True)
class AttributionSnapshot:
    """uuid of every log seen or recorded → session name.

    `records`: of the sessions snapshot that this was decided on (the same object), so that a reader of both can tell
    whether they fit; None if nobody says. `forks`: the logs that began as a fork of another one.
    """

    sessions: Mapping[str, str] = field(default_factory=dict)
    records: Mapping[str, Session] | None = None
    forks: frozenset[str] = frozenset()


# ---------------------------------------------------------------- quota, attention, config, health


@dataclass(frozen=True, slots=True)
class QuotaSnapshot:
    """`account` is None while no rate limit was ever seen. `sessions` is by session name."""

    account: Quota | None = None
    sessions: Mapping[str, Usage] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CostTotals:
    """What each Claude session has cost by its client's own word, in millionths of a dollar, by its id."""

    micros: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AttentionSnapshot:
    """Sessions that need someone, by name; the others are not in it."""

    sessions: Mapping[str, Attention] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConfigSnapshot:
    """The running settings. `problem` says why the file on disk is not them; `reloads` counts changes taken over."""

    settings: Settings = field(default_factory=Settings)
    problem: str = ""
    reloads: int = 0


@dataclass(frozen=True, slots=True)
class PatchConfig:
    """`PATCH /api/config`: a checked, partial document to merge into `config.json`. Answered once it is running."""

    patch: Mapping[str, object]
    reply: Reply[ConfigSnapshot]


@dataclass(frozen=True, slots=True)
class ReloadConfig:
    """Read `config.json` again now (SIGHUP). No answer: the snapshot tells."""


ConfigMessage = PatchConfig | ReloadConfig


@dataclass(frozen=True, slots=True)
class HealthSnapshot:
    """Children of the daemon: name → "ok", "starting", "restarting: …", "quarantined: …"; how often each crashed.

    Of the many of one kind (tailers, logs) only those are named that are in trouble, and only some of very many.
    """

    components: Mapping[str, str] = field(default_factory=dict)
    restarts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TailersSnapshot:
    """How far the tailers are. `caught_up`: everything that was there at the start has been read; it stays so."""

    caught_up: bool = False


@dataclass(frozen=True, slots=True)
class TailersCounters:
    """What the tailers of the logs count together."""

    tailers: int = 0
    lag_bytes: int = 0
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class WebhookSnapshot:
    """What became of the alerts: delivered, given up, not sent again within 60 s; and how many wait."""

    delivered: int = 0
    failed: int = 0
    suppressed: int = 0
    pending: int = 0
    problem: str = ""
    """Which setting keeps it from sending anything, as the last try found; "" while nothing does."""


# ---------------------------------------------------------------- callables handed to the web


class Clock(Protocol):
    """Wall clock in unix seconds, so that tests can hold it."""

    def __call__(self) -> float: ...
