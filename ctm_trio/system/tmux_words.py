"""How tmux wants its words: names, targets, and the beginning of every command. No I/O but for one `stat`.

Apart from `system.tmux` so that `ls`, which must be quick, need not import what runs commands side by side.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

GONE = ("no server running", "error connecting to", "can't find session", "can't find pane", "can't find window",
        "no current target", "server exited", "lost server")  # fmt: skip
"""What tmux says when there is no such session, or no server at all."""


def tmux_name(name: str) -> str:
    """What tmux makes of a session name: it allows no dots and writes `_` for them."""
    return name.replace(".", "_")


def exactly(name: str) -> str:
    """The target of the session of that name and no other."""
    return f"={tmux_name(name)}"


def first_pane(session: str) -> str:
    """The pane `0.0` of a session target, also where a tmux.conf counts from 1. Source: PROTOCOL.md, Sessions."""
    return f"{session}:^.{{top-left}}"


def literal(word: str) -> str:
    """A word that ends in `;` would end the tmux command there; written so, the semicolon is part of the word."""
    return word[:-1] + "\\;" if word.endswith(";") else word


def tmux_version(text: str) -> tuple[int, int]:
    """The numbers of a version such as "3.3a" or "next-3.5"; (0, 0) if there are none."""
    found = re.search(r"(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def tmux_server(socket: str) -> list[str]:
    """How every tmux command begins for a person: which server is meant.

    Args:
        socket: "" for tmux's own default, a path (with a slash) or a socket's name.
    """
    return ["tmux", *(["-S" if "/" in socket else "-L", socket] if socket else [])]


def tmux_argv(conf: Path, socket: str) -> list[str]:
    """How every tmux command of ours begins.

    Args:
        conf: `tmux.conf`, given with `-f` if the file is there.
        socket: says which server; see `tmux_server`.
    """
    return [*tmux_server(socket), *(["-f", str(conf)] if os.path.isfile(conf) else [])]
