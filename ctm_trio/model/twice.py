"""One event that was reported twice: every hook fires twice where it is set twice (settings and plugin, two installs).

A call is known by its `tool_use_id`, which the client gives to one call alone, and by all that is told of it but the
time: what says anything else under the same id is not a copy, and is kept. Other hook events have no such mark: of
those that must not count twice, one that says the same as another a moment before is its copy, unless something
happened in between that it could be an answer to.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from ctm_trio.model.event import HookFacts
from ctm_trio.model.log_line import Row
from ctm_trio.model.times import parse_time

CALLS_KEPT = 256
"""At least so many of a log's last calls are remembered, at most twice as many. Copies are written side by side."""

HOOKS_KEPT = 16

COPY_S = 1.0
"""Hooks of one event run at the same time. The client asks again only after the model, which takes longer."""

STATES = frozenset({"Stop", "StopFailure", "PermissionRequest", "Notification"})
"""They change what a session waits for; other events of the main thread (a prompt, a call) may end that."""

AGENTS = frozenset({"SubagentStart", "SubagentStop"})
"""They begin and end a sub-agent."""

TURNS = STATES | {"UserPromptSubmit", "SessionStart", "SessionEnd", "PreToolUse"}
"""After one of these (or a call) an earlier event of `STATES` is past: the same again is news."""


class Reported:
    """What was reported lately in one log. Bounded; not thread-safe.

    Args:
        calls: `call_key` of the last calls that have an id, oldest first.
        hooks: the facts of the last hook events, and their times in unix seconds, oldest first.
    """

    __slots__ = ("_hooks", "_new", "_old")

    def __init__(self, calls: Iterable[int] = (), hooks: Iterable[tuple[HookFacts, float]] = ()) -> None:
        self._new = set(calls)
        self._old: set[int] = set()
        self._hooks = deque(hooks, HOOKS_KEPT)

    def first_of(self, rows: Sequence[Row]) -> Sequence[Row]:
        """The rows that are not copies, in order; they are remembered."""
        keys = [call_key(row.tail, row.ts) for row in rows if row.hook is None and row.tool_use_id]
        if len(keys) == len(rows):  # all are calls with an id, and mostly all are new
            found = set(keys)
            if len(found) == len(keys) and self._new.isdisjoint(found) and self._old.isdisjoint(found):
                self._new |= found
                self._age()
                if self._hooks:
                    self._forget_states()
                return rows
        return [row for row in rows if self._is_first(row)]

    def _is_first(self, row: Row) -> bool:
        if row.hook is not None:
            return self._is_first_hook(row.hook, parse_time(row.ts) or 0.0)
        self._forget_states()
        return self.is_first_call(row.tool_use_id, row.tail, row.ts)

    def is_first_call(self, tool_use_id: str, tail: bytes, ts: str) -> bool:
        """True for a call that is not a copy; it is remembered. A call without an id never is one.

        Args:
            tail, ts: as for `call_key`.
        """
        if not tool_use_id:
            return True
        key = call_key(tail, ts)
        if key in self._new or key in self._old:
            return False
        self._new.add(key)
        self._age()
        return True

    def _is_first_hook(self, facts: HookFacts, at: float) -> bool:
        if facts.name in STATES or facts.name in AGENTS:
            if any(known == facts and abs(at - then) <= COPY_S for known, then in self._hooks):
                return False
            if facts.name in STATES:
                self._forget_states()
            self._hooks.append((facts, at))
        elif facts.name in TURNS:
            self._forget_states()
        return True

    def _forget_states(self) -> None:
        if any(facts.name in STATES for facts, _ in self._hooks):
            self._hooks = deque((item for item in self._hooks if item[0].name in AGENTS), HOOKS_KEPT)

    def _age(self) -> None:
        if len(self._new) >= CALLS_KEPT:
            self._old, self._new = self._new, set()


def call_key(tail: bytes, ts: str) -> int:
    """What a call and its copy have in common: all of the payload but its time. Good within this process alone.

    Args:
        tail: the payload as `model.log_line.Row` has it, with the `tool_use_id`.
        ts: its time, as it stands in there.
    """
    return hash(tail.replace(ts.encode(), b"", 1))
