"""Where a session's client can be typed into, and whether it may be. Source: PROTOCOL.md, Sessions.

The client is known by its own status file, whose process must live and be in the pane; else by the pane that it was
started in. A session of an older program has neither: then it is the oldest pane.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import trio

from ctm_trio.errors.tmux import TmuxGone
from ctm_trio.errors.typing import DialogOpen, Exited, NotTypeable, TmuxDead
from ctm_trio.model.panes import Pane, client_pane
from ctm_trio.model.session import Session
from ctm_trio.system.live_sessions import ClientFile, read_clients
from ctm_trio.system.shell_words import reads_terminal
from ctm_trio.system.tmux import Tmux, exactly

MAX_ANCESTORS = 32
"""Processes between a client and the program of its pane that are looked at."""


async def reach(tmux: Tmux, record: Session, clients: Path, *, asks: bool, keys: bool = False) -> Pane:
    """The pane of a session's client, if a text may be typed there now.

    Args:
        clients: the directory of the clients' status files.
        asks: the client waits for an answer by its hooks; believed if it has no status file.
        keys: a single key is to be pressed, which a person may well mean for a dialog.

    Raises:
        TmuxDead: there is no such session, or its client's pane is dead.
        Exited: the client has ended, and something else stands there.
        NotTypeable: its pane takes no input.
        DialogOpen: it shows a dialog.
    """
    try:
        panes = await tmux.panes(exactly(record.name))
    except TmuxGone as error:
        raise TmuxDead from error
    pane, files, at_shell = await trio.to_thread.run_sync(_look, panes, record.uuid, clients, abandon_on_cancel=True)
    if pane is None:
        raise Exited
    if pane.dead:
        raise TmuxDead
    if at_shell:
        raise Exited
    if pane.input_off:
        raise NotTypeable("Input to its pane is switched off (`tmux select-pane -e` switches it on).")
    if not keys and (any(file.status == "waiting" for file in files) or (asks and not files)):
        raise DialogOpen
    return pane


async def type_text(tmux: Tmux, record: Session, clients: Path, text: str, *, asks: bool) -> None:
    """Type a text and Enter into a session's client, if nothing speaks against it; before Enter it is looked again.

    Raises:
        TmuxDead, Exited, NotTypeable, DialogOpen: as `reach` does; the message says if the text was typed.
        PaneNotReady: as `Tmux.type` does.
    """
    pane = await reach(tmux, record, clients, asks=asks)

    async def still() -> None:
        try:
            await reach(tmux, record, clients, asks=False)
        except DialogOpen:
            raise DialogOpen(typed=True) from None
        except Exited:
            raise Exited(typed=True) from None

    await tmux.type(pane, text, still=still)


async def client_of(tmux: Tmux, session: str, clients: Path) -> tuple[Pane | None, ClientFile | None]:
    """The client's pane of a session just started, and the client's status file once there is one.

    Raises:
        TmuxGone: the session has ended.
    """
    pane, files, _ = await trio.to_thread.run_sync(
        _look, await tmux.panes(session), "", clients, abandon_on_cancel=True
    )
    return pane, files[0] if files else None


def _look(panes: Sequence[Pane], uuid: str, clients: Path) -> tuple[Pane | None, list[ClientFile], bool]:
    """The client's pane, the files of the clients that run in it, and whether a shell waits there for a command."""
    programs = {pane.pid for pane in panes if not pane.dead}
    within: dict[int, int] = {}
    files = []
    for file in read_clients(clients):
        program = _first_of(programs, file.pid) if file.alive else None
        if program is not None:
            within[file.pid] = program
            files.append(file)
    mine = {within[file.pid]: file.pid for file in files if file.uuid == uuid}
    pane = client_pane(panes, mine)
    if pane is None:
        return None, [], False
    return pane, [file for file in files if within[file.pid] == pane.pid], _at_shell(pane.pid)


def _first_of(programs: set[int], pid: int) -> int | None:
    """The one of `programs` that this process is, or descends from."""
    for _ in range(MAX_ANCESTORS):
        if pid in programs:
            return pid
        if pid <= 1:
            return None
        pid = int(_stat(pid)[1] or 0)
    return None


def _stat(pid: int) -> list[str]:
    """State, parent and so on of a process (`/proc/PID/stat` behind the name); zeros if it cannot be read."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read(4096).rpartition(b")")[2].decode().split()
    except OSError:
        return ["0"] * 8
    return fields if len(fields) >= 8 else ["0"] * 8


def _at_shell(pid: int) -> bool:
    """True if what has the terminal of this program is a shell that waits for a command, not a script that it runs."""
    front = int(_stat(pid)[5])
    if front <= 0:
        return False
    try:
        with open(f"/proc/{front}/cmdline", "rb") as file:
            words = file.read(65536).rstrip(b"\0").split(b"\0")
    except OSError:
        return False
    return reads_terminal([word.decode(errors="replace") for word in words])
