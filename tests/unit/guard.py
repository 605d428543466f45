"""What no unit test does: start a program, use a socket, open a database's file, sleep. Python's audit events tell."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

FORBIDDEN = frozenset({
    "subprocess.Popen", "os.posix_spawn", "os.fork", "os.forkpty", "os.exec", "os.spawn", "os.system",
    "socket.bind", "socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "socket.gethostbyname",
    "sqlite3.connect", "time.sleep",
})  # fmt: skip
"""Of `time.sleep` Python tells from 3.13 on. The pair of sockets by which threads wake Trio is none of these."""


class NotInAUnitTest(Exception):
    """A unit test did what only others may."""


# Not a global: a thread that an earlier test has given up belongs to that test, also while the next one runs.
_caught: ContextVar[list[str] | None] = ContextVar("caught", default=None)


@contextmanager
def guarded() -> Iterator[list[str]]:
    """Refuse what is forbidden, in this block and in the tasks and threads that Trio starts from it.

    Yields:
        What has been refused so far: code that hides the error is found out by this.
    """
    caught: list[str] = []
    token = _caught.set(caught)
    try:
        yield caught
    finally:
        _caught.reset(token)


def _hear(event: str, arguments: tuple[object, ...]) -> None:
    if event not in FORBIDDEN or (caught := _caught.get()) is None:
        return
    if event == "sqlite3.connect" and arguments == (":memory:",):
        return
    caught.append(f"{event}{arguments!r:.200}")
    raise NotInAUnitTest(f"{caught[-1]}: such a test belongs in tests/integration; see tests/README.md")


sys.addaudithook(_hear)
