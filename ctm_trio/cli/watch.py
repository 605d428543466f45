"""`watch`: follow the daemon's events in a terminal, or as JSON lines in a pipe."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from collections.abc import Collection
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ctm_trio.cli.common import (
    FAILED,
    NOT_FOUND,
    OK,
    UNREACHABLE,
    USAGE,
    CliError,
    Subparsers,
    coloured,
    count,
    find_paths,
    json_line,
    load_config,
    local_time,
    plain,
    say,
)
from ctm_trio.cli.offers import offer
from ctm_trio.cli.serve import port_number

if TYPE_CHECKING:
    from ctm_trio.client import Event, Notice

TOKEN_VARIABLE = "CTM_TOKEN"

MAX_TOKEN_BYTES = 4096
"""Read of a token's file."""

SHOWN_REPLAY = 10
"""Past events shown at the start, as `tail` does, unless `--since` or `--last` say otherwise."""

RED, GREEN, YELLOW, CYAN, DIM, RESET = "\033[31m", "\033[32m", "\033[33m", "\033[36m", "\033[2m", "\033[0m"


def add_parser(subparsers: Subparsers) -> None:
    """Declare `watch`."""
    parser = subparsers.add_parser(
        "watch",
        help="follow events as they happen",
        description="Follow the daemon's events: one line each in a terminal, one JSON object a line in a pipe. "
        f"Signs in with the token in {TOKEN_VARIABLE}, or asks for your name and password.",
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
    parser.add_argument(
        "--port", type=port_number, metavar="N", help="the daemon's port (default: that of the one that runs)"
    )
    parser.add_argument("--url", type=address, help="the daemon's address, where it is not on this machine")
    token = parser.add_argument("--token-file", metavar="FILE", help="read the session token from FILE, - for stdin")
    offer(token, "files")


def event_type(text: str) -> str:
    """A type of event on the command line."""
    from ctm_trio.model.event import PUBLIC_TYPES

    if text not in PUBLIC_TYPES:
        raise argparse.ArgumentTypeError(f"{text!r} is not an event type; expected {', '.join(sorted(PUBLIC_TYPES))}")
    return text


def address(text: str) -> str:
    """A daemon's address on the command line."""
    from ctm_trio.client.errors import BadInput
    from ctm_trio.client.given import parse_address

    try:
        parse_address(text)
    except BadInput as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def run(args: argparse.Namespace) -> int:
    """Follow until interrupted."""
    import trio

    url = args.url or f"http://127.0.0.1:{args.port or _port()}"
    if args.since is not None and not _is_id(args.since):
        raise CliError(f"{args.since!r} is not an event id; one looks like 1790000000000000000-0.", USAGE)
    token = _token(args)
    credentials = None if token else _ask()
    trio.run(_watch, args, url, token, credentials)
    return OK


def _port() -> int:
    from ctm_trio.cli.where import daemon_port

    paths = find_paths()
    return daemon_port(paths, load_config(paths, guess=True))


def _is_id(text: str) -> bool:
    from ctm_trio.model.event import parse_event_id

    return parse_event_id(text) is not None


def _token(args: argparse.Namespace) -> str:
    """The token that was handed over, "" if none was."""
    if args.token_file == "-":
        return sys.stdin.readline().strip()
    if args.token_file:
        try:
            with open(args.token_file, "rb") as file:  # may be a pipe: `--token-file <(…)`
                return file.read(MAX_TOKEN_BYTES).decode("ascii").strip()
        except OSError as error:
            raise CliError(f"{args.token_file} cannot be read: {error.strerror}.", USAGE) from None
        except UnicodeDecodeError:
            raise CliError(f"{args.token_file} contains no token.", USAGE) from None
    return os.environ.get(TOKEN_VARIABLE, "")


async def _watch(args: argparse.Namespace, url: str, token: str, credentials: tuple[str, str] | None) -> None:
    import trio

    from ctm_trio.cli.where import silent_daemon
    from ctm_trio.client import ClientError, NoDaemon, Refused, login, logout

    try:
        if credentials is not None:
            token = await login(url, *credentials)
        try:
            await _refuse_unknown(args.session or (), url, token)
            await _follow(args, url, token)
        finally:
            if credentials is not None:
                # Our own login ends with us. If that fails, what ended us is to be told all the same.
                with trio.move_on_after(2, shield=True), suppress(ClientError):
                    await logout(url, token)
    except NoDaemon as error:
        silent = "" if args.url or args.port else " ".join(silent_daemon(find_paths()))
        raise CliError(silent or f"{error} Start it with `ctm-trio serve`.", UNREACHABLE) from None
    except ClientError as error:
        if credentials is None and isinstance(error, Refused) and error.code == "invalid_token":
            raise CliError(f"The daemon does not know the token {_given(args)}.", FAILED) from None
        raise CliError(str(error), FAILED) from None


def _given(args: argparse.Namespace) -> str:
    """Where the token came from, for people."""
    if args.token_file == "-":
        return "from standard input"
    return f"in {args.token_file or TOKEN_VARIABLE}"


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


def _ask() -> tuple[str, str]:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise CliError(
            f"There is no terminal to sign in with: put a session token into {TOKEN_VARIABLE}, or give --token-file.",
            USAGE,
        )
    say("E-mail: ", end="")
    return sys.stdin.readline().strip(), getpass.getpass("Password: ", stream=sys.stderr)


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
    colour, what = _describe(event.type, dict(event.payload))
    parts = ((DIM, _clock(event.ts)), (CYAN, f"{plain(event.session or '·'):<16}"), (colour, what))
    return "  ".join(f"{paint}{text}{RESET}" if coloured() else text for paint, text in parts)


def _clock(ts: str) -> str:
    """Local time of day of an RFC 3339 time."""
    from ctm_trio.model.times import parse_time

    at = parse_time(ts)
    return ("" if at is None else local_time(at, "%H:%M:%S")) or "--:--:--"


def _describe(kind: str, payload: dict[str, Any]) -> tuple[str, str]:
    def get(key: str) -> str:
        return plain(payload.get(key, ""))

    if kind == "tool_call":
        failed = payload.get("is_error") is True
        text = f"{get('tool'):<10} {get('input')}"
        return (RED, f"{text}  ✗ {get('summary')}") if failed else (RESET, text)
    if kind == "attention_raised":
        return YELLOW, f"needs you: {get('state')}  {get('details')}".rstrip()
    if kind == "attention_cleared":
        return GREEN, f"{get('state')} is over"
    if kind == "subagent_start":
        return RESET, f"sub-agent {get('agent_type')} started"
    if kind == "quota_update":
        known = [
            f"{key} {plain(value)}" for key, value in payload.items() if key.endswith("_pct") and value is not None
        ]
        return DIM, "quota: " + ", ".join(known)
    return RESET, kind.replace("_", " ")
