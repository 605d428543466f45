"""Waiting for the end of a process that is not ours to wait for."""

from __future__ import annotations

import os
import sys

import trio

from ctm_trio.model.pids import pid_of

LOOK_S = 1.0
"""How often it is looked where the system cannot tell."""


async def process_ended(pid: int) -> None:
    """Return when the process of this number has ended, at once if there is none. Costs a descriptor, and no CPU."""
    if not pid_of(pid):
        await trio.lowlevel.checkpoint()
        return
    if sys.platform == "linux":
        try:
            fd = os.pidfd_open(pid)
        except ProcessLookupError:
            await trio.lowlevel.checkpoint()
            return
        except OSError:
            pass  # no descriptor to be had, or a kernel that does not know it
        else:
            try:
                await trio.lowlevel.wait_readable(fd)
            finally:
                os.close(fd)
            return
    while _is_there(pid):  # noqa: ASYNC110  # another user's system, or no descriptor
        await trio.sleep(LOOK_S)


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True
