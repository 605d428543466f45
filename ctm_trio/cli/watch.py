"""`watch`: follow the daemon's events in a terminal, or as JSON lines in a pipe."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection
from typing import TYPE_CHECKING

from ctm_trio.cli.colours import COLOURS, coloured
from ctm_trio.cli.common import (
    NOT_FOUND,
    OK,
    USAGE,
    CliError,
    Subparsers,
    count,
    json_line,
    local_time,
    plain,
    say,
)
from ctm_trio.cli.event_words import describe
from ctm_trio.cli.offers import offer
from ctm_trio.cli.signing_in import SIGNS_IN, add_daemon_options, ask_credentials, given_token, signed_in, url_of

if TYPE_CHECKING:
    from ctm_trio.client import Event, Notice

SHOWN_REPLAY = 10
"""Past events shown at the start, as `tail` does, unless `--since` or `--last` say otherwise."""


def add_parser(subparsers: Subparsers) -> None:
    """Declare `watch`."""
    parser = subparsers.add_parser(
        "watch",
        help="follow events as they happen",
        description="Follow the daemon's events: one line each in a terminal, one JSON object a line in a pipe. "
        + SIGNS_IN,
    )
    session = parser.add_argument(
        "-s", "--session", action="append", metavar="NAME", help="only this session (repeatable)"
    )
    offer(session, "sessions")
    parser.add_argument(
        "-t", "--type", action="append", type=event_type, metavar="TYPE", help="only this type of event (repeatable)"
    )
    parser.add_argument("--since", metavar="ID", help="everything after this event id, then go on")
    parser.add_argument(
        "--last", type=count, metavar="N", help=f"begin with the last N events (default {SHOWN_REPLAY})"
    )
    parser.add_argument("--json", action="store_true", help="JSON lines in a terminal too")
    add_daemon_options(parser)


def event_type(text: str) -> str:
    """A type of event on the command line."""
    from ctm_trio.model.event import PUBLIC_TYPES

    if text not in PUBLIC_TYPES:
        raise argparse.ArgumentTypeError(f"{text!r} is not an event type; expected {', '.join(sorted(PUBLIC_TYPES))}")
    return text


def run(args: argparse.Namespace) -> int:
    """Follow until interrupted."""
    import trio

    url = url_of(args)
    if args.since is not None and not _is_id(args.since):
        raise CliError(f"{args.since!r} is not an event id; one looks like 1790000000000000000-0.", USAGE)
    token = given_token(args)
    credentials = None if token else ask_credentials(args, url)
    trio.run(_watch, args, url, token, credentials)
    return OK


def _is_id(text: str) -> bool:
    from ctm_trio.model.event import parse_event_id

    return parse_event_id(text) is not None


async def _watch(args: argparse.Namespace, url: str, token: str, credentials: tuple[str, str] | None) -> None:
    async def work(url: str, token: str) -> None:
        await _refuse_unknown(args.session or (), url, token)
        await _follow(args, url, token)

    await signed_in(args, url, token, credentials, work)


async def _refuse_unknown(names: Collection[str], url: str, token: str) -> None:
    """Refuse sessions that the daemon does not know: their stream would stay empty for ever, without a word.

    Raises:
        CliError: there is no such session. A log without a session (`uuid:…`) is not looked for.
        ClientError: the daemon cannot be asked.
    """
    from ctm_trio.client import session_names

    wanted = [name for name in names if not name.startswith("uuid:")]
    known = await session_names(url, token) if wanted else []
    for name in wanted:
        if name not in known:
            raise CliError(f"There is no session named {plain(name)}. `ctm-trio ls` lists them.", NOT_FOUND)


async def _follow(args: argparse.Namespace, url: str, token: str) -> None:
    from ctm_trio.client import follow

    show = _line_of if sys.stdout.isatty() and not args.json else _json_of
    skip = 0
    first = True

    def notice(what: Notice) -> None:
        nonlocal skip, first
        if what.state == "connected" and first:
            first = False
            if args.since is None or args.last is not None:
                skip = max(0, what.replayed - (SHOWN_REPLAY if args.last is None else max(0, args.last)))
        elif what.state == "gap" and args.since is not None:
            say("Some events in between are no longer available.")
        elif what.state == "waiting":
            say(f"Connection lost ({what.reason}); trying again in {what.wait_s:.0f} s.")

    async with follow(
        token, url=url, sessions=args.session, types=args.type, since=args.since, on_notice=notice
    ) as events:
        async for event in events:
            if skip:
                skip -= 1
            else:
                print(show(event), flush=True)


def _json_of(event: Event) -> str:
    import msgspec

    return json_line(msgspec.json.encode(event).decode())


def _line_of(event: Event) -> str:
    """One line for people: time, session, what happened. Text of others is made harmless first."""
    colour, what = describe(event.type, dict(event.payload))
    parts = ((COLOURS.dim, _clock(event.ts)), (COLOURS.cyan, f"{plain(event.session or '·'):<16}"), (colour, what))
    return "  ".join(f"{paint}{text}{COLOURS.off}" if coloured(sys.stdout) else text for paint, text in parts)


def _clock(ts: str) -> str:
    """Local time of day of an RFC 3339 time."""
    from ctm_trio.model.times import parse_time

    at = parse_time(ts)
    return ("" if at is None else local_time(at, "%H:%M:%S")) or "--:--:--"
