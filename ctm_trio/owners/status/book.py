"""Every session's status and what it comes from. Synchronous; the status task alone drives it.

All times are unix seconds, but those that a `Turn` calls steady.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping

import msgspec

from ctm_trio.core.clock import Clock
from ctm_trio.errors.sessions import SessionNotFound
from ctm_trio.messages.clients import ClientsSnapshot
from ctm_trio.messages.journal import Draft
from ctm_trio.messages.quota import QuotaSnapshot
from ctm_trio.messages.requests import RequestsSnapshot
from ctm_trio.messages.sessions import SessionsSnapshot
from ctm_trio.messages.status import Explained, StatusSnapshot
from ctm_trio.model.activity import Remembered
from ctm_trio.model.event import Event
from ctm_trio.model.line_order import RACE_S, Line
from ctm_trio.model.panes import Pane, client_pane
from ctm_trio.model.session import Session, successors
from ctm_trio.model.status import EXITED, UNHEARD, Evidence, OpenRequest, Status, status_fields
from ctm_trio.model.status_rules import decide, rejected
from ctm_trio.model.times import parse_time
from ctm_trio.model.turn import Turn
from ctm_trio.owners.status.known import Known

STARTS_S = 2.0
"""A client may say that it began so much before its pane's program did: two clocks tell."""

MAX_STRANGERS = 1024
"""Logs without a session whose events are kept, for the session that may come to have them; then the oldest go."""

MAX_PENDING = 1000
"""Announcements that wait for the journal. When they are so many, nothing is decided until it has taken them."""

FULL_PCT = 100
"""A limit of the account at so many percent is reached."""


class StatusBook:
    """See above.

    Args:
        clock: unix seconds. steady: seconds of a clock that never jumps.
        launched: process id of a pane's program → when it began, 0.0 if that is not known.

    Attributes:
        pending: announcements in order, for the owner to send.
        due: when time alone may change a session next.
        dirty: a status has changed since the owner published.
        live: the logs have been read to their ends; what comes now is new.
    """

    def __init__(self, clock: Clock, steady: Callable[[], float], launched: Callable[[int], float]) -> None:
        self._clock = clock
        self._steady = steady
        self._launched = launched
        self._records: Mapping[str, Session] = {}
        self.quiet = True
        """The daemon has just started: a status that is found out now is not a change, unless another one was
        announced before the restart; that is said once tmux has answered."""
        self._known: dict[str, Known] = {}
        self._strangers: dict[str, Known] = {}
        self._panes: dict[str, list[Pane]] = {}
        self._sessions = SessionsSnapshot()
        self._clients = ClientsSnapshot()
        self._quota = QuotaSnapshot()
        self.pending: deque[Draft] = deque()
        self.due: dict[str, float] = {}
        self.dirty = False
        self.live = False

    # ------------------------------------------------------------ what it is told

    def use_sessions(self, new: SessionsSnapshot) -> list[str]:
        """Take over the sessions and panes; those that may have changed by it, and those that are new."""
        old, self._sessions = self._sessions, new
        if old.records is not new.records:
            self._carry_over(old.records, new.records)
        if old.panes is not new.panes or old.tmux_known != new.tmux_known or old.records is not new.records:
            self._panes = {}
            for pane in new.panes:
                self._panes.setdefault(pane.session, []).append(pane)
            now = self._clock()
            for name, known in self._known.items():
                alive = self._alive(name)
                if alive is not known.alive and alive is not None:
                    known.see(now, "tmux", "The session is there." if alive else "There is no such session.")
                known.alive = alive
            return list(self._known)
        return []

    def _carry_over(self, old: Mapping[str, Session], new: Mapping[str, Session]) -> None:
        came_from = successors(old, new)
        known: dict[str, Known] = {}
        for name, record in new.items():
            before = came_from.get(name)
            mine = self._known.get(before) if before is not None else self._strangers.pop(record.uuid, None)
            known[name] = mine or Known()
        if known.keys() != self._known.keys():
            self.dirty = True
        self.due = {name: due for name, due in self.due.items() if name in known}
        self._known, self._records = known, new

    def use_clients(self, new: ClientsSnapshot) -> list[str]:
        """Take over who runs; the sessions whose client has changed."""
        self._clients = new
        now, changed = self._clock(), []
        for name, known in self._known.items():
            client, ended = new.clients.get(name), new.ended.get(name, 0)
            if client is None and ended and (known.client is not None or known.ended != ended):
                known.ended, known.ended_at, known.has_ended = ended, now, True
                known.see(now, "client", f"Its process {ended} has ended.")
            elif client is None and known.client is not None:
                known.see(now, "client", "Its client runs no more.")
            elif client is not None and client != known.client:
                known.has_ended = False
                known.pane = client.pane or known.pane
                says = " ".join(filter(None, (client.status or "nothing yet", client.waiting_for)))
                known.see(client.since or now, "client", client.fault or f"Its own status file says: {says}.")
            if client != known.client:
                known.client = client
                changed.append(name)
        return changed

    def use_requests(self, new: RequestsSnapshot) -> list[str]:
        """Take over what is open; the sessions for which that changed."""
        now, changed = self._clock(), []
        for name, known in self._known.items():
            requests = tuple(r for r in new.by_session.get(name, ()) if self._is_of(name, r))
            closed_at = new.closed_at.get(name, 0.0)
            if (requests, closed_at) == (known.requests, known.closed_at):
                continue
            for request in set(requests) - set(known.requests):
                known.see(request.at, "hook", f"It asks ({request.kind}): {request.summary}")
            for request in set(known.requests) - set(requests):
                known.see(now, "hook", f"What it asked is closed ({request.kind}): {request.summary}")
            known.requests, known.closed_at = requests, closed_at
            changed.append(name)
        return changed

    def _is_of(self, name: str, request: OpenRequest) -> bool:
        """False for one of another session that had this name before: the requests are told of that a moment later."""
        client = self._clients.clients.get(name)
        ids = (self._records[name].uuid, "" if client is None else client.uuid, "")
        return request.uuid in ids or not ids[0]

    def use_quota(self, new: QuotaSnapshot) -> list[str]:
        """Take over the account's figures; the sessions that stand at a limit."""
        self._quota = new
        return [n for n, known in self._known.items() if known.status is not None and known.status.state == "limited"]

    def fold(self, event: Event) -> str:
        """Take in a tool call or hook event; the session whose status it may change, "" for none."""
        name = event.session
        known = self._known.get(name)
        if known is None:
            known = self._strangers.setdefault(event.uuid, Known())
            if len(self._strangers) > MAX_STRANGERS:
                del self._strangers[next(iter(self._strangers))]
        wall = self._clock()
        written = parse_time(event.ts)
        came = min(wall, event.id / 1e9)
        ts = came if written is None else written
        line = Line(ts, _file(event), came - ts > RACE_S, self.live)
        return name if self._take(known, event, line) else ""

    def _take(self, known: Known, event: Event | Remembered, line: Line) -> bool:
        now, facts = self._steady(), event.hook
        silent = not known.turn.heard or known.unheard
        if facts is None:
            news = known.turn.call(line, now, agent_id=event.agent_id)
            what = f"A call of {event.tool} has ended."
        else:
            news = known.turn.hook(facts, line, now)
            what = f"{facts.name}{f' ({facts.kind})' if facts.kind else ''}."
        if news:
            known.see(line.ts, "hook", what)
        known.unheard = known.unheard and not known.turn.heard
        return news or silent

    def recall(self, name: str, events: Iterable[Remembered], last: Status | None) -> None:
        """Take a session's past from the event log, if nothing newer is known of it.

        Args:
            last: the status that was announced last.
        """
        known = self._known.get(name)
        if known is None:
            return
        if not known.turn.phase:
            for event in events:
                self._take(known, event, Line(event.written, _remembered_file(event), event.late, live=False))
        if known.status is None and last is not None:
            known.status, known.told = last, (last.state, last.request_id)
            if (last.state, last.source) == (EXITED, "client") and not known.has_ended:
                known.ended_at, known.has_ended = last.since, True
                known.see(last.since, "client", "Its client had ended before the daemon was started again.")

    # ------------------------------------------------------------ what follows from it

    def look_at(self, names: Iterable[str]) -> None:
        """Decide the status of these sessions; what changes is in `pending` then."""
        now = self._clock()
        for name in names:
            known = self._known.get(name)
            if known is None:
                continue
            if len(self.pending) >= MAX_PENDING:
                self.due[name] = now  # when the journal has taken some
                continue
            evidence = self._evidence(name, known)
            status, due = decide(evidence, now, known.status)
            if status.state == UNHEARD:
                known.unheard = True
            if due == math.inf:
                self.due.pop(name, None)
            else:
                self.due[name] = due
            if status != known.status:
                known.status, self.dirty = status, True
            if (status.state, status.request_id) != known.told:
                if self.quiet and not status.request_id:
                    continue
                self._tell(name, known, status)

    def end_quiet(self) -> None:
        """From now on every change is announced; one since before the restart is now."""
        self.quiet = False
        for name, known in self._known.items():
            if known.status is None or known.told == (known.status.state, known.status.request_id):
                continue
            if known.told is None:
                known.told = known.status.state, known.status.request_id
            else:
                self._tell(name, known, known.status)

    def _tell(self, name: str, known: Known, status: Status) -> None:
        known.told = status.state, status.request_id
        self.pending.append(_draft(name, status, self._records[name].uuid))

    def snapshot(self) -> StatusSnapshot:
        """Every status."""
        return StatusSnapshot({n: known.status for n, known in self._known.items() if known.status is not None})

    def explain(self, name: str) -> Explained:
        """Why a session has its status.

        Raises:
            SessionNotFound: there is no such session.
        """
        known = self._known.get(name)
        if known is None:
            raise SessionNotFound(name)
        self.look_at((name,))
        assert known.status is not None
        because = rejected(self._evidence(name, known), self._clock(), known.status.state)
        return Explained(known.status, tuple(known.evidence), tuple(because))

    def names(self) -> list[str]:
        """All sessions."""
        return list(self._known)

    def _alive(self, name: str) -> bool | None:
        """Whether tmux has a session, None while it cannot be asked; dead panes count too."""
        record = self._records.get(name)
        if record is not None and not record.managed:
            return True
        return name.replace(".", "_") in self._panes if self._sessions.tmux_known else None

    def _evidence(self, name: str, known: Known) -> Evidence:
        panes = self._panes.get(name.replace(".", "_"), [])
        pane = next((p for p in panes if p.id == known.pane), None) or client_pane(panes)
        client = known.client
        launched = self._launched(pane.pid) if pane is not None and not pane.dead else 0.0
        if not launched and client is not None and not client.status:
            launched = client.started
        turn, program = known.turn, 0 if pane is None else pane.pid
        new = client is None or (client.pane_pid == program and client.started >= launched - STARTS_S)
        if launched > max(turn.at, turn.heard_at) and new:
            turn = Turn()  # what is known was told by the client before this one
        return Evidence(
            managed=self._records[name].managed,
            alive=self._alive(name),
            pane_dead=pane is not None and pane.dead,
            at_shell=pane.at_shell if pane is not None else bool(panes),
            client=client,
            ended=known.has_ended,
            ended_at=known.ended_at,
            turn=turn,
            requests=known.requests,
            closed_at=known.closed_at,
            launched=launched,
            resets_at=self._reset(),
            unheard=known.unheard,
        )

    def _reset(self) -> float:
        """When a limit that is reached starts anew: the later one if both are; 0.0 if none is, or it is not known."""
        account = self._quota.account
        if account is None:
            return 0.0
        limits = ((account.weekly_pct, account.weekly_resets_at), (account.five_hr_pct, account.five_hr_resets_at))
        return max((parse_time(at) or 0.0 for pct, at in limits if (pct or 0) >= FULL_PCT), default=0.0)


def _draft(session: str, status: Status, uuid: str) -> Draft:
    fields = {"session": session, **status_fields(status), "blocked": status.blocked}
    return Draft("status_changed", session, msgspec.json.encode(fields), uuid=uuid)


def _file(event: Event) -> str:
    return event.uuid + "/hooks" if event.hook is not None else event.uuid


def _remembered_file(event: Remembered) -> str:
    return event.uuid + "/hooks" if event.hook is not None else event.uuid
