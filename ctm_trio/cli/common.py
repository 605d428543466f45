"""What the command groups share: exit codes, where things are, and how output looks."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ctm_trio.cli.colours import coloured
from ctm_trio.cli.streams import give_up
from ctm_trio.model.plain import plain as plain
from ctm_trio.model.plain import plain_json, plain_lines

if TYPE_CHECKING:
    from ctm_trio.model.config import Settings
    from ctm_trio.model.paths import Paths
    from ctm_trio.model.session import SessionBook

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]
else:
    Subparsers = Any

OK = 0
FAILED = 1
USAGE = 2
NOT_FOUND = 3
UNREACHABLE = 4
TIME_OVER = 5
MAX_DIGITS = 15
"""Of a number on the command line: nothing that we count is longer, and Python refuses to read thousands of digits."""

EXIT_CODES = """\
exit codes:
  0    done
  1    it failed; the message says why and what to do
  2    the command line was not understood
  3    there is no such session, request or log, or none yet
  4    the daemon cannot be reached
  5    the time is over, and what was waited for has not come
  130  interrupted with Ctrl-C
"""


class CliError(Exception):
    """A failure to be shown as one calm line.

    Args:
        message: what happened and what to do.
        code: the exit code, one of those above.
    """

    def __init__(self, message: str, code: int = FAILED) -> None:
        super().__init__(message)
        self.code = code


def find_paths() -> Paths:
    """Where everything is for the user of this process."""
    from ctm_trio.model.paths import paths_under

    claude = os.environ.get("CLAUDE_CONFIG_DIR", "")
    return paths_under(Path.home(), Path(claude) if claude else None)


def load_config(paths: Paths, *, guess: bool = False) -> Settings:
    """The settings; a missing file means the defaults. A wrong value is its default, and is said on stderr.

    Args:
        guess: go on with the defaults, and a warning on stderr, if the file does not parse: for what starts nothing.

    Raises:
        CliError: the file does not parse, or cannot be read.
    """
    from ctm_trio.errors.files import BrokenConfig
    from ctm_trio.model.config import Settings, read_settings
    from ctm_trio.model.config_document import MAX_CONFIG_BYTES
    from ctm_trio.model.config_fault import KEEPS_LAST, UnparsableConfig
    from ctm_trio.system.regular import cannot_be_read, read_regular

    data = b""
    try:
        data = read_regular(paths.config, max_bytes=MAX_CONFIG_BYTES)
        settings, problem = read_settings(data)
        if problem:
            say(f"{problem} The defaults are used for what is wrong.")
        return settings
    except FileNotFoundError:
        return Settings()
    except UnparsableConfig as error:
        text = f"{error.at(paths.config).message} {KEEPS_LAST}"
        if not guess:
            raise CliError(text) from None
        from ctm_trio.cli.guessed import guessed_settings

        found = guessed_settings(data)
        if found is None:
            raise CliError(text) from None
        say(text)
        return found
    except BrokenConfig as error:
        raise CliError(error.message) from None
    except OSError as error:
        raise CliError(cannot_be_read(paths.config, error)) from None


def read_book(paths: Paths) -> SessionBook:
    """The records of `sessions.json`, read once, without a lock; a missing file has none.

    Records that are not understood are said on stderr.

    Raises:
        CliError: it does not parse.
    """
    from ctm_trio.errors.files import BrokenSessions
    from ctm_trio.model.session import MAX_SESSIONS_BYTES, SessionBook, parse_sessions
    from ctm_trio.system.regular import cannot_be_read, read_regular

    try:
        book = parse_sessions(read_regular(paths.sessions, max_bytes=MAX_SESSIONS_BYTES))
        if book.problem:
            say(book.problem)
        return book
    except FileNotFoundError:
        return SessionBook()
    except BrokenSessions as error:
        raise CliError(error.message) from None
    except OSError as error:
        raise CliError(cannot_be_read(paths.sessions, error)) from None


def count(text: str) -> int:
    """A number of things on the command line: 0 or more."""
    if text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a number of lines or events; expected 0 or more")


def local_time(unix_s: float, pattern: str) -> str:
    """A time on this machine's clock, by a pattern of `strftime`; "" if there it is before the year 1 or after 9999."""
    from datetime import datetime

    try:
        return datetime.fromtimestamp(unix_s).strftime(pattern)
    except (ValueError, OverflowError, OSError):
        return ""


def say(text: str, *, end: str = "\n") -> None:
    """Lines for the person, apart from the output: on stderr, made plain. If nobody can be told, the work goes on."""
    say_painted([plain_lines(text)], end=end)


def say_painted(lines: Iterable[str], *, end: str = "\n") -> None:
    """The same for lines with the colours of stderr in them, the text of which was made plain before; see `colours`."""
    try:
        print("\n".join(lines), end=end, file=sys.stderr, flush=True)
    except OSError:  # closed, or on a full disk
        give_up(2)


def json_text(value: object, *, indent: int | None = None) -> str:
    """A value as JSON that stdout can take: UTF-8, or ASCII where another encoding is set; see `plain_json`."""
    return json_line(json.dumps(value, indent=indent, ensure_ascii=False))


def json_line(text: str) -> str:
    """The same for a text that is JSON already."""
    encoding = (sys.stdout.encoding or "ascii").lower().replace("-", "").replace("_", "")
    return plain_json(text, ascii_only=encoding != "utf8")


def print_json(value: object) -> None:
    """A value as indented JSON."""
    print(json_text(value, indent=2))


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]], styles: Sequence[str] = ()) -> None:
    """A table: with colour and fitted to the width in a terminal, plain aligned columns in a pipe.

    Args:
        head: titles of the columns.
        rows: texts; they are made safe for the terminal here.
        styles: a rich style for each column, "" for none.
    """
    safe = [[plain(cell) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        widths = [max(len(row[i]) for row in [list(head), *safe]) for i in range(len(head))]
        for row in [list(head), *safe]:
            print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for i, title in enumerate(head):
        table.add_column(title, style=styles[i] if i < len(styles) else "", overflow="ellipsis", no_wrap=True)
    for row in safe:
        table.add_row(*(Text(cell) for cell in row))
    Console(no_color=not coloured(sys.stdout), highlight=False).print(table)


NO_TERMINAL = "Nothing was changed: there is no terminal to ask in. With `-y` (`--yes`) it is done without asking."


def unchanged() -> str:
    """What to say when `confirm` was answered with no, or could not ask."""
    return "Nothing was changed." if sys.stdin.isatty() else NO_TERMINAL


def confirm(question: str, *, yes: bool) -> bool:
    """Ask a question in a terminal; `yes` answers it. Without a terminal nobody can answer, so it is no."""
    if yes:
        return True
    if not sys.stdin.isatty():
        return False
    say(f"{question} [y/N] ", end="")
    return sys.stdin.readline().strip().lower() in ("y", "yes")
