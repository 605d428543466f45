"""`kill`, `forget`, `rename`, `switch`, `detach`."""

from __future__ import annotations

import argparse
import os
import shlex
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ctm_trio.cli.common import (
    NOT_FOUND,
    OK,
    USAGE,
    CliError,
    Subparsers,
    confirm,
    find_paths,
    load_config,
    plain,
    say,
    unchanged,
)
from ctm_trio.cli.lifecycle import run_hook, tell
from ctm_trio.cli.offers import offer
from ctm_trio.cli.views import find_record, is_live, live_names, switch_client, tmux_says, use_our_server
from ctm_trio.model.session import Session, is_name
from ctm_trio.system.tmux_words import exactly, tmux_server

if TYPE_CHECKING:
    from ctm_trio.model.config import Settings
    from ctm_trio.model.paths import Paths


def add_parser(subparsers: Subparsers) -> None:
    """Declare the commands."""
    kill = subparsers.add_parser("kill", help="end a session; its record and log stay")
    forget = subparsers.add_parser("forget", help="drop a session's record; its log stays")
    for parser in (kill, forget):
        offer(parser.add_argument("name", metavar="NAME"), "sessions")
        parser.add_argument("-y", "--yes", action="store_true", help="do not ask")
    rename = subparsers.add_parser("rename", help="give a session another name")
    offer(rename.add_argument("name", metavar="NAME"), "sessions")
    rename.add_argument("to", metavar="NEW")
    switch = subparsers.add_parser("switch", help="inside tmux: go to another session")
    offer(switch.add_argument("name", metavar="NAME"), "sessions")
    detach = subparsers.add_parser("detach", help="detach from a session, which goes on")
    name = detach.add_argument("name", nargs="?", metavar="NAME", help="default: the one you are in")
    offer(name, "sessions")


def run(args: argparse.Namespace) -> int:
    """Do the command."""
    if args.command == "rename":
        return rename(args.name, args.to)
    if args.command == "switch":
        return switch(args.name)
    if args.command == "detach":
        return detach(args.name)
    paths = find_paths()
    settings = load_config(paths, guess=True)
    use_our_server(settings)
    record = find_record(paths, args.name)
    text = "End it" if args.command == "kill" else "Forget it"
    if not confirm(f"{record.name} in {plain(record.workdir)}. {text}?", yes=args.yes):
        raise CliError(unchanged())
    from ctm_trio.cli.spawning import Starter

    starter = Starter(paths, settings)
    if args.command == "kill":
        starter.kill(record.name)
        tell(settings, "session_killed", record)
        run_hook(settings, "on_kill", record)
        say(f"{record.name} has ended. `ctm-trio attach {record.name}` starts it again.")
    else:
        starter.forget(record.name)
        run_hook(settings, "on_forget", record)
        say(f"{record.name} is forgotten; its log stays.{still_runs(paths, settings, record)}")
    return OK


def still_runs(paths: Paths, settings: Settings, record: Session) -> str:
    """For whoever has forgotten a session: that its client goes on in tmux, and how to end it; "" if it does not."""
    try:
        if not is_live(record, live_names(paths, settings)):
            return ""
    except CliError:
        return ""  # the record is gone, which is what was asked for
    # Quoted, because zsh takes an unquoted `=NAME` for the path of a program.
    words = [*tmux_server(settings.tmux_socket), "kill-session", "-t"]
    return f" It still runs in tmux: `{shlex.join(words)} '{exactly(record.name)}'` ends it."


def rename(name: str, to: str) -> int:
    """Rename in tmux and in the record."""
    paths = find_paths()
    settings = load_config(paths, guess=True)
    use_our_server(settings)
    record = find_record(paths, name)
    if to == name:
        raise CliError(f"The session is called {plain(to)} already.", USAGE)
    if not is_name(to):
        raise CliError(f"{plain(to)!r} cannot be the new name. Use at most 100 letters, digits, _ and -.", USAGE)
    from ctm_trio.cli.spawning import Starter

    Starter(paths, settings).rename(name, to)
    run_hook(settings, "on_rename", replace(record, name=to), CTM_OLD_NAME=name)
    say(f"Renamed {name} to {to}.")
    return OK


def switch(name: str) -> int:
    """Go to another session inside tmux."""
    paths = find_paths()
    settings = load_config(paths, guess=True)
    use_our_server(settings)
    record = find_record(paths, name)
    if not os.environ.get("TMUX"):
        raise CliError(f"You are not inside the sessions' tmux server. `ctm-trio attach {plain(name)}` goes there.")
    if not is_live(record, live_names(paths, settings)):
        raise CliError(f"{name} has ended. `ctm-trio attach {name}` starts it again.", NOT_FOUND)
    run_hook(settings, "on_switch", record)
    switch_client(paths, settings, name)
    tell(settings, "session_attached", record)
    return OK


def detach(name: str | None) -> int:
    """Detach this client, or every client of a session."""
    paths = find_paths()
    settings = load_config(paths, guess=True)
    use_our_server(settings)
    if name is None and not os.environ.get("TMUX"):
        raise CliError("You are not inside the sessions' tmux server; say which session to detach from.")
    record = find_record(paths, name) if name is not None else Session(os.environ.get("CTM_SESSION", ""))
    words = ("detach-client", "-s", exactly(name)) if name is not None else ("detach-client",)
    run_hook(settings, "on_detach", record)
    code, _, said = tmux_says(paths, settings, *words)
    if code != 0:
        if "no current client" in said and name is not None:
            raise CliError(f"Nobody is attached to {plain(name)}.")
        raise CliError(f"tmux said: {plain(said)}")
    return OK
