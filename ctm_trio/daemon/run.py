"""One run of the daemon: the web listens first, then everything else is imported and begun; the web ends first.

The web has a nursery inside that of the owners. When both have ended, the archive's readers are closed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

import trio

from ctm_trio.core.supervise import Child, keep_running
from ctm_trio.daemon.front import Front
from ctm_trio.daemon.plan import Plan

if TYPE_CHECKING:
    from ctm_trio.daemon.wiring import Daemon


async def run_daemon(
    plan: Plan,
    *,
    shutdown: Callable[[], Awaitable[object]],
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Run everything until `shutdown()` returns; then the streams end, the last batch is committed, and it returns.

    Raises:
        StoreDamaged: the database must be set aside; run it again afterwards.
        ExceptionGroup: the journal failed, the one part that nothing goes on without.
    """
    front = Front(plan)
    web = Child("http", partial(front.serve, shutdown))
    with ExitStack() as after:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_tell_end, plan.ending, name="ctm: does it end?")
            async with trio.open_nursery() as first:
                # For whoever waits for /healthz; all else waits at the web until the owners have begun.
                await first.start(partial(keep_running, web, front.health, stopping=shutdown), name="keeper of http")
                make = await trio.to_thread.run_sync(_import_wiring, abandon_on_cancel=True)
                daemon = make(plan, front)
                after.callback(daemon.parts.archive.close)
                front.give(daemon.ends())
                await daemon.begin(nursery)
                task_status.started()
            nursery.cancel_scope.cancel()


def _import_wiring() -> type[Daemon]:
    from ctm_trio.daemon.wiring import Daemon

    return Daemon


async def _tell_end(ending: Callable[[], None]) -> None:
    try:
        await trio.sleep_forever()
    finally:
        ending()
