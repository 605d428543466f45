"""The sessions in yolo mode and their newest checkpoints. Synchronous; the attention task alone drives it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import msgspec

from ctm_trio.core.clock import Clock
from ctm_trio.model.attention import Inputs, yolo_due
from ctm_trio.model.session import Session

CHECKPOINT_S = 60.0
"""A session in yolo mode is asked for its checkpoints at most this often."""


class Yolo(msgspec.Struct):
    """A session in yolo mode. Seconds of the clock that never jumps; None: not asked yet, or no checkpoint.

    `commit_at`: the newest checkpoint's own time, in unix seconds.
    """

    since: float
    checkpoint_at: float | None = None
    checked_at: float | None = None
    asked_at: float = -math.inf
    commit_at: float | None = None


class YoloSessions:
    """Since when each is in yolo mode, and when it was last seen to.

    Args:
        clock: unix seconds. steady: seconds of a clock that never jumps.

    Attributes:
        overdue: those whose checkpoint should be asked for now, in order.
    """

    def __init__(self, clock: Clock, steady: Callable[[], float]) -> None:
        self._clock = clock
        self._steady = steady
        self._known: dict[str, Yolo] = {}
        self.overdue: dict[str, None] = {}

    def get(self, name: str) -> Yolo | None:
        """What is known of a session; None if it is not in yolo mode."""
        return self._known.get(name)

    def carry_over(self, went_to: Mapping[str, str]) -> None:
        """Keep what is known of the sessions that are still there, under their new names."""
        self._known = {went_to[n]: y for n, y in self._known.items() if n in went_to}

    def note_modes(self, records: Mapping[str, Session]) -> None:
        """Begin with the sessions that are in yolo mode now, and end with those that no longer are."""
        now = self._steady()
        for name, record in records.items():
            if record.mode == "yolo":
                self._known.setdefault(name, Yolo(now))
        for name in [n for n in self._known if n not in records or records[n].mode != "yolo"]:
            del self._known[name]

    def note_checkpoint(self, name: str, commit_at: float | None) -> None:
        """What was found when a session was asked for its newest checkpoint, whose time is in unix seconds.

        How long ago that was is worked out once for each checkpoint: the clock may be set before the next look.
        """
        yolo = self._known.get(name)
        if yolo is None:
            return
        now = yolo.checked_at = self._steady()
        if commit_at is None:
            yolo.checkpoint_at = None
        elif commit_at != yolo.commit_at:
            yolo.checkpoint_at = now - max(0.0, self._clock() - commit_at)
        yolo.commit_at = commit_at

    def ask_at(self, name: str, inputs: Inputs, now: float) -> float | None:
        """Have an overdue checkpoint asked for, at once or when it was asked for long enough ago.

        Returns:
            When to look again, by the steady clock.
        """
        yolo, overdue = self._known.get(name), yolo_due(inputs)
        if yolo is None or overdue is None or now < overdue or not inputs.alive:
            return None
        if now - yolo.asked_at < CHECKPOINT_S:
            return yolo.asked_at + CHECKPOINT_S
        yolo.asked_at = now
        self.overdue[name] = None
        return now + CHECKPOINT_S
