"""Panes in which a shell waits for a command: no client runs in front there. Blocks for some microseconds each."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from ctm_trio.model.panes import Pane
from ctm_trio.system.process_tree import process_fields
from ctm_trio.system.shell_words import reads_terminal

MAX_WORDS_BYTES = 65536


def with_shells(panes: Iterable[Pane]) -> tuple[Pane, ...]:
    """The panes, each with whether a shell has it now."""
    return tuple(replace(pane, at_shell=not pane.dead and at_shell(pane.pid)) for pane in panes)


def at_shell(pid: int) -> bool:
    """True if what has the terminal of this program is a shell that waits for a command, not a script that it runs."""
    front = int(process_fields(pid)[5])
    if front <= 0:
        return False
    try:
        with open(f"/proc/{front}/cmdline", "rb") as file:
            words = file.read(MAX_WORDS_BYTES).rstrip(b"\0").split(b"\0")
    except OSError:
        return False
    return reads_terminal([word.decode(errors="replace") for word in words])
