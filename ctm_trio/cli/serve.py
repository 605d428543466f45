"""`serve`: the daemon in the foreground, and the end of the one that runs."""

from __future__ import annotations

import argparse

from ctm_trio.cli.common import MAX_DIGITS, Subparsers


def port_number(text: str) -> int:
    """A TCP port from the command line; 0 means the one in the settings."""
    if text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS and int(text) <= 65535:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a port; expected a number from 0 to 65535")


def add_parser(subparsers: Subparsers) -> None:
    """Declare `serve`."""
    parser = subparsers.add_parser("serve", help="run the daemon in the foreground; --stop: end the one that runs")
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--port", type=port_number, default=0, metavar="N", help="TCP port on 127.0.0.1 (default: as config.json says)"
    )
    what.add_argument("--stop", action="store_true", help="end the daemon that runs, and wait until it has ended")


def run(args: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM, or end the daemon. Exit codes: PROTOCOL.md, Starting and stopping."""
    if args.stop:
        from ctm_trio.cli.stop import stop

        return stop()
    from ctm_trio.daemon.early_signals import take_early_signals
    from ctm_trio.daemon.garbage import look_for_cycles_in_steps

    take_early_signals()  # before the next import, which takes longest
    look_for_cycles_in_steps()  # it makes a hundred thousand objects, and none of them is garbage
    from ctm_trio.daemon.server import serve_main

    return serve_main(port=args.port)
