"""What happens around a change to a session: the daemon is told, and the user's own hooks run."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING

from ctm_trio.cli.common import find_paths, say
from ctm_trio.cli.link import post_event
from ctm_trio.cli.where import daemon_port
from ctm_trio.system.owned import file_fault

if TYPE_CHECKING:
    from ctm_trio.model.config import Settings
    from ctm_trio.model.session import Session

HOOKS = ("on_new", "on_attach", "on_yolo", "on_safe", "on_kill", "on_forget", "on_rename", "on_switch", "on_detach")
"""Keys of `hooks` in config.json that run a command of the user's. Their variables are `CTM_EVENT`, `CTM_SESSION`,
`CTM_UUID`, `CTM_MODE` and `CTM_WORKDIR`; with on_rename also `CTM_OLD_NAME`."""

KILL_GRACE_S = 2.0
"""How long a hook that was killed is waited for."""


def tell(settings: Settings, event: str, record: Session) -> None:
    """Post a lifecycle event to the daemon. If none runs there is nobody to tell: it reads the files when it starts."""
    fields = {"name": record.name, "uuid": record.uuid, "mode": record.mode, "workdir": record.workdir}
    post_event(daemon_port(find_paths(), settings), event, fields)


def run_hook(settings: Settings, event: str, record: Session, **more: str) -> None:
    """Run the user's hook of this event, if there is one, and wait for it within `hook_timeout_seconds`.

    It is a shell command from the user's own settings; the session is in its environment, never in its text. A hook
    that fails or takes too long is reported, and stops nothing.
    """
    command = dict(settings.hooks).get(event, "")
    if not command:
        return
    config = find_paths().config
    if fault := file_fault(config):
        say(f"The hook {event} is not run: {config} is not safe, {fault}.")
        return
    env = {
        **os.environ,
        "CTM_EVENT": event,
        "CTM_SESSION": record.name,
        "CTM_UUID": record.uuid,
        "CTM_MODE": record.mode,
        "CTM_WORKDIR": record.workdir,
        **more,
    }
    try:
        process = subprocess.Popen(
            ["/bin/sh", "-c", command], stdin=subprocess.DEVNULL, stdout=2, env=env, start_new_session=True
        )
    except OSError as error:
        say(f"The hook {event} cannot be run: {error.strerror}.")
        return
    try:
        code = process.wait(settings.hook_timeout_s)
        if code != 0:
            say(f"The hook {event} ended with {code}.")
    except subprocess.TimeoutExpired:
        say(f"The hook {event} was ended: it took more than {settings.hook_timeout_s:g} s.")
    finally:
        if process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            with suppress(subprocess.TimeoutExpired):  # one that hangs in the kernel is left to the system
                process.wait(KILL_GRACE_S)
