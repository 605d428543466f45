"""Which process wrote a session's log last, for a daemon that starts: the lines that told it were read long ago."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from ctm_trio.model.decoding import BAD_JSON
from ctm_trio.model.times import parse_time
from ctm_trio.system.live_sessions import runs
from ctm_trio.system.owned import believed_owners
from ctm_trio.system.regular import open_regular

TAIL_BYTES = 64 * 1024
"""So much of a log's end is read; a line that is longer tells nothing."""

MAX_LINES = 20
"""Of the last lines no more are looked at: some producers write no stamps."""

MAX_SESSIONS = 2_000
"""Sessions that are looked at."""

CLOCK_SLACK_S = 5.0
"""A line may be so much older than its process seems: the process's start time is derived from a clock that may have
been changed."""


class _Line(msgspec.Struct):
    ctm_timestamp: str = ""
    ctm_pane: str | None = None
    ctm_pid: str | None = None


_line = msgspec.json.Decoder(_Line)


class Stamp(msgspec.Struct, frozen=True):
    """Process number, pane ("" if unknown) and unix time of a line."""

    pid: str
    pane: str
    at: float


def running_writers(directories: Sequence[Path], uuids: Iterable[str]) -> dict[str, Stamp]:
    """Of each log the process that wrote its last line, if it still runs. One process has one log, the newest. Blocks.

    Args:
        directories: of hook events and of logs.
        uuids: of the sessions' records.
    """
    newest: dict[tuple[str, str], tuple[str, Stamp]] = {}
    owners = {directory: believed_owners(directory) for directory in directories}
    for uuid, _ in zip(uuids, range(MAX_SESSIONS), strict=False):
        found = [_last(directory / f"{uuid}.jsonl", owners[directory]) for directory in directories]
        stamp = max((one for one in found if one is not None), key=lambda one: one.at, default=None)
        if stamp is None or not _wrote(int(stamp.pid), stamp.at):
            continue
        known = newest.get((stamp.pid, stamp.pane))
        if known is None or known[1].at < stamp.at:
            newest[stamp.pid, stamp.pane] = uuid, stamp
    return dict(newest.values())


def _last(path: Path, owners: frozenset[int]) -> Stamp | None:
    try:
        fd = open_regular(path, follow=False, owner=owners)
    except OSError:
        return None
    try:
        size = os.fstat(fd).st_size
        data = os.pread(fd, TAIL_BYTES, max(0, size - TAIL_BYTES))
    except OSError:
        return None
    finally:
        os.close(fd)
    for line in reversed(data.split(b"\n")[-MAX_LINES - 1 :]):
        with suppress(*BAD_JSON):
            told = _line.decode(line)
            at = parse_time(told.ctm_timestamp)
            if at and told.ctm_pid and told.ctm_pid.isascii() and told.ctm_pid.isdigit() and len(told.ctm_pid) < 10:
                return Stamp(told.ctm_pid, told.ctm_pane or "", at)
    return None


def _wrote(pid: int, at: float) -> bool:
    """True if a process of this number runs, and ran already at that time."""
    if not runs(pid):
        return False
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            ticks = int(file.read(4096).rpartition(b")")[2].split()[19])
        with open("/proc/stat", "rb") as file:
            booted = next(int(line.split()[1]) for line in file if line.startswith(b"btime "))
    except (OSError, ValueError, IndexError, StopIteration):
        return False  # numbers are used again, and nothing tells that this one was not
    return booted + ticks / os.sysconf("SC_CLK_TCK") <= at + CLOCK_SLACK_S
