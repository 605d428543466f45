"""`requests`: what the sessions ask you now. Source: PROTOCOL.md, Requests; CLI."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from ctm_trio.cli.colours import colours_of
from ctm_trio.cli.common import OK, Subparsers, print_json, print_table, say
from ctm_trio.cli.offers import offer
from ctm_trio.cli.request_view import card, outcome, short_ids
from ctm_trio.cli.signing_in import SIGNS_IN, add_daemon_options, ask_daemon
from ctm_trio.cli.views import ago
from ctm_trio.model.status_words import KIND_WORDS

HOW = (
    "`ctm-trio answer ID` shows one and asks. `ctm-trio answer ID yes` answers at once, and so does a row's number.\n"
    "A session that asks one thing stands for its request: `ctm-trio answer NAME`."
)


def add_parser(subparsers: Subparsers) -> None:
    """Declare `requests`."""
    parser = subparsers.add_parser(
        "requests",
        help="what the sessions ask you: permissions, questions, plans, dialogs",
        description="List what is open, oldest first. In a pipe the ids are whole, one request a line. " + SIGNS_IN,
    )
    session = parser.add_argument("-s", "--session", metavar="NAME", help="only of this session")
    offer(session, "sessions")
    parser.add_argument("--all", action="store_true", help="also those that are answered or withdrawn, the newest 200")
    parser.add_argument("--json", action="store_true", help="as JSON")
    add_daemon_options(parser)


def run(args: argparse.Namespace) -> int:
    """List them."""

    async def work(url: str, token: str) -> list[dict[str, Any]]:
        from ctm_trio.client.requests import list_requests
        from ctm_trio.client.sessions import session_view

        if args.session and not args.session.startswith("uuid:"):  # that is a log without a session
            await session_view(url, token, args.session)  # refuses a name that the daemon does not know
        return await list_requests(url, token, session=args.session or "", closed=args.all)

    found = ask_daemon(args, work)
    if args.json:
        print_json(found)
        return OK
    if not found:
        say("There are no requests." if args.all else "Nobody asks you anything.")
        return OK
    if not sys.stdout.isatty():
        print_table(("ID", "SESSION", "KIND", "RISK", "STATE", "AGE", "SUMMARY"), [_row(request) for request in found])
        return OK
    colours = colours_of(sys.stdout)
    short = short_ids([request["id"] for request in found])
    print("\n".join(line for request in found for line in card(request, short[request["id"]], colours)))
    if any(request["state"] == "open" for request in found):
        say(f"\n{HOW}")
    return OK


def _row(request: dict[str, Any]) -> list[str]:
    state = "open" if request["state"] == "open" else outcome(request)
    kind, age = KIND_WORDS.get(request["kind"], request["kind"]), ago(request["asked_at"])
    return [request["id"], request["session"], kind, request["risk"], state, age, request["summary"]]
