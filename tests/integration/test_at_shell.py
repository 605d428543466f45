"""Panes in which a shell waits for a command, by a real tmux and real shells."""

from __future__ import annotations

from functools import partial

from ctm_trio.model.panes import PANE_FORMAT, parse_panes
from ctm_trio.system.at_shell import with_shells
from tests.tmux_server import PrivateTmux, server, until

__all__ = ["server"]


def at_shell(server: PrivateTmux, name: str) -> bool:
    """What is said of the pane of a session."""
    panes = with_shells(parse_panes(server.run("list-panes", "-a", "-F", PANE_FORMAT)))
    return any(pane.session == name and pane.at_shell for pane in panes)


async def test_a_pane_is_at_a_shell_while_nothing_runs_in_front(server: PrivateTmux) -> None:
    """Not while the shell runs a program in front, nor for a script; again once that has ended."""
    server.new("shell", "bash", "--norc")
    server.new("script", "bash", "-c", "sleep 1000; true")
    await until(partial(at_shell, server, "shell"))
    server.run("send-keys", "-t", "=shell:", "sleep 1000", "Enter")
    await until(lambda: not at_shell(server, "shell"))
    assert not at_shell(server, "script")
    server.run("send-keys", "-t", "=shell:", "C-c")
    await until(partial(at_shell, server, "shell"))
