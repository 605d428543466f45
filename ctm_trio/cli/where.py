"""Where the running daemon is: as its lock file says, whatever `serve.port` says by now.

Source: PROTOCOL.md, Starting and stopping.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctm_trio.system.instance_lock import SERVE, Holder, read_holder

if TYPE_CHECKING:
    from ctm_trio.model.config import Settings
    from ctm_trio.model.paths import Paths


def running(paths: Paths) -> Holder | None:
    """The daemon that owns the configuration directory; None if none does, or if it does not say its port."""
    holder = read_holder(paths.root)
    return holder if holder is not None and holder.work == SERVE and holder.port else None


def daemon_port(paths: Paths, settings: Settings) -> int:
    """The port of the daemon that runs, else the one that it would be started on."""
    holder = running(paths)
    return holder.port if holder is not None else settings.port


def silent_daemon(paths: Paths) -> tuple[str, str]:
    """For whoever has asked the daemon in vain: if its process is there, that it does not answer, and what to do.

    Two sentences; both are "" if it does not run.
    """
    holder = running(paths)
    if holder is None:
        return "", ""
    what = f"The daemon (process {holder.pid}, port {holder.port}) does not answer."
    return what, f"If it stays so, `kill -9 {holder.pid}` ends it, and no event is lost; `ctm-trio serve` starts it."


def restart_needed(paths: Paths, settings: Settings) -> str:
    """A sentence if `serve.port` was changed since the daemon was started, "" otherwise."""
    holder = running(paths)
    if holder is None or settings.port in (holder.port, holder.configured):
        return ""
    return f"config.json says port {settings.port} now; port {holder.port} is served until the daemon is restarted."
