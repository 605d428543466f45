"""`statusline`: keeps the status line's data as a dump for the daemon, then prints a short line.

Claude Code ends a status line that is still running when the next one starts (SIGTERM), so the dump comes first, and
appears whole or not at all. With `--then COMMAND` the user's own status line is run in our place, on the same input.
Source: PROTOCOL.md, Status line.
"""

from __future__ import annotations

from ctm_trio.model.plain import plain
from ctm_trio.producers.environment import config_dir, environ, environ_path
from ctm_trio.producers.log_file import make_directory
from ctm_trio.producers.log_line import safe_name
from ctm_trio.producers.notes import note
from ctm_trio.producers.payload import read_input, understood
from ctm_trio.producers.settings import read_config
from ctm_trio.producers.trouble import Trouble

TYPE_CHECKING = False  # as in `hook`
if TYPE_CHECKING:
    import os as posix
    import signal as _signal
    from typing import Any
else:
    import _signal
    import posix

MAX_BYTES = 4 << 20
"""Largest payload; the real ones have a few kilobytes."""

TIME_LIMIT_S = 10.0
DUMP_DIR = "/tmp/ctm-statusline"
"""Where the daemon looks for dumps unless the settings say otherwise. Source: PROTOCOL.md, Status line."""

HIGH_PCT = 85
"""From here on a percentage is shown in colour."""


def template(words: list[str]) -> str:
    """Where the dump goes, with `{uuid}` for the session's id; "" for no dump.

    `CTM_STATUSLINE_DUMP` says it, else with `--dump` it is the directory that the daemon watches.
    """
    if chosen := environ_path("CTM_STATUSLINE_DUMP"):
        return chosen
    if "--dump" not in words:
        return ""
    folder = inner(read_config(), "serve", "statusline_dump_dir")
    usable = isinstance(folder, str) and folder.startswith(("/", "~/"))  # as the daemon takes it
    return f"{folder.rstrip('/') if usable else DUMP_DIR}/{{uuid}}.json"


def check_directory(folder: str) -> None:
    """Raise Trouble for a directory that another user has made or may change: the dump would be theirs to read or bend.

    The default one is where everybody may make it first. One that is ours is closed if it was left open.
    """
    status = posix.lstat(folder)
    problem = ""
    if status.st_mode & 0o170000 != 0o040000:
        problem = "is a link or a file, not a directory"
    elif status.st_uid not in (posix.geteuid(), 0) or (folder == DUMP_DIR and status.st_uid != posix.geteuid()):
        problem = f"belongs to another user (uid {status.st_uid})"
    elif status.st_mode & 0o022 and folder == DUMP_DIR:
        posix.chmod(folder, 0o700)
    elif status.st_mode & 0o1002 == 0o002:  # everybody may rename what is in it
        problem = "can be written by everybody"
    if problem:
        raise Trouble(f"{folder} {problem}; no dump is written, set serve.statusline_dump_dir in config.json")


def write_dump(path: str, data: bytes) -> None:
    """Put the payload in place in one step. It is not synced: after a power cut no dump is of any use."""
    if path.startswith("~/"):
        path = config_dir().removesuffix("/.config/ctm") + path[1:]
    folder, _, name = path.rpartition("/")
    if folder:
        make_directory(folder)
        check_directory(folder)
    temporary = f"{folder or '.'}/.{name}.{posix.getpid()}.tmp"
    flags = posix.O_WRONLY | posix.O_CREAT | posix.O_EXCL | posix.O_CLOEXEC | posix.O_NOFOLLOW | posix.O_NONBLOCK
    blocked = _signal.pthread_sigmask(_signal.SIG_BLOCK, (1, 2, 14, 15))  # HUP INT ALRM TERM: nothing left behind
    try:
        try:
            fd = posix.open(temporary, flags, 0o600)
        except FileExistsError:  # a process of this number was killed here, or somebody laid it there for us
            posix.unlink(temporary)
            fd = posix.open(temporary, flags, 0o600)
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[posix.write(fd, rest) :]
            posix.rename(temporary, path)
        except OSError:
            posix.unlink(temporary)
            raise
        finally:
            posix.close(fd)
    finally:
        _signal.pthread_sigmask(_signal.SIG_SETMASK, blocked)


def inner(value: object, *keys: str) -> Any:
    """What is under these keys, one after the other; None where something is missing."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def percent(value: object) -> str:
    """A percentage rounded half up, in colour if it is high; "" if it is none."""
    try:
        number = int(float(value) + 0.5)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return ""
    text = f"{number}%"
    return f"\033[33m{text}\033[0m" if number >= HIGH_PCT and not environ("NO_COLOR") else text


def short(text: object) -> str:
    """Text for one line of a terminal, at most 60 characters; "" if it is none."""
    return plain(text, "")[:60] if isinstance(text, str) else ""


def line(value: dict[str, Any]) -> str:
    """The status line: model, directory, context, limits, cost; only what is known."""
    model = short(inner(value, "model", "display_name")).removeprefix("Claude ")
    folder = short(inner(value, "workspace", "project_dir") or value.get("cwd")).rstrip("/").rpartition("/")[2]
    shown = [text for text in (model, folder) if text]
    for label, keys in (
        ("context", ("context_window", "used_percentage")),
        ("5h", ("rate_limits", "five_hour", "used_percentage")),
        ("7d", ("rate_limits", "seven_day", "used_percentage")),
    ):
        if text := percent(inner(value, *keys)):
            shown.append(f"{label} {text}")
    try:
        cost = float(inner(value, "cost", "total_cost_usd"))
        if 0.005 <= cost < 1e9:
            shown.append(f"${cost:.2f}")
    except (TypeError, ValueError):
        pass
    return " · ".join(shown)


def become(command: str, data: bytes) -> None:
    """Turn this process into the user's own status line, with `data` on its stdin. Returns only if that fails.

    The command is the user's own, from their own settings, and Claude Code gives it to a shell as well. A signal that
    is meant for the status line reaches it directly, because there is no process of ours left above it.
    """
    reading, writing = posix.pipe()
    if posix.fork() == 0:
        try:
            posix.close(reading)
            rest = memoryview(data)
            while rest:
                rest = rest[posix.write(writing, rest) :]
        finally:
            posix._exit(0)
    posix.close(writing)
    posix.dup2(reading, 0)
    posix.close(reading)
    _signal.signal(_signal.SIGPIPE, _signal.SIG_DFL)  # Python ignores it, and a child would inherit that
    posix.execv("/bin/sh", ["sh", "-c", "trap 'exit 0' EXIT; eval \"$1\"", "sh", command])


def show(text: str) -> None:
    """Write a line to stdout, wherever that leads."""
    try:
        posix.write(1, text.encode("utf-8", "replace") + b"\n")
    except OSError:
        pass  # closed, or the reader has gone: nobody wants the line


def _too_late(signum: int, frame: object) -> None:
    raise Trouble(f"the status line was given up after {TIME_LIMIT_S:g} s")


def main(argv: list[str]) -> int:
    """Take one status line payload on stdin. Always returns 0.

    Args:
        argv: the command's words: `--dump` to write a dump where the daemon looks, `--then COMMAND` to run the
            user's own status line instead of printing ours.
    """
    _signal.signal(_signal.SIGALRM, _too_late)
    _signal.setitimer(_signal.ITIMER_REAL, TIME_LIMIT_S)
    then = argv[argv.index("--then") + 1 :][:1] if "--then" in argv else []
    data, value = b"", None
    try:
        data = read_input(MAX_BYTES)
        if data.strip():
            value = understood(data)[1]
            if path := template(argv):
                write_dump(path.replace("{uuid}", safe_name(value.get("session_id"))), data)
    except Trouble as exc:
        note(f"statusline: {exc}")
    except (OSError, ValueError, MemoryError, RecursionError, ImportError) as exc:
        note(f"statusline: {type(exc).__name__}: {exc}")
    finally:
        _signal.setitimer(_signal.ITIMER_REAL, 0)
    if then and then[0]:
        try:
            become(then[0], data)
        except OSError as exc:
            note(f"statusline: {type(exc).__name__}: {exc}")
    if value and (text := line(value)):
        show(text)
    return 0
