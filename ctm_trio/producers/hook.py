"""`hook`: takes one Claude Code hook event on stdin and appends it to its log.

Claude Code waits for this program many times a minute, so it imports only what the interpreter has loaded anyway
(`posix`, `sys`, `time`, `_signal`) or what is one small C module (`fcntl`, `_json`); `os`, `json` and `signal` alone
would cost more than all of the work. It always ends with exit code 0: trouble goes to `logs/.hook-errors.log`.
Source: PROTOCOL.md, Log lines.
"""

from __future__ import annotations

import sys
import time

TYPE_CHECKING = False  # type checkers know the name; importing it would cost more than all the rest
if TYPE_CHECKING:
    import os as posix
    import signal as _signal
    from typing import Any
else:
    import _signal
    import posix

TOOL_EVENTS = ("PostToolUse", "PostToolUseFailure")
"""They go to `logs/`, every other event to `hook-events/`. Source: PROTOCOL.md, Log lines."""

MAX_BYTES = 32 << 20
"""Largest payload of `hook`; more is noted and dropped. A Write of 600 kB makes 1.2 MB.
Source: PROTOCOL.md, Log lines."""

MAX_OLD_BYTES = 1 << 20
"""Largest payload of `log-tool-use`. Source: PROTOCOL.md, Log lines."""

ENDINGS = (1, 2, 14, 15)
"""HUP, INT, ALRM, TERM: they end the hook, but not in the middle of a line."""

TIME_LIMIT_S = 30.0
"""After this the event is given up, and counted as lost: a lock that is never released must not hold up Claude, which
gives a hook 60 s. Less loses events on a machine so busy that the lock is not had for ten seconds."""

LOST_NAME = ".hook-lost"
RESERVE_BYTES = 4096
"""Where lost events are counted (`producers.lost`), and its size: it is as large empty as full, so that a full disk has
room for the count. One block of most file systems."""

ROTATE_FROM_BYTES = 1 << 20
"""Below this no log can be due for rotation, so the settings need not be read."""

CONFIG_MAX_BYTES = 4 << 20
"""A larger `config.json` is taken for a mistake and not read."""

ERRORS_MAX_BYTES = 1 << 20
"""Size at which `.hook-errors.log` is begun anew (the old one is kept beside it)."""

SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
STAMPS = (("ctm_session", "CTM_SESSION"), ("ctm_pane", "TMUX_PANE"), ("ctm_pid", "CLAUDE_PID"))
"""Keys that we append, and the environment variables they come from. Source: PROTOCOL.md, Log lines."""


class Trouble(Exception):
    """The event cannot be kept; the text says why, without any of its content."""


def environ(name: str) -> str:
    """An environment variable as text, "" if it is not set."""
    table: Any = posix.environ  # bytes to bytes in `posix`, unlike in `os`
    value: bytes = table.get(name.encode(), b"")
    return value.decode("utf-8", "replace")


def environ_path(name: str) -> str:
    """An environment variable as a path that the system takes back byte for byte, "" if it is not set."""
    table: Any = posix.environ
    value: bytes = table.get(name.encode(), b"")
    return value.decode(sys.getfilesystemencoding(), "surrogateescape")


def config_dir() -> str:
    """`~/.config/ctm`, or Trouble if there is no home directory."""
    home = environ_path("HOME")
    if not home:
        import pwd

        try:
            home = pwd.getpwuid(posix.getuid()).pw_dir
        except KeyError:
            raise Trouble("HOME is not set") from None
    return home + "/.config/ctm"


def read_input(limit: int) -> bytes:
    """Standard input to its end; b"" if it is closed, or a terminal, where somebody only had a look at the command.

    Trouble above `limit` bytes (the rest is read and dropped).
    """
    if posix.isatty(0):
        posix.write(2, b"This is for Claude Code's settings: it reads a JSON object. See `ctm-trio overlay`.\n")
        return b""
    chunks, size = [], 0
    while True:
        try:
            chunk = posix.read(0, 1 << 20)
        except OSError as exc:
            if exc.errno == 9:  # EBADF: started with stdin closed
                return b""
            raise
        if not chunk:
            break
        size += len(chunk)
        if size <= limit:
            chunks.append(chunk)
        else:
            chunks.clear()
    if size > limit:
        raise Trouble(f"payload of {size} bytes is over the limit of {limit}")
    return b"".join(chunks)


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is not a JSON value")


class _Rules:
    """How the scanner of `_json` is to read: strictly, and without failing on very long numbers."""

    strict = True
    object_hook = object_pairs_hook = None
    parse_float = float
    parse_int = staticmethod(str)
    parse_constant = staticmethod(_refuse)


def parse_object(data: bytes) -> dict[str, Any]:
    """A JSON object, whole numbers as text; Trouble if it is anything else.

    The standard library's own C scanner does it; `json` around it is only imported where there is none.
    """
    try:
        text = data.decode()
        start = len(text) - len(text.lstrip(" \t\n\r"))
        try:
            from _json import make_scanner

            value, end = make_scanner(_Rules())(text, start)  # type: ignore[arg-type]
        except (ImportError, AttributeError):
            import json

            decoder = json.JSONDecoder(parse_int=str, parse_constant=_refuse)
            value, end = decoder.raw_decode(text, start)
        if text[end:].strip(" \t\n\r"):
            raise Trouble(f"payload of {len(data)} bytes has more text after its JSON value")
    except (ValueError, StopIteration, RecursionError, SystemError):
        # SystemError: the scanner cannot raise JSONDecodeError where `json` was never imported.
        raise Trouble(f"payload of {len(data)} bytes is not JSON") from None
    if not isinstance(value, dict):
        raise Trouble(f"payload of {len(data)} bytes is not a JSON object")
    return value


def understood(data: bytes) -> tuple[bytes, dict[str, Any]]:
    """A payload that can be written as a line, and what it says; Trouble if it is not a JSON object.

    Almost always it is the payload to the letter. What is only badly written (bytes that are not UTF-8, NaN, a BOM) is
    mended, so that the call is not lost.
    """
    try:
        return data, parse_object(data)
    except Trouble as trouble:
        from ctm_trio.model.odd_json import mended

        for cured in mended(data):
            try:
                return cured, parse_object(cured)
            except Trouble:
                continue
        raise trouble from None


def safe_name(session_id: object) -> str:
    """The session id as a file name's stem. Source: PROTOCOL.md, Log lines."""
    if not isinstance(session_id, str) or not session_id or len(session_id) > 128:
        return "unknown"
    return "".join([c if c in SAFE else "-" for c in session_id])


def quoted(text: str) -> bytes:
    """A JSON string."""
    try:
        from _json import encode_basestring_ascii
    except ImportError:
        from json import dumps as encode_basestring_ascii
    return encode_basestring_ascii(text).encode()


def timestamp() -> bytes:
    """Now as RFC 3339 in UTC with microseconds."""
    seconds, ns = divmod(time.time_ns(), 1_000_000_000)
    return (time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{ns // 1000:06d}Z").encode()


def stamped(data: bytes, value: dict[str, Any]) -> bytes:
    """The log line: the payload to the letter on one line, with our stamps before its last brace.

    What the payload itself says under the name of a stamp is overruled: of a key that comes twice the last one counts.
    """
    stamps = [b'"ctm_timestamp":"%b"' % timestamp()]
    for key, variable in STAMPS:
        if text := environ(variable):
            stamps.append(b'"%b":%b' % (key.encode(), quoted(text)))
        elif key in value:
            stamps.append(b'"%b":null' % key.encode())
    # In valid JSON a line break can only stand between two tokens.
    body = data.strip().replace(b"\n", b" ").replace(b"\r", b" ")[:-1]
    return b"".join((body, b"," if value else b"", b",".join(stamps), b"}\n"))


def make_directory(path: str) -> None:
    """A private directory and what is missing above it; another hook may be making them too."""
    for missing in (True, False):
        try:
            posix.mkdir(path, 0o700)
            return
        except FileExistsError:
            return
        except FileNotFoundError:
            if not missing:
                raise
            make_directory(path.rpartition("/")[0])


def is_regular(fd: int) -> bool:
    """True for an open file that is not a pipe, a device, a directory."""
    return posix.fstat(fd).st_mode & 0o170000 == 0o100000


def open_log(path: str, make: bool = True) -> int:
    """Open a log to append and read, private, making its directory if need be; Trouble if it is not a regular file."""
    flags = posix.O_RDWR | posix.O_APPEND | posix.O_CREAT | posix.O_CLOEXEC | posix.O_NOFOLLOW | posix.O_NONBLOCK
    try:
        fd = posix.open(path, flags, 0o600)
    except FileNotFoundError:
        if not make:
            raise
        make_directory(path.rpartition("/")[0])
        return open_log(path, make=False)
    if not is_regular(fd):
        posix.close(fd)
        raise Trouble(f"{path} is not a regular file")
    return fd


def locked_log(path: str) -> int:
    """The log, open and under an exclusive lock, and surely the file that has this name now.

    A rotation renames the log under the same lock, so a writer that waited meanwhile would hold the old file.
    """
    import fcntl

    while True:
        fd = open_log(path)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            here, there = posix.fstat(fd), posix.stat(path)
            if (here.st_ino, here.st_dev) == (there.st_ino, there.st_dev):
                return fd
        except FileNotFoundError:
            pass
        except (OSError, Trouble):
            posix.close(fd)
            raise
        posix.close(fd)


def append(path: str, line: bytes) -> int:
    """Append one line under the lock, all of it or nothing, and return the size of the log.

    A signal ends the search for a place at once; only the writing itself is not interrupted.
    """
    fd = locked_log(path)
    try:
        size, before = posix.fstat(fd).st_size, b""
        if size and posix.pread(fd, 1, size - 1) != b"\n":
            from ctm_trio.producers.half_line import mended_size

            size, before = mended_size(fd, size)
        blocked = _signal.pthread_sigmask(_signal.SIG_BLOCK, ENDINGS)
        written = False
        try:
            rest = memoryview(before + line)
            try:
                while rest:
                    rest = rest[posix.write(fd, rest) :]
                written = True
            except OSError:
                posix.ftruncate(fd, size)
                raise
        finally:
            try:
                _signal.pthread_sigmask(_signal.SIG_SETMASK, blocked)
            except Trouble:  # a signal that waited; it came too late to matter
                if not written:
                    raise
        return size + len(before) + len(line)
    finally:
        posix.close(fd)


def make_reserve(config_dir: str) -> None:
    """Set the room aside in which lost events are counted, unless it is there. A failure does not matter."""
    path = f"{config_dir}/logs/{LOST_NAME}"
    try:
        posix.stat(path)
    except FileNotFoundError:
        try:
            fd = open_log(path)
            try:
                if not posix.fstat(fd).st_size:
                    posix.write(fd, b" " * (RESERVE_BYTES - 1) + b"\n")
            finally:
                posix.close(fd)
        except OSError:
            pass


def read_config() -> dict[str, Any]:
    """`config.json` with whole numbers as text; empty if it cannot be read."""
    try:
        fd = posix.open(config_dir() + "/config.json", posix.O_RDONLY | posix.O_CLOEXEC | posix.O_NONBLOCK)
        try:
            if not is_regular(fd):
                return {}
            data = posix.read(fd, CONFIG_MAX_BYTES + 1)
            return parse_object(data.removeprefix(b"\xef\xbb\xbf")) if len(data) <= CONFIG_MAX_BYTES else {}
        finally:
            posix.close(fd)
    except (OSError, Trouble):
        return {}


def note(text: str) -> None:
    """Add a line to `logs/.hook-errors.log`. If even that fails there is nowhere left to say it."""
    try:
        path = config_dir() + "/logs/.hook-errors.log"
        fd = open_log(path)
        try:
            if posix.fstat(fd).st_size > ERRORS_MAX_BYTES:
                posix.rename(path, path + ".1")
            posix.write(fd, timestamp() + b" " + text.replace("\n", " ").encode("utf-8", "replace")[:500] + b"\n")
        finally:
            posix.close(fd)
    except (OSError, Trouble):
        pass


def take(limit: int) -> None:
    """Read the event, append it to its log, rotate the log if it is due."""
    data = read_input(limit)
    if not data.strip():
        return
    data, value = understood(data)
    event = value.get("hook_event_name")
    # Old settings send calls without a name: a payload that does not say what it is, is a tool call.
    folder = "logs" if not event or event in TOOL_EVENTS else "hook-events"
    name = safe_name(value.get("session_id"))
    path = f"{config_dir()}/{folder}/{name}.jsonl"
    line = stamped(data, value)
    try:
        size = append(path, line)
        if size == len(line):  # the first of its log: the time to see to the reserve
            make_reserve(config_dir())
    except (OSError, MemoryError, Trouble) as exc:
        from ctm_trio.producers.lost import count_lost

        count_lost(config_dir(), name, reason_of(exc))
        raise
    if size > ROTATE_FROM_BYTES:
        from ctm_trio.producers.due import rotate_if_due

        rotate_if_due(path, size)


def reason_of(exc: BaseException) -> str:
    """An error in a few words, without any content of an event."""
    if isinstance(exc, OSError) and exc.strerror:
        return exc.strerror
    return str(exc) if isinstance(exc, Trouble) else type(exc).__name__


def _ended(signum: int, frame: object) -> None:
    if signum == _signal.SIGALRM:
        raise Trouble(f"given up after {TIME_LIMIT_S:g} s")
    raise Trouble(f"ended by signal {int(signum)}")


def main(argv: list[str]) -> int:
    """Take one event. Always returns 0.

    Args:
        argv: the command's words; `log-tool-use`, its old name, keeps its old limit of 1 MiB.
    """
    for number in ENDINGS:
        _signal.signal(number, _ended)
    _signal.setitimer(_signal.ITIMER_REAL, TIME_LIMIT_S)
    try:
        take(MAX_OLD_BYTES if argv[:1] == ["log-tool-use"] else MAX_BYTES)
    except Trouble as exc:
        note(str(exc))
    except (OSError, ValueError, MemoryError, RecursionError, ImportError) as exc:
        note(f"{type(exc).__name__}: {exc}")
    finally:
        _signal.setitimer(_signal.ITIMER_REAL, 0)
    return 0
