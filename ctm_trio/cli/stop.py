"""`serve --stop`: end the daemon that runs, wherever it was started from."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from ctm_trio.cli.common import OK, CliError, find_paths, say
from ctm_trio.daemon.hard_stop import HARD_STOP_S
from ctm_trio.system.instance_lock import LOCK_NAME, SERVE, Holder, read_holder

STOP_LIMIT_S = HARD_STOP_S + 2.0
"""How long the daemon is waited for. By its own bound it ends before, even with a disk that hangs."""

LOOK_EVERY_S = 0.05


def stop() -> int:
    """Send SIGTERM to the daemon and wait until it has let go of the directory; the exit code.

    Raises:
        CliError: it is not ours to end, or it does not end.
    """
    root = find_paths().root
    holder = read_holder(root)
    if holder is None or holder.work != SERVE:
        say("No daemon is running.")
        return OK
    if not holder.pid:
        raise CliError("The daemon does not say its process: it is of an older version. End it where it was started.")
    if not _has_open(holder.pid, root / LOCK_NAME):
        text = f"The daemon says that it is process {holder.pid}, and here that is another one or none."
        raise CliError(f"{text} It may run in a container or on another machine; end it there.")
    try:
        os.kill(holder.pid, signal.SIGTERM)
    except ProcessLookupError:
        pass  # it has just ended
    except PermissionError:
        raise CliError(f"The daemon (process {holder.pid}) belongs to another user, so it was not stopped.") from None
    if _is_gone(root, holder):
        say(f"The daemon (process {holder.pid}) has ended.")
        return OK
    text = f"The daemon (process {holder.pid}) has not ended within {STOP_LIMIT_S:g} s."
    raise CliError(f"{text} `kill -9 {holder.pid}` ends it, and no event is lost.")


def _is_gone(root: Path, holder: Holder) -> bool:
    """Wait until another process or none holds the directory; False after `STOP_LIMIT_S`."""
    end = time.monotonic() + STOP_LIMIT_S
    while (now := read_holder(root)) is not None and (now.pid, now.started) == (holder.pid, holder.started):
        if time.monotonic() > end:
            return False
        time.sleep(LOOK_EVERY_S)
    return True


def _has_open(pid: int, path: Path) -> bool:
    """False if the system says that this process does not have the file open.

    A lock on a shared directory may be held from a container or another machine, where its number is another process.
    """
    try:
        wanted = path.stat()
        descriptors = os.listdir(f"/proc/{pid}/fd")
    except PermissionError:
        return True  # another user's: ending it will be refused
    except OSError:
        return not os.path.isdir("/proc/self/fd")  # no such process, or a system that does not tell
    for fd in descriptors:
        try:
            if os.path.samestat(os.stat(f"/proc/{pid}/fd/{fd}"), wanted):
                return True
        except OSError:
            continue  # closed meanwhile
    return False
