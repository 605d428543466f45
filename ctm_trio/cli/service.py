"""`service`: the daemon as a service of the user's session: a systemd user unit, or a launchd agent on macOS."""

from __future__ import annotations

import argparse
import os
import plistlib
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from ctm_trio.cli.common import FAILED, OK, CliError, Subparsers, find_paths, load_config, plain, print_json, say
from ctm_trio.cli.link import probe, serve_command
from ctm_trio.cli.where import daemon_port, silent_daemon

NAME = "ctm-trio"
LABEL = "io.github.ctm-trio"
COMMAND_LIMIT_S = 20.0
"""How long systemctl or launchctl may take."""

UNIT = """\
[Unit]
Description=ctm-trio, the daemon that watches Claude Code sessions

[Service]
ExecStart={command}
Environment={path}
Restart=on-failure
RestartSec=2
# The tmux sessions that it starts are the user's own and live on without it.
KillMode=process

[Install]
WantedBy=default.target
"""


def add_parser(subparsers: Subparsers) -> None:
    """Declare `service`."""
    parser = subparsers.add_parser("service", help="start the daemon with your login session")
    parser.add_argument("action", choices=("install", "uninstall", "status"))
    parser.add_argument("--no-start", action="store_true", help="install: write the file, start nothing")
    parser.add_argument("--json", action="store_true", help="status as JSON")


def run(args: argparse.Namespace) -> int:
    """Install, remove or look."""
    file = unit_path()
    if args.action == "install":
        return install(file, start=not args.no_start)
    if args.action == "uninstall":
        return uninstall(file)
    paths = find_paths()
    version = probe(daemon_port(paths, load_config(paths, guess=True)))
    silent = "" if version else silent_daemon(paths)[0]
    if args.json:
        print_json(
            {"installed": os.path.exists(file), "file": str(file), "running": version is not None, "version": version}
        )
    else:
        print(f"service:  {'installed, ' + plain(file) if os.path.exists(file) else 'not installed'}")
        print(f"daemon:   {'running, version ' + plain(version) if version else silent or 'not running'}")
    return OK if version else FAILED


def unit_path() -> Path:
    """Where the service's file belongs on this system."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "LaunchAgents" / f"{LABEL}.plist"
    base = os.environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "systemd" / "user" / f"{NAME}.service"


def unit_text() -> bytes:
    """The service's file. It keeps today's PATH, or the daemon would find neither claude nor tmux."""
    words = serve_command()
    path = os.environ.get("PATH", os.defpath)
    if sys.platform == "darwin":
        return plistlib.dumps(
            {
                "Label": LABEL,
                "ProgramArguments": words,
                "EnvironmentVariables": {"PATH": path},
                "RunAtLoad": True,
                "KeepAlive": {"SuccessfulExit": False},
            }
        )
    return UNIT.format(
        command=" ".join(quoted(word).replace("$", "$$") for word in words), path=quoted(f"PATH={path}")
    ).encode()


def quoted(word: str) -> str:
    """A word in a systemd unit: quoted, with nothing that systemd would expand."""
    text = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{text}"'


def install(file: Path, *, start: bool) -> int:
    """Write the file and start the service, now and at each login."""
    from ctm_trio.system.files import atomic_write, make_private_dir

    try:
        make_private_dir(file.parent)
        atomic_write(file, unit_text(), 0o644)
    except OSError as error:
        raise CliError(f"{file} cannot be written: {error.strerror or error}.") from None
    say(f"Written: {file}")
    if not start:
        return OK
    done = (
        control(["launchctl", "bootstrap", f"gui/{os.getuid()}", str(file)])
        if sys.platform == "darwin"
        else control(["systemctl", "--user", "daemon-reload"])
        and control(["systemctl", "--user", "enable", "--now", f"{NAME}.service"])
    )
    if not done:
        say("The file is there, but the service could not be started. Try again from your own login session.")
        return FAILED
    say("The daemon runs, and starts with your login session.")
    return OK


def uninstall(file: Path) -> int:
    """Stop the service and remove its file."""
    if not os.path.exists(file):
        say("The service is not installed.")
        return OK
    if sys.platform == "darwin":
        control(["launchctl", "bootout", f"gui/{os.getuid()}/{LABEL}"])
    else:
        control(["systemctl", "--user", "disable", "--now", f"{NAME}.service"])
    try:
        file.unlink()
    except OSError as error:
        raise CliError(f"{file} cannot be removed: {error.strerror}.") from None
    say(f"Removed: {file}")
    return OK


def control(words: Sequence[str]) -> bool:
    """Run the system's service manager; False, and why, if it fails."""
    if shutil.which(words[0]) is None:
        say(f"`{words[0]}` is not installed here.")
        return False
    try:
        done = subprocess.run(words, capture_output=True, timeout=COMMAND_LIMIT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        say(f"`{' '.join(words)}` failed: {error}")
        return False
    if done.returncode != 0:
        say(f"`{' '.join(words)}` failed: {done.stderr.decode(errors='replace').strip()}")
    return done.returncode == 0
