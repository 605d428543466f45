"""The sessions as the quick commands see them: `sessions.json` and one question to tmux, nothing heavy imported."""

from __future__ import annotations

import os
import subprocess
import time
from typing import TYPE_CHECKING

from ctm_trio.cli.common import NOT_FOUND, CliError, plain, read_book
from ctm_trio.model.panes import PANE_FORMAT, living, parse_panes
from ctm_trio.model.times import parse_time
from ctm_trio.system.tmux_words import GONE, exactly, literal, tmux_argv, tmux_name

if TYPE_CHECKING:
    from ctm_trio.model.config import Settings
    from ctm_trio.model.paths import Paths
    from ctm_trio.model.session import Session

TMUX_LIMIT_S = 5.0
"""tmux answers in milliseconds or not at all."""


def tmux_says(paths: Paths, settings: Settings, *words: str) -> tuple[int, str, str]:
    """Run one tmux command: (exit code, what it printed, what it complained of).

    Raises:
        CliError: tmux is missing, or does not answer.
    """
    argv = [*tmux_argv(paths.tmux_conf, settings.tmux_socket), *map(literal, words)]
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=TMUX_LIMIT_S, check=False)
    except FileNotFoundError:
        raise CliError("tmux is not installed, or not on PATH.") from None
    except (OSError, subprocess.TimeoutExpired):
        raise CliError(f"tmux did not answer within {TMUX_LIMIT_S:g} s.") from None
    return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace").strip()


def use_our_server(settings: Settings) -> None:
    """Forget `$TMUX` if we run inside a tmux server that is not the one of our sessions.

    tmux takes the server that it is in for the one that is meant; the daemon, outside, takes the default one. Without
    this, sessions started from another server's pane would be where the daemon does not look.
    """
    inside = os.environ.get("TMUX", "").rsplit(",", 2)[0]
    if not inside:
        return
    socket = settings.tmux_socket
    if "/" not in socket:
        base = os.environ.get("TMUX_TMPDIR") or "/tmp"
        socket = os.path.join(base, f"tmux-{os.geteuid()}", socket or "default")
    if os.path.realpath(inside) != os.path.realpath(socket):
        del os.environ["TMUX"]


def live_names(paths: Paths, settings: Settings) -> frozenset[str]:
    """The names of all tmux sessions that live, in tmux's own spelling; none if no server runs."""
    code, out, said = tmux_says(paths, settings, "list-panes", "-a", "-F", PANE_FORMAT)
    if code != 0 and not any(word in said for word in GONE):
        raise CliError(f"tmux said: {plain(said)}")
    return living(parse_panes(out)) if code == 0 else frozenset()


def is_live(record: Session, live: frozenset[str]) -> bool:
    """True if tmux has this session, and what runs there has not ended."""
    return tmux_name(record.name) in live


def find_record(paths: Paths, name: str) -> Session:
    """The session of this name.

    Raises:
        CliError: there is none.
    """
    record = read_book(paths).records.get(name)
    if record is None:
        raise CliError(f"There is no session named {plain(name)}. `ctm-trio ls` lists them.", NOT_FOUND)
    return record


def enter(paths: Paths, settings: Settings, name: str) -> int:
    """Put the terminal on a session: inside tmux the client switches, outside this process becomes `tmux attach`."""
    if os.environ.get("TMUX"):
        return switch_client(paths, settings, name)
    argv = [*tmux_argv(paths.tmux_conf, settings.tmux_socket), "attach-session", "-t", exactly(name)]
    return become(argv)


def switch_client(paths: Paths, settings: Settings, name: str) -> int:
    """Put the tmux client that we run in on another session."""
    code, _, said = tmux_says(paths, settings, "switch-client", "-t", exactly(name))
    if code != 0:
        raise CliError(f"tmux said: {plain(said)}")
    return 0


def become(argv: list[str]) -> int:
    """Turn this process into another program. Returns only by raising, if that fails."""
    try:
        os.execvp(argv[0], argv)
    except OSError as error:
        raise CliError(f"{argv[0]} cannot be run: {error.strerror}.") from None


def view(record: Session, alive: bool) -> dict[str, object]:
    """A session as the wire shows it, as far as it is known without the daemon. Source: PROTOCOL.md, CLI."""
    shown: dict[str, object] = {
        "name": record.name,
        "uuid": record.uuid,
        "mode": record.mode,
        "workdir": record.workdir,
        "created_at": record.created_at,
    }
    if record.last_attached_at:
        shown["last_attached_at"] = record.last_attached_at
    return {**shown, "is_active": alive, "tmux_alive": alive}


def ago(text: str, more: str = "") -> str:
    """How long ago a time is: `30s`, `3m`, `2h`, `5d`, and `more` behind it; `-` alone if it is none."""
    at = parse_time(text)
    if at is None:
        return "-"
    seconds = max(0, int(time.time() - at))
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{seconds // size}{unit}{more}"
    return f"{seconds}s{more}"
