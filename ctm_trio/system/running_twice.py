"""A conversation that a client has open is not opened in a second one: both would write into one transcript."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path

import trio

from ctm_trio.errors.sessions import StillRuns
from ctm_trio.model.panes import Pane
from ctm_trio.system.live_sessions import ClientFile, read_clients
from ctm_trio.system.process_tree import ancestors

RESUMING = ("--resume", "-r", "--session-id")
"""Options of the client before the id of a conversation."""

MAX_WORDS_BYTES = 4096
"""Of a command line that is looked at."""

ENDS_S, LOOK_S = 1.0, 0.1
"""A client whose terminal was closed a moment ago takes so long to end; how often it is looked at meanwhile."""


async def refuse_running(clients: Path, uuid: str, but: Iterable[Pane] = ()) -> None:
    """Refuse to start a client for a conversation that one has open, in whatever terminal.

    Args:
        clients: the directory of the clients' status files. uuid: of the conversation, "" for none.
        but: panes whose client does not count, because it is ended first.

    Raises:
        StillRuns: one runs, by its own status file.
    """
    until = trio.current_time() + ENDS_S
    programs = frozenset(pane.pid for pane in but)
    while uuid:
        found = await trio.to_thread.run_sync(_one_of, clients, uuid, programs, abandon_on_cancel=True)
        if found is None:
            return
        if trio.current_time() >= until:
            where = f" in {found.cwd}" if found.cwd else ""
            raise StillRuns(
                f"A Claude Code has this conversation open already (process {found.pid}{where}), so no second one was "
                "started: both would write into one transcript. End that one first."
            )
        await trio.sleep(LOOK_S)


def _one_of(clients: Path, uuid: str, programs: frozenset[int]) -> ClientFile | None:
    for client in (*read_clients(clients), *_starting(uuid)):
        if client.uuid == uuid and client.alive and not (programs and programs.intersection(ancestors(client.pid))):
            return client
    return None


def _starting(uuid: str) -> Iterator[ClientFile]:
    """Our user's clients that were told to go on with a conversation.

    One that asks whether to trust its folder has no status file yet.
    """
    wanted = {(option, uuid) for option in RESUMING}
    joined = {f"--resume={uuid}", f"-r{uuid}", f"-r={uuid}", f"--session-id={uuid}"}
    for name in os.listdir("/proc") if os.path.isdir("/proc") else ():
        if not name.isdecimal():
            continue
        try:
            if os.stat(f"/proc/{name}").st_uid != os.getuid():
                continue
            with open(f"/proc/{name}/cmdline", "rb") as file:
                words = file.read(MAX_WORDS_BYTES).decode(errors="replace").split("\0")
        except OSError:
            continue
        if os.path.basename(words[0]).startswith("tmux"):
            continue  # a server keeps the words of the command that started it
        named = not wanted.isdisjoint(pairwise(words)) or not joined.isdisjoint(words)
        if named and "--fork-session" not in words:
            yield ClientFile(int(name), uuid, "", "", 0.0, "", True, False)


def panes_of(clients: Path, uuid: str, panes: Iterable[Pane]) -> list[Pane]:
    """The panes that clients of a conversation run in, by their own status files. Blocks."""
    by_pid = {pane.pid: pane for pane in panes if not pane.dead}
    found: dict[str, Pane] = {}
    for client in read_clients(clients):
        if client.uuid == uuid and client.alive:
            pane = next((by_pid[pid] for pid in ancestors(client.pid) if pid in by_pid), None)
            if pane is not None:
                found[pane.id] = pane
    return list(found.values())
