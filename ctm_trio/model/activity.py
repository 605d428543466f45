"""What a session is doing, folded from its tool calls and hook events, one event at a time.

Calls and hook events come from two files, so one may overtake the other. `model.line_order` says which was first.
"""

from __future__ import annotations

import math
from collections import deque

import msgspec

from ctm_trio.model.event import HookFacts
from ctm_trio.model.line_order import RACE_S, Line, overtaken

MAX_WINDOW = 1440
"""The largest `error_rate_window` that the settings allow; so many results are kept of each session."""

MAX_FILES = 64
"""Files of a session whose latest times are remembered; `/clear` begins two new ones."""

CLOCK_SLACK_S = 2.0
"""A client's status that lies further ahead than this has its time from a clock that was set back since."""

DETAILS_LIMIT = 160
"""Characters of a call or question in the details."""

AMBIENT = frozenset({"MessageDisplay", "FileChanged", "ConfigChange"})
"""Events that come on their own while a dialog is open (text is shown late, files change): no sign of an answer."""

NO_WORK = frozenset({"Notification", "SessionEnd", "FileChanged", "ConfigChange", "TeammateIdle"})
"""Events that are no sign of work."""


class LiveStatus(msgspec.Struct, frozen=True):
    """What a running client says of itself: "busy", "idle", "waiting", …, and since when (unix seconds)."""

    status: str
    since: float


class Remembered(msgspec.Struct, frozen=True):
    """A tool call or (with `hook`) a hook event as the event log has it.

    Attributes:
        id: of the event. uuid: the Claude session whose file it came from.
        written: the line's own time in unix seconds, else when it was received.
        late: it was read long after it was written.
    """

    id: int
    uuid: str
    written: float
    late: bool
    hook: HookFacts | None = None
    is_error: bool = False
    tool: str = ""
    agent_id: str = ""


class _Asking(msgspec.Struct):
    text: str
    line: Line
    agent_id: str
    tool: str
    seen_waiting: bool = False
    """The client has said of this dialog that it waits: whatever it says next is the answer."""


class Activity(msgspec.Struct):
    """The running summary of one session."""

    calls_seen: int = 0
    last_failed: bool = False
    last_sign: float = 0.0
    """When the last sign of work came, in seconds of the clock that never jumps."""
    results: deque[bool] = msgspec.field(default_factory=lambda: deque(maxlen=MAX_WINDOW))
    """Newest last; True: failed."""
    _asking: _Asking | None = None
    _waiting: tuple[str, Line] | None = None
    _went_on: Line | None = None
    """The last line that says that the main thread went on: a prompt, a call."""
    _latest: dict[str, float] = msgspec.field(default_factory=dict)
    """The latest time in each file."""
    _errors: int = 0
    _errors_window: int = 0

    @property
    def asking(self) -> str:
        """What to say about the approval that it waits for, "" if it waits for none."""
        return self._asking.text if self._asking else ""

    @property
    def asking_uuid(self) -> str:
        """The Claude session that asks, "" if none does or it is not known."""
        return self._asking.line.file.partition("/")[2] if self._asking else ""

    @property
    def agent_asks(self) -> bool:
        """True if a sub-agent waits for an approval: what the main thread does meanwhile does not answer it."""
        return self._asking is not None and bool(self._asking.agent_id)

    @property
    def waiting(self) -> str:
        """What to say about the input that it waits for, "" if it waits for none."""
        return self._waiting[0] if self._waiting else ""

    def errors(self, window: int) -> int:
        """How many of the last `window` calls failed."""
        if window != self._errors_window:
            self._errors_window = window
            self._errors = sum(list(self.results)[-window:])
        return self._errors

    def is_calm(self, window: int) -> bool:
        """True if nothing is waited for, none of the last `window` calls failed, and the last one was not the first."""
        return self._asking is None and self._waiting is None and self.calls_seen > 1 and not self.errors(window)

    def call(
        self, is_error: bool, *, tool: str, agent_id: str, line: Line, at: float, still_waiting: bool = False
    ) -> None:
        """A finished tool call.

        Args:
            agent_id: the sub-agent that made it, "" for the main thread.
            line: where it stands. at: when it came, in seconds of the clock that never jumps.
            still_waiting: the client itself says that a dialog is open.
        """
        if self._errors_window:
            self._errors += is_error
            if len(self.results) >= self._errors_window:
                self._errors -= self.results[-self._errors_window]
        self.results.append(is_error)
        self.calls_seen += 1
        self.last_failed = is_error
        self.last_sign = max(self.last_sign, at)
        line = self._placed(line)
        self._answered(line, agent_id, tool, still_waiting=still_waiting)
        self._resumed(line)
        if not agent_id:
            self._go_on(line)

    def hook(self, facts: HookFacts, *, line: Line, at: float, still_waiting: bool = False) -> None:
        """Any other hook event, as for `call`. Unknown ones are signs that the session went on.

        Source: PROTOCOL.md, Attention.
        """
        name = facts.name
        if name not in NO_WORK:
            self.last_sign = max(self.last_sign, at)
        line = self._placed(line)
        if name == "PermissionRequest" or (name == "Notification" and facts.kind == "permission_prompt"):
            self._ask(facts, line)
            return
        anew = name == "SessionStart" and facts.kind != "compact"
        if name not in AMBIENT:
            still_waiting = still_waiting and not anew and name != "SessionEnd"
            self._answered(line, facts.agent_id, "", still_waiting=still_waiting)
        if anew or name in ("UserPromptSubmit", "PreToolUse", "SessionEnd"):
            self._resumed(line)
            if not facts.agent_id:
                self._go_on(line)
        elif (name == "Stop" and not facts.background) or name == "StopFailure":
            self._wait(_stopped(facts), line)
        elif name == "Notification" and facts.kind == "idle_prompt" and self._waiting is None:
            self._wait("waits for your input", line)

    def live(self, status: LiveStatus, now: float) -> bool:
        """The client's own word; True if it changes anything.

        No hook tells that a dialog was answered: an approved command may then run for long, a refused one is never
        heard of again. The client's status says both: by what follows "waiting", or by a time after the question.

        Args:
            now: unix seconds.
        """
        asking = self._asking
        if asking is None:
            return False
        if status.status == "waiting":
            asking.seen_waiting = True
            return False
        if not asking.seen_waiting and not asking.line.ts < status.since < now + CLOCK_SLACK_S:
            return False
        self._asking = None
        return True

    def _placed(self, line: Line) -> Line:
        """The line, marked if the clock was set back within its file."""
        latest = self._latest.get(line.file, -math.inf)
        if line.ts < latest - RACE_S:
            return Line(line.ts, line.file, line.late, line.live, True)
        if line.ts > latest:
            if latest == -math.inf and len(self._latest) >= MAX_FILES:
                del self._latest[next(iter(self._latest))]
            self._latest[line.file] = line.ts
        return line

    def _go_on(self, line: Line) -> None:
        last = self._went_on
        if last is None or last.file == line.file or not overtaken(line, last):
            self._went_on = line

    def _ask(self, facts: HookFacts, line: Line) -> None:
        if self._went_on is not None and overtaken(line, self._went_on):
            return
        self._resumed(line)
        if facts.name == "Notification" and self._asking is not None:
            return  # the dialog that we know of is still open
        self._asking = _Asking(_question(facts), line, facts.agent_id, facts.tool)

    def _answered(self, line: Line, agent_id: str, tool: str, *, still_waiting: bool) -> None:
        """The dialog is closed by whatever comes next from the one that asked.

        Other sub-agents work on meanwhile, and so does the main thread while one of them asks: what it does is an
        answer only if the client does not say that it still waits. A request does not always say that a sub-agent made
        it: then a finished call of the same tool counts too.
        """
        asking = self._asking
        if asking is None or overtaken(line, asking.line):
            return
        if agent_id and agent_id != asking.agent_id and (asking.agent_id or tool != asking.tool):
            return
        if asking.agent_id and not agent_id and still_waiting:
            return
        self._asking = None

    def _wait(self, text: str, line: Line) -> None:
        if self._went_on is None or not overtaken(line, self._went_on):
            self._waiting = (text, line)

    def _resumed(self, line: Line) -> None:
        if self._waiting is not None and not overtaken(line, self._waiting[1]):
            self._waiting = None


def _question(facts: HookFacts) -> str:
    if facts.name == "Notification":
        return facts.text or "waits for your permission"
    what = f": {_cut(facts.text)}" if facts.text else ""
    if facts.tool == "AskUserQuestion":
        return f"asks you{what}"
    return f"waits for your approval of {facts.tool or 'a call'}{what}"


def _stopped(facts: HookFacts) -> str:
    if facts.name == "StopFailure":
        return f"stopped by an error ({_cut(facts.text)}) and waits for your input"
    return "finished and waits for your input"


def _cut(text: str) -> str:
    return text if len(text) <= DETAILS_LIMIT else text[: DETAILS_LIMIT - 1] + "…"
