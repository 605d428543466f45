"""`completion`: shell completion with the live names of the sessions."""

from __future__ import annotations

import argparse

from ctm_trio.cli.common import OK, Subparsers, find_paths

TAKES_SESSION = ("attach", "forget", "kill", "logs", "rename", "safe", "switch", "yolo")
"""Commands whose first word is a session's name."""

ACTIONS = {
    "auth": ("code", "reset", "passwd", "sessions"),
    "completion": ("bash", "zsh", "fish"),
    "overlay": ("init", "show", "edit", "path"),
    "service": ("install", "uninstall", "status"),
}

BASH = """\
# ctm-trio completion for bash. Put this in ~/.bashrc:  eval "$(ctm-trio completion bash)"
_ctm_trio() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} words=
  if [ "$COMP_CWORD" -eq 1 ]; then words="{commands}"
  elif [ "$COMP_CWORD" -eq 2 ]; then
    case ${{COMP_WORDS[1]}} in
      {sessions}) words=$(ctm-trio completion names 2>/dev/null) ;;
{cases}
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}}
complete -o default -F _ctm_trio ctm-trio
"""

ZSH = """\
#compdef ctm-trio
# ctm-trio completion for zsh. Put this in ~/.zshrc, after compinit:  eval "$(ctm-trio completion zsh)"
_ctm_trio() {{
  if (( CURRENT == 2 )); then compadd {commands}
  elif (( CURRENT == 3 )); then
    case $words[2] in
      {sessions}) compadd -- ${{(f)"$(ctm-trio completion names 2>/dev/null)"}} ;;
{cases}
      *) _files ;;
    esac
  else _files
  fi
}}
compdef _ctm_trio ctm-trio
"""

FISH = """\
# ctm-trio completion for fish. Save it:  ctm-trio completion fish > ~/.config/fish/completions/ctm-trio.fish
complete -c ctm-trio -n __fish_use_subcommand -f -a "{commands}"
complete -c ctm-trio -n "__fish_seen_subcommand_from {sessions}" -f -a "(ctm-trio completion names 2>/dev/null)"
{cases}
"""


def add_parser(subparsers: Subparsers) -> None:
    """Declare `completion`."""
    parser = subparsers.add_parser("completion", help="print a completion script for your shell")
    parser.add_argument("shell", choices=("bash", "zsh", "fish", "names"), help="names: the sessions, a line each")


def run(args: argparse.Namespace) -> int:
    """Print the script, or the names that it asks for."""
    if args.shell == "names":
        from ctm_trio.cli.common import read_book

        for name in read_book(find_paths()).records:
            print(name)
    else:
        print(script(args.shell), end="")
    return OK


def script(shell: str) -> str:
    """The completion script of a shell."""
    from ctm_trio.cli.main import COMMANDS

    commands = " ".join(COMMANDS)
    if shell == "fish":
        lines = (
            f'complete -c ctm-trio -n "__fish_seen_subcommand_from {name}" -f -a "{" ".join(words)}"'
            for name, words in ACTIONS.items()
        )
        return FISH.format(commands=commands, sessions=" ".join(TAKES_SESSION), cases="\n".join(lines))
    act = 'words="{}"' if shell == "bash" else "compadd {}"
    cases = "\n".join(f"      {name}) {act.format(' '.join(words))} ;;" for name, words in ACTIONS.items())
    text = BASH if shell == "bash" else ZSH
    return text.format(commands=commands, sessions="|".join(TAKES_SESSION), cases=cases)
