"""The limits of the account, from what its sessions say of them one after the other.

Every session reports the limits as it heard them with its last answer. So of one window the highest figure counts, and
which window is the current one is said by the newest answer: also if that one ends earlier, for the user may have
changed the account or the plan. A status line that is only shown again is not an answer; where that cannot be known, as
after a restart, a window that was over when the dump was written gives way to one that was not.
Source: PROTOCOL.md, Quota and cost.
"""

from __future__ import annotations

from collections import OrderedDict

import msgspec
from msgspec.structs import replace

from ctm_trio.model.quota import Dump, Window

SAME_WINDOW_S = 10
"""Windows that end within so many seconds of each other are one: the client works the time out anew for each answer."""

MAX_WINDOWS = 16
"""Windows of one limit that are remembered; past it the one not heard of for longest is forgotten."""

MAX_SESSIONS = 5_000
"""Claude sessions whose last dump is remembered, to tell an answer from a repetition."""


Said = tuple[Window | int | None, ...]


class _Limit(msgspec.Struct):
    """One of the limits: the windows heard of, that of the newest answer last, and a figure that came without one."""

    windows: list[Window] = msgspec.field(default_factory=list)
    timeless: float | None = None

    def hear(self, seen: Window, written: float) -> None:
        """An answer. A figure without a time is taken as it comes, a time without a figure keeps the one before."""
        if seen.resets_at is None:
            self.timeless = seen.pct
            return
        same = [
            w for w in self.windows if w.resets_at is not None and abs(w.resets_at - seen.resets_at) <= SAME_WINDOW_S
        ]
        pcts = [w.pct for w in (*same, seen) if w.pct is not None]
        if seen.pct is not None:
            self.timeless = None
        elif not pcts and (known := self.known().pct) is not None:
            pcts = [known]
        ends = max(w.resets_at or 0 for w in (*same, seen))
        self.windows = [w for w in self.windows if w not in same][-MAX_WINDOWS:]
        last = self.windows[-1].resets_at if self.windows else None
        old = ends <= written and last is not None and last > written
        self.windows.insert(len(self.windows) - old, Window(max(pcts) if pcts else None, ends))

    def known(self) -> Window:
        """What is known now."""
        current = self.windows[-1] if self.windows else Window()
        return current if self.timeless is None else replace(current, pct=self.timeless)


class Limits:
    """Both limits of the account. Feed it the dumps in the order in which they were written."""

    def __init__(self) -> None:
        self._week, self._five_hours = _Limit(), _Limit()
        self._last: OrderedDict[str, Said] = OrderedDict()

    def take(self, dump: Dump, written: float = 0.0) -> bool:
        """Take in a dump. False if its session has said all of it before: then it is not an answer and changes nothing.

        Args:
            written: when the dump was written, in unix seconds; 0 if that is not known.
        """
        meter = dump.meter  # its model and context change without an answer, when the user chooses another model
        tokens = (meter.input_tokens, meter.output_tokens, meter.cache_tokens)
        said: Said = (dump.week, dump.five_hours, *tokens, meter.cost_usd_micros)
        if self._last.get(dump.uuid) == said:
            return False
        self._last[dump.uuid] = said
        self._last.move_to_end(dump.uuid)
        if len(self._last) > MAX_SESSIONS:
            self._last.popitem(last=False)
        for limit, seen in ((self._week, dump.week), (self._five_hours, dump.five_hours)):
            if seen is not None:
                limit.hear(seen, written)
        return True

    @property
    def week(self) -> Window:
        """The limit of seven days."""
        return self._week.known()

    @property
    def five_hours(self) -> Window:
        """The limit of five hours."""
        return self._five_hours.known()
