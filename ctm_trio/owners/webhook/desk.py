"""What the parts of the webhook owner share: its ends, the outbox in its thread, the counters, and a bell."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec
import trio

from ctm_trio.core.bell import Bell
from ctm_trio.core.channels import StateReceiver, StateSender
from ctm_trio.core.clock import Clock
from ctm_trio.errors.base import CtmError
from ctm_trio.journal.tail import EventTail
from ctm_trio.messages.config import ConfigSnapshot
from ctm_trio.messages.sessions import SessionsSnapshot
from ctm_trio.messages.webhook import WebhookSnapshot
from ctm_trio.model.config import Settings
from ctm_trio.system.file_watch import Trouble
from ctm_trio.system.outbox import Outbox

log = logging.getLogger("ctm.webhook")

T = TypeVar("T")

STORE_RETRY_S = 1.0
"""How often it is tried again while the outbox cannot be written: until then the journal's cursor stays."""


class WebhookEnds(msgspec.Struct, frozen=True):
    """What the owner reads. `path`: of the outbox; `port`: of the dashboard, for links."""

    events: EventTail
    settings: StateReceiver[ConfigSnapshot]
    sessions: StateReceiver[SessionsSnapshot]
    path: Path
    port: int
    clock: Clock = time.time
    report: Callable[[str], object] = len
    """Told what is wrong with the outbox, "" when nothing is any more."""


class WebhookDesk:
    """Shared by what fills the outbox, what empties it, and what answers the web.

    Args:
        ends: see `WebhookEnds`.
        state: where the counters are published.
        outbox: used in one thread at a time, by `stored` alone.
        one: that thread's limiter.

    Attributes:
        bell: rings when there may be something to send.
        problem: what is wrong with this machine's settings, as the last try found it; "" when nothing is.
    """

    def __init__(
        self, ends: WebhookEnds, state: StateSender[WebhookSnapshot], outbox: Outbox, one: trio.CapacityLimiter
    ) -> None:
        self.ends = ends
        self.outbox = outbox
        self.trouble = Trouble(ends.report)
        self.bell = Bell()
        self.problem = ""
        self._state = state
        self._one = one
        self._counts = state.latest

    @property
    def settings(self) -> Settings:
        """As they are now."""
        return self.ends.settings.latest.settings

    async def stored(self, work: Callable[[], T]) -> T:
        """Do it in the outbox's thread; wait while the disk refuses."""
        while True:
            try:
                done = await trio.to_thread.run_sync(work, limiter=self._one)
            except CtmError as error:
                if self.trouble.note("outbox", error.message):
                    log.warning("the outbox cannot be written: %s", error.message)
                await trio.sleep(STORE_RETRY_S)
            else:
                self.trouble.note("outbox", "")
                return done

    async def count(self, *, delivered: int = 0, failed: int = 0, suppressed: int = 0) -> None:
        """Add to the counters and publish them, with how many wait now."""
        waiting = await self.stored(self.outbox.waiting)
        old = self._counts
        self._counts = WebhookSnapshot(
            old.delivered + delivered, old.failed + failed, old.suppressed + suppressed, waiting,
            self.problem if self.settings.webhook_url else "",
        )  # fmt: skip
        self._state.publish(self._counts)
