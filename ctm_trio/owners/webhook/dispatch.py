"""Alerts from the outbox to the endpoint: each session's in their order, several sessions at the same time."""

from __future__ import annotations

import logging
import math
from functools import partial
from typing import NoReturn

import trio

from ctm_trio.model.config import Settings
from ctm_trio.model.webhook import Alert, Answer, Post, make_post
from ctm_trio.owners.webhook.desk import WebhookDesk
from ctm_trio.system.courier import Courier
from ctm_trio.system.outbox import Waiting

log = logging.getLogger("ctm.webhook")

AT_ONCE = 8
"""Tries at the same time. Source: PROTOCOL.md, Webhooks."""

TESTS_AT_ONCE = 2
"""Test alerts at the same time; another one waits."""


class Dispatch:
    """What goes out of the outbox, one try at a time of each session."""

    def __init__(self, desk: WebhookDesk) -> None:
        self._desk = desk
        self._courier = Courier(AT_ONCE + TESTS_AT_ONCE, clock=desk.ends.clock)
        self._busy: set[str] = set()
        self._due: dict[int, float] = {}
        """When the waiting alerts may be tried, by the clock that never jumps."""

    async def follow_settings(self) -> NoReturn:
        """A new address, or a new authorization: try everything that waits at once."""
        changes, seen = self._desk.ends.settings.changes(from_now=True), _target(self._desk.settings)
        while True:
            await changes.next()
            if _target(self._desk.settings) != seen:
                seen = _target(self._desk.settings)
                await self._desk.stored(self._desk.outbox.retry_now)
                self._due.clear()
                self._desk.problem = ""  # the next try will tell
                await self._desk.count()
                self._desk.bell.ring()

    async def run(self) -> NoReturn:
        """Try each session's oldest alert when it is due, at most `AT_ONCE` at the same time."""
        async with trio.open_nursery() as nursery:
            while True:
                heads = await self._desk.stored(lambda: self._desk.outbox.heads(self._desk.ends.clock()))
                now, soonest = trio.current_time(), math.inf
                self._due = {head.id: self._due.get(head.id, now + head.wait) for head in heads}
                for head in heads:
                    if head.session in self._busy or not self._desk.settings.webhook_url:
                        continue
                    if self._due[head.id] > now:
                        soonest = min(soonest, self._due[head.id])
                    elif len(self._busy) < AT_ONCE:
                        self._busy.add(head.session)
                        nursery.start_soon(self._deliver, head)
                with trio.move_on_at(soonest):
                    await self._desk.bell.wait()
        raise AssertionError("unreachable")

    async def _deliver(self, head: Waiting) -> None:
        """One try."""
        answer = await self.attempt(head.alert)
        answered = trio.current_time()
        status, pause = await self._desk.stored(
            partial(self._desk.outbox.record, head, answer, self._desk.ends.clock())
        )
        self._due[head.id] = answered + pause
        if not answer.ok:
            log.warning("webhook for %s (%s): %s", head.session, head.alert.alert, answer.error)
        await self._desk.count(delivered=status == "delivered", failed=status == "failed")
        self._busy.discard(head.session)
        self._desk.bell.ring()

    async def attempt(self, alert: Alert, limit_s: float | None = None) -> Answer:
        """Post an alert once, as the settings are now. Never raises: what goes wrong is in the answer."""
        settings = self._desk.settings

        def make() -> Post:
            return make_post(
                alert, settings.webhook_format, settings.webhook_url, settings.webhook_auth, settings.webhook_secret,
                self._desk.ends.clock(),
            )  # fmt: skip

        answer = await self._courier.post(settings.webhook_url, make, limit_s)
        if settings.webhook_url:
            self._desk.problem = answer.error if answer.ours else ""
        return answer


def _target(settings: Settings) -> tuple[str, ...]:
    return settings.webhook_url, settings.webhook_auth, settings.webhook_secret, settings.webhook_format
