"""A port for a daemon of a test."""

from __future__ import annotations

import socket
from random import SystemRandom

FIRST, LAST = 20_000, 32_000
"""Below the range that the system hands out for port 0: a receiver of another test can never get it meanwhile."""


def free_port() -> int:
    """A port that nobody listens on now."""
    while True:
        port = SystemRandom().randrange(FIRST, LAST)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
