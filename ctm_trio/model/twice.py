"""One event that was reported twice: every hook fires twice where it is set twice (settings and plugin, two installs).

A call is known by its `tool_use_id`, which the client gives to one call alone, and which comes with either its result
or its failure. Other hook events have no such mark: of those that must not count twice, one that says the same as
another a moment before is its copy, unless something happened in between that it could be an answer to.
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
        calls: `(tool_use_id, agent_id, is_error)` of the last calls, oldest first.
        hooks: the facts of the last hook events, and their times in unix seconds, oldest first.
    """

    __slots__ = ("_hooks", "_new", "_old")

    def __init__(
        self, calls: Iterable[tuple[str, str, bool]] = (), hooks: Iterable[tuple[HookFacts, float]] = ()
    ) -> None:
        self._new = {_key(*call) for call in calls if call[0]}
        self._old: set[str] = set()
        self._hooks = deque(hooks, HOOKS_KEPT)

    def first_of(self, rows: Sequence[Row]) -> Sequence[Row]:
        """The rows that are no copies, in order; they are remembered."""
        keys = [row.tool_use_id + row.agent_id if not row.is_error else _key(row.tool_use_id, row.agent_id, True)
                for row in rows if row.hook is None and row.tool_use_id]  # fmt: skip
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
        return self.is_first_call(row.tool_use_id, row.agent_id, row.is_error)

    def is_first_call(self, tool_use_id: str, agent_id: str, is_error: bool) -> bool:
        """True for a call that is no copy; it is remembered. A call without an id never is one."""
        if not tool_use_id:
            return True
        key = _key(tool_use_id, agent_id, is_error)
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


def _key(tool_use_id: str, agent_id: str, is_error: bool) -> str:
    return f"{tool_use_id}{agent_id}!" if is_error else tool_use_id + agent_id
