"""Who works on the databases: any number of daemons share the lock, rebuilding them takes it alone."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Self

LOCK_NAME = "ctm-trio.lock"


class InstanceLock:
    """An advisory lock in the configuration directory; it ends with the process, however that ends.

    Args:
        root: the configuration directory, which must exist.
        alone: nobody else may hold it; else it may be shared.
    """

    def __init__(self, root: Path, *, alone: bool) -> None:
        self._fd = os.open(root / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._kind = fcntl.LOCK_EX if alone else fcntl.LOCK_SH

    def take(self) -> bool:
        """Take it if it is free for us now. Never waits."""
        try:
            fcntl.flock(self._fd, self._kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)
