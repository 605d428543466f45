"""The checks of `doctor`: is everything there that this program needs, and does what should arrive arrive.

Shared by `/api/doctor` and the command line. Blocking: call it in a thread. It asks two programs, each within
`PROGRAM_LIMIT_S`, and looks at a few files.
Source: PROTOCOL.md, Routes.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from ctm_trio.errors.files import BrokenSessions
from ctm_trio.model.config import Settings
from ctm_trio.model.doctor import ERR, OK, WARN, Check
from ctm_trio.model.overlay import events_for, own_statusline, parse_version, without_ours
from ctm_trio.model.paths import Paths
from ctm_trio.model.session import MAX_SESSIONS_BYTES, SessionBook, parse_sessions
from ctm_trio.system.doctor_owners import owner_checks
from ctm_trio.system.regular import cannot_be_read, open_regular, read_regular
from ctm_trio.system.user_file import is_usable

PROGRAM_LIMIT_S = 2.0
"""How long `tmux -V` and `claude --version` may take each: the whole answer is due within 5 s."""

MIN_TMUX = (3, 2)
"""`new-session -e`, which gives a session its environment, came with it."""

RECENT_TROUBLE_S = 86_400.0
LOW_DISK_BYTES = 500 << 20
MANAGED_SETTINGS = Path("/etc/claude-code/managed-settings.json")
MIN_INOTIFY_INSTANCES = 16
MIN_INOTIFY_WATCHES = 1024
OVERLAY_MAX_BYTES = 4 << 20

_HOW = {
    "tmux": "Install tmux with your package manager: every session lives in it.",
    "claude": "Install Claude Code and see that `claude` is on the PATH.",
    "git": "Install git: checkpoints and reverts need it.",
}


def run_checks(
    paths: Paths,
    settings: Settings,
    problem: str,
    live: frozenset[str] = frozenset(),
    workdirs: tuple[str, ...] = (),
) -> list[Check]:
    """All checks, in the order in which they are shown.

    Args:
        paths: where everything is.
        settings: the running ones; `problem` says why they are not those of the file, or "".
        live: names of the tmux sessions that run.
        workdirs: of sessions that run; their projects may have Claude settings of their own.
    """
    claude = version_of("claude", "--version")
    return [
        *(_program(name) for name in ("tmux", "claude", "git")),
        _tmux_version(),
        *_environment(settings),
        *_programs(settings),
        _config(paths, problem),
        _sessions(paths),
        _user(paths),
        _overlay(paths, claude),
        _hooks_allowed(paths, workdirs),
        _status_line(paths),
        *owner_checks(paths, settings),
        *_hooks(paths, live),
        _trouble(paths),
        _disk(paths),
        _inotify(),
    ]


def _program(name: str) -> Check:
    found = shutil.which(name)
    if found:
        return Check(f"dep:{name}", OK, found)
    return Check(f"dep:{name}", ERR if name == "tmux" else WARN, f"`{name}` is not on the PATH.", _HOW[name])


def version_of(name: str, option: str, *, limit_s: float = PROGRAM_LIMIT_S) -> str:
    """What a program says of its version, "" if it is not there or does not answer within `limit_s` seconds."""
    program = shutil.which(name)
    if program is None:
        return ""
    try:
        done = subprocess.run(
            [program, option], stdin=subprocess.DEVNULL, capture_output=True, timeout=limit_s, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode(errors="replace").strip()[:200]


def _tmux_version() -> Check:
    said = version_of("tmux", "-V")
    if not said:
        return Check("tmux:version", ERR, "tmux did not say its version.", _HOW["tmux"])
    digits = "".join(c if c.isdigit() or c == "." else " " for c in said).split()
    parts = [int(part) for part in digits[0].split(".")[:2] if part] if digits else []
    if parts and tuple(parts) < MIN_TMUX:
        return Check("tmux:version", WARN, said, "Update tmux to 3.2 or newer.")
    return Check("tmux:version", OK, said)


def _environment(settings: Settings) -> Iterator[Check]:
    for name in settings.required_env:
        if os.environ.get(name):
            yield Check(f"env:{name}", OK)
        else:
            yield Check(f"env:{name}", ERR, f"{name} is not set.", f"Set {name}, or take it out of required_env.")


def _programs(settings: Settings) -> Iterator[Check]:
    for name in settings.required_in_path:
        found = shutil.which(name)
        if found:
            yield Check(f"path:{name}", OK, found)
        else:
            text = f"`{name}` is not on the PATH."
            yield Check(f"path:{name}", WARN, text, f"Install {name}, or take it out of required_in_path.")


def _config(paths: Paths, problem: str) -> Check:
    if problem:
        return Check(
            "config:load",
            ERR,
            problem,
            f"Correct {paths.config}. Until then the last valid settings, or the defaults, are used.",
        )
    return Check("config:load", OK, str(paths.config))


def _user(paths: Paths) -> Check:
    """A `user.json` that cannot be used locks out everyone, the owner included."""
    if os.path.lexists(paths.user) and not is_usable(paths.user):
        text = "user.json cannot be used, so nobody can sign in."
        return Check("user", ERR, text, "Put it back from a backup, or begin anew with `ctm-trio auth reset`.")
    return Check("user", OK)


def _sessions(paths: Paths) -> Check:
    try:
        book = parse_sessions(read_regular(paths.sessions, max_bytes=MAX_SESSIONS_BYTES))
    except FileNotFoundError:
        book = SessionBook()
    except BrokenSessions as error:
        return Check("sessions:store", ERR, error.message, f"Correct {paths.sessions}.")
    except OSError as error:
        text = cannot_be_read(paths.sessions, error)
        return Check("sessions:store", ERR, text, f"Check the owner and mode of {paths.sessions} and its directory.")
    if book.problem:
        return Check("sessions:store", WARN, book.problem, f"Correct {paths.sessions}, or take the record out.")
    count = len(book.records)
    return Check("sessions:store", OK, f"{count} session{'' if count == 1 else 's'}")


def _overlay(paths: Paths, claude: str) -> Check:
    """Is Claude Code told to call us, for exactly the events that it knows? An unknown name opens a blocking dialog."""
    name, again = "overlay:events", "Run `ctm-trio overlay init`."
    places = (paths.overlay, paths.claude_home / "settings.json")
    wired = {event for place in places for event in _wired(place)}
    if not wired:
        return Check(name, WARN, "Claude Code is not set up to call ctm-trio, so nothing would be logged.", again)
    version = parse_version(claude)
    if version is None:
        return Check(name, OK, f"{len(wired)} events are wired; the version of `claude` is not known.")
    known = set(events_for(version))
    text = ".".join(map(str, version))
    if unknown := sorted(wired - known):
        return Check(name, WARN, f"Claude Code {text} may not know {', '.join(unknown)}.", again)
    if missing := sorted(known - wired):
        return Check(
            name, WARN, f"{len(missing)} events of Claude Code {text} are not wired: {', '.join(missing)}.", again
        )
    return Check(name, OK, f"{len(wired)} events, as Claude Code {text} knows them")


def _wired(path: Path) -> set[str]:
    """The events for which a settings file calls us."""
    document = _document(path)
    hooks, clean = document.get("hooks"), without_ours(document).get("hooks", {})
    return (
        {event for event, groups in hooks.items() if groups != clean.get(event)} if isinstance(hooks, dict) else set()
    )


def _document(path: Path) -> dict[str, Any]:
    """A settings file of Claude Code; empty if it is none."""
    try:
        value = msgspec.json.decode(read_regular(path, max_bytes=OVERLAY_MAX_BYTES))
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _hooks_allowed(paths: Paths, workdirs: tuple[str, ...]) -> Check:
    """Some settings switch every hook off: the user's, a project's, or those of whoever manages the machine."""
    if _document(MANAGED_SETTINGS).get("allowManagedHooksOnly") is True:
        text = f"{MANAGED_SETTINGS} allows its own hooks only."
        return Check("claude:hooks", ERR, text, "Ask whoever manages this machine, or nothing will be logged.")
    homes = [paths.claude_home, *(Path(workdir) / ".claude" for workdir in workdirs)]
    files = [home / name for home in homes for name in ("settings.json", "settings.local.json")]
    for path in (MANAGED_SETTINGS, *files, paths.overlay):
        if _document(path).get("disableAllHooks") is True:
            text = f"disableAllHooks in {path} keeps every hook from running."
            return Check("claude:hooks", ERR, text, "Take it out, or nothing will be logged.")
    return Check("claude:hooks", OK)


def _status_line(paths: Paths) -> Check:
    """Does ours run the status line that the user has chosen?"""
    own, ours = own_statusline(_document(paths.claude_home / "settings.json")), own_statusline(_document(paths.overlay))
    if os.path.exists(paths.overlay) and own and own != ours:
        text = "Your own status line has changed since the overlay was written."
        return Check("statusline:own", WARN, text, "Run `ctm-trio overlay init`.")
    return Check("statusline:own", OK, "runs inside ours" if own else "")


def _disk(paths: Paths) -> Check:
    try:
        free = shutil.disk_usage(paths.root).free
    except OSError:
        return Check("disk:space", OK)
    text = f"{free >> 20} MiB free"
    if free < LOW_DISK_BYTES:
        return Check("disk:space", WARN, text, f"Make room where {paths.root} is: logs and the event log grow.")
    return Check("disk:space", OK, text)


def _inotify() -> Check:
    """Are there enough inotify watches and instances? Other systems than Linux have none, and need none."""
    least = {"max_user_watches": MIN_INOTIFY_WATCHES, "max_user_instances": MIN_INOTIFY_INSTANCES}
    try:
        found = {key: int(Path(f"/proc/sys/fs/inotify/{key}").read_text()) for key in least}
    except (OSError, ValueError):
        return Check("inotify:limits", OK)
    for key, value in found.items():
        if value < least[key]:
            text = f"fs.inotify.{key} is {value}."
            return Check("inotify:limits", WARN, text, f"Raise it to {least[key]} or more with sysctl.")
    return Check("inotify:limits", OK, f"{found['max_user_watches']} watches, {found['max_user_instances']} instances")


def _hooks(paths: Paths, live: frozenset[str]) -> Iterator[Check]:
    """When did the last hook of each running session arrive?"""
    try:
        records = parse_sessions(read_regular(paths.sessions, max_bytes=MAX_SESSIONS_BYTES)).records.values()
    except (OSError, BrokenSessions):
        return
    for record in records:
        if record.name.replace(".", "_") not in live or not record.uuid:
            continue
        files = (paths.logs / f"{record.uuid}.jsonl", paths.hook_events / f"{record.uuid}.jsonl")
        last = max(_changed(file) for file in files)
        name = f"hooks:{record.name}"
        if not last:
            text = "Nothing has arrived yet."
            yield Check(
                name,
                WARN,
                text,
                "Wait for its first tool call. If nothing comes then, run `ctm-trio overlay init` (for sessions that "
                "ctm-trio starts) or `ctm-trio setup --global` (for others), and start the session again.",
            )
        else:
            at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(last))
            yield Check(name, OK, f"last at {at}")


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _trouble(paths: Paths) -> Check:
    """Did a hook have trouble lately?"""
    errors = paths.logs / ".hook-errors.log"
    if time.time() - _changed(errors) > RECENT_TROUBLE_S:
        return Check("hooks:trouble", OK)
    try:
        with open(open_regular(errors), "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - 600))
            last = file.read(600).decode(errors="replace").strip().rpartition("\n")[2]
    except OSError:
        return Check("hooks:trouble", OK)
    return Check("hooks:trouble", WARN, f"The last one: {last[:300]}", f"See {errors}.")
