"""Before a daemon runs: the configuration directory becomes its own, or it says in one sentence why it cannot start."""

from __future__ import annotations

import logging
import os
import stat
import sys
import time
from functools import partial
from pathlib import Path

import trio

from ctm_trio.core.threads import in_thread
from ctm_trio.errors.base import CtmError
from ctm_trio.model.paths import Paths
from ctm_trio.system.files import ensure_private_dir
from ctm_trio.system.instance_lock import REINDEX, Holder, InstanceLock, NoLocks, read_holder
from ctm_trio.system.signup_code import SignupCode, has_signed_up

log = logging.getLogger("ctm.server")

REINDEX_LOOK_S = 0.2
"""How often it is looked whether a running `reindex` is done."""

GUARD_S = 2.0
"""How often it is looked whether the lock file is still ours."""

NAMED_S = 1.0
"""How much later the lock file is there again at the latest."""


class StartFailed(Exception):
    """The daemon cannot start, or cannot go on, for a reason that a person can change. The text is one sentence."""


class DirectoryTaken(StartFailed):
    """Another process owns the configuration directory. Source: PROTOCOL.md, Starting and stopping."""

    def __init__(self, root: Path, holder: Holder) -> None:
        if holder.pid:
            since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(holder.started))
            who = f"process {holder.pid} on port {holder.port} (version {holder.version}, since {since})"
        else:
            who = "a daemon of an older version, which does not say its process and port"
        super().__init__(
            f"{root} belongs to {who}; only one daemon can use a directory. Use that one, or stop it first."
        )


def make_directories(root: Path, *more: Path) -> None:
    """Make the configuration directory and others, private.

    Raises:
        StartFailed: one of them cannot be made or used.
    """
    for path in (root, *more):
        try:
            ensure_private_dir(path)
            if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
                os.scandir(path).close()  # says why, if it cannot be read
                raise PermissionError(0, "it cannot be written")
        except FileExistsError:
            raise StartFailed(f"{path} cannot be used: it must be a directory, and it is not.") from None
        except OSError as error:
            raise StartFailed(f"{path} cannot be used as a directory: {error.strerror or error}.") from None


def claim(root: Path, holder: Holder) -> tuple[InstanceLock, bool]:
    """The lock of the directory, and whether we hold it: not yet, while `reindex` does. The caller closes it.

    Raises:
        DirectoryTaken: a daemon owns it.
        StartFailed: the lock cannot be used.
    """
    try:
        lock = InstanceLock(root)
    except OSError as error:
        raise StartFailed(f"{error.filename} cannot be used: {error.strerror or error}.") from None
    try:
        if lock.take(holder):
            return lock, True
        other = _named_holder(root)
        if other.work == REINDEX:
            return lock, False
        raise DirectoryTaken(root, other)
    except NoLocks as error:
        lock.close()
        raise StartFailed(error.message) from None
    except OSError as error:
        lock.close()
        raise StartFailed(f"{root} cannot be used: {error.strerror or error}.") from None
    except BaseException:  # whatever it is, a lock that the caller does not get is not held
        lock.close()
        raise


def _named_holder(root: Path) -> Holder:
    """Who holds the directory. If its lock file was deleted, it makes that again within `GUARD_S`."""
    end = time.monotonic() + GUARD_S + NAMED_S
    while (found := read_holder(root)) is None and time.monotonic() < end:
        time.sleep(NAMED_S / 10)
    return found or Holder()


async def wait_for_reindex(root: Path, lock: InstanceLock, holder: Holder, stop: trio.Event) -> None:
    """Wait until `reindex` has let go of the directory and it is ours, or until we are to stop.

    Raises:
        DirectoryTaken: another daemon got it first.
    """
    while not stop.is_set() and not await in_thread(partial(lock.take_now, holder)):
        other = await in_thread(partial(read_holder, root))
        if other is not None and other.work != REINDEX:
            raise DirectoryTaken(root, other)
        with trio.move_on_after(REINDEX_LOOK_S):
            await stop.wait()


async def guard(root: Path, lock: InstanceLock) -> None:
    """See that the lock file stays ours: one that was removed is made again. Runs until cancelled.

    Raises:
        DirectoryTaken: another daemon got the directory meanwhile. Two would store every line twice, so we end.
    """
    while True:
        await trio.sleep(GUARD_S)
        if not await in_thread(lock.keep):
            other = await in_thread(partial(read_holder, root))
            raise DirectoryTaken(root, other or Holder())


def reason_of(error: BaseException) -> str:
    """The sentence for a failure whose causes are all ones that we name; "" if there is any other.

    Args:
        error: what came out of the daemon, a group or not.
    """
    if isinstance(error, BaseExceptionGroup):
        reasons = [reason_of(inner) for inner in error.exceptions]
        return " ".join(dict.fromkeys(reasons)) if all(reasons) else ""
    if isinstance(error, StartFailed):
        return str(error)
    if isinstance(error, CtmError):
        return error.message
    return ""


def tell_signup_code(paths: Paths) -> None:
    """While nobody has signed up, say where the sign-up code is, and the code itself where only its owner reads."""
    code = SignupCode(paths.signup_code)
    try:
        if has_signed_up(paths.user):
            code.void()  # it is left over if a sign-up was cut off in the middle
            return
        current = code.current()
        if _is_private(sys.stderr.fileno()):
            print(f"Nobody has signed up yet. The sign-up code is {current}", file=sys.stderr)
        else:
            log.info("nobody has signed up yet; `ctm-trio auth code` shows the sign-up code")
    except (OSError, ValueError) as error:
        log.warning("the sign-up code cannot be made or told: %s", error)


def _is_private(output: int) -> bool:
    """True for a terminal, and for a log file that is ours alone."""
    if os.isatty(output):
        return True
    status = os.fstat(output)
    return stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o077
