"""`overlay`: the settings that spawned sessions get on top of the user's own."""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ctm_trio.cli.claude_settings import MAX_BYTES, claude_version, contents, encode, read_document, show_diff, wired
from ctm_trio.cli.common import (
    FAILED,
    NOT_FOUND,
    OK,
    CliError,
    Subparsers,
    find_paths,
    json_line,
    load_config,
    plain,
    say,
)
from ctm_trio.cli.streams import put_bytes
from ctm_trio.model.overlay import Document, is_ours, own_statusline, without_ours
from ctm_trio.system.regular import read_regular

if TYPE_CHECKING:
    from ctm_trio.model.config import Settings
    from ctm_trio.model.paths import Paths


def add_parser(subparsers: Subparsers) -> None:
    """Declare `overlay`."""
    parser = subparsers.add_parser(
        "overlay",
        help="the Claude Code settings of spawned sessions: hooks and status line",
        description="init: write it for the installed Claude Code; show: print it; edit: open it in $EDITOR; "
        "path: say where it is.",
    )
    parser.add_argument("action", nargs="?", choices=("init", "show", "edit", "path"), default="show")


def run(args: argparse.Namespace) -> int:
    """Do the action."""
    paths = find_paths()
    if args.action == "path":
        if sys.stdout.isatty():
            print(plain(paths.overlay))
        else:
            put_bytes(os.fsencode(paths.overlay) + b"\n")  # for a program: the very name
        return OK
    if args.action == "init":
        old = read_document(paths.overlay)
        new = write_overlay(paths, load_config(paths, guess=True))
        show_diff(paths.overlay, old, new)
        version = claude_version()
        known = "Claude Code " + ".".join(map(str, version)) if version else "any Claude Code (`claude` was not found)"
        done = "Unchanged" if old == new else "Written"
        say(f"{done}: {contents(new)}, for {known}. `ctm-trio overlay show` prints it.")
        return OK
    if not os.path.exists(paths.overlay):
        if args.action == "show":
            raise CliError("There is no overlay yet. `ctm-trio overlay init` writes one.", NOT_FOUND)
        write_overlay(paths, load_config(paths, guess=True))
    if args.action == "edit":
        return edit(paths.overlay)
    try:
        text = read_regular(paths.overlay, max_bytes=MAX_BYTES).decode(errors="replace")
    except OSError as error:
        raise CliError(f"{paths.overlay} cannot be read: {error.strerror}.") from None
    sys.stdout.write(json_line(text))
    return OK


def write_overlay(paths: Paths, settings: Settings) -> Document:
    """Write `claude-overlay.json` for the installed Claude Code and return it. What else is in it stays.

    The status line that it runs in the end is, in this order: one that stands in the overlay itself, the one of the
    user's settings, the one that the overlay ran until now.
    """
    from ctm_trio.system.files import atomic_write, ensure_private_dir

    old = read_document(paths.overlay)
    base = without_ours(old)
    try:
        users = without_ours(read_document(paths.claude_home / "settings.json"))
    except CliError as error:
        say(f"{error} The overlay is made without it.")
        users = {}
    line = old.get("statusLine")
    if "statusLine" in users and (not isinstance(line, dict) or is_ours(line.get("command"))):
        base["statusLine"] = users["statusLine"]
    new = wired(base, settings, own_statusline(base))
    if new != old:
        try:
            ensure_private_dir(paths.root)
            if old:
                atomic_write(paths.overlay.with_name(paths.overlay.name + ".bak"), encode(old))
            atomic_write(paths.overlay, encode(new))
        except OSError as error:
            raise CliError(f"{paths.overlay} cannot be written: {error.strerror or error}.") from None
    return new


def edit(path: Path) -> int:
    """Open the file in the user's editor, then see that it still is what Claude Code can read."""
    given = os.environ.get("VISUAL") or os.environ.get("EDITOR") or ""
    try:
        editor = shlex.split(given) or ["vi"]
    except ValueError as error:
        raise CliError(f"{plain(given)} is not a command that starts an editor: {error}. Set $EDITOR.") from None
    try:
        code = subprocess.run([*editor, str(path)], check=False).returncode
    except OSError as error:
        raise CliError(f"The editor cannot be started: {error.strerror}. Set $EDITOR.") from None
    read_document(path)
    return OK if code == 0 else FAILED
