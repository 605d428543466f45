"""`auth`: the one user of the dashboard, from the machine that it runs on."""

from __future__ import annotations

import argparse
import getpass
import os
import secrets
import sys
import time
from typing import TYPE_CHECKING

import msgspec

from ctm_trio.cli.common import (
    FAILED,
    NOT_FOUND,
    OK,
    CliError,
    Subparsers,
    confirm,
    find_paths,
    print_json,
    print_table,
    say,
    unchanged,
)
from ctm_trio.model.decoding import BAD_JSON
from ctm_trio.model.times import format_time
from ctm_trio.system.regular import read_regular

if TYPE_CHECKING:
    from ctm_trio.model.paths import Paths

MIN_PASSWORD = 8
MAX_PASSWORD = 512
"""Characters of a new password. A longer one is a mistake: more than the password was piped in."""

MAX_FILE_BYTES = 1 << 20


def add_parser(subparsers: Subparsers) -> None:
    """Declare `auth`."""
    parser = subparsers.add_parser(
        "auth",
        help="the dashboard's user",
        description="code: the one-time code that signing up from elsewhere needs; reset: forget the user, so that you "
        "can sign up again; passwd: a new password, which logs everybody out; sessions: the logins that are valid.",
    )
    parser.add_argument("action", choices=("code", "reset", "passwd", "sessions"))
    parser.add_argument("-y", "--yes", action="store_true", help="reset: do not ask")
    parser.add_argument("--json", action="store_true", help="sessions as JSON")


def run(args: argparse.Namespace) -> int:
    """Do the action."""
    paths = find_paths()
    if args.action == "sessions":
        return logins(paths, as_json=args.json)
    if args.action == "code":
        return code(paths)
    if not signed_up(paths):
        raise CliError("Nobody has signed up yet. Open the dashboard to do so.", NOT_FOUND)
    if args.action == "reset":
        if not confirm("Forget the user and log everybody out?", yes=args.yes):
            say(unchanged())
            return FAILED
        try:
            paths.user.unlink(missing_ok=True)
            paths.tokens.unlink(missing_ok=True)
        except OSError as error:
            raise CliError(f"{paths.user} cannot be removed: {error.strerror}.") from None
        say("Done. Sign up again in the dashboard. If it asks for a code, it is this one:")
        print(signup_code(paths, fresh=True))
        return OK
    return passwd(paths)


def signup_code(paths: Paths, *, fresh: bool = False) -> str:
    """The one-time code for signing up; `fresh` makes another one. Raises CliError if the file cannot be used."""
    from ctm_trio.system.signup_code import SignupCode

    kept = SignupCode(paths.signup_code)
    try:
        return kept.renew() if fresh else kept.current()
    except OSError as error:
        raise CliError(f"{paths.signup_code} cannot be read or written: {error.strerror}.") from None


def signed_up(paths: Paths) -> bool:
    """True if there is a user.

    Raises:
        CliError: that cannot be seen.
    """
    from ctm_trio.system.signup_code import has_signed_up

    try:
        return has_signed_up(paths.user)
    except OSError as error:
        raise CliError(f"{paths.user} cannot be reached: {error.strerror}.") from None


def signup_notice(paths: Paths) -> str:
    """What to say while nobody has signed up, with the code; "" once somebody has, or where nothing ran yet."""
    try:
        if signed_up(paths) or not paths.root.is_dir():
            return ""
    except CliError:
        return ""
    try:
        return f"Nobody has signed up yet. If the dashboard asks for a code, it is {signup_code(paths)}"
    except CliError as error:  # a full disk: what the command is for goes on
        return f"Nobody has signed up yet. {error}"


def code(paths: Paths) -> int:
    """Show the sign-up code, alone on stdout."""
    if signed_up(paths):
        raise CliError(
            "Somebody has signed up already, so no code is needed. `ctm-trio auth reset` removes that account."
        )
    print(signup_code(paths))
    say("The dashboard asks for it when you sign up. It can be used once.")
    return OK


def passwd(paths: Paths) -> int:
    """Set a new password for the user there is; every login ends."""
    from ctm_trio.system.files import stamp

    before = stamp(paths.user)
    try:
        user = msgspec.json.decode(read_regular(paths.user, max_bytes=MAX_FILE_BYTES))
        name = user["username"]
    except (OSError, *BAD_JSON, KeyError, TypeError):
        raise CliError(f"{paths.user} cannot be read. `ctm-trio auth reset` removes it.") from None
    password = ask_password()
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD or not password.strip():
        raise CliError(f"Use a password of {MIN_PASSWORD} to {MAX_PASSWORD} characters that is not blank.")
    # A sign-up beside the real file, then one rename: there is no moment without a user.
    beside = paths.user.with_name(f".user-{secrets.token_hex(6)}.json")
    tokens = beside.with_suffix(".tokens")
    import trio

    from ctm_trio.errors.base import CtmError
    from ctm_trio.model.asker import Asker
    from ctm_trio.system.users import UserStore

    try:
        trio.run(UserStore(beside, tokens).signup, str(name), password, Asker())
        if stamp(paths.user) != before:  # an `auth reset` beside this one must not be undone
            raise CliError("The user was changed or removed in the meantime, so the password was not set. Try again.")
        os.replace(beside, paths.user)
    except CtmError as error:
        raise CliError(error.message) from None
    except OSError as error:
        raise CliError(f"{paths.user} cannot be written: {error.strerror}.") from None
    finally:
        beside.unlink(missing_ok=True)
        tokens.unlink(missing_ok=True)
    say("Done. Log in again with the new password.")
    return OK


def ask_password() -> str:
    """The new password: typed twice in a terminal, else the first line of stdin. It is never an argument."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    first = getpass.getpass("New password: ")
    if getpass.getpass("Again: ") != first:
        raise CliError("The two passwords differ. Nothing was changed.")
    return first


def logins(paths: Paths, *, as_json: bool) -> int:
    """List the logins. Only fingerprints are stored, so that is what there is to show."""
    try:
        stored = msgspec.json.decode(read_regular(paths.tokens, max_bytes=MAX_FILE_BYTES))
        ends = {str(digest): float(end) for digest, end in stored["tokens"].items()}
    except FileNotFoundError:
        ends = {}
    except (OSError, *BAD_JSON, KeyError, TypeError, ValueError, AttributeError):
        raise CliError(f"{paths.tokens} cannot be read.") from None
    live = sorted((end, digest) for digest, end in ends.items() if end > time.time())
    if as_json:
        print_json([{"fingerprint": digest[:12], "expires_at": format_time(end)} for end, digest in live])
    elif live:
        print_table(("LOGIN", "EXPIRES"), [(digest[:12], format_time(end)) for end, digest in live])
    else:
        say("Nobody is logged in.")
    return OK
