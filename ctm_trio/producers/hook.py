"""`hook`: takes one Claude Code hook event on stdin and appends it to its log.

Claude Code waits for this program many times a minute, so it imports only what the interpreter has loaded anyway
(`posix`, `sys`, `time`, `_signal`) or what is one small C module (`fcntl`, `_json`); `os`, `json` and `signal` alone
would cost more than all of the work. A module of ours costs 0.1 ms, so the parts that each event needs are few; the
others are imported where they are needed. For `PermissionRequest` it then waits for a person's answer
(`producers.hold`). It always ends with exit code 0: trouble goes to `logs/.hook-errors.log`.
Source: PROTOCOL.md, Log lines.
"""

from __future__ import annotations

from ctm_trio.producers.environment import config_dir
from ctm_trio.producers.log_file import ENDINGS, append
from ctm_trio.producers.log_line import safe_name, stamped
from ctm_trio.producers.notes import note
from ctm_trio.producers.payload import MAX_BYTES, read_input, understood
from ctm_trio.producers.trouble import Trouble, reason_of

TYPE_CHECKING = False  # type checkers know the name; importing it would cost more than all the rest

if TYPE_CHECKING:
    import signal as _signal

    from ctm_trio.producers.hold import Line
else:
    import _signal

TOOL_EVENTS = ("PostToolUse", "PostToolUseFailure")
"""They go to `logs/`, every other event to `hook-events/`. Source: PROTOCOL.md, Log lines."""

MAX_OLD_BYTES = 1 << 20
"""Largest payload of `log-tool-use`. Source: PROTOCOL.md, Log lines."""

TIME_LIMIT_S = 30.0
"""After this the event is given up, and counted as lost: a lock that is never released must not hold up Claude, which
gives a hook 60 s. Less loses events on a machine so busy that the lock is not had for ten seconds."""

ROTATE_FROM_BYTES = 1 << 20
"""Below this no log can be due for rotation, so the settings need not be read."""


class _Signalled(Trouble):
    """A signal ended it."""


_signals: list[int] = []
"""Those that came."""


def take(limit: int, *, may_hold: bool) -> Line | None:
    """Read the event, append it to its log, rotate the log if it is due.

    Returns:
        The line of an event for which a person may be asked, also if it could not be logged; else None. Nothing else of
        the event stays in memory.
    """
    data = read_input(limit)
    if not data.strip():
        return None
    data, value = understood(data)
    event = value.get("hook_event_name")
    # Old settings send calls without a name: a payload that does not say what it is, is a tool call.
    folder = "logs" if not event or event in TOOL_EVENTS else "hook-events"
    name = safe_name(value.get("session_id"))
    path = f"{config_dir()}/{folder}/{name}.jsonl"
    request = ""
    if may_hold and event == "PermissionRequest":
        from ctm_trio.producers import hold

        request = hold.new_request()
    line = stamped(data, value, request)
    try:
        size = append(path, line, note)
        if size == len(line):  # the first of its log: the time to see to the reserve
            from ctm_trio.producers.reserve import make_reserve

            make_reserve(config_dir())
    except (OSError, MemoryError, Trouble) as exc:
        from ctm_trio.producers.lost import count_lost

        count_lost(config_dir(), name, reason_of(exc))
        if not request or isinstance(exc, _Signalled):
            raise
        _note(exc)
        path, size = "", 0
    if request and len(line) <= hold.MAX_HELD_BYTES:
        return hold.Line(request, line[:-1], path, size - len(line))
    _rotate(path, size)
    return None


def _rotate(path: str, size: int) -> None:
    if size > ROTATE_FROM_BYTES:
        from ctm_trio.producers.due import rotate_if_due

        rotate_if_due(path, size)


def ask(line: Line) -> None:
    """Wait for a person's answer and print it; the log is rotated only if there is nobody to ask, and nothing waits."""
    from ctm_trio.producers.hold import hold

    if not hold(config_dir(), line, _signals):
        _rotate(line.path, line.end)


def _ended(signum: int, frame: object) -> None:
    _signals.append(int(signum))
    if signum == _signal.SIGALRM:
        raise _Signalled(f"given up after {TIME_LIMIT_S:g} s")
    raise _Signalled(f"ended by signal {int(signum)}")


def _note(exc: Exception) -> None:
    note(str(exc) if isinstance(exc, Trouble) else f"{type(exc).__name__}: {exc}")


def main(argv: list[str]) -> int:
    """Take one event, and wait for a person's answer if it asks for one. Always returns 0.

    Args:
        argv: the command's words; `log-tool-use`, its old name, keeps its old limit of 1 MiB, and never waits.
    """
    for number in ENDINGS:
        _signal.signal(number, _ended)
    _signal.setitimer(_signal.ITIMER_REAL, TIME_LIMIT_S)
    old = argv[:1] == ["log-tool-use"]
    try:
        line = take(MAX_OLD_BYTES if old else MAX_BYTES, may_hold=not old)
        if line is not None:
            ask(line)
    except (Trouble, OSError, ValueError, MemoryError, RecursionError, ImportError) as exc:
        _note(exc)
    finally:
        _signal.setitimer(_signal.ITIMER_REAL, 0)
    return 0
