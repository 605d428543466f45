"""By its words: is this process a shell that reads commands from its terminal? Whoever types there must know."""

from __future__ import annotations

import os
from collections.abc import Sequence

_POSIX = frozenset({"ash", "bash", "csh", "dash", "ksh", "mksh", "rbash", "sh", "tcsh", "yash", "zsh"})
"""Shells whose single letters mean the same wherever they are in `_FLAGS` or `_WITH_WORD`."""

_OTHERS = frozenset({"elvish", "fish", "nu", "xonsh"})

_FLAGS = "abefhklmnptuvxBCEHPTrD"
"""Letters that take no word. Not `i` and `s`: with them a shell reads its terminal whatever else it is told."""

_WITH_WORD = "oO"
"""Letters that take the next word, if they are the last of theirs."""

_LONG = frozenset(
    {"debugger", "login", "noediting", "no-config", "noprofile", "norc", "no-rcs", "posix", "restricted", "verbose"}
)
_LONG_WITH_WORD = frozenset({"emulate", "init-file", "rcfile"})
_COMMANDS = frozenset({"command", "commands"})


def reads_terminal(words: Sequence[str]) -> bool:
    """True if this is a shell, unless it is clear that it runs a command or a script that it was given.

    An option that is not known here may take the word after it, so with one it is not clear.

    Args:
        words: the process's arguments, its name first.
    """
    name = os.path.basename(words[0]).lstrip("-") if words else ""
    if name not in _POSIX and name not in _OTHERS:
        return False
    flags, with_word = (_FLAGS, _WITH_WORD) if name in _POSIX else ("l", "")
    rest = iter(words[1:])
    for word in rest:
        if word in ("-", "--"):
            return next(rest, None) is None
        if word[:1] not in ("-", "+"):
            return not word  # a script; an empty word is none
        long = word.lstrip("-") if word[0] == "-" else ""
        letters = word[1:]
        if long in _COMMANDS or (word[0] == "-" and not letters.strip(flags + "c") and "c" in letters):
            return False
        if long in _LONG_WITH_WORD or (letters[-1:] in with_word and letters and not letters[:-1].strip(flags)):
            next(rest, None)
        elif long not in _LONG and letters.strip(flags):
            return True
    return True
