"""What the commands share that talk to the daemon with a token: their options, the sign-in, and the exit codes.

Source: PROTOCOL.md, CLI.
"""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from ctm_trio.cli.common import FAILED, NOT_FOUND, TIME_OVER, UNREACHABLE, USAGE, CliError, find_paths, load_config, say
from ctm_trio.cli.offers import offer
from ctm_trio.cli.serve import port_number

T = TypeVar("T")

TOKEN_VARIABLE = "CTM_TOKEN"

MAX_TOKEN_BYTES = 4096
"""Read of a token's file."""

LOGOUT_S = 2.0
"""How long the end of our own login may take."""

OLDER = "This daemon does not know that yet: it was not restarted after an update, or is older than this command."

SIGNS_IN = f"Signs in with the token in {TOKEN_VARIABLE}, or asks for your name and password."


def add_daemon_options(parser: argparse.ArgumentParser) -> None:
    """Declare where the daemon is, and with which token it is asked."""
    parser.add_argument(
        "--port", type=port_number, metavar="N", help="the daemon's port (default: that of the one that runs)"
    )
    parser.add_argument("--url", type=address, help="the daemon's address, where it is not on this machine")
    token = parser.add_argument("--token-file", metavar="FILE", help="read the session token from FILE, - for stdin")
    offer(token, "files")


def address(text: str) -> str:
    """A daemon's address on the command line."""
    from ctm_trio.client.errors import BadInput
    from ctm_trio.client.given import parse_address

    try:
        parse_address(text)
    except BadInput as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def url_of(args: argparse.Namespace) -> str:
    """The daemon's address: as given, or where the one that runs is."""
    return args.url or f"http://127.0.0.1:{args.port or _port()}"


def _port() -> int:
    from ctm_trio.cli.where import daemon_port

    paths = find_paths()
    return daemon_port(paths, load_config(paths, guess=True))


def ask_daemon(args: argparse.Namespace, work: Callable[[str, str], Awaitable[T]]) -> T:
    """Sign in, do the work with the daemon's address and a token, and sign out again if we signed in ourselves.

    Raises:
        CliError: 4 if there is no daemon, 3 if it does not know a name, 2 if there is no way to sign in, 1 for all
            else that it refuses.
    """
    import trio

    url = url_of(args)
    token = given_token(args)
    credentials = None if token else ask_credentials(args, url)
    return trio.run(signed_in, args, url, token, credentials, work)


async def signed_in(
    args: argparse.Namespace,
    url: str,
    token: str,
    credentials: tuple[str, str] | None,
    work: Callable[[str, str], Awaitable[T]],
) -> T:
    """Do `work(url, token)`; with `credentials` (name and password) the token is that of a login of our own.

    Raises:
        CliError: as `ask_daemon`.
    """
    import trio

    from ctm_trio.client import ClientError, NoDaemon, Refused, StillUnderWay, login, logout
    from ctm_trio.client.errors import NO_REQUEST, NO_SESSION

    try:
        if credentials is not None:
            token = await login(url, *credentials)
        try:
            return await work(url, token)
        finally:
            if credentials is not None:
                # Our own login ends with us. If that fails, what ended us is to be told all the same.
                with trio.move_on_after(LOGOUT_S, shield=True), suppress(ClientError):
                    await logout(url, token)
    except NoDaemon as error:
        raise no_daemon(args, str(error)) from None
    except StillUnderWay as error:
        raise CliError(str(error), TIME_OVER) from None
    except ClientError as error:
        if credentials is None and isinstance(error, Refused) and error.code == "invalid_token":
            raise CliError(f"The daemon does not know the token {_given(args)}.", FAILED) from None
        if isinstance(error, Refused) and error.code in {*NO_SESSION, NO_REQUEST}:
            raise CliError(str(error), NOT_FOUND) from None
        if isinstance(error, Refused) and (error.status, error.code) in (
            (404, "not_found"),
            (405, "method_not_allowed"),
        ):
            raise CliError(OLDER, FAILED) from None
        raise CliError(str(error), FAILED) from None


def no_daemon(args: argparse.Namespace, why: str) -> CliError:
    """That nothing answers, and what to do. `why`: a sentence."""
    from ctm_trio.cli.where import silent_daemon

    silent, cure = ("", "") if args.url or args.port else silent_daemon(find_paths())
    return CliError(f"{silent} {cure}" if silent else f"{why} Start it with `ctm-trio serve`.", UNREACHABLE)


def given_token(args: argparse.Namespace) -> str:
    """The token that was handed over, "" if none was.

    Raises:
        CliError: the file that should have it cannot be read.
    """
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


def _given(args: argparse.Namespace) -> str:
    """Where the token came from, for people."""
    if args.token_file == "-":
        return "from standard input"
    return f"in {args.token_file or TOKEN_VARIABLE}"


def ask_credentials(args: argparse.Namespace, url: str) -> tuple[str, str]:
    """Ask for name and password in a terminal, unless there is no daemon here to give them to.

    Raises:
        CliError: 4 without a daemon, 2 without a terminal.
    """
    from ctm_trio.cli.link import probe
    from ctm_trio.client.given import parse_address

    if not args.url and probe(parse_address(url).port) is None:
        raise no_daemon(args, f"No daemon answers at {url}.")
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise CliError(
            f"There is no terminal to sign in with: put a session token into {TOKEN_VARIABLE}, or give --token-file.",
            USAGE,
        )
    say("E-mail: ", end="")
    return sys.stdin.readline().strip(), getpass.getpass("Password: ", stream=sys.stderr)
