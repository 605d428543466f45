"""Which sessions work in a directory, by what the directory really is."""

from __future__ import annotations

import os
from collections.abc import Iterable

from ctm_trio.model.session import Session


def sessions_at(sessions: Iterable[Session], workdir: str) -> list[Session]:
    """The sessions whose work directory is this one, also by another path (links). Blocks.

    Those that are recorded with this very path are enough, so that an unreachable directory of another session is not
    even looked at.
    """
    known = list(sessions)
    real = os.path.realpath(workdir)
    found = [session for session in known if session.workdir in (workdir, real)]
    return found or [session for session in known if session.workdir and os.path.realpath(session.workdir) == real]
