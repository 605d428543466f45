"""A session's status, and what it follows from. The rules are in `status_rules.py`. Source: PROTOCOL.md, Status."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ctm_trio.model.clients import Client
from ctm_trio.model.times import format_time, parse_time
from ctm_trio.model.turn import Turn

PERMISSION, QUESTION, PLAN, DIALOG = "permission", "question", "plan", "dialog"
FAILED_, LIMITED, WAITING = "failed", "limited", "waiting"
EXITED, GONE = "exited", "gone"
BACKGROUND, WORKING_, STARTING, UNHEARD = "background", "working", "starting", "unheard"

URGENCY = (PERMISSION, QUESTION, PLAN, DIALOG, FAILED_, LIMITED, WAITING, EXITED, GONE)
"""The states in which nothing goes on without a person, most urgent first."""

STATES = (*URGENCY, BACKGROUND, WORKING_, STARTING, UNHEARD)
BLOCKED = frozenset(URGENCY)
ASKING = frozenset({PERMISSION, QUESTION, PLAN, DIALOG})
"""The states in which a dialog of the client is open."""


class OpenRequest(msgspec.Struct, frozen=True):
    """An open request of a session, as far as its status needs it.

    `agent`: who asks, "" for the main thread. `uuid`: the Claude session id that asked, "" if that does not matter.
    """

    id: str
    kind: str
    summary: str = ""
    agent: str = ""
    at: float = 0.0
    uuid: str = ""


class Evidence(msgspec.Struct, frozen=True):
    """All that a session's status follows from. Times are unix seconds, but `came` and `heard` of the turn.

    Attributes:
        managed: it is recorded.
        alive: what tmux says of a recorded session: None while it cannot be asked.
        pane_dead: the pane of its client is dead.
        at_shell: no client can run in front there: a shell waits for a command in that pane, or the pane is gone.
        client: its running client, None if none is known.
        ended: its client was seen to end, by us or by the daemon before us; ended_at: when that was.
        turn: what its hooks have told.
        requests: what it asks, oldest first.
        closed_at: when its last request left "open", 0 if none did.
        launched: when the program of its pane began, 0 if that is unknown.
        resets_at: when a limit of the account that is reached starts anew, 0 if that is unknown.
        unheard: it was found to be unheard before, and no hook has come since.
    """

    managed: bool = True
    alive: bool | None = True
    pane_dead: bool = False
    at_shell: bool = False
    client: Client | None = None
    ended: bool = False
    ended_at: float = 0.0
    turn: Turn = msgspec.field(default_factory=Turn)
    requests: tuple[OpenRequest, ...] = ()
    closed_at: float = 0.0
    launched: float = 0.0
    resets_at: float = 0.0
    unheard: bool = False

    @property
    def says(self) -> str:
        """What the client says of itself: "busy", "idle", "waiting", "shell", or "" if it says nothing."""
        return "" if self.client is None else self.client.status

    @property
    def says_since(self) -> float:
        """Since when it says so."""
        return 0.0 if self.client is None else self.client.since


class Status(msgspec.Struct, frozen=True):
    """A session's status. `since` and `resets_at` in unix seconds (`resets_at` 0 if unknown); the rest for people."""

    state: str
    since: float
    reason: str
    source: str
    request_id: str = ""
    resets_at: float = 0.0

    @property
    def blocked(self) -> bool:
        """Nothing goes on without a person."""
        return self.state in BLOCKED


def status_fields(status: Status) -> dict[str, object]:
    """A status as the wire has it. Source: PROTOCOL.md, Status."""
    fields: dict[str, object] = {
        "state": status.state, "since": format_time(status.since), "reason": status.reason, "source": status.source,
    }  # fmt: skip
    if status.request_id:
        fields["request_id"] = status.request_id
    if status.resets_at:
        fields["resets_at"] = format_time(status.resets_at)
    return fields


def recalled_status(fields: Mapping[str, object]) -> Status | None:
    """The status that a `status_changed` event told, None if it is not understood."""
    state, since, reason, source = (fields.get(key) for key in ("state", "since", "reason", "source"))
    if not (isinstance(state, str) and isinstance(since, str) and isinstance(reason, str) and isinstance(source, str)):
        return None
    at = parse_time(since)
    id_ = fields.get("request_id")
    return None if at is None else Status(state, at, reason, source, id_ if isinstance(id_, str) else "")
