"""`ls` and `pick`: the sessions at a glance, and one of them chosen."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

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
from ctm_trio.cli.statuses import BASE_KEYS, VIEW_KEYS, Statuses, read_statuses, state_of
from ctm_trio.cli.views import ago, is_live, live_names, use_our_server, view
from ctm_trio.cli.where import running
from ctm_trio.model.status_words import status_words

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
    holder = running(paths)
    names = [record.name for record in records]
    statuses = Statuses() if holder is None else read_statuses(paths, holder.port, names)
    views = [{**view(record, is_live(record, live)), **statuses.of.get(record.name, {})} for record in records]
    if args.command == "pick":
        return pick(records, [words(shown) for shown in views])
    views += [{key: found[key] for key in (*BASE_KEYS, *VIEW_KEYS) if key in found} for found in statuses.unmanaged]
    if args.json:
        print_json(views)
    elif not views:
        say("There are no sessions yet. `ctm-trio new NAME` starts one here.")
    else:
        print_table(
            ("NAME", "MODE", "STATE", "LAST ATTACHED", "DIRECTORY"),
            [row(shown) for shown in views],
            ("bold", "", "green", "bright_black", "bright_black"),
        )
    return OK


def words(shown: Mapping[str, Any]) -> str:
    """The state of a session in words: its status, or what tmux says where nobody keeps that up to date."""
    state = state_of(shown)
    return status_words(state) if state else "running" if shown["tmux_alive"] else "ended"


def row(shown: Mapping[str, Any]) -> list[str]:
    """A session as a line of the table."""
    attached = ago(shown.get("last_attached_at", ""), " ago")
    mode = "by hand" if shown.get("managed") is False else shown["mode"]
    return [shown["name"], mode, words(shown), attached, shown["workdir"]]


def pick(records: list[Session], states: list[str]) -> int:
    """Show a numbered list, read a number or a name, attach. `states`: of the records, in words."""
    if not records:
        raise CliError("There are no sessions to choose from. `ctm-trio new NAME` starts one here.", NOT_FOUND)
    name_width, state_width = (max(map(len, column)) for column in ([r.name for r in records], states))
    for number, (record, state) in enumerate(zip(records, states, strict=True), 1):
        name = f"{plain(record.name):<{name_width}}  {record.mode:<4}"
        say(f"{number:>3}  {name}  {plain(state):<{state_width}}  {plain(record.workdir)}")
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
