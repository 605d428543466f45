"""What the doctor finds, and what only a running daemon knows. Source: PROTOCOL.md, Routes."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ctm_trio.model.config import DEFAULT_PORT, Settings
from ctm_trio.model.hook_losses import NAME
from ctm_trio.model.paths import Paths

OK, WARN, ERR = "ok", "warn", "err"


class Check(msgspec.Struct, frozen=True):
    """One result. `status` is `ok`, `warn` or `err`; message and remediation are for people, "" where there is none."""

    name: str
    status: str
    message: str = ""
    remediation: str = ""

    def wire(self) -> dict[str, str]:
        """As the wire has it: empty texts are left out."""
        texts = {"message": self.message, "remediation": self.remediation}
        return {"name": self.name, "status": self.status, **{key: text for key, text in texts.items() if text}}


class Facts(msgspec.Struct, frozen=True):
    """What the daemon knows when the doctor comes.

    Attributes:
        settings, config_problem: what runs, and why `config.json` is not it.
        live: names of the tmux sessions that run.
        workdirs: of the sessions that run; their projects may have Claude settings of their own.
        port: that is served. configured_port: that `config.json` said when the daemon was started.
        journal_problem: why the event log cannot be written, "" while it can.
        webhook_delivered, webhook_failed: alerts so far.
        down: parts of the daemon that do not run, and why.
        lost, losing: what the hook could not keep, and whether that may go on.
        untyped: session → why a prompt for it waits, or how the last one failed.
        tmux_problem: why tmux cannot be asked, "" while it answers.
    """

    settings: Settings
    paths: Paths
    config_problem: str = ""
    live: frozenset[str] = frozenset()
    workdirs: tuple[str, ...] = ()
    port: int = 0
    configured_port: int = 0
    journal_problem: str = ""
    webhook_delivered: int = 0
    webhook_failed: int = 0
    down: Mapping[str, str] = msgspec.field(default_factory=dict)
    lost: str = ""
    losing: bool = False
    untyped: Mapping[str, str] = msgspec.field(default_factory=dict)
    tmux_problem: str = ""


def daemon_checks(facts: Facts) -> list[Check]:
    """The checks of the daemon itself."""
    checks = [_port(facts), _journal(facts), _losses(facts)]
    if facts.tmux_problem:
        todo = "What is shown of the sessions is what tmux said last. See whether its server hangs (`tmux ls`)."
        checks.append(Check("tmux:server", ERR, facts.tmux_problem, todo))
    for name, state in sorted(facts.down.items()):
        checks.append(Check(f"daemon:{name}", ERR, state, "It is being tried again; the daemon's log says more."))
    for name, why in sorted(facts.untyped.items()):
        todo = (
            f"Attach to it (`ctm-trio attach {name}`), answer what it asks, and send the prompt again if it is missing."
        )
        checks.append(Check(f"prompt:{name}", WARN, f"A prompt for {name} has not arrived: {why}", todo))
    return checks


def _port(facts: Facts) -> Check:
    wanted = facts.settings.port
    if facts.configured_port and wanted not in (facts.port, facts.configured_port):
        text = f"config.json says port {wanted} now; port {facts.port} is served until the daemon is restarted."
        return Check("port", WARN, text, "Restart the daemon when it suits you.")
    if facts.port != wanted and wanted != DEFAULT_PORT:
        text = f"Port {facts.port} is served, config.json says {wanted}."
        return Check("port", WARN, text, "Restart the daemon, unless it was started with --port.")
    return Check("port", OK, f"127.0.0.1:{facts.port}")


def _journal(facts: Facts) -> Check:
    if facts.journal_problem:
        text = "Make room on the disk, and see who else holds ctm-trio.db; nothing is lost meanwhile."
        return Check("journal:state", ERR, f"The event log cannot be written: {facts.journal_problem}", text)
    return Check("journal:state", OK, "events are being recorded")


def _losses(facts: Facts) -> Check:
    if not facts.lost:
        return Check("hooks:lost", OK, "no hook event was lost")
    done = f"To dismiss this, delete {facts.paths.logs / NAME}."
    if facts.losing:
        return Check("hooks:lost", WARN, facts.lost, f"Make room on the disk. {done}")
    return Check("hooks:lost", OK, f"{facts.lost}. Events arrive again. {done}")
