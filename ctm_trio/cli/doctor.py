"""`doctor`: what is missing on this machine, and what to do about it."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from ctm_trio.cli.check_labels import label
from ctm_trio.cli.colours import colours_of
from ctm_trio.cli.common import FAILED, OK, CliError, Subparsers, find_paths, plain, print_json, say
from ctm_trio.cli.link import probe
from ctm_trio.cli.views import live_names, use_our_server
from ctm_trio.cli.where import daemon_port, restart_needed, silent_daemon
from ctm_trio.model.doctor import ERR, WARN, Check
from ctm_trio.system.doctor import run_checks
from ctm_trio.system.peers import is_foreign, listener_uid


def add_parser(subparsers: Subparsers) -> None:
    """Declare `doctor`."""
    parser = subparsers.add_parser("doctor", help="check this machine; exit code 1 if something is broken")
    parser.add_argument("--json", action="store_true", help="as JSON")


def _is_missing(path: Path) -> bool:
    """True if there is nothing; False also where that cannot be seen."""
    try:
        os.stat(path)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return False


def run(args: argparse.Namespace) -> int:
    """Run the checks and show them, with a way out of each trouble."""
    from ctm_trio.system.settings_file import load_settings

    paths = find_paths()
    loaded = load_settings(paths.config, create=False)
    problem = "" if _is_missing(paths.config) else loaded.problem
    use_our_server(loaded.settings)
    try:
        live = live_names(paths, loaded.settings)
    except CliError:
        live = frozenset()  # the checks say why
    port = daemon_port(paths, loaded.settings)
    version = probe(port)
    checks = [
        *run_checks(paths, loaded.settings, problem, live),
        daemon_check(port, version, restart_needed(paths, loaded.settings), silent_daemon(paths)),
    ]
    if args.json:
        print_json({"checks": [check.wire() for check in checks]})
    else:
        show(checks)
    return FAILED if any(check.status == ERR for check in checks) else OK


def daemon_check(port: int, version: str | None, restart: str = "", silent: tuple[str, str] = ("", "")) -> Check:
    """Does the daemon answer, and on the port of config.json (`restart` says so if not)? Is nobody else there?

    Args:
        silent: what is to be said if its process is there and does not answer; see `silent_daemon`.
    """
    for host, name in (("127.0.0.1", f"port {port}"), ("::1", f"port {port} of ::1, which `localhost` may mean")):
        uid = listener_uid(port, host)
        if is_foreign(uid):
            text = f"A program of another user (uid {uid}) is using {name}. Do not type a password there."
            return Check("daemon", ERR, text, "Set another serve.port in config.json, and use 127.0.0.1 in addresses.")
    if version is None and silent[0]:
        return Check("daemon", ERR, *silent)
    if version is None:
        return Check("daemon", WARN, f"No daemon answers on port {port}.", "`ctm-trio serve` starts it.")
    if restart:
        return Check(
            "daemon", WARN, restart, "Restart it when it suits you; until then all commands find it on its old port."
        )
    return Check("daemon", "ok", f"version {version} on port {port}")


def show(checks: list[Check]) -> None:
    """Print the checks, a line each, and what to do under those that need it."""
    colours = colours_of(sys.stdout)
    paint = {"ok": colours.green, WARN: colours.yellow, ERR: colours.red}
    labels = [plain(label(check.name)) for check in checks]
    width = max(map(len, labels), default=0)
    for check, name in zip(checks, labels, strict=True):
        mark = {"ok": "✓", WARN: "!", ERR: "✗"}[check.status]
        print(f"{paint.get(check.status, '')}{mark}{colours.off} {name:<{width}} {plain(check.message)}".rstrip())
        if check.remediation:
            print(f"  {'':<{width}} → {plain(check.remediation)}")
    bad = sum(check.status == ERR for check in checks)
    warned = sum(check.status == WARN for check in checks)
    errors, warnings = f"{bad} error{'s' * (bad != 1)}", f"{warned} warning{'s' * (warned != 1)}"
    say("All is well." if not bad and not warned else f"{errors}, {warnings}.")
