"""A port for a daemon of a test."""

from __future__ import annotations

import fcntl
import os
import socket
import tempfile
import threading
from collections.abc import Iterator
from functools import cache
from itertools import cycle
from pathlib import Path
from random import SystemRandom

FIRST, LAST, BLOCK = 20_000, 32_000, 200
"""Below the range that the system hands out for port 0: a receiver of another test can never get it meanwhile."""


def free_port() -> int:
    """A port that nobody listens on now, and that no other run of tests on this machine takes."""
    with _turn:
        for port in _own_ports():
            with socket.socket() as probe:
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    continue
            return port
    raise AssertionError("unreachable")


_turn = threading.Lock()
"""Daemons may be started in threads."""


@cache
def _own_ports() -> Iterator[int]:
    """The ports that are this process's until it ends, round and round: one that was given is not given again soon.

    A daemon that is started again must find its port free, and a test's requests must not reach another test's daemon.
    """
    places = Path(tempfile.gettempdir(), f"ctm-test-ports-{os.getuid()}")
    places.mkdir(mode=0o700, exist_ok=True)
    blocks = list(range(FIRST, LAST, BLOCK))
    SystemRandom().shuffle(blocks)
    for first in blocks:
        lock = os.open(places / str(first), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
        else:
            return cycle(range(first, first + BLOCK))  # the lock stays open
    raise RuntimeError("too many runs of tests at once")
