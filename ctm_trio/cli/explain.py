"""`explain`: why a session has its status. Source: PROTOCOL.md, Status; CLI."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping
from typing import Any

from ctm_trio.cli.colours import colours_of
from ctm_trio.cli.common import OK, Subparsers, local_time, plain, print_json
from ctm_trio.cli.offers import offer
from ctm_trio.cli.signing_in import SIGNS_IN, add_daemon_options, ask_daemon
from ctm_trio.cli.views import ago
from ctm_trio.model.status_words import status_words
from ctm_trio.model.times import parse_time

SOURCES = {
    "hook": "its hooks",
    "client": "its own status file",
    "tmux": "tmux",
    "screen": "its screen",
}
"""Who decided → in words."""

NEAR_S = 43_200.0
"""The time of day alone tells no moment that is further away."""


def add_parser(subparsers: Subparsers) -> None:
    """Declare `explain`."""
    parser = subparsers.add_parser(
        "explain",
        help="why a session has its status, and none of the others",
        description="Show a session's status, the last evidence for it with its times, and why it is none of the other "
        "states. " + SIGNS_IN,
    )
    offer(parser.add_argument("name", metavar="NAME", help="of the session"), "sessions")
    parser.add_argument("--json", action="store_true", help="as JSON")
    add_daemon_options(parser)


def run(args: argparse.Namespace) -> int:
    """Show it."""

    async def work(url: str, token: str) -> Mapping[str, Any]:
        from ctm_trio.client.sessions import explain

        return await explain(url, token, args.name)

    found = ask_daemon(args, work)
    if args.json:
        print_json(found)
    else:
        print("\n".join(lines(args.name, found)))
    return OK


def lines(name: str, found: Mapping[str, Any]) -> list[str]:
    """The answer of the daemon, for people."""
    colours = colours_of(sys.stdout)
    bold, yellow, grey, off = colours.bold, colours.yellow, colours.grey, colours.off
    status = found["status"]
    paint = yellow if status.get("blocked") is True else ""
    said = f"{bold}{plain(name)}{off}  {paint}{_state(status['state'])}{off if paint else ''}"
    shown = [f"{said}, for {ago(status['since'])} (since {_clock(status['since'])})", f"  {plain(status['reason'])}"]
    if at := status.get("resets_at"):
        shown.append(f"  The limit starts anew at {_clock(at)}.")
    source = plain(status["source"])
    shown.append(f"  {grey}so say {SOURCES.get(source, source)}{off}".replace("so say its own", "so says its own"))
    if found["evidence"]:
        shown += ["", "Seen last, oldest first:"]
        shown += [f"  {_clock(e['ts'])}  {plain(e['source']):<6}  {plain(e['what'])}" for e in found["evidence"]]
    if found["rejected"]:
        shown += ["", "Why it is nothing else:"]
        width = max(len(_state(state["state"])) for state in found["rejected"])
        shown += [f"  {_state(r['state']):<{width}}  {grey}{plain(r['why'])}{off}" for r in found["rejected"]]
    return shown


def _state(state: str) -> str:
    """The words for a state, and its name on the wire where that is another."""
    words = plain(status_words(state))
    return words if words == state else f"{words} ({plain(state)})"


def _clock(text: str) -> str:
    """A time here; with its day if it is not near."""
    at = parse_time(text)
    if at is None:
        return "--:--:--"
    return local_time(at, "%H:%M:%S" if abs(time.time() - at) < NEAR_S else "%Y-%m-%d %H:%M:%S") or "--:--:--"
