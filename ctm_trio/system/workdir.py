"""The work directory of a new session: checked, cleaned, made, and unmade if nothing comes of it."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from ctm_trio.errors.sessions import BadWorkdir, WorkdirNotDir

log = logging.getLogger("ctm.sessions")


def make_workdir(workdir: str) -> list[Path]:
    """Make `workdir` and its parents where they are missing. Blocks: call it in a thread.

    Args:
        workdir: an absolute path (`model.session.clean_workdir` made it so).

    Returns:
        The directories that were made, outermost first, for `unmake`.

    Raises:
        WorkdirNotDir: it is there and no directory.
        BadWorkdir: it cannot be made or entered; what was made on the way is gone again.
    """
    path = Path(workdir)
    made: list[Path] = []
    try:
        if path.exists() and not path.is_dir():
            raise WorkdirNotDir(f"{workdir} is not a directory.")
        for part in [*reversed(path.parents), path]:
            if not part.is_dir():
                part.mkdir()
                made.append(part)
        if not os.access(path, os.R_OK | os.X_OK):
            raise BadWorkdir(f"{workdir} cannot be entered: permission denied.")
    except (OSError, ValueError) as error:
        unmake(made)
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise BadWorkdir(f"{workdir} cannot be made: {reason}.") from error
    return made


def unmake(made: Sequence[Path]) -> None:
    """Remove directories that `make_workdir` made, innermost first; one that is not empty any more stays."""
    for path in reversed(made):
        with suppress(OSError):
            path.rmdir()


class Making:
    """`make_workdir` in a thread that may be left alone: what it makes afterwards is taken back."""

    def __init__(self, workdir: str) -> None:
        self._workdir = workdir
        self._lock = threading.Lock()
        self._made: list[Path] | None = None
        self._left = False

    def run(self) -> list[Path]:
        """See `make_workdir`. Runs in a thread."""
        made = make_workdir(self._workdir)
        with self._lock:
            self._made = made
            left = self._left
        if left:
            unmake(made)
        return made

    def leave(self) -> None:
        """Nobody waits for it any more. Never blocks for long: what was made already is taken back in a thread too.

        Where the system starts no thread the directories stay, which are empty, and the log says so.
        """
        with self._lock:
            self._left = True
            made = self._made
        if made:
            try:
                threading.Thread(target=unmake, args=(made,), daemon=True).start()
            except (RuntimeError, MemoryError) as error:  # it must not hide what cuts us off
                log.warning("sessions: %s stays, which was made for a session that is not: %s", made[0], error)
