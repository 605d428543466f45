"""Where the main thread of a session stands by its hooks, folded one event at a time.

Hooks do not tell all: an interrupt or a refusal at the terminal fires none (measured with Claude Code 2.1.330). What
they leave open, the client's own status file says; `model.status_rules` puts both together.
"""

from __future__ import annotations

import msgspec

from ctm_trio.model.event import HookFacts
from ctm_trio.model.line_order import Line, overtaken

STARTED, WORKING, STOPPED, FAILED, ENDED = "started", "working", "stopped", "failed", "ended"

GOES_ON = frozenset({"clear", "resume"})
"""Reasons of a SessionEnd after which the same process goes on under another id."""

WORK = frozenset({"UserPromptSubmit", "PreToolUse", "PostToolBatch", "PermissionRequest", "UserPromptExpansion"})
"""Events of the main thread that come within a turn only."""

NO_SIGN = frozenset({"ConfigChange", "FileChanged", "InstructionsLoaded", "Setup"})
"""Events that say nothing of a client's being heard: they may come from its start alone."""


class Turn(msgspec.Struct):
    """What the hooks have told of one session.

    Attributes:
        phase: "" while nothing is known, "started" (ready, never prompted), "working", "stopped", "failed", "ended".
        at: when the phase began, unix seconds by the line's own time.
        came: when that line was received, in seconds of the clock that never jumps.
        background, crons: what the last Stop said still runs, or may wake the session.
        error: of the last StopFailure, e.g. "rate_limit". words: Claude's last words, or the error's.
        heard: when the newest hook came, by the steady clock; 0.0 if none has. heard_at: the same in unix seconds.
    """

    phase: str = ""
    at: float = 0.0
    came: float = 0.0
    background: int = 0
    crons: int = 0
    error: str = ""
    words: str = ""
    heard: float = 0.0
    heard_at: float = 0.0
    _line: Line = msgspec.field(default_factory=lambda: Line(0.0))

    def hook(self, facts: HookFacts, line: Line, now: float) -> bool:
        """Take in a hook event; True if it says anything about the turn.

        Args:
            line: where it stands. now: seconds of the clock that never jumps.
        """
        name = facts.name
        if name not in NO_SIGN:
            self.heard, self.heard_at = max(self.heard, now), max(self.heard_at, line.ts)
        if facts.agent_id and name != "SessionStart":
            return False
        if name in WORK:
            return self._go(WORKING, line, now)
        if name == "Stop":
            if not self._go(STOPPED, line, now):
                return False
            self.background, self.crons, self.words = facts.background, facts.crons, facts.text
            return True
        if name == "StopFailure":
            if not self._go(FAILED, line, now):
                return False
            self.background = self.crons = 0
            self.error, self.words = facts.kind or "unknown", facts.text
            return True
        if name == "SessionStart" and facts.kind != "compact":
            return self._go(STARTED, line, now)
        if name == "SessionEnd" and facts.kind not in GOES_ON:
            return self._go(ENDED, line, now)
        return False

    def call(self, line: Line, now: float, *, agent_id: str) -> bool:
        """Take in a finished tool call; True if it says anything about the turn."""
        self.heard, self.heard_at = max(self.heard, now), max(self.heard_at, line.ts)
        if agent_id or self.phase == WORKING:
            return False
        return self._go(WORKING, line, now)

    def _go(self, phase: str, line: Line, now: float) -> bool:
        """Enter a phase, unless the line is older than the one that began the present phase."""
        if self.phase and overtaken(line, self._line):
            return False
        self._line = line
        if phase == self.phase == WORKING:
            return False
        self.phase, self.at, self.came = phase, line.ts, now
        if phase in (STARTED, WORKING):
            self.background = self.crons = 0
        if phase == STARTED:
            self.error = self.words = ""
        return True
