"""How much room the logs take. Source: PROTOCOL.md, Routes."""

from __future__ import annotations

import os
from pathlib import Path

from ctm_trio.errors.base import CtmError
from ctm_trio.model.archive import LogFile
from ctm_trio.model.times import format_time

MAX_FILES = 10_000
"""More log files than this are not listed. Source: PROTOCOL.md, Routes."""

SUFFIX = ".jsonl"


class TooManyLogs(CtmError):
    """There are more log files than are listed."""

    code, status = "too_many_log_files", 507

    def __init__(self, count: int, directory: Path) -> None:
        hint = f"Delete or archive old logs in {directory}."
        fields = {"count": count, "limit": MAX_FILES, "hint": hint, "directory": str(directory)}
        super().__init__(f"There are {count} log files, more than {MAX_FILES}. {hint}", fields=fields)


def log_files(directory: Path) -> list[LogFile]:
    """The current log files, largest first, then by uuid. Blocks: call it in a thread.

    There are none where they cannot be listed. Bytes of a name that are not valid UTF-8 are shown as U+FFFD.

    Raises:
        TooManyLogs: more than `MAX_FILES`.
    """
    try:
        with os.scandir(directory) as entries:
            found = [
                entry
                for entry in entries
                if entry.name.endswith(SUFFIX) and entry.name != SUFFIX and entry.is_file(follow_symlinks=False)
            ]
    except OSError:  # it is missing, no directory, or not ours to read
        return []
    if len(found) > MAX_FILES:
        raise TooManyLogs(len(found), directory)
    files = []
    for entry in found:
        try:
            status = entry.stat(follow_symlinks=False)
        except OSError:
            continue  # rotated or deleted since
        name = os.fsencode(entry.name.removesuffix(SUFFIX)).decode(errors="replace")
        files.append(LogFile(name, status.st_size, format_time(status.st_mtime)))
    files.sort(key=lambda file: (-file.bytes, file.uuid))
    return files
