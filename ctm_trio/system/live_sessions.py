"""What running clients say of themselves in `~/.claude/sessions/<pid>.json`. Blocking: call it in a thread.

Those files are Claude Code's own, undocumented, and may be gone tomorrow: without them nothing here is known. A file
may outlive its process, and the number may be another process's by then, so both are looked at.
Source: PROTOCOL.md, Attention.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from ctm_trio.model.activity import LiveStatus
from ctm_trio.model.decoding import BAD_JSON
from ctm_trio.model.pids import pid_of
from ctm_trio.system.owned import believed_owners
from ctm_trio.system.process_tree import process_fields
from ctm_trio.system.regular import read_regular

MAX_FILES = 1000
MAX_BYTES = 64 << 10
"""More files, or longer ones, are not looked at."""


class _File(msgspec.Struct, rename="camel"):
    pid: int = 0
    session_id: str = ""
    status: str = ""
    waiting_for: str = ""
    status_updated_at: float = 0.0
    """Unix milliseconds."""
    proc_start: str = ""
    pid_domain: str = ""
    """Ends in `pid:[N]`, the number of the process's namespace; another one's pids mean nothing here."""
    tmux: str = ""
    """`session:@window.%pane`."""
    cwd: str = ""
    entrypoint: str = ""
    version: str = ""
    started_at: float = 0.0
    """Unix milliseconds."""


_file = msgspec.json.Decoder(_File)


class ClientFile(msgspec.Struct, frozen=True):
    """One client's own word.

    Attributes:
        pid: of its process; uuid: its Claude session id now.
        status: "busy", "idle", "waiting", "shell", "" before its first screen; waiting_for: "permission prompt",
            "dialog open", …, or "".
        since: of the status, unix seconds.
        pane: `%3`, "" outside of tmux or if it does not say. Every tmux server has its own.
        alive: its process runs, and is the one that wrote the file as far as the file says.
        surely_gone: the file says which process it is, and that one does not run.
        cwd: its directory. started: when it began, unix seconds, 0 if it does not say.
        begun: `procStart`, which tells a process from a later one of the same number; "" if it does not say.
        entrypoint: "cli" for one that a person uses, "sdk-cli" for `claude -p`, …, or "".
        version: of the program, or "".
        fault: why the file is not believed, for a person. Then all but the process, which its name says, is unknown.
    """

    pid: int
    uuid: str
    status: str
    waiting_for: str
    since: float
    pane: str
    alive: bool
    surely_gone: bool
    cwd: str = ""
    started: float = 0.0
    begun: str = ""
    entrypoint: str = ""
    version: str = ""
    fault: str = ""


def client_files(directory: Path) -> list[str]:
    """The names of the clients' files in a directory, at most `MAX_FILES`; none if it cannot be read.

    Clients that were killed leave theirs behind; of too many, those that are named by a process that runs come first.
    """
    try:
        names = [name for name in os.listdir(directory) if name.endswith(".json")]
    except OSError:
        return []
    if len(names) > MAX_FILES:
        names.sort(key=lambda name: not _names_process(name))
    return names[:MAX_FILES]


def _names_process(name: str) -> bool:
    return runs(pid_of(name.removesuffix(".json")))


def read_client(path: Path, owners: frozenset[int]) -> ClientFile | None:
    """One client's file. None if it is gone, is just being written, has another shape or names no session.

    Args:
        owners: the users whose files are believed. Others could make a session look as if it waited, or did not.
    """
    try:
        value = _file.decode(read_regular(path, max_bytes=MAX_BYTES, follow=False, owner=owners))
    except (OSError, *BAD_JSON):
        return None
    pid = pid_of(value.pid)
    if not value.session_id or (value.pid and not pid):
        return None
    here = _is_ours(value.pid_domain)
    alive = here and runs(pid, value.proc_start)
    pane = value.tmux.rpartition(".")[2]
    return ClientFile(
        pid, value.session_id, value.status, value.waiting_for, value.status_updated_at / 1000,
        pane if pane.startswith("%") else "", alive, here and bool(value.proc_start) and not alive, value.cwd,
        value.started_at / 1000, value.proc_start, value.entrypoint, value.version,
    )  # fmt: skip


def distrusted(path: Path, fault: str) -> ClientFile | None:
    """What a file is worth that may not be believed: a process of the number in its name runs. None if none does."""
    pid = pid_of(path.name.removesuffix(".json"))
    if not runs(pid):
        return None
    text = f"The status file {path} is not believed: {fault}."
    return ClientFile(pid, "", "", "", 0.0, "", True, False, begun=process_fields(pid)[19], fault=text)


def read_clients(directory: Path) -> list[ClientFile]:
    """Every file there that can be read, names a session and has a status. Never raises."""
    owners = believed_owners(directory)
    found = (read_client(directory / name, owners) for name in client_files(directory))
    return [client for client in found if client is not None and client.status]


def read_live(directory: Path) -> dict[str, LiveStatus]:
    """The status of every client that has such a file and may be alive, by Claude session id. Never raises."""
    return {c.uuid: LiveStatus(c.status, c.since) for c in read_clients(directory) if not c.surely_gone}


def _is_ours(domain: str) -> bool:
    """False if a pid is of another namespace, such as a container's that shares our HOME."""
    try:
        ours = os.readlink("/proc/self/ns/pid")
    except OSError:
        return True
    said = domain.rpartition(":pid:")[2]
    return said in ("", "[0]", ours.removeprefix("pid:"))


def runs(pid: int, begun: str = "") -> bool:
    """True if a process of this number runs, and began then if that is given (field 22 of `/proc/PID/stat`).

    One that has ended and was not waited for yet does not run.
    """
    if not pid_of(pid):
        return False
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read(4096).rpartition(b")")[2].split()
    except FileNotFoundError:
        if os.path.exists("/proc/self/stat"):
            return False
        try:
            os.kill(pid, 0)  # a system without /proc
        except PermissionError:
            return True
        except (OSError, OverflowError):
            return False
        return True
    except OSError:
        return False
    if len(fields) < 20 or fields[0] in (b"Z", b"X"):
        return False
    return not begun or fields[19].decode() == begun
