"""What each session's logs and its client have told, summed up. Synchronous; the attention task alone drives it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from ctm_trio.core.bell import Bell
from ctm_trio.core.clock import Clock
from ctm_trio.model.activity import Activity, LiveStatus, Remembered
from ctm_trio.model.event import Event, HookFacts
from ctm_trio.model.line_order import RACE_S, Line
from ctm_trio.model.session import Session
from ctm_trio.model.times import parse_time

MAX_STRANGERS = 4096
"""Summaries of sessions that are not recorded (yet). Past it they are forgotten."""


class Heard:
    """The summaries of all sessions, recorded or not.

    Args:
        clock: unix seconds. steady: seconds of a clock that never jumps.
        records: the recorded sessions.

    Attributes:
        live: the logs have been read to their ends; what comes now is new.
        asked: rings when a session may have begun to wait for an approval.
    """

    def __init__(self, clock: Clock, steady: Callable[[], float], records: Mapping[str, Session]) -> None:
        self._clock = clock
        self._steady = steady
        self._records = records
        self.live = False
        self.asked = Bell()
        self._activities: dict[str, Activity] = {}
        self._statuses: Mapping[str, LiveStatus] = {}
        self._past: dict[str, str] = {}
        """Claude session id → the name of a session that had it and is gone: what it still says is the past's."""

    def of(self, name: str) -> Activity:
        """What is known of a session; the summary of nothing if it has not been heard of."""
        return self._activities.get(name) or Activity()

    def is_calm(self, name: str, window: int) -> bool:
        """See `Activity.is_calm`; False for a session that was not heard of."""
        activity = self._activities.get(name)
        return activity is not None and activity.is_calm(window)

    def fold(self, event: Event, wall: float) -> None:
        """Take in a tool call or a hook event that has just come, at `wall` in unix seconds."""
        if self._past.get(event.uuid) == event.session:
            return
        name = event.session if event.session in self._records else _stranger(event.uuid) or event.session
        activity = self._activities.get(name)
        if activity is None:
            if len(self._activities) > MAX_STRANGERS + len(self._records):
                self._activities = {n: a for n, a in self._activities.items() if n in self._records}
            activity = self._activities[name] = Activity()
        written = parse_time(event.ts)
        came = min(wall, event.id / 1e9)  # an id may lie ahead, after the clock was set back
        ts = came if written is None else written
        line = Line(ts, _file(event.uuid, event.hook is not None), came - ts > RACE_S, self.live)
        waits = self.still_waiting(event.uuid)
        _take(
            activity, line, event.hook, event.is_error, event.tool, event.agent_id, self._steady(), still_waiting=waits
        )
        if activity.asking:
            self.asked.ring()

    def recall(self, name: str, events: Iterable[Remembered], taken: int) -> None:
        """Take a session's past from the event log, in place of what was known.

        Args:
            taken: id of the last event that was folded before: what is newer came meanwhile.
        """
        old = self._activities.get(name)
        activity = self._activities[name] = Activity(last_sign=old.last_sign if old else 0.0)
        now = self._steady()
        for event in events:
            line = Line(event.written, _file(event.uuid, event.hook is not None), event.late, live=False)
            at = now if event.id > taken > 0 else 0.0
            waits = self.still_waiting(event.uuid)
            _take(activity, line, event.hook, event.is_error, event.tool, event.agent_id, at, still_waiting=waits)
        if activity.asking:
            self.asked.ring()

    def wants_word(self, event: Event) -> bool:
        """True if the client's own word is needed before this event can be folded: does it still wait?"""
        activity = self._activities.get(event.session)
        return activity is not None and activity.agent_asks and not event.agent_id

    def still_waiting(self, uuid: str) -> bool:
        """True if that client said, when it was heard last, that a dialog is open."""
        status = self._statuses.get(uuid)
        return status is not None and status.status == "waiting"

    def asking(self) -> list[str]:
        """The sessions that wait for an approval, as far as is known."""
        return [name for name, activity in self._activities.items() if activity.asking and name in self._records]

    def hear(self, live: Mapping[str, LiveStatus]) -> None:
        """Keep what the clients say, by Claude session id, for the events that come next."""
        self._statuses = live

    def use_live(self, live: Mapping[str, LiveStatus]) -> list[str]:
        """Take over what the clients say, by Claude session id; the sessions that this changes."""
        self.hear(live)
        changed, now = [], self._clock()
        for name in self.asking():
            activity = self._activities[name]
            status = live.get(activity.asking_uuid) or live.get(self._records[name].uuid)
            if status is not None and activity.live(status, now):
                changed.append(name)
        return changed

    def carry_over(self, new: Mapping[str, Session], came_from: Mapping[str, str]) -> None:
        """Let a renamed session keep what is known of it, and forget the sessions that are gone.

        A session that was recorded after its first lines takes over what they said under their provisional name.

        Args:
            new: the records from now on.
            came_from: the name that each of them had in the old ones, if it was in them.
        """
        activities, old, self._records = self._activities, self._records, new
        went_to = {was: name for name, was in came_from.items()}
        strangers = {n: a for n, a in activities.items() if n not in old}
        self._activities = {went_to[n]: a for n, a in activities.items() if n in went_to}
        self._past |= {record.uuid: name for name, record in old.items() if name not in went_to}
        for name, record in new.items():
            self._past.pop(record.uuid, None)
            if name not in came_from and _stranger(record.uuid) in strangers:
                self._activities[name] = strangers.pop(_stranger(record.uuid))
        self._activities |= {n: a for n, a in strangers.items() if n not in self._activities and n not in new}
        while len(self._past) > MAX_STRANGERS:
            del self._past[next(iter(self._past))]
        self.asked.ring()  # one that asked before it was recorded counts from now on


def _take(
    activity: Activity,
    line: Line,
    hook: HookFacts | None,
    is_error: bool,
    tool: str,
    agent_id: str,
    at: float,
    *,
    still_waiting: bool = False,
) -> None:
    """Take an event into a summary.

    Args:
        at: when it came, by the steady clock.
        still_waiting: the client itself says that a dialog is open.
    """
    if hook is None:
        activity.call(is_error, tool=tool, agent_id=agent_id, line=line, at=at, still_waiting=still_waiting)
    else:
        activity.hook(hook, line=line, at=at, still_waiting=still_waiting)


def _file(uuid: str, is_hook: bool) -> str:
    """A name for a log file among those of a session: it has one of each kind for each Claude session."""
    return uuid + "/hooks" if is_hook else uuid


def _stranger(uuid: str) -> str:
    """The name under which the summary of a log that no session has (yet) is kept."""
    return f"uuid:{uuid}" if uuid else ""
