"""`new`, `yolo`, `safe`, `attach`, `last`: into a session, which is started if need be."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
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
    print_json,
    read_book,
    say,
    unchanged,
)
from ctm_trio.cli.lifecycle import run_hook, tell
from ctm_trio.cli.link import START_LIMIT_S, ensure_daemon
from ctm_trio.cli.offers import offer
from ctm_trio.cli.views import enter, find_record, is_live, live_names, use_our_server, view
from ctm_trio.model.session import is_new_name
from ctm_trio.model.times import format_time

if TYPE_CHECKING:
    from ctm_trio.model.config import Settings
    from ctm_trio.model.paths import Paths
    from ctm_trio.model.session import Session, SessionBook


def add_parser(subparsers: Subparsers) -> None:
    """Declare the commands."""
    new = subparsers.add_parser("new", help="start a session here and attach to it")
    offer(_where(new), "directories")  # a session that is there cannot be made
    modes = new.add_mutually_exclusive_group()
    modes.add_argument("--yolo", dest="mode", action="store_const", const="yolo", help="without permission dialogs")
    modes.add_argument("--safe", dest="mode", action="store_const", const="safe", help="with them")
    new.add_argument("--prompt", default="", metavar="TEXT", help="what to tell Claude first")
    new.add_argument("--json", action="store_true", help="print the session as JSON, and do not attach")
    for mode, text in (("yolo", "without"), ("safe", "with")):
        parser = subparsers.add_parser(mode, help=f"run a session {text} permission dialogs, and attach to it")
        offer(_where(parser), "sessions")
        parser.add_argument("-y", "--yes", action="store_true", help="restart without asking")
    attach_ = subparsers.add_parser("attach", help="attach to a session; one that has ended is started again")
    offer(attach_.add_argument("name", metavar="NAME"), "sessions")
    subparsers.add_parser("last", help="attach to the session that you attached to last")


def _where(parser: argparse.ArgumentParser) -> argparse.Action:
    """Declare the name, which is returned, and the directory."""
    name = parser.add_argument(
        "name", nargs="?", metavar="NAME", help="default: the directory's name; a path is taken as DIRECTORY"
    )
    workdir = parser.add_argument(
        "workdir", nargs="?", metavar="DIRECTORY", help="where it works (default: here); made if it is missing"
    )
    offer(workdir, "directories")
    parser.add_argument("-d", "--detached", action="store_true", help="do not attach")
    return name


def run(args: argparse.Namespace) -> int:
    """Do the command."""
    if args.command == "attach":
        return attach(args.name)
    if args.command == "last":
        return last()
    paths = find_paths()
    name, where = name_and_place(args.name, args.workdir)
    try:
        workdir = Path(os.path.abspath(os.path.expanduser(where or os.getcwd())))
    except OSError as error:  # only where we are matters: an absolute path needs no directory of ours
        raise CliError(f"The directory you are in cannot be used: {error.strerror}. Go to another one.") from None
    if name and not is_new_name(name):
        raise CliError(
            f"{plain(name)} cannot be a session's name. Use at most 64 letters, digits, dots, _ and -.", USAGE
        )
    settings = prepare(paths)
    if name:
        known = read_book(paths).records.get(name)
    else:
        name, known = guessed(paths, settings, str(workdir), new=args.command == "new")
    place = str(workdir) if known is None else known.workdir
    missing = not os.path.exists(place)
    if args.command == "new":
        mode = args.mode or ("yolo" if settings.default_mode == "yolo" else "safe")
        record = start(paths, settings, name, str(workdir), mode, args.prompt)
        if args.json:
            print_json(view(record, True))
            return OK
    elif known is not None and where and known.workdir != str(workdir):
        raise CliError(f"{name} works in {plain(known.workdir)} already; give this one another name.")
    elif known is None:
        record = start(paths, settings, name, str(workdir), args.command, "")
    else:
        record = in_mode(paths, settings, known, args.command, yes=args.yes)
    if missing and os.path.isdir(place):
        print(f"Made {plain(place)} (it did not exist).", flush=True)  # now: attaching replaces this process
    if args.detached or not (sys.stdin.isatty() and sys.stdout.isatty()):
        say(f"{record.name} runs in {record.workdir}. `ctm-trio attach {record.name}` goes to it.")
        return OK
    return go(paths, settings, record)


def guessed(paths: Paths, settings: Settings, workdir: str, *, new: bool) -> tuple[str, Session | None]:
    """The name where none was given, and the session that has it: one of this directory, or none yet.

    A session that works elsewhere is never meant, whatever it is called.

    Args:
        workdir: absolute.
        new: a new session is wanted.

    Raises:
        CliError: several sessions work here, and none is called like the directory.
    """
    from ctm_trio.model.session_names import name_of, new_name
    from ctm_trio.system.session_place import sessions_at
    from ctm_trio.system.tmux_words import tmux_name

    records = read_book(paths).records
    here = sessions_at(records.values(), workdir)
    base = name_of(os.path.basename(workdir))
    taken = {tmux_name(name) for name in records} | live_names(paths, settings)
    if not new and here:
        meant = [session for session in here if tmux_name(session.name) == tmux_name(base)] or here
        if len(meant) > 1:
            names = ", ".join(plain(session.name) for session in here)
            raise CliError(f"Several sessions work in {plain(workdir)}: {names}. Say which one.", USAGE)
        return meant[0].name, meant[0]
    found = new_name(base, here, taken, tmux_name)
    return (found, None) if isinstance(found, str) else (found.name, found)


def name_and_place(name: str | None, workdir: str | None) -> tuple[str, str]:
    """The name and the directory that were given, "" for what was not. One word with a slash is a directory."""
    if name and workdir is None and ("/" in name or name in (".", "..")):
        return "", name
    return name or "", workdir or ""


def prepare(paths: Paths) -> Settings:
    """See that everything a session needs is there: settings, tmux.conf, overlay, and the daemon."""
    from ctm_trio.cli.overlay import write_overlay
    from ctm_trio.cli.tmux_conf import write_tmux_conf
    from ctm_trio.cli.where import silent_daemon
    from ctm_trio.system.settings_file import load_settings

    load_settings(paths.config)  # makes it, if it is missing
    settings = load_config(paths)  # refused if it does not parse: it may name another tmux server
    write_tmux_conf(paths, settings)
    if not os.path.exists(paths.overlay):
        write_overlay(paths, settings)
    use_our_server(settings)
    if not ensure_daemon(paths, settings):
        silent, cure = silent_daemon(paths)
        hint = cure or f"If `ctm-trio status` does not find it soon, see {paths.root / 'ctm-trio.log'}."
        say(f"{silent or f'The daemon has not answered within {START_LIMIT_S:g} s.'} {hint}")
    return settings


def start(paths: Paths, settings: Settings, name: str, workdir: str, mode: str, prompt: str) -> Session:
    """A new session, announced."""
    from ctm_trio.cli.spawning import Starter

    record = Starter(paths, settings).new(name, workdir, mode, prompt)
    tell(settings, "session_new", record)
    run_hook(settings, "on_new", record)
    if mode == "yolo":
        tell(settings, "on_yolo", record)
        run_hook(settings, "on_yolo", record)
    return record


def in_mode(paths: Paths, settings: Settings, record: Session, mode: str, *, yes: bool) -> Session:
    """The session, running in this mode: restarted with its conversation if it ran in the other one."""
    from ctm_trio.cli.spawning import Starter

    alive = is_live(record, live_names(paths, settings))
    if alive and record.mode == mode:
        return record
    if alive and not confirm(
        f"{record.name} runs in {record.mode} mode. End it and start it again in {mode} mode?", yes=yes
    ):
        raise CliError(unchanged())
    started = Starter(paths, settings).again(record, mode, end=alive)
    if started is None:
        raise CliError(f"{record.name} was started by somebody else in the meantime. Look at it, then try again.")
    record = started
    tell(settings, "session_new", record)
    if mode == "yolo":
        tell(settings, "on_yolo", record)
    run_hook(settings, f"on_{mode}", record)
    return record


def attach(name: str) -> int:
    """Attach to a session, which is started again if it has ended."""
    paths = find_paths()
    record = find_record(paths, name)
    need_terminal()
    settings = prepare(paths)
    if not is_live(record, live_names(paths, settings)):
        from ctm_trio.cli.spawning import Starter

        say(f"{name} had ended; it is started again.")
        started = Starter(paths, settings).again(record, record.mode, end=False)
        if started is not None:  # else another terminal was first, and we go where that one goes
            tell(settings, "session_new", started)
    return go(paths, settings, record)


def last() -> int:
    """Attach to the session that was attached to last."""
    records = read_book(find_paths()).records.values()
    if not records:
        raise CliError("There are no sessions yet. `ctm-trio new NAME` starts one here.", NOT_FOUND)
    return attach(max(records, key=lambda record: (record.last_attached_at, record.created_at)).name)


def need_terminal() -> None:
    """Attaching is for people.

    Raises:
        CliError: there is no terminal.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise CliError("Attaching needs a terminal.")


def go(paths: Paths, settings: Settings, record: Session) -> int:
    """Note and announce that we attach, then do it: this process becomes tmux's client."""
    need_terminal()
    from ctm_trio.cli.spawning import Starter

    now = format_time(time.time())

    def step(book: SessionBook) -> SessionBook:
        known = book.records.get(record.name)
        return book if known is None else book.having(replace(known, last_attached_at=now))

    Starter(paths, settings).change(step)
    tell(settings, "session_attached", record)
    run_hook(settings, "on_attach", record)
    return enter(paths, settings, record.name)
