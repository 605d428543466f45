"""What is open, and what closes it. Synchronous; the requests task alone drives it. Source: PROTOCOL.md, Requests.

A request leaves "open" once. What the terminal was answered no hook tells: the next event of the call does, or the
client's own status file, which no longer says that it waits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from msgspec.structs import replace

from ctm_trio.messages.clients import ClientsSnapshot
from ctm_trio.messages.requests import RequestsSnapshot
from ctm_trio.model.clients import Client
from ctm_trio.model.dialogs import Dialog
from ctm_trio.model.event import Event, HookFacts
from ctm_trio.model.request_record import ANSWERED, ELSEWHERE, WITHDRAWN, Answer, Request, State
from ctm_trio.model.session import Session
from ctm_trio.model.times import parse_time
from ctm_trio.owners.requests.open_request import Open, Use

MAX_USES = 4096
"""Threads of sessions whose last call is remembered; of more the oldest are forgotten."""

SAME_S = 3.0
"""A call that is asked about twice within so many seconds is one request: hooks of two settings files fire both."""

LATE_S = 60.0
"""An event that happened before a request was asked, but comes after it, closes nothing. Where it seems to be older
than that, the clock was set back."""

MAX_GONE = 4096
"""Closed requests that are remembered by their ids alone; the store has them all."""

MAX_SESSIONS = 1024
"""Sessions of which it is remembered when their last request was closed; of more the oldest are forgotten."""

AGENT_ANSWERED_S = 0.7
"""Dialogs of several sub-agents stand one behind the other: when one is answered the client may work for a moment
before the next one shows. After so long without a dialog none is left."""

AMBIENT = frozenset({
    "Notification", "MessageDisplay", "FileChanged", "ConfigChange", "SubagentStart", "TeammateIdle", "TaskCreated",
    "TaskCompleted", "InstructionsLoaded", "CwdChanged",
})  # fmt: skip
"""Events that come while a dialog is open, and answer nothing."""

TERMINAL = "terminal"
"""Where an answer came from that was given there."""


KEYS = "keys"
"""The choice of one that was answered by keys through us; which row they chose is not known."""


class Book:
    """See above.

    Attributes:
        open: by id, oldest first.
        closed: requests that have just left "open", or were corrected since, for the owner to save and announce.
        printed: called with each request whose answer a hook has printed, as it was open and as it was closed.
    """

    def __init__(self) -> None:
        self.open: dict[str, Open] = {}
        self.closed: list[Request] = []
        self.printed: Callable[[Open, Request], object] = lambda entry, closed: None
        self.closed_at: dict[str, float] = {}
        self._keys: dict[str, float] = {}
        """Session → until when a dialog of it that closes was answered by keys that came through us, unix seconds."""
        self._uses: dict[tuple[str, str], Use] = {}
        self._gone: dict[str, None] = {}
        self._clients = ClientsSnapshot()
        self._at: float | None = None
        """When the event happened that is being folded, unix seconds."""

    # ------------------------------------------------------------ opening

    def add(self, request: Request, *, pid: int = 0, ready: bool = True, dialog: Dialog | None = None) -> Open:
        """Open a request. One that is not `ready` shows nothing yet: it may be the second hook of the same call."""
        entry = self.open[request.id] = Open(request, ready=False, pid=pid, dialog=dialog)
        if ready:
            self.make_ready(entry)
        self._look_at_client(entry, request.asked_at)
        return entry

    def make_ready(self, entry: Open) -> bool:
        """Everybody may see it; False if it is over, because its thread has asked about another call since.

        A thread asks about one call after the other, so what was asked before is closed. Of two requests that came in
        another order than their times say, none is.
        """
        request, came_later, over = entry.request, False, False
        for other in list(self.open.values()):
            if other is entry:
                came_later = True
                continue
            if not other.ready or not self._same_thread(other.request, request):
                continue
            if entry.pid and other.pid and entry.pid != other.pid:
                continue  # the session was resumed in a second client
            if came_later:
                over = over or other.request.asked_at >= request.asked_at
            elif other.request.asked_at <= request.asked_at:
                self.close(other.request.id, ELSEWHERE, request.asked_at)
        if over:
            self.close(request.id, ELSEWHERE, request.asked_at)
            return False
        entry.ready = True
        return True

    def twin(self, request: Request) -> Open | None:
        """The open request that is about the same call, if the same hook is there twice."""
        for entry in self.open.values():
            known = entry.request
            if (
                entry.ready
                and known.id != request.id
                and self._same_thread(known, request)
                and known.asked.tool == request.asked.tool
                and known.asked.input == request.asked.input
                and known.tool_use_id == request.tool_use_id
                and abs(known.asked_at - request.asked_at) < SAME_S
            ):
                return entry
        return None

    def use_of(self, uuid: str, agent_id: str, tool: str) -> Use | None:
        """The call that a thread has begun last, if it is of that tool."""
        use = self._uses.get((uuid, agent_id))
        return use if use is not None and use.tool == tool else None

    def last_use(self, uuid: str) -> Use | None:
        """The call that the main thread has begun last."""
        return self._uses.get((uuid, ""))

    @staticmethod
    def _same_thread(one: Request, other: Request) -> bool:
        return (one.uuid, one.asked.agent_id) == (other.uuid, other.asked.agent_id)

    # ------------------------------------------------------------ closing

    def close(
        self, id_: str, state: State, now: float, answer: Answer | None = None, key: str = "", *, why: str = ""
    ) -> Request | None:
        """Let a request leave "open"; None if it had left already. `now`: unix seconds. `why` it is withdrawn, if said.

        One of whose answer it was not known whether the hook printed it counts as answered with that.
        """
        entry = self.open.pop(id_, None)
        if entry is None:
            return None
        request = entry.request
        if answer is None and state == ELSEWHERE and request.attempt is not None:
            state, answer, key = "answered", request.attempt, request.attempt_key
        elif answer is None and state == ELSEWHERE and self._keys.get(request.session, 0.0) > now:
            state, answer = ANSWERED, Answer(KEYS, "page", now)
        elif answer is None and state == ELSEWHERE:
            answer = Answer("", TERMINAL, now)
        closed = replace(
            request, state=state, answer=answer, key=key, closed_at=now, attempt=None, attempt_key="", why_not=why
        )  # fmt: skip
        self._gone[id_] = None
        if len(self._gone) > MAX_GONE:
            del self._gone[next(iter(self._gone))]
        for hold in entry.holds:
            hold.let_go()
        if entry.ready:
            self.closed_at.pop(request.session, None)
            self.closed_at[request.session] = now
            if len(self.closed_at) > MAX_SESSIONS:
                del self.closed_at[next(iter(self.closed_at))]
            self.closed.append(closed)
        if state == ANSWERED and entry.sent_to_hook:
            self.printed(entry, closed)
        return closed

    def correct(self, request: Request) -> None:
        """One that counted as answered here was answered at the terminal; the client took nothing from its hook."""
        at = request.answer.at if request.answer is not None else request.closed_at
        self.closed.append(replace(request, state=ELSEWHERE, answer=Answer("", TERMINAL, at)))

    def note_keys(self, session: str, until: float) -> None:
        """Keys that come through us are pressed in a session: what closes until then was answered by them."""
        self._keys.pop(session, None)
        self._keys[session] = until
        if len(self._keys) > MAX_SESSIONS:
            del self._keys[next(iter(self._keys))]

    def was_closed(self, id_: str) -> bool:
        """It was open and has been closed, lately."""
        return id_ in self._gone

    def fold(self, event: Event, now: float) -> None:
        """Take in a tool call or a hook event; what it closes is in `closed` then."""
        self._at = parse_time(event.ts)
        facts = event.hook
        if facts is None:
            self._finished(event.uuid, event.agent_id, event.tool, event.tool_use_id, now)
            return
        name, agent = facts.name, facts.agent_id
        if name == "PreToolUse":
            self._began(event.uuid, facts, event.id, now)
        elif name in ("PostToolBatch", "SubagentStop"):
            self._close_thread(event.uuid, agent, now)
        elif name in ("Stop", "StopFailure") and not agent:
            self._close_thread(event.uuid, "", now)
        elif name == "SessionEnd" or (name == "SessionStart" and facts.kind != "compact"):
            for entry in self._of(event.uuid):
                if not (facts.kind == "resume" and self._surely_waits(entry)):
                    self.close(entry.request.id, WITHDRAWN, now)
        elif name not in AMBIENT and name != "PermissionRequest":
            self._went_on(event.uuid, agent, now)

    def _began(self, uuid: str, facts: HookFacts, event: int, now: float) -> None:
        self._went_on(uuid, facts.agent_id, now)
        key = uuid, facts.agent_id
        self._uses.pop(key, None)
        self._uses[key] = Use(facts.tool, facts.tool_use_id, event)
        if len(self._uses) > MAX_USES:
            del self._uses[next(iter(self._uses))]

    def _finished(self, uuid: str, agent: str, tool: str, tool_use_id: str, now: float) -> None:
        for entry in self._of(uuid):
            request = entry.request
            if request.tool_use_id and tool_use_id:
                over = request.tool_use_id == tool_use_id
            else:
                over = (request.asked.agent_id, request.asked.tool) == (agent, tool)
            if over:
                self.close(request.id, ELSEWHERE, now)
        self._went_on(uuid, agent, now)

    def _went_on(self, uuid: str, agent: str, now: float) -> None:
        """A thread went on. Where its client says itself whether it waits, that is what counts."""
        for entry in self._of(uuid):
            if entry.request.asked.agent_id == agent and self._client_of(entry) is None and not entry.holds:
                self.close(entry.request.id, ELSEWHERE, now)

    def _close_thread(self, uuid: str, agent: str, now: float) -> None:
        for entry in self._of(uuid):
            if entry.request.asked.agent_id == agent:
                self.close(entry.request.id, ELSEWHERE, now)

    def _of(self, uuid: str) -> list[Open]:
        """The requests of a Claude session that the event that is being folded may close."""
        at = self._at
        return [
            entry
            for entry in self.open.values()
            if entry.request.uuid == uuid and (at is None or not 0 < entry.request.asked_at - at < LATE_S)
        ]

    # ------------------------------------------------------------ the client's own word

    def use_clients(self, new: ClientsSnapshot, now: float) -> None:
        """Take over what the clients say; what it closes is in `closed` then."""
        self._clients = new
        for entry in list(self.open.values()):
            self._look_at_client(entry, now)

    def _client_of(self, entry: Open) -> Client | None:
        client = self._clients.clients.get(entry.request.session)
        if client is None or not client.status:
            return None
        same = client.uuid == entry.request.uuid or client.pid == entry.pid
        return client if same else None

    def _look_at_client(self, entry: Open, now: float) -> None:
        request = entry.request
        client = self._client_of(entry)
        if client is None:
            gone = entry.had_client and request.session not in self._clients.clients
            if gone or (self._clients.ended.get(request.session, -1) in (entry.pid, 0) and entry.pid):
                self.close(request.id, WITHDRAWN, now)
            return
        entry.had_client = True
        entry.pid = entry.pid or client.pid
        if client.status == "waiting":
            entry.seen_waiting = entry.seen_waiting or entry.shows_dialog
        elif request.asked.agent_id:
            over = client.status in ("idle", "shell")
            if over or (entry.seen_waiting and entry.shows_dialog and not 0 <= now - client.since < AGENT_ANSWERED_S):
                self.close(request.id, ELSEWHERE, now)
        elif entry.seen_waiting or client.since > request.asked_at:
            self.close(request.id, ELSEWHERE, now)

    def look_again(self, entry: Open, now: float) -> None:
        """Look at what its client says, once more is known of a request."""
        self._look_at_client(entry, now)

    def look_at_all(self, now: float) -> None:
        """Look again at what the clients said last; time may have made it certain."""
        for entry in list(self.open.values()):
            self._look_at_client(entry, now)

    def alone(self, running: Callable[[str], bool]) -> list[str]:
        """The requests that nobody can answer, and of which nothing will ever tell: no hook, no process, no client.

        Args:
            running: says whether a session of that name may still have a client that tells nothing of itself.
        """
        return [
            id_
            for id_, entry in self.open.items()
            if not entry.holds and not entry.pid and entry.request.session not in self._clients.clients
            and not running(entry.request.session)
        ]  # fmt: skip

    def must_look_again(self) -> bool:
        """A sub-agent's dialog is gone, and the next one may still show."""
        return any(
            entry.request.asked.agent_id and entry.seen_waiting and entry.shows_dialog and not self._waits(entry)
            for entry in self.open.values()
        )

    def _waits(self, entry: Open) -> bool:
        client = self._client_of(entry)
        return client is None or client.status == "waiting"

    def _surely_waits(self, entry: Open) -> bool:
        """The client that asked it says so itself: another one, which resumed the same session, ends nothing of it."""
        client = self._client_of(entry)
        return client is not None and client.pid == entry.pid and client.status == "waiting"

    def ended(self, pid: int, now: float) -> None:
        """A client's process has ended: what it asked is withdrawn."""
        for entry in list(self.open.values()):
            if entry.pid == pid:
                self.close(entry.request.id, WITHDRAWN, now)

    # ------------------------------------------------------------ the rest

    def rename(self, records: Mapping[str, Session], names: Mapping[str, str]) -> list[Request]:
        """Let requests follow their sessions to other names; those that did.

        Args:
            records: all sessions. names: Claude session id → session name, of every log.
        """
        of_uuid = {record.uuid: name for name, record in records.items()}
        moved = []
        for entry in self.open.values():
            request = entry.request
            known = records.get(request.session)
            if known is not None and known.uuid == request.uuid:
                continue  # the session may run in a second client, which is a session beside it
            name = of_uuid.get(request.uuid) or names.get(request.uuid, request.session)
            if name != request.session:
                entry.request = replace(request, session=name)
                moved.append(entry.request)
        return moved

    def snapshot(self) -> RequestsSnapshot:
        """What is open now."""
        by_session: dict[str, list[Request]] = {}
        ready = [entry.request for entry in self.open.values() if entry.ready]
        for request in ready:
            by_session.setdefault(request.session, []).append(request)
        return RequestsSnapshot(
            {name: tuple(r.for_status() for r in _in_order(requests)) for name, requests in by_session.items()},
            dict(self.closed_at),
            tuple(_in_order(ready)),
        )


def _in_order(requests: Iterable[Request]) -> list[Request]:
    return sorted(requests, key=lambda request: request.asked_at)
