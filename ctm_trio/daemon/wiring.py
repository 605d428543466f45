"""The wiring: starts the children of one run, one after the other, and has the small tasks between them.

Their order is in `daemon.children`; the web is there before all of them: `daemon.run`.
"""

from __future__ import annotations

import trio

from ctm_trio.core.bell import Bell
from ctm_trio.core.supervise import keep_running
from ctm_trio.daemon.children import Children
from ctm_trio.daemon.front import Front
from ctm_trio.daemon.parts import Parts
from ctm_trio.daemon.plan import Plan
from ctm_trio.daemon.web_ends import web_ends
from ctm_trio.messages.config import ReloadConfig
from ctm_trio.messages.tailers import TailersSnapshot
from ctm_trio.web.ends import WebEnds

CATCH_UP_S = 0.3
"""How long requests wait at the start for the logs to be read, so that the first answer is complete if it can be."""


class Daemon:
    """One run.

    Args:
        plan: see `Plan`.
        front: what is running already.
    """

    def __init__(self, plan: Plan, front: Front) -> None:
        self.parts = Parts(plan, front)

    def ends(self) -> WebEnds:
        """What the web is given."""
        return web_ends(self.parts)

    async def begin(self, nursery: trio.Nursery) -> None:
        """Start the owners in a nursery; returns when requests can be answered."""
        for child in Children(self.parts).all():
            await nursery.start(keep_running, child, self.parts.health, name=f"keeper of {child.name}")
        nursery.start_soon(self._await_tailers, name="ctm: are the logs read?")
        nursery.start_soon(self._report_journal, name="ctm: health of the event log")
        if self.parts.plan.reloads is not None and not self.parts.plan.fixed:
            nursery.start_soon(self._pass_reloads, self.parts.plan.reloads, name="ctm: reloads")
        with trio.move_on_after(CATCH_UP_S):
            await self.parts.tailers.when(lambda tailers: tailers.caught_up)
        self.parts.begun.set()

    async def _await_tailers(self) -> None:
        """Say when the logs of both directories have been read to their end."""
        for part in (self.parts.logs, self.parts.hooks):
            await part.when(lambda tailers: tailers.caught_up)
        self.parts.tailers_state.publish(TailersSnapshot(caught_up=True))

    async def _pass_reloads(self, reloads: Bell) -> None:
        while True:
            await reloads.wait()
            await self.parts.config_send.send(ReloadConfig())

    async def _report_journal(self) -> None:
        """Keep /health truthful while the database cannot be written: the journal still runs."""
        changes = self.parts.journal.changes()
        while True:
            degraded = (await changes.next()).degraded
            self.parts.health.report("journal", f"degraded: {degraded}" if degraded else "ok")
