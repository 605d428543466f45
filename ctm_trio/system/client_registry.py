"""The clients that run, from their own status files, and the panes of our tmux server that they run in.

Blocking: call it in a thread, one call at a time. Only files that were named are read again.
Source: PROTOCOL.md, Status.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from ctm_trio.model.clients import Client, placed
from ctm_trio.model.panes import Pane
from ctm_trio.system.live_sessions import ClientFile, client_files, distrusted, read_client, runs
from ctm_trio.system.owned import believed_owners, file_fault
from ctm_trio.system.process_tree import ancestors


class ClientRegistry:
    """What the files said when they were read last.

    Args:
        directory: of the status files; it need not exist.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._running: dict[str, ClientFile] = {}
        """By the name of the file."""
        self._lines: dict[tuple[int, str], tuple[int, ...]] = {}
        """Process → itself and its ancestors, which stay the same as long as the program of its pane runs."""
        self._homes: dict[tuple[int, str], Pane] = {}
        """Process → its pane as it was seen last: tmux may have been asked before it began."""

    def look(self, names: Iterable[str] | None, panes: Iterable[Pane]) -> list[Client]:
        """The clients that run now.

        Args:
            names: of files that may have changed; None looks at all of them.
            panes: of our tmux server.
        """
        owners = believed_owners(self._directory)
        if names is None:
            names = {*client_files(self._directory), *self._running}
        for name in names:
            path = self._directory / name
            file = read_client(path, owners) if name.endswith(".json") else None
            if file is None and (fault := file_fault(path)):
                file = distrusted(path, fault)
            if file is not None and not file.surely_gone and runs(file.pid, file.begun):
                self._running[name] = file
            elif file is not None or not _is_there(path) or not self._still_runs(name):
                self._running.pop(name, None)  # one that is just being written is as it was
        by_pid = {pane.pid: pane for pane in panes if not pane.dead}
        running = list(self._running.values())
        lines = {(file.pid, file.begun): self._line(file) for file in running}
        self._lines = lines
        homes = {
            process: next((by_pid[pid] for pid in line if pid in by_pid), self._homes.get(process))
            for process, line in lines.items()
        }
        self._homes = {process: pane for process, pane in homes.items() if pane is not None}
        return [_client(file, homes[file.pid, file.begun]) for file in running]

    def _still_runs(self, name: str) -> bool:
        """A client may be killed while it writes its file, or the disk be full: nobody takes that file away."""
        known = self._running.get(name)
        return known is not None and runs(known.pid, known.begun)

    def _line(self, file: ClientFile) -> tuple[int, ...]:
        known = self._lines.get((file.pid, file.begun))
        return ancestors(file.pid) if known is None else known


def _is_there(path: Path) -> bool:
    try:
        os.lstat(path)
    except FileNotFoundError:
        return False
    except OSError:
        pass
    return True


def _client(file: ClientFile, pane: Pane | None) -> Client:
    client = Client(
        file.pid, file.begun, file.uuid, file.cwd, file.version, file.status, file.waiting_for, file.since,
        file.started, file.entrypoint, fault=file.fault,
    )  # fmt: skip
    return placed(client, pane)
