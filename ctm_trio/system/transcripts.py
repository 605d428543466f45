"""Where Claude Code keeps transcripts: the directories under `~/.claude/projects`. Blocking: call it in a thread."""

from __future__ import annotations

import os
import stat
from collections.abc import Set
from contextlib import suppress
from pathlib import Path

from ctm_trio.model.session import is_name
from ctm_trio.system.file_clock import file_clock_ns, shows_changes

SUFFIX = ".jsonl"

Found = tuple[tuple[str, float], ...]
"""Directories that hold a uuid's transcript, each with that file's time of change in unix seconds."""

MAX_REMEMBERED = 200_000
"""Names of transcripts that are remembered; directories beyond are listed anew at each look."""


def directories_of(projects: Path, uuid: str) -> Found:
    """Directories that hold this uuid's transcript."""
    if not uuid or "/" in uuid or uuid in (".", ".."):
        return ()
    found = []
    try:
        for directory in projects.iterdir():
            path = directory / f"{uuid}{SUFFIX}"
            with suppress(OSError):  # one that cannot be searched hides no other
                if stat.S_ISREG((status := path.stat()).st_mode):
                    found.append((directory.name, status.st_mtime))
    except OSError:
        return ()
    return tuple(sorted(found))


def has_transcript(claude_home: Path, session_id: str) -> bool:
    """True if Claude Code can resume this conversation. The directory's name is not needed: ids are unique."""
    return is_name(session_id) and any((claude_home / "projects").glob(f"*/{session_id}{SUFFIX}"))


class Transcripts:
    """Looks for many uuids at once: each directory is listed again only when it has changed. One look at a time.

    Args:
        projects: need not exist.
    """

    def __init__(self, projects: Path) -> None:
        self._projects = projects
        self._listed: dict[str, tuple[int, frozenset[str]]] = {}
        """Directory → (its time of change when it was listed, the uuids in it)."""

    def look(self, uuids: Set[str]) -> dict[str, Found]:
        """Which directories hold the transcripts of these; those of which there is none are left out. Never raises."""
        found: dict[str, list[tuple[str, float]]] = {}
        before, self._listed, remembered = self._listed, {}, 0
        for name in _names(self._projects):
            directory = self._projects / name
            try:
                looked, changed = file_clock_ns(), os.stat(directory).st_mtime_ns
                known = before.get(name)
                if known is None or known[0] != changed:
                    known = (changed if shows_changes(changed, looked) else 0, _uuids(directory))
                remembered += len(known[1])
                if remembered <= MAX_REMEMBERED:
                    self._listed[name] = known
                for uuid in known[1] & uuids:
                    status = os.stat(directory / f"{uuid}{SUFFIX}")
                    if stat.S_ISREG(status.st_mode):
                        found.setdefault(uuid, []).append((name, status.st_mtime))
            except OSError:
                continue  # no directory, or one that went, or that we may not read
        return {uuid: tuple(sorted(places)) for uuid, places in found.items()}


def _names(directory: Path) -> list[str]:
    try:
        return os.listdir(directory)
    except OSError:
        return []


def _uuids(directory: Path) -> frozenset[str]:
    return frozenset(name.removesuffix(SUFFIX) for name in os.listdir(directory) if name.endswith(SUFFIX))
