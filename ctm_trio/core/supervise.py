"""Supervision: how a child of the daemon starts, what happens when it crashes, and what /health says of it."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import NoReturn, Protocol

import msgspec
import trio

from ctm_trio.core.health import Health

log = logging.getLogger("ctm.supervise")

BACKOFF_FIRST_S = 0.5
BACKOFF_MAX_S = 30.0
"""A child that crashes is started again after half a second, then after twice as long each time, up to this."""

HEALTHY_S = 60.0
"""A child that ran so long starts with the first backoff again."""

CRASHES, CRASH_WINDOW_S = 5, 600.0
"""A child that crashes so often within so many seconds is put into quarantine."""

QUARANTINE_S = 60.0
"""How often a child in quarantine is tried again. Source: PROTOCOL.md, Metrics and health."""

PROBATION_S = 5.0
"""A child that was in quarantine is called "ok" when it has run so long, so that /health does not flicker."""

BOOT_S = 10.0
"""How long the start of the daemon waits for one part to be ready; then it goes on without, and /health says so."""


class Start(Protocol):
    """One incarnation of a child: runs until cancelled, calls `task_status.started()` when it is ready."""

    def __call__(self, *, task_status: trio.TaskStatus[None]) -> Awaitable[object]:
        """Run one incarnation."""


class Child(msgspec.Struct, frozen=True):
    """A task of the daemon's nursery.

    Args:
        name: as /health and the metrics show it; one of many is "kind:which", and counted under "kinds".
        start: called for each incarnation; clone channel ends in it, so that each closes its own.
        fatal: a crash ends the daemon (a silent restart could lie), else it is restarted, whatever happens.
        quiet: one of many of a kind: in /health only while something is wrong with it.
    """

    name: str
    start: Start
    fatal: bool = False
    quiet: bool = False

    @property
    def kind(self) -> str:
        """What its crashes are counted under."""
        return f"{self.name.partition(':')[0]}s" if self.quiet else self.name


async def keep_running(
    child: Child,
    health: Health,
    *,
    stopping: Callable[[], Awaitable[object]] | None = None,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Run a child, restart it when it crashes, until cancelled or until it returns.

    Only the crash of a fatal child is raised. Any other is started again with backoff, and from the fifth crash in ten
    minutes on once a minute; /health names it with the error. A child that crashes before it is ready, or takes longer
    than `BOOT_S`, does not hold up whoever starts it: `started()` is said without it.
    Source: PROTOCOL.md, Metrics and health.

    Args:
        child: see there.
        health: told how the child is.
        stopping: returns when the daemon stops; a child that is down then is not waited for.
    """
    status = Once(task_status)
    keeper = _Keeper(child, health, status, stopping)
    if child.fatal or child.quiet:
        await keeper.run()
        return
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_start_without, child, health, status, name=f"start of {child.name}")
        await keeper.run()
        nursery.cancel_scope.cancel()


class _Keeper:
    def __init__(
        self, child: Child, health: Health, status: Once, stopping: Callable[[], Awaitable[object]] | None
    ) -> None:
        self._child, self._health, self._status, self._stopping = child, health, status, stopping
        self._crashes: deque[float] = deque(maxlen=CRASHES)
        self._quarantined = False
        self._why = ""

    async def run(self) -> None:
        delay = BACKOFF_FIRST_S
        while True:
            began = trio.current_time()
            try:
                await self._incarnation()
            except Exception as error:  # noqa: BLE001  # the one place that may: it names the child and counts
                now = trio.current_time()
                if now - began > HEALTHY_S:
                    delay = BACKOFF_FIRST_S
                pause = self._crashed(error, now, delay)
            except BaseExceptionGroup as group:  # it was cancelled, and failed at tidying up
                self._stopped(group)
            else:
                self._show("")
                return
            if await self._pause(pause):
                return
            delay = min(delay * 2, BACKOFF_MAX_S)

    async def _incarnation(self) -> None:
        if self._child.quiet and not self._quarantined:
            # No nursery for each of ten thousand of a kind: at a stop their cancellations would take seconds to unpack.
            self._show("ok")
            self._status.started()
            await self._child.start(task_status=trio.TASK_STATUS_IGNORED)
            return
        async with trio.open_nursery() as nursery:

            async def run(*, task_status: trio.TaskStatus[None]) -> None:
                await self._child.start(task_status=task_status)
                nursery.cancel_scope.cancel()

            await nursery.start(run, name=self._child.name)
            if self._quarantined:
                nursery.start_soon(self._prove, name=f"probation of {self._child.name}")
            else:
                self._show("ok")
            self._status.started()

    async def _prove(self) -> None:
        await trio.sleep(PROBATION_S)
        self._show("ok")

    def _show(self, state: str) -> None:
        if self._child.quiet:
            self._health.fault(self._child.kind, self._child.name, "" if state == "ok" else state)
        elif state:
            self._health.report(self._child.name, state)

    def _crashed(self, error: Exception, now: float, delay: float) -> float:
        """Count it, say it, and return how long to wait; raises the error of a fatal child."""
        child, health = self._child, self._health
        self._crashes.append(now)
        health.crashed(child.kind)
        why = health.describe(error)
        if child.fatal:
            health.report(child.name, f"failed: {why}")
            raise error
        self._status.started()
        known, self._why = self._why if self._quarantined else "", why
        self._quarantined = len(self._crashes) == CRASHES and now - self._crashes[0] < CRASH_WINDOW_S
        if self._quarantined:
            delay = QUARANTINE_S
            self._show(f"quarantined: {why} (tried again every minute)")
        else:
            self._show(f"restarting: {why}")
        if known == why and self._quarantined:
            return delay  # it was said, and /health says it; a line a minute for ever tells nobody more
        text = f"{child.name} crashed ({why}), starting it again in {delay:g} s"
        if child.quiet:
            said = health.say_one_of_many(logging.ERROR, text)
        else:
            log.error("%s", text)
            said = True
        if said and len(self._crashes) == 1:  # the traceback once, not again and again
            for line in health.traceback(error).splitlines():
                log.error("%s", line)
        return delay

    def _stopped(self, group: BaseExceptionGroup[BaseException]) -> NoReturn:
        """What fails while it is cancelled does not end the others: it is logged, and the cancellation goes on."""
        cancelled, errors = group.split(trio.Cancelled)
        if cancelled is None or not isinstance(errors, ExceptionGroup) or self._child.fatal:
            raise group
        log.error("%s failed while it stopped: %s", self._child.name, self._health.describe(errors))
        raise cancelled

    async def _pause(self, delay: float) -> bool:
        """Wait until it is tried again. True if the daemon stops meanwhile."""
        if self._stopping is None:
            await trio.sleep(delay)
            return False
        with trio.move_on_after(delay):
            await self._stopping()
            return True
        return False


async def _start_without(child: Child, health: Health, status: Once) -> None:
    """Let the start go on when a part takes too long to be ready."""
    await trio.sleep(BOOT_S)
    if not status.done:
        health.report(child.name, f"starting: not ready after {BOOT_S:g} s")
        log.warning("%s is not ready after %g s; the start goes on without it", child.name, BOOT_S)
        status.started()


class Once:
    """A task status that may be told more than once."""

    def __init__(self, status: trio.TaskStatus[None]) -> None:
        self._status = status
        self.done = False

    def started(self, value: None = None) -> None:
        """Tell the status unless it was told."""
        if not self.done:
            self.done = True
            self._status.started()
