"""`version`."""

from __future__ import annotations

import argparse
import platform
import sys

from ctm_trio import __version__
from ctm_trio.cli.common import Subparsers, json_text


def add_parser(subparsers: Subparsers) -> None:
    """Declare `version`."""
    parser = subparsers.add_parser("version", help="show the version")
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(args: argparse.Namespace) -> int:
    """Print our version and the Python that runs it."""
    if args.json:
        print(json_text({"version": __version__, "python": platform.python_version(), "executable": sys.executable}))
    else:
        print(f"ctm-trio {__version__} (Python {platform.python_version()})")
    return 0
