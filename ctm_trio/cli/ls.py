"""`ls` and `pick`: the sessions at a glance, and one of them chosen."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from ctm_trio.cli.common import (
    NOT_FOUND,
    OK,
    CliError,
    Subparsers,
    find_paths,
    load_config,
    plain,
    print_json,
    print_table,
    read_book,
    say,
)
from ctm_trio.cli.views import ago, is_live, live_names, use_our_server, view

if TYPE_CHECKING:
    from ctm_trio.model.session import Session


def add_parser(subparsers: Subparsers) -> None:
    """Declare `ls` and `pick`."""
    parser = subparsers.add_parser("ls", help="list the sessions")
    parser.add_argument("--json", action="store_true", help="as JSON")
    subparsers.add_parser("pick", help="choose a session from a list and attach to it")


def run(args: argparse.Namespace) -> int:
    """List, or choose."""
    paths = find_paths()
    settings = load_config(paths, guess=True)
    use_our_server(settings)
    records = list(read_book(paths).records.values())
    try:
        live = live_names(paths, settings)
    except CliError as error:
        say(str(error))
        live = frozenset()
    if args.command == "pick":
        return pick(records, live)
    if args.json:
        print_json([view(record, is_live(record, live)) for record in records])
    elif not records:
        say("There are no sessions yet. `ctm-trio new NAME` starts one here.")
    else:
        print_table(
            ("NAME", "MODE", "STATE", "LAST ATTACHED", "DIRECTORY"),
            [row(record, is_live(record, live)) for record in records],
            ("bold", "", "green", "bright_black", "bright_black"),
        )
    return OK


def row(record: Session, alive: bool) -> list[str]:
    """A session as a line of the table."""
    state = "running" if alive else "ended"
    return [record.name, record.mode, state, ago(record.last_attached_at, " ago"), record.workdir]


def pick(records: list[Session], live: frozenset[str]) -> int:
    """Show a numbered list, read a number or a name, attach."""
    if not records:
        raise CliError("There are no sessions to choose from. `ctm-trio new NAME` starts one here.", NOT_FOUND)
    for number, record in enumerate(records, 1):
        state = "" if is_live(record, live) else "  (ended)"
        say(f"{number:>3}  {plain(record.name):<24} {record.mode:<5} {plain(record.workdir)}{state}")
    say("Number or name: ", end="")
    answer = sys.stdin.readline().strip()
    if not answer:
        raise CliError("No session was chosen.")
    chosen = [record for number, record in enumerate(records, 1) if answer in (str(number), record.name)]
    chosen = chosen or [record for record in records if record.name.startswith(answer)]
    if len(chosen) != 1:
        raise CliError(
            f"No session in the list is called {plain(answer)}."
            if not chosen
            else f"More than one session begins with {plain(answer)}.",
            NOT_FOUND,
        )
    from ctm_trio.cli.sessions import attach

    return attach(chosen[0].name)
