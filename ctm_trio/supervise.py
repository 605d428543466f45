"""Supervision: how a child of the daemon starts, what happens when it crashes, and what /health says of it."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NoReturn, Protocol, TypeVar

import trio

from ctm_trio.channels import StateReceiver, StateSender
from ctm_trio.messages import HealthSnapshot

log = logging.getLogger("ctm.supervise")

S = TypeVar("S")
P = TypeVar("P")

BACKOFF_FIRST_S = 0.5
BACKOFF_MAX_S = 30.0
"""A child that crashes is started again after half a second, then after twice as long each time, up to this."""

HEALTHY_S = 60.0
"""A child that ran so long starts with the first backoff again."""

CRASHES, CRASH_WINDOW_S = 5, 600.0
"""So many crashes within so many seconds are no accident: the daemon gives up, for whoever supervises it to see."""


class Start(Protocol):
    """One incarnation of a child: runs until cancelled, calls `task_status.started()` when it is ready."""

    def __call__(self, *, task_status: trio.TaskStatus[None]) -> Awaitable[object]: ...


@dataclass(frozen=True, slots=True)
class Child:
    """A task of the daemon's nursery.

    Args:
        name: as /health and the metrics show it.
        start: called for each incarnation; clone channel ends in it, so that each closes its own.
        fatal: a crash ends the daemon (a silent restart could lie), else it is restarted with backoff.
        quiet: not listed in /health while it runs (one of hundreds of tailers); crashes are still counted.
    """

    name: str
    start: Start
    fatal: bool = False
    quiet: bool = False


class Health:
    """Collects what the children report into one state channel. The daemon's nursery owns it."""

    def __init__(self, state: StateSender[HealthSnapshot]) -> None:
        self._state = state
        self._components: dict[str, str] = {}
        self._restarts: dict[str, int] = {}

    def report(self, name: str, status: str) -> None:
        """Say how a child is: "ok", "starting", or what is wrong; "" takes it off the list."""
        if status:
            self._components[name] = status
        else:
            self._components.pop(name, None)
        self._publish()

    def crashed(self, name: str) -> None:
        """Count a crash."""
        self._restarts[name] = self._restarts.get(name, 0) + 1
        self._publish()

    def _publish(self) -> None:
        self._state.publish(HealthSnapshot(dict(self._components), dict(self._restarts)))


async def keep_running(
    child: Child, health: Health, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Run a child, restart it when it crashes, until cancelled or until it returns.

    A crash before its first `started()` is a boot failure and is raised, like every crash of a fatal child and the
    fifth crash in ten minutes of any other.
    """
    status = Once(task_status)
    crashes: deque[float] = deque(maxlen=CRASHES)
    delay = BACKOFF_FIRST_S
    while True:
        began = trio.current_time()
        try:
            async with trio.open_nursery() as nursery:
                await nursery.start(_incarnation, child)
                if not child.quiet:
                    health.report(child.name, "ok")
                status.started()
            return
        except Exception as error:  # the one place that may: it names the child, counts, and decides
            now = trio.current_time()
            crashes.append(now)
            health.crashed(child.name)
            spent = len(crashes) == CRASHES and now - crashes[0] < CRASH_WINDOW_S
            if child.fatal or not status.done or spent:
                health.report(child.name, "failed")
                raise
            if now - began > HEALTHY_S:
                delay = BACKOFF_FIRST_S
            log.error("%s crashed, starting it again in %.1f s", child.name, delay, exc_info=error)
            health.report(child.name, f"restarting: {type(error).__name__}")
        await trio.sleep(delay)
        delay = min(delay * 2, BACKOFF_MAX_S)
        if child.quiet:
            health.report(child.name, "")


async def rerun_on_change(
    settings: StateReceiver[S],
    pick: Callable[[S], P],
    make: Callable[[P], Start],
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> NoReturn:
    """Run a child with a part of the settings; when that part changes, end it and start it with the new one.

    Args:
        settings: the snapshots.
        pick: the part that the child depends on; compared by equality.
        make: builds an incarnation for one value of it.
    """
    status = Once(task_status)
    while True:
        version = settings.version
        part = pick(settings.latest)
        async with trio.open_nursery() as nursery:
            await nursery.start(_run, make(part))
            status.started()
            while pick(settings.latest) == part:
                version = await settings.wait_newer(version)
            nursery.cancel_scope.cancel()


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


async def _incarnation(child: Child, *, task_status: trio.TaskStatus[None]) -> None:
    await child.start(task_status=task_status)


async def _run(start: Start, *, task_status: trio.TaskStatus[None]) -> None:
    await start(task_status=task_status)
