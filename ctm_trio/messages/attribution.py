"""Between the tailers, which see lines, and the owner that knows whose a log is. Everything in here is frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ctm_trio.core.channels import Reply
from ctm_trio.model.session import Session


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
