"""The command line: finds the group that a command belongs to, imports that one alone, and runs it.

A group is a module of `ctm_trio.cli` with `add_parser(subparsers)`, which declares its commands, and
`run(args) -> int`, whose result is the exit code; `args.command` is the command's name.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Collection, Mapping
from typing import IO

from ctm_trio import __version__
from ctm_trio.cli.common import EXIT_CODES, FAILED, USAGE, CliError, find_paths, say
from ctm_trio.cli.streams import Unwritable, give_up

# command: (module, help). The order is that of the help page.
COMMANDS: dict[str, tuple[str, str]] = {
    "serve": ("serve", "run the daemon in the foreground; --stop: end the one that runs"),
    "new": ("sessions", "start a session here and attach to it"),
    "yolo": ("sessions", "run a session without permission dialogs, and attach to it"),
    "safe": ("sessions", "run a session with permission dialogs, and attach to it"),
    "attach": ("sessions", "attach to a session; one that has ended is started again"),
    "last": ("sessions", "attach to the session that you attached to last"),
    "ls": ("ls", "list the sessions"),
    "pick": ("ls", "choose a session from a list and attach to it"),
    "switch": ("session_edit", "inside tmux: go to another session"),
    "detach": ("session_edit", "detach from a session, which goes on"),
    "rename": ("session_edit", "give a session another name"),
    "kill": ("session_edit", "end a session; its record and log stay"),
    "forget": ("session_edit", "drop a session's record; its log stays"),
    "status": ("status", "who needs you, quota, cost today"),
    "requests": ("requests", "what the sessions ask you: permissions, questions, plans, dialogs"),
    "answer": ("answer", "answer what a session asks"),
    "send": ("send", "give a session a prompt"),
    "interrupt": ("send", "end a session's turn, as Esc does"),
    "explain": ("explain", "why a session has its status, and none of the others"),
    "watch": ("watch", "follow events as they happen"),
    "logs": ("logs", "show tool calls from the logs, rotated ones too"),
    "doctor": ("doctor", "check this machine; exit code 1 if something is broken"),
    "reindex": ("reindex", "rebuild the databases from the logs"),
    "overlay": ("overlay", "the Claude Code settings of spawned sessions"),
    "setup": ("setup", "prepare this machine; --global: for every Claude Code session"),
    "auth": ("auth", "the dashboard's user: code, reset, passwd, sessions"),
    "service": ("service", "start the daemon with your login session"),
    "completion": ("completion", "print a completion script for your shell"),
    "version": ("version", "show the version"),
}

FAST_HELP = """\
for Claude Code's settings (see `overlay` and `setup`):
  hook         take one hook event on stdin and append it to its log (log-tool-use: its old name)
  statusline   keep the status line's data for the daemon and print a short line
"""


class Parser(argparse.ArgumentParser):
    """argparse, with one calm line for a mistake."""

    def error(self, message: str) -> None:  # type: ignore[override]
        """Say what is wrong and end with the exit code for usage."""
        self.exit(USAGE, f"{self.prog}: {message}\nTry `{self.prog} --help`.\n")

    def _print_message(self, message: str, file: IO[str] | None = None) -> None:  # type: ignore[override]
        """Help goes to stdout as it is; what is said on stderr may hold words of others."""
        if file is sys.stderr:
            say(message, end="")
        elif message:
            print(message, end="", file=file)


def build_parser(chosen: str | None) -> tuple[argparse.ArgumentParser, str | None]:
    """The parser with the chosen command's group in full, and the name of that group's module."""
    module = COMMANDS[chosen][0] if chosen in COMMANDS else None
    return declare(() if module is None else (module,))[0], module


def declare(modules: Collection[str]) -> tuple[argparse.ArgumentParser, Mapping[str, argparse.ArgumentParser]]:
    """The parser with these groups in full, and that of each command.

    The other commands are listed with their help alone, so that nothing of theirs is imported.
    """
    parser = Parser(
        prog="ctm-trio",
        description="Watch and steer many Claude Code sessions.",
        epilog=f"{FAST_HELP}\n{EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"ctm-trio {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for module in modules:
        importlib.import_module(f"ctm_trio.cli.{module}").add_parser(subparsers)
    for name, (group, text) in COMMANDS.items():
        if group not in modules:
            subparsers.add_parser(name, help=text, add_help=False)
        elif not subparsers.choices[name].description:
            subparsers.choices[name].description = f"{text[0].upper()}{text[1:]}."
    return parser, subparsers.choices


def main(argv: list[str]) -> int:
    """Run the command line and return the exit code.

    Args:
        argv: the words after the program's name.

    Raises:
        SystemExit: after a help page, or a command line that was not understood.
    """
    try:
        try:
            return _run(argv)
        finally:
            sys.stdout.flush()  # now, while a failure can still be told
    except (Unwritable, BrokenPipeError) as error:
        # The disk is full, stdout is closed, or the reader of our output has gone, as `head` does.
        give_up(1)
        if isinstance(error, Unwritable) and not error.quiet:
            say(f"ctm-trio: {error}.")
        return FAILED


def _run(argv: list[str]) -> int:
    chosen = next((word for word in argv if not word.startswith("-")), None)
    if not argv:
        _greet()
    try:
        parser, module = build_parser(chosen)
        args = parser.parse_args(argv)
        if module is None:
            parser.error("give a command")
        code: int = importlib.import_module(f"ctm_trio.cli.{module}").run(args)
    except CliError as exc:
        say(f"ctm-trio: {exc}")
        code = exc.code
    return code


def _greet() -> None:
    """Without a command: what a new owner has to know first, if there is such a thing."""
    auth = importlib.import_module("ctm_trio.cli.auth")
    if notice := auth.signup_notice(find_paths()):
        say(notice)
