"""Waiting for the daemon without losing sight of the client: a hook whose client has gone waits for nobody.

A client that is killed does not end its hooks. Linux wakes us when a process ends (a pidfd) and when nobody reads our
standard output any more; elsewhere, and for what that does not show, we look now and then.
"""

from __future__ import annotations

import select
import time

from ctm_trio.producers.environment import environ

TYPE_CHECKING = False  # as in `hook`
if TYPE_CHECKING:
    import os as posix
else:
    import posix

LOOK_S = 30.0
"""How often it is looked whether the client and the process that started us still run, while nothing else happens."""


class Gone(Exception):
    """The client has ended, or does not listen any more."""


class ShellGone(Gone):
    """Only the shell that started us was ended, by a client that lives on."""


class ClientWatch:
    """The client of this hook, the process that started it (a shell, or the client), and its standard output."""

    def __init__(self) -> None:
        text = environ("CLAUDE_PID")
        self._client = int(text) if text.isascii() and text.isdigit() and 0 < len(text) < 10 else 0
        self._parent = posix.getppid()
        if self._client and not _runs(self._client):
            self._client = 0  # of another namespace: its number says nothing here
        self._poll = select.poll()
        self._poll.register(1, 0)  # of an event that nobody asks for: the reader has gone
        for pid in {self._client, self._parent}:
            if pid > 1 and (end := _end_of(pid)) >= 0:
                self._poll.register(end, select.POLLIN)

    def wait(self, sock: int, until: float | None = None) -> bool:
        """Wait until there is something to read from this descriptor; False if that takes until `until` (monotonic).

        Raises:
            Gone: the client has ended, or has closed our standard output.
            ShellGone: the client ended the shell that started us.
        """
        self._poll.register(sock, select.POLLIN)
        try:
            while True:
                limit = LOOK_S if until is None else min(LOOK_S, until - time.monotonic())
                if limit <= 0:
                    return False
                ready = dict(self._poll.poll(limit * 1000))
                if ready.get(1, 0) & (select.POLLERR | select.POLLHUP):
                    raise Gone
                if sock in ready:
                    return True
                self._look()
                for other in ready:  # it says nothing of the client after all, and would keep us from waiting
                    self._poll.unregister(other)
        finally:
            self._poll.unregister(sock)

    def _look(self) -> None:
        if self._client and not _runs(self._client):
            raise Gone
        if posix.getppid() != self._parent:
            raise ShellGone if self._client else Gone


def _end_of(pid: int) -> int:
    """A descriptor that becomes readable when the process ends; -1 where there is none."""
    try:
        return posix.pidfd_open(pid)
    except (AttributeError, OSError):
        return -1


def _runs(pid: int) -> bool:
    """True if a process of this number runs; one that was only not waited for yet does not."""
    try:
        fd = posix.open(f"/proc/{pid}/stat", posix.O_RDONLY | posix.O_CLOEXEC)
        try:
            return posix.read(fd, 4096).rpartition(b")")[2].split()[:1] not in ([b"Z"], [b"X"], [])
        finally:
            posix.close(fd)
    except OSError:
        pass
    try:
        posix.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True
