"""`logs`: the tool calls of the logs, rotated parts included, without a daemon."""

from __future__ import annotations

import argparse
import gzip
import heapq
import json
import os
import re
import select
import sys
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from io import BufferedReader
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

import msgspec

from ctm_trio.cli.colours import colours_of
from ctm_trio.cli.common import (
    NOT_FOUND,
    OK,
    CliError,
    Subparsers,
    count,
    find_paths,
    json_line,
    json_text,
    local_time,
    plain,
    read_book,
    say,
)
from ctm_trio.cli.log_calls import MAX_LINE_BYTES, Line, is_first, parse, size_of
from ctm_trio.cli.logs_follow import Following
from ctm_trio.cli.offers import offer
from ctm_trio.cli.streams import put_bytes
from ctm_trio.ingest.log_copies import distinct
from ctm_trio.ingest.log_files import list_parts, open_log_file
from ctm_trio.ingest.rotated_files import rotated_by_others
from ctm_trio.model.log_names import parse_log_name
from ctm_trio.model.tool_call import decode_line
from ctm_trio.model.twice import Reported

if TYPE_CHECKING:
    from ctm_trio.model.paths import Paths

DEFAULT_LINES = 100
LOOK_EVERY_S = 0.2
"""How often `-f` looks for new lines."""

_AGO = re.compile(r"(\d{1,6})([smhdw])", re.ASCII)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


class Wanted(msgspec.Struct, frozen=True):
    """What is to be shown."""

    since: float
    tools: frozenset[str]
    pattern: re.Pattern[bytes] | None
    session: str
    """Only lines that say they are of this session or say nothing; "" for all."""


def add_parser(subparsers: Subparsers) -> None:
    """Declare `logs`."""
    parser = subparsers.add_parser("logs", help="show tool calls from the logs, rotated ones too")
    session = parser.add_argument("session", nargs="?", help="a session's name, or a log id or its prefix")
    offer(session, "sessions")
    parser.add_argument("-f", "--follow", action="store_true", help="keep showing new lines")
    parser.add_argument(
        "-n", "--lines", type=count, metavar="N", help="the last N (default 100; all with --since; 0: all)"
    )
    parser.add_argument("--since", type=moment, metavar="WHEN", help="45s, 30m, 12h, 7d, 2w or a date and time")
    parser.add_argument("--tool", action="append", default=[], metavar="NAME", help="only this tool; repeatable")
    parser.add_argument("--grep", type=pattern, metavar="REGEX", help="only lines that match, whatever the case")
    parser.add_argument("--raw", action="store_true", help="the lines as they are in the log")
    parser.add_argument("--json", action="store_true", help="one JSON object per line")


def moment(text: str) -> float:
    """A time on the command line as unix seconds: so long ago, or an ISO date (and time)."""
    if match := _AGO.fullmatch(text):
        return time.time() - int(match[1]) * _UNITS[match[2]]
    try:
        return datetime.fromisoformat(text).astimezone().timestamp()
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a time; expected 45s, 30m, 12h, 7d, 2w or 2026-04-21T14:30"
        ) from None


def pattern(text: str) -> re.Pattern[bytes]:
    """A regular expression over a line's bytes."""
    try:
        return re.compile(text.encode(), re.IGNORECASE)
    except (re.error, OverflowError, RecursionError) as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a regular expression: {error}") from None


def run(args: argparse.Namespace) -> int:
    """Show what is there, then follow if asked to."""
    paths = find_paths()
    names = session_names(paths)
    firsts: dict[str, tuple[int, str]] = {}
    logs = choose(paths, args.session, names, firsts)
    session = args.session if args.session and args.session in names.values() else ""
    wanted = Wanted(args.since or 0.0, frozenset(args.tool), args.grep, session)
    limit = args.lines if args.lines is not None else 0 if args.since is not None else DEFAULT_LINES
    show = shower(args, names)
    heads = {log: size_of(paths.logs / f"{log}.jsonl") for log in logs}
    following = Following(paths.logs, heads if args.follow else {})  # from here on, also while old lines are shown
    with closing(following):
        streams = [chosen_lines(paths.logs, log, wanted, limit, heads[log][1]) for log in logs]
        merged: Iterator[Line] = heapq.merge(*streams, key=lambda line: line.at)
        line = None
        for line in deque(merged, limit) if limit else merged:
            show(line)
        if line is None:
            say("No call matches." if args.since is not None or args.tool or args.grep else "No calls yet.")
        while args.follow:  # until Ctrl-C
            for line in following.more(choose(paths, args.session, names, firsts)):
                if wants(wanted, line):
                    show(line)
            sys.stdout.flush()
            select.select((), (), (), LOOK_EVERY_S)
    return OK


def session_names(paths: Paths) -> dict[str, str]:
    """The session's name of each log that `sessions.json` knows."""
    try:
        book = read_book(paths)
    except CliError as error:
        say(str(error))
        return {}
    return {record.uuid: name for name, record in book.records.items() if record.uuid}


def choose(paths: Paths, session: str | None, names: dict[str, str], firsts: dict[str, tuple[int, str]]) -> list[str]:
    """The logs (by their id) to show.

    A session has the log of its record, and those whose first line says that it is theirs (`ctm_session`): after
    `/clear` a session goes on in another log.

    Args:
        firsts: what `first_session` knows already.

    Raises:
        CliError: there is no such session or log.
    """
    try:
        logs = sorted({name.uuid for entry in paths.logs.iterdir() if (name := parse_log_name(entry.name))})
    except OSError:
        logs = []
    if session is None:
        return logs
    if session in names.values():
        return [log for log in logs if (names.get(log) or first_session(paths.logs, log, firsts)) == session]
    found = [log for log in logs if log.startswith(session.removeprefix("uuid:"))]
    if not found:
        raise CliError(
            f"There is no session and no log named {plain(session)}. `ctm-trio ls` lists the sessions.", NOT_FOUND
        )
    return found


def first_session(directory: Path, log: str, known: dict[str, tuple[int, str]]) -> str:
    """What the newest file's first line says whose it is.

    Args:
        known: log → the file's inode, and what its first line says; a file is read once.
    """
    path = directory / f"{log}.jsonl"
    inode, _ = size_of(path)
    if log in known and known[log][0] == inode:
        return known[log][1]
    try:
        with open(open_log_file(path), "rb") as file:
            data = file.readline(MAX_LINE_BYTES)
    except OSError:
        return ""
    raw = decode_line(data)
    session = raw.ctm_session or "" if raw is not None else ""
    if data.endswith(b"\n"):
        known[log] = inode, session
    return session


def chosen_lines(directory: Path, log: str, wanted: Wanted, limit: int, end: int) -> Iterator[Line]:
    """The wanted lines of a log, oldest first: all of them as they are read, or with a limit the last ones.

    Args:
        end: bytes of the current file that count; what comes later is for `-f`.
    """
    current = directory / f"{log}.jsonl"
    parts = [directory / part.name for part in list_parts(directory, log)]
    files = distinct([*rotated_by_others(directory, log), *parts, current])
    files = [path for path in files if (at := modified(path)) is not None and at >= wanted.since]
    streams = (
        (line for line in read_lines(path, log, end if path == current else None) if wants(wanted, line))
        for path in (reversed(files) if limit else files)
    )
    if not limit:
        return (line for stream in streams for line in stream)
    found: list[Line] = []
    for stream in streams:  # the newest file first, older ones only if they are needed
        found = [*deque(stream, limit - len(found)), *found]
        if len(found) >= limit:
            break
    return iter(found)


def modified(path: Path) -> float | None:
    """Unix seconds of the last change; None if there is no such file."""
    try:
        return path.stat().st_mtime
    except OSError:
        return None


def read_lines(path: Path, log: str, end: int | None) -> Iterator[Line]:
    """The tool calls in a file, packed or plain, up to byte `end`. One that vanished meanwhile has none."""
    position, known = 0, Reported()
    try:
        with open_log(path) as file:
            while data := file.readline(MAX_LINE_BYTES):
                position += len(data)
                if end is not None and position > end:
                    return
                if (line := parse(data, log)) is not None and is_first(known, line):
                    yield line
    except (OSError, EOFError, zlib.error):
        return  # a damaged archive ends where the damage begins


def open_log(path: Path) -> IO[bytes]:
    """A log or a packed part of one, to be read unpacked."""
    if path.suffix == ".gz":
        return cast("IO[bytes]", Unpacked(os.fdopen(open_log_file(path), "rb")))
    return os.fdopen(open_log_file(path), "rb")


class Unpacked(gzip.GzipFile):
    """A packed part that closes its file."""

    def __init__(self, file: BufferedReader) -> None:
        super().__init__(fileobj=file, mode="rb")
        self._packed = file

    def close(self) -> None:
        """Close both."""
        super().close()
        self._packed.close()


def wants(wanted: Wanted, line: Line) -> bool:
    """True if this line is to be shown."""
    return (
        line.at >= wanted.since
        and (not wanted.tools or line.call.tool in wanted.tools)
        and (not wanted.session or line.call.session in ("", wanted.session))
        and (wanted.pattern is None or wanted.pattern.search(line.raw) is not None)
    )


def shower(args: argparse.Namespace, names: dict[str, str]) -> Callable[[Line], None]:
    """How a line is printed."""
    if args.raw:
        if sys.stdout.isatty():
            return lambda line: print(json_line(line.raw.decode(errors="replace")), end="")
        return lambda line: put_bytes(line.raw)

    def name_of(line: Line) -> str:
        return names.get(line.log) or line.call.session or f"uuid:{line.log[:8]}"

    if args.json:
        return lambda line: print(json_text({"session": name_of(line), **json.loads(b"{" + line.call.tail)}))
    colours = colours_of(sys.stdout)
    grey, red, bold, off = colours.grey, colours.red, colours.bold, colours.off

    def show(line: Line) -> None:
        payload = json.loads(b"{" + line.call.tail)
        when = (local_time(line.at, "%m-%d %H:%M:%S") if line.at else "") or "-" * 14
        who = "" if args.session else f"{plain(name_of(line)):<14.14} "
        mark = f"{red}✗{off}" if line.call.is_error else " "
        asked, said = plain(payload.get("input", "")), plain(payload.get("summary", ""))
        answer = f" {red if line.call.is_error else grey}→ {said}{off}" if said else ""
        print(f"{grey}{when}{off} {who}{mark} {bold}{plain(line.call.tool):<10}{off} {asked}{answer}")

    return show
