"""The panes owner: one capture a tick for each pane that is watched, however many watch, and none when nobody does."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NoReturn

import msgspec
import trio

from ctm_trio.core.confine import confined
from ctm_trio.errors.tmux import TmuxFailed
from ctm_trio.messages.panes import PaneFrame, WatchPane
from ctm_trio.system.tmux import Tmux, exactly

INBOX = 16
"""Watchers that may wait to be taken; whoever sends more waits, and gives up after 10 s."""

TICK_S = 0.15
"""Between two looks at a pane: a change reaches the watchers within 300 ms, which still feels live."""

MAX_CAPTURES = 4
"""Captures that run at the same time, each a tmux process; the others wait their turn."""

FAILURES = 2
"""So many failed captures in a row, and the pane is gone. Source: PROTOCOL.md, Pane streams."""


async def run_panes(
    inbox: trio.MemoryReceiveChannel[WatchPane],
    tmux: Tmux,
    pane_of: Callable[[str], str] = lambda name: "",
    *,
    tick_s: float = TICK_S,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> NoReturn:
    """Serve the watchers of panes. Runs until it is cancelled; closes `inbox`, and each watcher's channel at its end.

    Args:
        inbox: capacity `INBOX`.
        tmux: the server that the sessions live in.
        pane_of: session name → the pane that its client runs in, e.g. `%3`; "" if it is not known: then its active pane
            is shown.
        tick_s: see `TICK_S`.
    """
    panes: dict[tuple[str, int], _Pane] = {}
    captures = trio.CapacityLimiter(MAX_CAPTURES)
    with inbox:
        async with trio.open_nursery() as nursery:

            async def follow(key: tuple[str, int], pane: _Pane) -> None:
                try:
                    try:
                        await pane.follow(tmux, captures, tick_s)
                    finally:
                        del panes[key]  # whoever comes now watches what runs there now
                    await pane.finish(tick_s)
                finally:
                    pane.close()

            task_status.started()
            while True:
                order = await inbox.receive()
                key = (order.name, order.history)
                if key in panes:
                    panes[key].join(order.to)
                else:
                    panes[key] = _Pane(order, pane_of(order.name))
                    nursery.start_soon(confined, "panes: a pane", partial(follow, key, panes[key]))
    raise AssertionError("it is only ever cancelled")


class _Pane:
    """One pane and those who watch it. A watcher is a channel and the text that it has got last."""

    def __init__(self, order: WatchPane, pane: str) -> None:
        self._target = pane or exactly(order.name)
        self._history = order.history
        self._watchers: dict[trio.MemorySendChannel[PaneFrame], PaneFrame | None] = {order.to: None}
        self._shown: PaneFrame | None = None
        self._text: str | None = None

    def join(self, to: trio.MemorySendChannel[PaneFrame]) -> None:
        """Another watcher, who gets at once what the others have."""
        self._watchers[to] = None
        self._hand_out()

    def close(self) -> None:
        """End every watcher's channel."""
        for to in self._watchers:
            to.close()
        self._watchers.clear()

    async def follow(self, tmux: Tmux, captures: trio.CapacityLimiter, tick_s: float) -> None:
        """Capture and hand out until nobody watches any more, or the pane is gone."""
        failures = 0
        while self._hand_out():
            due = trio.current_time() + tick_s
            try:
                async with captures:
                    text = await tmux.capture(self._target, history=self._history)
            except TmuxFailed:
                failures += 1
                if failures == FAILURES:
                    self._shown = PaneFrame(b'""', end=True)
                    break
            else:
                failures = 0
                if text != self._text:
                    self._text, self._shown = text, PaneFrame(msgspec.json.encode(text))
            self._hand_out()
            await trio.sleep_until(due)

    async def finish(self, tick_s: float) -> None:
        """Wait until everybody has got the last frame."""
        while self._hand_out():  # noqa: ASYNC110  # they are slow, or away
            await trio.sleep(tick_s)

    def _hand_out(self) -> bool:
        """Give everybody the newest frame who has not got it; True while somebody watches."""
        for to, got in list(self._watchers.items()):
            if to.statistics().open_receive_channels == 0:
                to.close()
                del self._watchers[to]
            elif self._shown is not None and got is not self._shown:
                try:
                    to.send_nowait(self._shown)
                except trio.WouldBlock:
                    continue  # slow: it gets the newest one at a later tick
                self._watchers[to] = self._shown
                if self._shown.end:
                    to.close()
                    del self._watchers[to]
        return bool(self._watchers)
