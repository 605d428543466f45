"""`hook --help` and `statusline --help`: what Claude Code runs, explained to people.

Apart from the producers themselves: they must start fast, and take whatever they are given in silence.
"""

from __future__ import annotations

import argparse


def show_help(command: str) -> int:
    """Print the help page of `hook`, `log-tool-use` or `statusline`; the exit code is 0."""
    from ctm_trio.cli.main import Parser

    parser = Parser(prog=f"ctm-trio {command}", formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.epilog = "The exit code is always 0; trouble is noted in ~/.config/ctm/logs/.hook-errors.log."
    if command == "statusline":
        parser.description = (
            "Claude Code runs it as its status line: takes the status line's JSON on stdin and prints a short line.\n"
            "`ctm-trio overlay init` and `ctm-trio setup --global` put it into the settings."
        )
        parser.add_argument("--dump", action="store_true", help="keep the JSON where the daemon finds it")
        parser.add_argument("--then", metavar="COMMAND", help="run your own status line on the same input, instead")
    else:
        parser.description = (
            "Claude Code runs it for every hook event: takes the event's JSON on stdin and appends it to its log.\n"
            "For a permission request it then waits for an answer from the dashboard, beside the terminal.\n"
            "`ctm-trio overlay init` and `ctm-trio setup --global` put it into the settings."
        )
    parser.print_help()
    return 0
