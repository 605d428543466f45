"""The origins that the user added: `CTM_ALLOWED_ORIGINS` and the file `allowed_origins`.

Source: PROTOCOL.md, Files and directories; Origins and hosts.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from pathlib import Path

from ctm_trio.system.files import Stamp, stamp
from ctm_trio.system.owned import file_fault
from ctm_trio.system.regular import open_regular

log = logging.getLogger("ctm.http")

LOOK_EVERY_S = 1.0
"""How often the file's stamp is looked at, at most."""

MAX_FILE_BYTES = 64 * 1024
"""What lies behind that in the file is not read, nor is the line that is cut there."""


def parse_origins(lines: Iterable[str]) -> frozenset[str]:
    """The origins among lines, as browsers write them; blank ones and those that start with # are left out."""
    return frozenset(line.rstrip("/").lower() for raw in lines if (line := raw.strip()) and not line.startswith("#"))


class AllowedOrigins:
    """Call it for the origins as of now; an edit of the file counts within `LOOK_EVERY_S`.

    Args:
        path: the file, which need not exist.
        environment: the value of `CTM_ALLOWED_ORIGINS`, comma separated.
    """

    def __init__(self, path: Path, environment: str = "") -> None:
        self._path = path
        self._fixed = parse_origins(environment.split(","))
        self._known = self._fixed
        self._stamp = Stamp()
        self._look_at = 0.0
        self._problem = ""

    def __call__(self) -> frozenset[str]:
        """The origins now; the file is looked at again when that is due."""
        now = time.monotonic()
        if now >= self._look_at:
            self._look_at = now + LOOK_EVERY_S
            self._look()
        return self._known

    def _look(self) -> None:
        found = stamp(self._path)
        if found == self._stamp:
            return
        self._stamp = found
        text, problem = "", file_fault(self._path)
        if found != Stamp() and not problem:
            try:
                text = self._read()
            except OSError as error:
                problem = error.strerror or str(error)
        if problem:  # counts as absent, and is looked at again: a `chmod` changes no stamp
            self._stamp = Stamp()
        if problem and problem != self._problem:
            log.warning("%s is not used: %s", self._path.name, problem)
        self._problem = problem
        known = self._fixed | parse_origins(text.split("\n"))
        if known != self._known:
            self._known = known

    def _read(self) -> str:
        """The file's beginning, up to the last whole line within the bound: the rest of a name would be another one."""
        with open(open_regular(self._path), "rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
        if len(data) > MAX_FILE_BYTES:
            data = data[:MAX_FILE_BYTES].rpartition(b"\n")[0]
            log.warning("%s is too large: only its first %d bytes are read", self._path.name, MAX_FILE_BYTES)
        return data.decode(errors="replace")
