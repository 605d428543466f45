"""What a session is doing, folded from its tool calls and hook events, one event at a time.

Calls and hook events come from two files, so one may overtake the other by a moment (or, after the daemon was down, by
much more). Therefore the log's own times decide which was first, as long as they are near each other.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from ctm_trio.model.event import HookFacts

MAX_WINDOW = 1440
"""The largest `error_rate_window` that the settings allow; so many results are kept of each session."""

MAX_OVERTAKING_S = 6 * 3600.0
"""Times further apart than this are no order (another clock, an old log put in place): then the later line counts."""

DETAILS_LIMIT = 160
"""Characters of a call or question in the details."""

AMBIENT = frozenset({"MessageDisplay", "FileChanged", "ConfigChange"})
"""Events that come on their own while a dialog is open (text is shown late, files change): no sign of an answer."""

NO_WORK = frozenset({"Notification", "SessionEnd", "FileChanged", "ConfigChange", "TeammateIdle"})
"""Events that are no sign of work."""


@dataclass(frozen=True, slots=True)
class LiveStatus:
    """What a running client says of itself: "busy", "idle", "waiting", …, and since when (unix seconds)."""

    status: str
    since: float


@dataclass(slots=True)
class _Asking:
    text: str
    ts: float
    agent_id: str
    tool: str


@dataclass(slots=True)
class Activity:
    """The running summary of one session. Times are unix seconds."""

    calls_seen: int = 0
    last_failed: bool = False
    last_sign: float = 0.0
    """When the last sign of work was received."""
    results: deque[bool] = field(default_factory=lambda: deque(maxlen=MAX_WINDOW))
    """Newest last; True: failed."""
    _asking: _Asking | None = None
    _waiting: tuple[str, float] | None = None
    _went_on: float = 0.0
    """The latest time (the log's) at which the main thread went on: a prompt, a call."""
    _errors: int = 0
    _errors_window: int = 0

    @property
    def asking(self) -> str:
        """What to say about the approval that it waits for, "" if it waits for none."""
        return self._asking.text if self._asking else ""

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

    def call(self, is_error: bool, *, tool: str, agent_id: str, ts: float, at: float) -> None:
        """A finished tool call.

        Args:
            agent_id: the sub-agent that made it, "" for the main thread.
            ts: the log's time; at: when it was received.
        """
        if self._errors_window:
            self._errors += is_error
            if len(self.results) >= self._errors_window:
                self._errors -= self.results[-self._errors_window]
        self.results.append(is_error)
        self.calls_seen += 1
        self.last_failed = is_error
        self.last_sign = max(self.last_sign, at)
        self._answered(ts, agent_id, tool)
        self._resumed(ts)
        if not agent_id:
            self._went_on = max(self._went_on, ts)

    def hook(self, facts: HookFacts, *, ts: float, at: float) -> None:
        """Any other hook event. Unknown ones are signs that the session went on. Source: contract B9."""
        name = facts.name
        if name not in NO_WORK:
            self.last_sign = max(self.last_sign, at)
        if name == "PermissionRequest" or (name == "Notification" and facts.kind == "permission_prompt"):
            self._ask(facts, ts)
            return
        if name not in AMBIENT:
            self._answered(ts, facts.agent_id, "")
        anew = name == "SessionStart" and facts.kind != "compact"
        if anew or name in ("UserPromptSubmit", "PreToolUse", "SessionEnd"):
            self._resumed(ts)
            if not facts.agent_id:
                self._went_on = max(self._went_on, ts)
        elif (name == "Stop" and not facts.background) or name == "StopFailure":
            self._wait(_stopped(facts), ts)
        elif name == "Notification" and facts.kind == "idle_prompt" and self._waiting is None:
            self._wait("waits for your input", ts)

    def live(self, status: LiveStatus) -> bool:
        """The client's own word; True if it changes anything.

        No hook tells that a dialog was answered: an approved command may then run for long, a refused one is never
        heard of again. The client's status says both.
        """
        if self._asking is None or status.status == "waiting" or status.since <= self._asking.ts:
            return False
        self._asking = None
        return True

    def _ask(self, facts: HookFacts, ts: float) -> None:
        if overtaken(ts, self._went_on):
            return
        self._resumed(ts)
        if facts.name == "Notification" and self._asking is not None:
            return  # the dialog that we know of is still open
        self._asking = _Asking(_question(facts), ts, facts.agent_id, facts.tool)

    def _answered(self, ts: float, agent_id: str, tool: str) -> None:
        """The dialog is closed by whatever comes next from the one that asked.

        Other sub-agents work on meanwhile. A request does not always say that a sub-agent made it: then a finished call
        of the same tool counts too.
        """
        asking = self._asking
        if asking is None or overtaken(ts, asking.ts):
            return
        if agent_id and agent_id != asking.agent_id and (asking.agent_id or tool != asking.tool):
            return
        self._asking = None

    def _wait(self, text: str, ts: float) -> None:
        if not overtaken(ts, self._went_on):
            self._waiting = (text, ts)

    def _resumed(self, ts: float) -> None:
        if self._waiting is not None and not overtaken(ts, self._waiting[1]):
            self._waiting = None


def overtaken(ts: float, other: float) -> bool:
    """True if something at `ts` happened before something at `other` that is known already.

    A time in whole seconds (of an older producer) may be any moment of its second.
    """
    latest = ts + 0.999999 if ts == int(ts) else ts
    return other - MAX_OVERTAKING_S < latest < other


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
