"""`setup`: the first steps on a new machine, and the same hooks for every session with `--global`."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from ctm_trio.cli.claude_settings import MAX_BYTES, encode, read_document, show_diff, wired
from ctm_trio.cli.common import (
    FAILED,
    OK,
    CliError,
    Subparsers,
    confirm,
    find_paths,
    load_config,
    read_book,
    say,
    unchanged,
)
from ctm_trio.cli.unwatched import unwatched_clients, unwatched_line
from ctm_trio.cli.where import daemon_port
from ctm_trio.model.overlay import without_ours
from ctm_trio.system.owned import file_fault
from ctm_trio.system.regular import read_regular

if TYPE_CHECKING:
    from ctm_trio.model.paths import Paths


def add_parser(subparsers: Subparsers) -> None:
    """Declare `setup`."""
    parser = subparsers.add_parser(
        "setup",
        help="prepare this machine; --global: for every Claude Code session",
        description="Without options: write what is missing under ~/.config/ctm. With --global: put our hooks and "
        "status line into the user's own Claude Code settings, so that sessions started by hand are watched too; "
        "`status` says how many of those run unwatched.",
    )
    parser.add_argument("--global", dest="everywhere", action="store_true", help="change ~/.claude/settings.json")
    parser.add_argument("--undo", action="store_true", help="with --global: take our part out again")
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask")


def run(args: argparse.Namespace) -> int:
    """Prepare, or change the user's settings after showing the change."""
    if not args.everywhere:
        if args.undo:
            raise CliError("--undo goes with --global.", 2)
        return prepare()
    paths = find_paths()
    path = paths.claude_home / "settings.json"
    backup = path.with_name("settings.json.before-ctm")
    return undo(path, backup, yes=args.yes) if args.undo else do(paths, path, backup, yes=args.yes)


def prepare() -> int:
    """Write what is missing under `~/.config/ctm`; what is there stays."""
    from ctm_trio.cli.overlay import write_overlay
    from ctm_trio.cli.tmux_conf import write_tmux_conf
    from ctm_trio.system.settings_file import load_settings

    paths = find_paths()
    loaded = load_settings(paths.config)
    if loaded.problem and (not os.path.exists(paths.config) or file_fault(paths.config)):
        raise CliError(loaded.problem)
    settings = load_config(paths, guess=True)
    if news := write_tmux_conf(paths, settings):
        say(news)
    overlay = write_overlay(paths, settings)
    say(f"Ready: {paths.root}\n  claude-overlay.json wires {len(overlay['hooks'])} events")
    port = daemon_port(paths, settings)
    if note := unwatched_line(unwatched_clients(paths, _recorded(paths), None)):
        say(note)
    say(f"Next: `ctm-trio new NAME` starts a watched session here; the dashboard is on http://127.0.0.1:{port}")
    return OK


def _recorded(paths: Paths) -> frozenset[str]:
    """The Claude session ids of the recorded sessions; none while `sessions.json` cannot be read."""
    try:
        return frozenset(record.uuid for record in read_book(paths).records.values())
    except CliError as error:
        say(str(error))
        return frozenset()


def do(paths: Paths, path: Path, backup: Path, *, yes: bool) -> int:
    """Add our part to the user's settings; the file as it was is kept beside it."""
    old = read_document(path)
    new = wired(old, load_config(paths, guess=True))
    if new == old:
        say(f"{path} is up to date.")
        return OK
    show_diff(path, old, new)
    if not confirm(f"Change {path}?", yes=yes):
        say(unchanged())
        return FAILED
    # A backup is of the user's own settings: one that exists is older than our first change, unless ours are gone.
    if path.exists() and (without_ours(old) == old or not backup.exists()):
        write(backup, read_regular(path, max_bytes=MAX_BYTES))
    write(path, encode(new))
    say(f"Done. As it was: {backup}. `ctm-trio setup --global --undo` takes it back.")
    return OK


def undo(path: Path, backup: Path, *, yes: bool) -> int:
    """Take our part out; edits that were made since stay. If there were none, the file is as it was to the letter."""
    old = read_document(path)
    new = without_ours(old)
    if new == old:
        say(f"{path} has no hooks or status line of ctm-trio.")
        return OK
    show_diff(path, old, new)
    if not confirm(f"Change {path}?", yes=yes):
        say(unchanged())
        return FAILED
    before = read_document(backup)
    if before.get("hooks") == {}:
        before.pop("hooks")  # ours were in there, and leave nothing behind
    if backup.exists() and before == new:
        write(path, read_regular(backup, max_bytes=MAX_BYTES))
        backup.unlink()
    elif new or backup.exists():
        write(path, encode(new))
    else:
        path.unlink()  # there was none before us
    say("Done: our hooks and status line are out.")
    return OK


def write(path: Path, data: bytes) -> None:
    """Replace a file of the user, through a link if it is one, with the permissions that it had."""
    from ctm_trio.system.files import atomic_write, make_private_dir

    try:
        make_private_dir(path.parent)
        atomic_write(path, data, path.stat().st_mode & 0o777 if path.exists() else 0o600)
    except OSError as error:
        raise CliError(f"{path} cannot be written: {error.strerror or error}.") from None
