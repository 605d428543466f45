"""`completion`: shell completion with the live names of the sessions. `shtab` writes it from the commands' parsers."""

from __future__ import annotations

import argparse

from ctm_trio.cli.common import OK, Subparsers, find_paths
from ctm_trio.cli.offers import offered

SESSIONS = {
    "bash": "_ctm_trio_sessions",
    "zsh": "_ctm_trio_sessions",
    "fish": "(ctm-trio completion names 2>/dev/null)",
    "preamble": {
        "bash": '_ctm_trio_sessions() { compgen -W "$(ctm-trio completion names 2>/dev/null)" -- "$1"; }',
        "zsh": '_ctm_trio_sessions() { compadd -- ${(f)"$(ctm-trio completion names 2>/dev/null)"}; }',
    },
}
"""For `shtab`: what each shell runs when it asks for a session's name, and what that needs.

The names are letters, digits, dots, _ and -, so no shell takes one for anything else.
"""

CHOICES_OF_REQUESTS = (
    "yes no allow allow_0 deny deny_stop approve approve_accept_edits keep_planning answers discuss row_1 row_2"
)
"""What `answer` is mostly given; a request may take others."""

CHOICES = {
    "bash": "_ctm_trio_choices",
    "zsh": "_ctm_trio_choices",
    "fish": CHOICES_OF_REQUESTS,
    "preamble": {
        "bash": f'_ctm_trio_choices() {{ compgen -W "{CHOICES_OF_REQUESTS}" -- "$1"; }}',
        "zsh": f"_ctm_trio_choices() {{ compadd -- {CHOICES_OF_REQUESTS}; }}",
    },
}


def add_parser(subparsers: Subparsers) -> None:
    """Declare `completion`."""
    parser = subparsers.add_parser(
        "completion",
        help="print a completion script for your shell",
        description="Save it where your shell looks for it, and again after an update. bash: "
        "~/.local/share/bash-completion/completions/ctm-trio; zsh: _ctm-trio in a directory of $fpath; fish: "
        '~/.config/fish/completions/ctm-trio.fish. For bash and zsh, `eval "$(ctm-trio completion bash)"` in ~/.bashrc '
        "does as well (in ~/.zshrc with zsh, after compinit); each new shell then takes a moment longer.",
    )
    parser.add_argument("shell", choices=("bash", "zsh", "fish", "names"), help="names: the sessions, a line each")


def run(args: argparse.Namespace) -> int:
    """Print the script, or the names that it asks for."""
    if args.shell == "names":
        from ctm_trio.cli.common import read_book

        for name in read_book(find_paths()).records:
            print(name)
    else:
        print(script(args.shell))
    return OK


def script(shell: str) -> str:
    """The completion script of a shell."""
    import shtab

    from ctm_trio.cli.main import COMMANDS, declare

    completers = {"sessions": SESSIONS, "directories": shtab.DIRECTORY, "files": shtab.FILE, "choices": CHOICES}
    parser, commands = declare(dict.fromkeys(group for group, _ in COMMANDS.values()))
    for name, command in commands.items():
        command.description = COMMANDS[name][1]  # the short one: it is shown beside the command
        for action in command._actions:
            if (what := offered(action)) is not None:
                action.complete = completers[what]  # type: ignore[attr-defined]
    return shtab.complete(parser, shell)
