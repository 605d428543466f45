"""The owner of what the hook could not keep.

It is said in /health until events flow again, or until the counter file is deleted.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import msgspec
import trio

from ctm_trio.core.channels import Figures, StateSender
from ctm_trio.messages.journal import JournalCounters
from ctm_trio.model.event import HOOK_TYPE
from ctm_trio.model.hook_losses import told
from ctm_trio.system.hook_losses import read_losses

log = logging.getLogger("ctm.losses")

LOOK_S = 2.0
"""How often the count is looked at: one small file."""

QUIET_S = 5.0
"""Events flow again when some arrive and none was lost for so long."""


class LossesSnapshot(msgspec.Struct, frozen=True):
    """What the hook could not keep. `text`: in one sentence, "" for nothing. `goes_on`: no event has arrived since."""

    text: str = ""
    goes_on: bool = False


async def run_losses(
    logs: Path,
    journal: Figures[JournalCounters],
    state: StateSender[LossesSnapshot],
    report: Callable[[str], None],
    *,
    look_s: float = LOOK_S,
    quiet_s: float = QUIET_S,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> NoReturn:
    """Look at the hook's count of lost events until cancelled.

    Args:
        logs: the directory of the logs.
        journal: says whether events arrive.
        state: what was lost, and whether it goes on.
        report: told "ok", or what is wrong, for /health.
        look_s, quiet_s: see the constants, in seconds.
    """
    known, arrived, changed_at = "", 0, 0.0
    task_status.started()
    while True:
        text = told(await trio.to_thread.run_sync(read_losses, logs, abandon_on_cancel=True))  # it only reads
        now = trio.current_time()
        if text != known:
            known, arrived, changed_at = text, _arrived(journal), now
            if text:
                log.warning("%s", text)
        flows = _arrived(journal) > arrived and now - changed_at >= quiet_s
        state.publish(LossesSnapshot(text, bool(text) and not flows))
        report(f"degraded: {text}" if state.latest.goes_on else "ok")
        await trio.sleep(look_s)


def _arrived(journal: Figures[JournalCounters]) -> int:
    """Events of hooks so far."""
    by_type = journal.read().by_type
    return by_type.get("tool_call", 0) + by_type.get(HOOK_TYPE, 0)
